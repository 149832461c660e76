//! A gate that sends requests.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Url};
use tokio::task::JoinSet;

use super::build::{GateBuildError, GateParts, stand_in, values};
use crate::command::{CommandContext, Secrets, Values};
use crate::plan::{GateSpec, HttpCheck};
use crate::{Fault, Gate, GateContext, Op, Outcome, Slot, Verdict};

mod answer;
mod exchange;
mod request;

pub(super) use answer::{Answer, Discreet};
pub(super) use exchange::{NoAnswer, exchange};
pub(super) use request::{Fill, Place, Prepared, Unpreparable, headers, percent_encoded, prepare};

pub(super) const PROVIDER: &str = "http";

/// Sends requests, side by side; each must be answered as asked for.
///
/// Connections refused, cut or too slow, and certificates that do not fit, are the slot's failure; a
/// name that cannot be resolved and an address that is none are errors of the measurement. Unless
/// [`GateParts::http`] brings another client: a new connection for each request, no redirects followed,
/// no proxy from the environment. Of a body at most 1 MiB is read.
#[derive(Debug)]
pub struct HttpGate {
    name: String,
    checks: Vec<HttpCheck>,
    timeout: Duration,
    context: CommandContext,
    client: Client,
}

impl HttpGate {
    /// The gate that a plan describes by requests.
    ///
    /// # Errors
    /// When there is no request, a secret or the value of a placeholder is missing, or a method,
    /// address or header cannot be one, for either slot.
    pub fn new(spec: &GateSpec, parts: &GateParts) -> Result<Self, GateBuildError> {
        let error = |problem: String| GateBuildError::new(&spec.name, problem);
        if spec.http.is_empty() {
            return Err(error("it has no `http` requests".to_owned()));
        }
        let client = client_of(parts).map_err(|problem| error(format!("no HTTP client: {problem}")))?;
        let gate = Self {
            name: spec.name.clone(),
            checks: spec.http.clone(),
            timeout: spec.timeout,
            context: parts.context.clone(),
            client,
        };
        for slot in Slot::BOTH {
            let values = stand_in(&gate.context, slot);
            for check in &gate.checks {
                gate.prepare(check, &values)
                    .map_err(|problem| error(format!("for {slot}: {problem}")))?;
            }
        }
        Ok(gate)
    }

    fn prepare(&self, check: &HttpCheck, values: &Values) -> Result<Prepared, Unpreparable> {
        prepare(check, &|_, text| values.fill(text), &self.context.secrets)
    }
}

/// The client for a gate.
pub(super) fn client_of(parts: &GateParts) -> Result<Client, reqwest::Error> {
    if let Some(client) = parts.http.as_ref().or_else(|| parts.own_http.get()) {
        return Ok(client.clone());
    }
    let client = own_client()?;
    Ok(parts.own_http.get_or_init(|| client).clone())
}

/// A client that sees what a new visitor sees, and whose requests are sent once.
pub(crate) fn own_client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .retry(reqwest::retry::never())
        .user_agent(concat!("bluegreen/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// An address without what may be secret in it.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Addresses without a host have neither; those were refused before.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[async_trait]
impl Gate for HttpGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let values = values(&self.context, context);
        let limit = self.timeout.min(op.budget);
        // Dropped with this future, and then all requests are ended.
        let mut requests = JoinSet::new();
        for (place, check) in self.checks.iter().enumerate() {
            let prepared = self.prepare(check, &values);
            let prepared =
                prepared.map_err(|error| Fault::rejected(PROVIDER, "request", error.to_string()))?;
            let (client, secrets) = (self.client.clone(), self.context.secrets.clone());
            requests.spawn(async move { (place, measure(client, prepared, limit, &secrets).await) });
        }
        let mut measured = Vec::with_capacity(self.checks.len());
        while let Some(ended) = requests.join_next().await {
            measured.push(ended.map_err(|error| {
                Fault::unavailable(PROVIDER, "request", "it was ended from outside").caused_by(error)
            })?);
        }
        measured.sort_by_key(|(place, _)| *place);
        let verdict = together(measured.into_iter().map(|(_, measured)| measured))?;
        let evidence = self.context.secrets.redact(&verdict.evidence);
        Ok(Verdict { evidence, ..verdict })
    }
}

/// One failed request is a failed gate, whatever became of the others; else an error of the
/// measurement is one of the gate. What failed is told first.
fn together(measured: impl Iterator<Item = Result<Verdict, Fault>>) -> Result<Verdict, Fault> {
    let (mut failed, mut passed, mut fault) = (Vec::new(), Vec::new(), None);
    for one in measured {
        match one {
            Ok(verdict) if verdict.outcome == Outcome::Pass => passed.push(verdict.evidence),
            Ok(verdict) => failed.push(verdict.evidence),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    match (failed.is_empty(), fault) {
        (false, _) => {
            failed.append(&mut passed);
            Ok(Verdict::fail(failed.join("; ")))
        }
        (true, Some(fault)) => Err(fault),
        (true, None) => Ok(Verdict::pass(passed.join("; "))),
    }
}

/// Sends one request and judges its answer.
async fn measure(
    client: Client,
    prepared: Prepared,
    limit: Duration,
    secrets: &Secrets,
) -> Result<Verdict, Fault> {
    let Prepared {
        title,
        request,
        expected,
    } = prepared;
    let answer = match exchange(&client, &title, request, limit).await {
        Ok(answer) => answer,
        Err(NoAnswer::OfSlot(why)) => return Ok(Verdict::fail(format!("{title}: {why}"))),
        Err(NoAnswer::OfMeasurement(fault)) => return Err(fault),
    };
    let line = format!("{title}: {}", answer.line());
    let problems = answer.problems(&expected, Discreet(secrets));
    Ok(if problems.is_empty() {
        Verdict::pass(line)
    } else {
        Verdict::fail(format!("{line}: {}", problems.join(", ")))
    })
}
