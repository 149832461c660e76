//! The section `[digitalocean]`, and the router and the host that come of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_cli::{Provider, ProviderError};
use bluegreen_core::command::Secrets;
use bluegreen_core::plan::Problem;
use bluegreen_core::{DeployerBuilder, Op, Router, Slot, Token};
use bluegreen_digitalocean::{
    API, AppDomainRouter, AppPlatformHost, AppRoutesRouter, Client, LoadBalancerRouter, Marker, PerSlot,
    Place, SlotProbe, Targets,
};
use secrecy::SecretString;
use serde::Deserialize;

/// A load balancer with droplets, an app with two components, or two apps of which one has the domain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DigitalOcean;

/// What the section says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    token: SecretString,
    #[serde(default = "api")]
    api: String,
    load_balancer: Option<Balancer>,
    app: Option<App>,
    apps: Option<Apps>,
    probe: Option<Probe>,
}

/// A load balancer, and how it tells the slots apart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Balancer {
    id: String,
    targets: Targets,
}

/// An app with a component for each slot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    id: String,
    components: PerSlot<String>,
    #[serde(default = "one")]
    instances: u32,
    #[serde(default = "one")]
    standby: u32,
}

/// An app for each slot, and the domain that is moved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Apps {
    domain: String,
    ids: PerSlot<String>,
    component: String,
    #[serde(default = "one")]
    instances: u32,
    #[serde(default = "one")]
    standby: u32,
}

/// Which header of which address names the slot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    url: String,
    header: String,
}

fn api() -> String {
    API.to_owned()
}

const fn one() -> u32 {
    1
}

fn other(error: &dyn std::error::Error) -> ProviderError {
    ProviderError::Other(error.to_string())
}

impl Config {
    fn client(&self) -> Result<Client, ProviderError> {
        Client::at(&self.api, self.token.clone()).map_err(|error| other(&error))
    }

    fn probe(&self) -> Result<Option<SlotProbe>, ProviderError> {
        let made = |probe: &Probe| SlotProbe::new(&probe.url, Marker::Header(probe.header.clone()));
        self.probe
            .as_ref()
            .map(made)
            .transpose()
            .map_err(|error| other(&error))
    }

    fn router(&self) -> Result<Arc<dyn Router>, ProviderError> {
        let (client, probe) = (self.client()?, self.probe()?);
        match (&self.load_balancer, &self.app, &self.apps) {
            (Some(balancer), _, _) => {
                let router = LoadBalancerRouter::new(client, &balancer.id, balancer.targets.clone());
                let router = router.map_err(|error| other(&error))?;
                Ok(match probe {
                    Some(probe) => Arc::new(router.probe(probe)),
                    None => Arc::new(router),
                })
            }
            (None, Some(app), _) => {
                let router = AppRoutesRouter::new(client, &app.id, app.components.clone());
                Ok(match probe {
                    Some(probe) => Arc::new(router.probe(probe)),
                    None => Arc::new(router),
                })
            }
            (None, None, Some(apps)) => {
                let router = AppDomainRouter::new(client, &apps.domain, apps.ids.clone());
                Ok(match probe {
                    Some(probe) => Arc::new(router.probe(probe)),
                    None => Arc::new(router),
                })
            }
            (None, None, None) => Err(ProviderError::Other(
                "there is neither a balancer nor an app".to_owned(),
            )),
        }
    }
}

#[async_trait]
impl Provider for DigitalOcean {
    const SECTION: &'static str = "digitalocean";
    type Config = Config;
    // An app brings it; with a balancer the file has to have [host], which `problems` cannot see.
    const HAS_HOST: bool = true;

    fn problems(config: &Config) -> Vec<Problem> {
        let problem = |message: &str, remedy: &str| Problem {
            path: String::new(),
            message: message.to_owned(),
            remedy: remedy.to_owned(),
        };
        let is_app = config.app.is_some() || config.apps.is_some();
        match (&config.load_balancer, is_app) {
            (None, false) => vec![problem(
                "nothing holds the split",
                "write `load_balancer`, `app` or `apps`",
            )],
            (None, true) if config.app.is_some() && config.apps.is_some() => vec![problem(
                "`app` switches routes and `apps` moves a domain: they are two ways of one thing",
                "leave one of them out",
            )],
            (Some(_), true) => vec![problem(
                "the targets of a load balancer are droplets; an app of App Platform cannot be put behind one",
                "leave `load_balancer` out and switch the routes of one app with two components (`app`), or move the \
                 domain between two apps (`apps`), or put a proxy of your own in front of them",
            )],
            _ => {
                let wrong = config.router().err();
                let wrong = wrong.map(|error| problem(&error.to_string(), "write what it asks for"));
                wrong.into_iter().collect()
            }
        }
    }

    async fn routers(config: &Config, _: &Secrets) -> Result<Vec<Arc<dyn Router>>, ProviderError> {
        Ok(vec![config.router()?])
    }

    async fn equip(
        config: &Config,
        _: &Secrets,
        builder: DeployerBuilder,
    ) -> Result<DeployerBuilder, ProviderError> {
        let (place, instances, standby): (Box<dyn Fn(Slot) -> Place + Send>, u32, u32) =
            match (&config.app, &config.apps) {
                (Some(app), _) => (
                    Box::new(|slot| Place::new(&app.id, app.components.get(slot))),
                    app.instances,
                    app.standby,
                ),
                (None, Some(apps)) => (
                    Box::new(|slot| Place::new(apps.ids.get(slot), &apps.component)),
                    apps.instances,
                    apps.standby,
                ),
                (None, None) => return Ok(builder),
            };
        let places = PerSlot::new(place(Slot::Blue), place(Slot::Green));
        let host = AppPlatformHost::new(config.client()?, places).instances(instances, standby);
        Ok(builder.host(host))
    }

    /// Nothing has to be prepared: says what is there.
    async fn init(config: &Config, _: &Secrets, _: Option<Slot>) -> Result<Vec<String>, ProviderError> {
        let op = Op::new(Token::default(), "init", Duration::from_secs(30));
        let seen = config.router()?.observe(&op).await?;
        Ok(vec![seen.evidence, "nothing has to be prepared".to_owned()])
    }
}
