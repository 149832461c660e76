//! Migrations on a real PostgreSQL, run by the library.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and the server has a time of its own"
)]

mod conformance;
mod crash;
mod plans;
mod probe;
mod proof;
mod rename;
mod runner;
#[path = "../server/mod.rs"]
mod server;
mod sizes;

use std::path::Path;
use std::time::Duration;

use bluegreen_core::migration::Folder;
use bluegreen_core::migration::postgres::{PostgresMigrator, PostgresSettings};
use bluegreen_core::{Assignment, DeploymentId, Op, Release, Slot, Timestamp, Token, Version};
use tempfile::TempDir;

/// The migrations of releases, a folder each.
struct Releases(TempDir);

impl Releases {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn add(&self, version: &str, files: &[(&str, &str)]) {
        let folder = self.0.path().join(version);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }

    fn folder(&self) -> Folder {
        Folder::at(format!("{}/{{version}}", path(self.0.path())))
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn config(server: &server::Postgres) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config.host(server.host()).user("postgres").dbname("postgres");
    config
}

/// A client whose connection is kept going beside it.
async fn client(server: &server::Postgres) -> tokio_postgres::Client {
    let (client, connection) = config(server).connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn hasty() -> PostgresSettings {
    let mut settings = PostgresSettings::default();
    settings.lock_timeout = Duration::from_millis(200);
    settings.retry.first = Duration::from_millis(100);
    settings.retry.max = Duration::from_millis(200);
    settings.batch_rows = 100;
    settings.pause = Duration::from_millis(1);
    settings
}

fn migrator(server: &server::Postgres, releases: &Releases) -> PostgresMigrator {
    PostgresMigrator::new(config(server), releases.folder()).settings(hasty())
}

fn version(text: &str) -> Version {
    Version::new(text).unwrap()
}

fn assignment(text: &str, deployment: u64) -> Assignment {
    Assignment {
        slot: Slot::Green,
        release: Release::new(version(text)),
        deployment: DeploymentId::new(deployment, Timestamp::from_millis(0)),
    }
}

fn op() -> Op {
    Op::new(Token::default(), "test", Duration::from_mins(1))
}
