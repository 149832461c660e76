//! The section `[nginx]`, and the routers that come of it.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_cli::{Provider, ProviderError};
use bluegreen_core::command::Secrets;
use bluegreen_core::plan::Problem;
use bluegreen_core::{Router, Slot};
use bluegreen_nginx::{BucketRouter, NginxConfig};

use crate::hosts::{Hosts, Site};

/// nginx, here or on other machines, switched without a reload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nginx;

fn other(error: impl std::error::Error) -> ProviderError {
    ProviderError::Other(error.to_string())
}

fn router(site: &Site) -> Result<BucketRouter, ProviderError> {
    let router = BucketRouter::new(site.config.clone(), site.transport.clone()).map_err(other)?;
    Ok(match &site.name {
        Some(name) => router.named(name),
        None => router,
    })
}

/// Installs one nginx, and says what was done.
async fn install(site: &Site, live: Option<Slot>) -> Result<Vec<String>, ProviderError> {
    let NginxConfig {
        http_include,
        server_include,
        ..
    } = &site.config;
    // What is installed knows who is live. Before that only a person does, and a wrong guess would
    // send everybody to a slot in which nothing runs.
    if live.is_none() && site.transport.read(http_include).await.map_err(other)?.is_none() {
        return Err(ProviderError::Other(
            "nothing is installed yet, so say which slot has the traffic now: init --live blue".to_owned(),
        ));
    }
    let installed = router(site)?.install(live).await?;
    let mut lines = vec![
        format!(
            "nginx includes {} and {}",
            http_include.display(),
            server_include.display()
        ),
        if installed.reloaded {
            "nginx was reloaded once; no switch needs another reload".to_owned()
        } else {
            "nothing was different; nginx was not reloaded".to_owned()
        },
    ];
    let warnings = installed.warnings.into_iter();
    lines.extend(warnings.map(|warning| format!("warning: {warning}")));
    Ok(lines)
}

#[async_trait]
impl Provider for Nginx {
    const SECTION: &'static str = "nginx";
    type Config = Hosts;

    fn problems(config: &Hosts) -> Vec<Problem> {
        config.problems()
    }

    async fn routers(config: &Hosts, _: &Secrets) -> Result<Vec<Arc<dyn Router>>, ProviderError> {
        let sites = config.sites().map_err(other)?;
        let routers = sites
            .iter()
            .map(|site| Ok(Arc::new(router(site)?) as Arc<dyn Router>));
        routers.collect()
    }

    async fn init(config: &Hosts, _: &Secrets, live: Option<Slot>) -> Result<Vec<String>, ProviderError> {
        let mut lines = Vec::new();
        for site in config.sites().map_err(other)? {
            let done = install(&site, live).await.map_err(|error| match &site.name {
                Some(name) => ProviderError::Other(format!("{name}: {error}")),
                None => error,
            })?;
            lines.extend(done.into_iter().map(|line| match &site.name {
                Some(name) => format!("{name}: {line}"),
                None => line,
            }));
        }
        Ok(lines)
    }
}
