//! A gate that sends requests.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::build::{GateBuildError, GateParts, stand_in, values};
use crate::command::{CommandContext, ExpandError, Values};
use crate::plan::{GateSpec, HttpCheck};
use crate::{Clock, Fault, Gate, GateContext, Op, Outcome, Slot, SystemClock, Verdict};

mod answer;

use answer::Answer;

const PROVIDER: &str = "http";

/// How much of a body is read.
const MOST_BODY: usize = 1024 * 1024;

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

/// A request with everything filled in.
struct Prepared {
    /// Method and address, for people.
    title: String,
    request: reqwest::Request,
    /// What the answer must be like.
    expected: HttpCheck,
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
        let client = if let Some(client) = parts.http.as_ref().or_else(|| parts.own_http.get()) {
            client.clone()
        } else {
            let client = own_client().map_err(|problem| error(format!("no HTTP client: {problem}")))?;
            parts.own_http.get_or_init(|| client).clone()
        };
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
        let fill = |part: &str, text: &str| {
            values.fill(text).map_err(|source| ExpandError::Template {
                part: part.to_owned(),
                source,
            })
        };
        let address = fill("the address", &check.url)?;
        let url: Url = address
            .parse()
            .map_err(|_| Unpreparable::NoAddress(address.clone()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(Unpreparable::NoAddress(address));
        }
        let method = Method::from_bytes(check.method.as_bytes());
        let method = method.map_err(|_| Unpreparable::NoMethod(check.method.clone()))?;
        let title = format!("{method} {}", shown(&url));

        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = self.headers(check, values)?;
        if let Some(body) = &check.body {
            *request.body_mut() = Some(fill("the body", body)?.into());
        }
        Ok(Prepared {
            title,
            request,
            expected: expected(check, fill)?,
        })
    }

    fn headers(&self, check: &HttpCheck, values: &Values) -> Result<HeaderMap, Unpreparable> {
        let mut headers = HeaderMap::new();
        for (name, value) in &check.headers {
            let no_header = || Unpreparable::NoHeader(name.clone());
            let text = values.reveal(&format!("the header {name}"), value, &self.context.secrets)?;
            let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| no_header())?;
            value.set_sensitive(true);
            headers.insert(
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| no_header())?,
                value,
            );
        }
        Ok(headers)
    }
}

/// What the answer must be like, with its placeholders filled in.
fn expected(
    check: &HttpCheck,
    fill: impl Fn(&str, &str) -> Result<String, ExpandError>,
) -> Result<HttpCheck, ExpandError> {
    let mut expected = check.clone();
    for text in &mut expected.contains {
        *text = fill("`contains`", text)?;
    }
    for (name, value) in &mut expected.answer_headers {
        *value = fill(&format!("the answer's header {name}"), value)?;
    }
    for (pointer, value) in &mut expected.json {
        if let serde_json::Value::String(text) = value {
            *text = fill(&format!("the value of {pointer}"), text)?;
        }
    }
    Ok(expected)
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

/// Why a request cannot be made of a check.
#[derive(Debug, thiserror::Error)]
enum Unpreparable {
    #[error(transparent)]
    Expand(#[from] ExpandError),
    #[error("{0:?} is no address: write it with http:// or https:// and a host")]
    NoAddress(String),
    #[error("{0:?} is no method")]
    NoMethod(String),
    #[error("the header {0:?} has a name or a value that HTTP does not allow")]
    NoHeader(String),
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
            let client = self.client.clone();
            requests.spawn(async move { (place, measure(client, prepared, limit).await) });
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
    Prepared {
        title,
        request,
        expected,
    }: Prepared,
    limit: Duration,
) -> Result<Verdict, Fault> {
    let clock = SystemClock::new();
    let answer = match timeout(limit, exchange(client, request)).await {
        Ok(Ok((status, headers, body, cut))) => {
            let latency = clock.monotonic().0;
            Answer {
                status,
                headers,
                body,
                cut,
                latency,
            }
        }
        Ok(Err(error)) => return what_went_wrong(&title, error),
        Err(_) => return Ok(Verdict::fail(format!("{title}: no answer within {limit:?}"))),
    };
    let line = format!(
        "{title}: {} in {} ms",
        answer.status.as_u16(),
        answer.latency.as_millis()
    );
    let problems = answer.problems(&expected);
    Ok(if problems.is_empty() {
        Verdict::pass(line)
    } else {
        Verdict::fail(format!("{line}: {}", problems.join(", ")))
    })
}

type Exchanged = (reqwest::StatusCode, HeaderMap, Vec<u8>, bool);

/// Sends a request and reads the whole answer, the body up to its limit.
async fn exchange(client: Client, request: reqwest::Request) -> Result<Exchanged, reqwest::Error> {
    let mut response = client.execute(request).await?;
    let mut body = Vec::new();
    let mut cut = false;
    while let Some(chunk) = response.chunk().await? {
        let room = MOST_BODY.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok((response.status(), response.headers().clone(), body, cut))
}

/// What a request without an answer says: of the slot, or of the measurement.
fn what_went_wrong(title: &str, error: reqwest::Error) -> Result<Verdict, Fault> {
    // The address is in the title, without what may be secret in it.
    let error = error.without_url();
    let mut text = error.to_string();
    let mut below: Option<&dyn Error> = error.source();
    while let Some(cause) = below {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        below = cause.source();
    }
    if error.is_builder() {
        return Err(Fault::rejected(PROVIDER, "request", text).on(title));
    }
    // hyper-util gives this error no type that could be asked; a test holds it to this text.
    if error.is_connect() && text.contains("dns error") {
        return Err(Fault::unavailable(PROVIDER, "resolve", text).on(title));
    }
    Ok(Verdict::fail(format!("{title}: {text}")))
}
