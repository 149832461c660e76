//! The section `[nginx]`, and the router that comes of it.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_cli::{Provider, ProviderError};
use bluegreen_core::command::Secrets;
use bluegreen_core::plan::Problem;
use bluegreen_core::{Router, Slot};
use bluegreen_nginx::{BucketRouter, LocalTransport, NginxConfig};

/// nginx on this machine, switched without a reload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nginx;

fn router(config: &NginxConfig) -> Result<BucketRouter, ProviderError> {
    let other = |error: &dyn std::error::Error| ProviderError::Other(error.to_string());
    let transport = LocalTransport::new().map_err(|error| other(&error))?;
    BucketRouter::new(config.clone(), Arc::new(transport)).map_err(|error| other(&error))
}

#[async_trait]
impl Provider for Nginx {
    const SECTION: &'static str = "nginx";
    type Config = NginxConfig;

    fn problems(config: &NginxConfig) -> Vec<Problem> {
        let Err(invalid) = config.check() else {
            return Vec::new();
        };
        let problems = invalid.problems.into_iter().map(|problem| Problem {
            path: problem.field,
            message: "what stands there cannot be used".to_owned(),
            remedy: format!("write {}", problem.remedy),
        });
        problems.collect()
    }

    async fn routers(config: &NginxConfig, _: &Secrets) -> Result<Vec<Arc<dyn Router>>, ProviderError> {
        Ok(vec![Arc::new(router(config)?)])
    }

    async fn init(
        config: &NginxConfig,
        _: &Secrets,
        live: Option<Slot>,
    ) -> Result<Vec<String>, ProviderError> {
        // What is installed knows who is live. Before that only a person does, and a wrong guess would
        // send everybody to a slot in which nothing runs.
        if live.is_none() && !config.http_include.exists() {
            return Err(ProviderError::Other(
                "nothing is installed yet, so say which slot has the traffic now: init --live blue"
                    .to_owned(),
            ));
        }
        let installed = router(config)?.install(live).await?;
        let mut lines = vec![
            format!(
                "nginx includes {} and {}",
                config.http_include.display(),
                config.server_include.display()
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
}
