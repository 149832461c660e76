//! An app as the API shows it, and the two calls that this crate makes of it.

use bluegreen_core::Fault;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::spec::Spec;
use crate::client::{ApiError, Call};

/// What a GET of an app shows.
#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub(super) spec: Value,
    #[serde(default)]
    domains: Vec<Domain>,
    #[serde(default)]
    pub(super) live_url: Option<String>,
    #[serde(default)]
    pub(super) active_deployment: Option<Deployment>,
    #[serde(default)]
    pub(super) in_progress_deployment: Option<Deployment>,
    #[serde(default)]
    pub(super) pending_deployment: Option<Deployment>,
    #[serde(default)]
    pub(super) pinned_deployment: Option<Deployment>,
}

/// How far a domain of an app is.
#[derive(Debug, Deserialize)]
struct Domain {
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    phase: String,
}

/// A deployment of an app.
#[derive(Debug, Deserialize)]
pub(super) struct Deployment {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) phase: String,
    #[serde(default)]
    pub(super) spec: Value,
    #[serde(default)]
    progress: Value,
}

/// How far a deployment is. There is no phase of the name FAILED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    UnderWay,
    Active,
    Superseded,
    Error,
    Canceled,
}

impl Deployment {
    /// A word that was not there when this was written is taken for one on the way: a deadline ends it.
    pub(super) fn phase(&self) -> Phase {
        match self.phase.as_str() {
            "ACTIVE" => Phase::Active,
            "SUPERSEDED" => Phase::Superseded,
            "ERROR" => Phase::Error,
            "CANCELED" => Phase::Canceled,
            _ => Phase::UnderWay,
        }
    }

    pub(super) fn component(&self, name: &str) -> Option<super::spec::Component> {
        Spec(self.spec.clone()).component(name)
    }

    /// The step that failed, with what the service says about it.
    pub(super) fn failed_step(&self) -> Option<String> {
        let steps = self.progress.get("steps").and_then(Value::as_array)?;
        let step = steps.iter().find(|step| step["status"] == "ERROR")?;
        let text = |pointer: &str| step.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let said = [text("/reason/code"), text("/reason/message")];
        let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
        Some(crate::client::bounded(&format!(
            "step {}: {}",
            text("/name"),
            said.join(": ")
        )))
    }
}

impl App {
    /// What is on its way, if anything is.
    pub(super) fn under_way(&self) -> Option<&Deployment> {
        self.in_progress_deployment
            .as_ref()
            .or(self.pending_deployment.as_ref())
    }

    /// How far a domain is, if the service tells: `PENDING`, `CONFIGURING`, `ACTIVE`, `ERROR`.
    pub(super) fn domain_phase(&self, domain: &str) -> Option<&str> {
        let is_it = |known: &&Domain| super::spec::is_domain(&known.spec, domain);
        Some(&self.domains.iter().find(is_it)?.phase)
    }

    pub(super) fn spec(&self) -> Spec {
        Spec(self.spec.clone())
    }

    /// A rollback of App Platform pins the app: new deployments are blocked until it is committed or reverted.
    pub(super) fn check_pin(&self, call: &Call<'_>) -> Result<(), Fault> {
        match &self.pinned_deployment {
            Some(pinned) if !pinned.id.is_empty() => Err(call.unfit(format!(
                "a rollback has pinned the app to deployment {}, and new deployments are blocked: commit or revert it",
                pinned.id
            ))),
            _ => Ok(()),
        }
    }
}

pub(super) async fn read(call: &Call<'_>, id: &str) -> Result<App, Fault> {
    #[derive(Deserialize)]
    struct Answer {
        app: App,
    }
    let answer: Answer = call.get(&["apps", id], &[]).await?;
    Ok(answer.app)
}

/// Sends a spec, which begins a deployment, and compares what the service then shows.
pub(super) async fn write(call: &Call<'_>, id: &str, spec: &Spec) -> Result<(), Fault> {
    let sent = send(call, id, spec).await;
    sent.map_err(|error| call.fault_after_change(error))
}

/// The same, for whoever knows better what an error means.
pub(super) async fn send(call: &Call<'_>, id: &str, spec: &Spec) -> Result<(), ApiError> {
    let body = json!({ "spec": spec.0 });
    let answer: Value = call.change(Method::PUT, &["apps", id], &body).await?;
    let shown = answer.pointer("/app/spec").unwrap_or(&Value::Null);
    if crate::load_balancer::is_kept(&spec.0, shown) {
        return Ok(());
    }
    let what = "the service took the spec and shows another one".to_owned();
    Err(ApiError::Differs(what))
}
