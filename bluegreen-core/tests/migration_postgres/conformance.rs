//! The runner keeps the contract of a migrator.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::migration::postgres::{Connect, Driver, PostgresMigrator};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::conformance::migrator::MigratorSubject;
use tokio_postgres::{Client, Config, Error};

use super::{Releases, config, hasty, server};

/// Connections that can be refused, and that can be those of somebody who may do nothing.
#[derive(Debug, Clone)]
struct Bent {
    config: Config,
    fault: Arc<Mutex<Option<ProviderFault>>>,
}

#[async_trait]
impl Connect for Bent {
    async fn connect(&self) -> Result<(Client, Driver), Error> {
        let mut config = self.config.clone();
        match *self.fault.lock().unwrap() {
            Some(ProviderFault::Refused) => {
                config = Config::new();
                config.host("/nowhere").user("postgres");
            }
            Some(_) => {
                config.user("stranger");
            }
            None => {}
        }
        Connect::connect(&config).await
    }
}

bluegreen_testkit::migrator_conformance! {
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs postgresql"]
    async fn subject() -> MigratorSubject {
        let server = Arc::new(server::Postgres::newest());
        server.ask("CREATE TABLE done (phase text); CREATE ROLE stranger LOGIN").unwrap();
        let releases = Releases::new();
        let insert = |phase: &str| format!("INSERT INTO done VALUES ('{phase}'); SELECT pg_sleep(0.05)");
        releases.add(
            "1.1.0",
            &[
                ("1.sql", &insert("expand")),
                ("2.backfill.sql", &insert("backfill")),
                ("3.contract.sql", &insert("contract")),
            ],
        );
        let bent = Bent {
            config: config(&server),
            fault: Arc::default(),
        };
        let fault = Arc::clone(&bent.fault);
        let asked = Arc::clone(&server);
        MigratorSubject::new(PostgresMigrator::new(bent, releases.folder()).settings(hasty()))
            .applied(async move |phase| {
                let count = asked.ask(&format!("SELECT count(*) FROM done WHERE phase = '{phase}'"));
                count.unwrap().parse().unwrap()
            })
            .faults(async move |wanted| {
                *fault.lock().unwrap() = wanted;
                matches!(wanted, None | Some(ProviderFault::Refused | ProviderFault::Rejected))
            })
            .guard((server, releases))
    }
}
