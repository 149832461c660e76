//! One request and its whole answer: the one place where answers of HTTP become faults.
//!
//! Reading has no effect, so nothing is ever of unknown outcome: refused, cut and late connections, 429 and
//! 5xx are unavailable; a redirection and any other 4xx are rejected.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::SourceBuildError;
use crate::command::{CommandContext, Values};
use crate::gate::{own_client, shown};
use crate::{Fault, FaultKind, Op, plan};

/// How long one answer may take, unless it is said otherwise: as long as a tick of an analysis.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks a server.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub(super) provider: &'static str,
    pub(super) context: CommandContext,
    pub(super) client: Client,
    pub(super) timeout: Duration,
    headers: BTreeMap<String, plan::HeaderValue>,
}

/// A whole answer.
pub(super) struct Answer {
    /// The address, without what may be secret in it.
    pub(super) address: String,
    pub(super) status: StatusCode,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
    retry_after: Option<Duration>,
}

impl Fetch {
    pub(super) fn new(provider: &'static str, context: CommandContext) -> Result<Self, SourceBuildError> {
        let client = own_client();
        let client = client.map_err(|error| SourceBuildError::new("the HTTP client", error.to_string()))?;
        Ok(Self {
            provider,
            context,
            client,
            timeout: TIMEOUT,
            headers: BTreeMap::new(),
        })
    }

    pub(super) fn header(&mut self, name: String, value: plan::HeaderValue) -> Result<(), SourceBuildError> {
        let what = format!("the header {name:?}");
        self.headers.insert(name, value);
        let headers = self.revealed().map(drop);
        headers.map_err(|problem| SourceBuildError::new(what, problem))
    }

    fn revealed(&self) -> Result<reqwest::header::HeaderMap, String> {
        let values = Values::new(&self.context.service);
        let reveal = |(name, value): (&String, &plan::HeaderValue)| {
            let part = format!("the header {name}");
            let text = values.reveal(&part, value, &self.context.secrets);
            let text = text.map_err(|error| error.to_string())?;
            let invalid = || format!("{part} has a name or a value that HTTP does not allow");
            let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| invalid())?;
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            Ok((name, value))
        };
        self.headers.iter().map(reveal).collect()
    }

    /// Sends one request. An answer that is longer than `most` bytes is refused.
    pub(super) async fn get(&self, op: &Op, url: Url, most: usize) -> Result<Answer, Fault> {
        let address = shown(&url);
        let mut request = reqwest::Request::new(Method::GET, url);
        *request.headers_mut() = self
            .revealed()
            .map_err(|problem| Fault::rejected(self.provider, "ask", problem))?;
        let limit = self.timeout.min(op.budget);
        let answer = timeout(limit, self.exchange(request, &address, most)).await;
        answer.unwrap_or_else(|_| Err(self.unavailable(&address, format!("no answer within {limit:?}"))))
    }

    async fn exchange(&self, request: reqwest::Request, address: &str, most: usize) -> Result<Answer, Fault> {
        let cut = |error: reqwest::Error| {
            self.unavailable(address, "no whole answer")
                .caused_by(error.without_url())
        };
        let mut response = self.client.execute(request).await.map_err(cut)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = header(CONTENT_TYPE).unwrap_or_default().to_owned();
        let retry_after = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(cut)? {
            if chunk.len() > most.saturating_sub(body.len()) {
                return Err(self.rejected(address, format!("the answer is longer than {most} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            address: address.to_owned(),
            status: response.status(),
            content_type,
            body,
            retry_after: retry_after.map(Duration::from_secs),
        })
    }

    pub(super) fn unavailable(&self, address: &str, problem: impl AsRef<str>) -> Fault {
        let problem = self.context.secrets.redact(problem.as_ref());
        Fault::unavailable(self.provider, "read", problem).on(address)
    }

    pub(super) fn rejected(&self, address: &str, problem: impl AsRef<str>) -> Fault {
        let problem = self.context.secrets.redact(problem.as_ref());
        Fault::rejected(self.provider, "read", problem).on(address)
    }

    /// What an answer that is not 200 says. `told` is the server's own message.
    pub(super) fn refused(&self, answer: &Answer, told: &str) -> Fault {
        let status = answer.status;
        let problem = match told {
            "" => status.to_string(),
            told => format!("{status}: {told}"),
        };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            let retry_after = answer.retry_after;
            let mut fault = self.unavailable(&answer.address, problem);
            fault.kind = FaultKind::Unavailable { retry_after };
            fault
        } else {
            self.rejected(&answer.address, problem)
        }
    }
}

/// An address that can be asked.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| format!("{text:?} is no address: write it with http:// or https:// and a host"))
}
