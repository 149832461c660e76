//! The section `[aws]`, and the parts that come of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use bluegreen_aws::Account;
use bluegreen_aws::alb::AlbHealthGate;
use bluegreen_aws::autoscaling::AutoScalingHost;
use bluegreen_aws::codedeploy::{CodeDeployHost, WhenRetired};
use bluegreen_aws::rds::{Database, SnapshotFirst};
use bluegreen_aws::route53::Route53Router;
use bluegreen_aws::ssm::{Fleet, RemoteHook, RemoteMigrator, RemoteWorkers};
use bluegreen_cli::{Brings, Provider, ProviderError};
use bluegreen_core::command::Secrets;
use bluegreen_core::plan::Problem;
use bluegreen_core::{DeployerBuilder, Op, Router, ServiceName, Slot, Token};

use crate::config::Config;

/// Balancers or records, and what runs on machines beside them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aws;

fn other(error: &dyn std::error::Error) -> ProviderError {
    ProviderError::Other(error.to_string())
}

/// Credentials and region from where all tools of AWS have them, unless the section says the region.
async fn account(config: &Config) -> Account {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = &config.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &config.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    Account::new(&loader.load().await)
}

fn router(config: &Config, account: &Account) -> Result<Arc<dyn Router>, ProviderError> {
    if let Some(alb) = &config.alb {
        let builder = alb.router(account).map_err(|error| other(&*error))?;
        return Ok(Arc::new(builder.build()));
    }
    if let Some(records) = &config.route53 {
        let chosen = records.records().map_err(|error| other(&*error))?;
        let mut router = Route53Router::new(account, chosen).ttl(records.ttl);
        if records.small_shares {
            router = router.small_shares();
        }
        return Ok(Arc::new(router));
    }
    Err(ProviderError::Other(
        "there are neither target groups nor records".to_owned(),
    ))
}

/// The machines of the slots, by the tag that Auto Scaling gives them.
fn fleet(config: &Config, account: &Account) -> Option<Result<Fleet, ProviderError>> {
    let ssm = config.ssm.as_ref()?;
    let service = ServiceName::new(&ssm.service).map_err(|error| other(&error));
    Some(service.map(|service| Fleet::new(account, service, ssm.tags.clone())))
}

#[async_trait]
impl Provider for Aws {
    const SECTION: &'static str = "aws";
    type Config = Config;
    // CodeDeploy brings it; without it the file has to have [host], which `problems` cannot see.
    const HAS_HOST: bool = true;

    fn brings(config: &Config) -> Brings {
        config.brings()
    }

    fn problems(config: &Config) -> Vec<Problem> {
        config.problems()
    }

    async fn routers(config: &Config, _: &Secrets) -> Result<Vec<Arc<dyn Router>>, ProviderError> {
        Ok(vec![router(config, &account(config).await)?])
    }

    async fn equip(
        config: &Config,
        _: &Secrets,
        mut builder: DeployerBuilder,
    ) -> Result<DeployerBuilder, ProviderError> {
        let account = account(config).await;
        if let Some(alb) = &config.alb {
            let groups = alb.groups().map_err(|error| other(&*error))?;
            let mut gate = AlbHealthGate::new(&account, groups);
            if let Some(targets) = alb.targets {
                gate = gate.expect(targets);
            }
            builder = builder.gate(gate);
        }
        if let Some(deploy) = &config.codedeploy {
            let (groups, bundles) = (deploy.groups.clone(), deploy.bundles.clone());
            let mut host = CodeDeployHost::new(&account, &deploy.application, groups, bundles);
            if let Some(name) = &deploy.configuration {
                host = host.configuration(name);
            }
            if let Some(bundle) = &deploy.stops {
                host = host.when_retired(WhenRetired::Deploys(bundle.clone()));
            }
            builder = match &config.auto_scaling {
                Some(scaling) => builder.host(
                    AutoScalingHost::new(&account, scaling.groups.clone(), host)
                        .least(scaling.least)
                        .standby_size(scaling.standby),
                ),
                None => builder.host(host),
            };
        }
        let Some(fleet) = fleet(config, &account) else {
            return Ok(builder);
        };
        let (fleet, Some(ssm)) = (fleet?, &config.ssm) else {
            return Ok(builder);
        };
        if let Some(migrate) = &ssm.migrate {
            let mut migrator = RemoteMigrator::new(fleet.clone()).expand(migrate.command());
            if let Some(backfill) = &ssm.backfill {
                migrator = migrator.backfill(backfill.command());
            }
            if let Some(contract) = &ssm.contract {
                migrator = migrator.contract(contract.command());
            }
            builder = match &config.rds {
                Some(rds) => builder.migrator(SnapshotFirst::new(
                    Database::new(&account, &rds.database),
                    migrator,
                )),
                None => builder.migrator(migrator),
            };
        }
        if let Some(workers) = &ssm.workers {
            let (quiesce, start) = (workers.quiesce.command(), workers.start.command());
            let mut moved = RemoteWorkers::new(fleet.clone(), quiesce, start);
            if let Some(depth) = &workers.depth {
                moved = moved.counting(depth.command());
            }
            builder = builder.workers(moved);
        }
        for (name, hook) in &ssm.hooks {
            let mut action = RemoteHook::new(fleet.clone(), hook.command.command());
            if hook.in_both_slots {
                action = action.in_both_slots();
            }
            builder = builder.hook(name, action);
        }
        Ok(builder)
    }

    /// Nothing has to be prepared: says what is there.
    async fn init(config: &Config, _: &Secrets, _: Option<Slot>) -> Result<Vec<String>, ProviderError> {
        let op = Op::new(Token::default(), "init", Duration::from_secs(30));
        let account = account(config).await;
        let seen = router(config, &account)?.observe(&op).await?;
        Ok(vec![seen.evidence, "nothing has to be prepared".to_owned()])
    }
}
