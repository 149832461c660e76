//! One call to a port, and the requests that it consists of.

use std::time::Duration;

use bluegreen_core::{Fault, Monotonic, Op};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Client;
use super::error::{ApiError, refused};
use super::limits::{Urgency, wait_asked_for};
use super::transport::Lost;

/// As whom requests are sent.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("bluegreen-digitalocean/", env!("CARGO_PKG_VERSION")));
/// The most that is kept of the end of a log, in bytes, and how long it may take to read it.
const MOST_LOG: usize = 8 * 1024;
const LOG_TIME: Duration = Duration::from_secs(5);
/// The most pages of a list; at 200 a page.
const MOST_PAGES: usize = 200;
/// The most that DigitalOcean gives on a page.
const A_PAGE: &str = "200";

/// A call to a port under way: it has a deadline, and a name for its faults.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    client: &'a Client,
    urgency: Urgency,
    operation: &'static str,
    resource: String,
    began: Monotonic,
    budget: Duration,
}

/// What a request came to.
enum Sent {
    Answer(Value),
    Nothing,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        client: &'a Client,
        op: &Op,
        urgency: Urgency,
        operation: &'static str,
        resource: String,
    ) -> Self {
        // The deployer drops what takes longer than the budget; ending before says why.
        let margin = (op.budget / 20).min(Duration::from_millis(250));
        Self {
            client,
            urgency,
            operation,
            resource,
            began: client.clock.monotonic(),
            budget: op.budget.saturating_sub(margin),
        }
    }

    pub(crate) fn left(&self) -> Duration {
        self.budget
            .saturating_sub(self.client.clock.monotonic().since(self.began))
    }

    /// Waits, and says whether there is time for another request after that.
    pub(crate) async fn pause(&self, span: Duration) -> bool {
        if self.left() <= span {
            return false;
        }
        self.client.clock.sleep(span).await;
        true
    }

    /// A fault of this call in which nothing was sent, or only read.
    pub(crate) fn fault(&self, error: ApiError) -> Fault {
        error.fault(true, self.operation, &self.resource)
    }

    /// A fault of this call after something was changed.
    pub(crate) fn fault_after_change(&self, error: ApiError) -> Fault {
        error.fault(false, self.operation, &self.resource)
    }

    /// Nothing that sending again could change: says what is wrong.
    pub(crate) fn unfit(&self, what: impl Into<String>) -> Fault {
        self.fault(ApiError::Unfit(what.into()))
    }

    /// Reads what is at a path, with a query.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Fault> {
        self.fetch(self.url(path, query)).await
    }

    async fn fetch<T: DeserializeOwned>(&self, url: Url) -> Result<T, Fault> {
        let answer = self.exchange(Method::GET, url, None).await;
        answer.and_then(read).map_err(|error| self.fault(error))
    }

    /// Reads all pages of a list, which is the member `name` of each.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        name: &str,
    ) -> Result<Vec<T>, Fault> {
        let mut next = self.url(path, query);
        next.query_pairs_mut().append_pair("per_page", A_PAGE);
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut page: Value = self.fetch(next).await?;
            let items = page.get_mut(name).map(Value::take).unwrap_or_default();
            // An empty list is sometimes left out or null.
            if !items.is_null() {
                let items = serde_json::from_value::<Vec<T>>(items);
                let items = items.map_err(|error| self.fault(ApiError::Unreadable(error.to_string())))?;
                all.extend(items);
            }
            let more = page.pointer("/links/pages/next").and_then(Value::as_str);
            let Some(more) = more.filter(|more| !more.is_empty()) else {
                return Ok(all);
            };
            // It is absolute, and the token goes with it: only to where the API is.
            next = match more.parse::<Url>() {
                Ok(url) if url.origin() == self.client.base.origin() => url,
                _ => return Err(self.fault(ApiError::ForeignPage)),
            };
        }
        let what = format!("more than {MOST_PAGES} pages");
        Err(self.fault(ApiError::Unreadable(what)))
    }

    /// Changes something, and reads the answer.
    pub(crate) async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &Value,
    ) -> Result<T, ApiError> {
        self.exchange(method, self.url(path, &[]), Some(body))
            .await
            .and_then(read)
    }

    /// The last lines of a log that lies elsewhere: the token is not sent there. `None` when it cannot be read.
    pub(crate) async fn end_of_log(&self, url: &str) -> Option<String> {
        const LINES: usize = 8;
        let end = tokio::select! {
            biased;
            end = self.client.transport.end_of(url, MOST_LOG) => end?,
            () = self.client.clock.sleep(self.left().min(LOG_TIME)) => return None,
        };
        let text = String::from_utf8_lossy(&end).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LINES)..)?;
        Some(super::error::bounded(&last.join(" | ")))
    }

    /// Segments and values are encoded, so that nothing in an id can lead elsewhere.
    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.client.base.clone();
        // A base without a path was refused when the client was made.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v2").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn exchange(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Sent, ApiError> {
        let left = self.left();
        if left.is_zero() {
            return Err(ApiError::TooLate(format!("{:?} were given", self.budget)));
        }
        let clock = &*self.client.clock;
        let admitted = self.client.limits.admit(clock, self.urgency);
        admitted.map_err(|retry_after| ApiError::Kept { retry_after })?;
        tracing::debug!(%method, path = url.path(), operation = self.operation, "request");
        let request = self.request(method, &url, body)?;
        tokio::select! {
            biased;
            answer = self.answer(request) => answer,
            () = clock.sleep(left) => Err(ApiError::TimedOut(left)),
        }
    }

    fn request(&self, method: Method, url: &Url, body: Option<&Value>) -> Result<Request<Bytes>, ApiError> {
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(USER_AGENT, AGENT)
            .header(AUTHORIZATION, bearer(&self.client.token)?);
        let mut content = Bytes::new();
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json");
            content = body.to_string().into();
        }
        let request = request.body(content);
        request.map_err(|error| ApiError::Unfit(format!("this cannot be asked for: {error}")))
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Sent, ApiError> {
        let response = self.client.transport.carry(request).await;
        let response = response.map_err(|lost| match lost {
            Lost::NotSent(source) => ApiError::Connect(source),
            Lost::Unanswered(source) => ApiError::Lost(source),
        })?;
        let (status, headers) = (response.status(), response.headers());
        self.client.limits.note(headers);
        if !status.is_success() {
            let retry_after = (status == StatusCode::TOO_MANY_REQUESTS)
                .then(|| wait_asked_for(headers, self.client.clock.now()))
                .flatten();
            let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
            return Err(refused(
                status,
                retry_after,
                id.map(str::to_owned),
                response.body(),
            ));
        }
        if response.body().is_empty() {
            return Ok(Sent::Nothing);
        }
        let value = serde_json::from_slice(response.body());
        value
            .map(Sent::Answer)
            .map_err(|error| ApiError::Unreadable(error.to_string()))
    }
}

fn read<T: DeserializeOwned>(sent: Sent) -> Result<T, ApiError> {
    let value = match sent {
        Sent::Answer(value) => value,
        Sent::Nothing => Value::Null,
    };
    serde_json::from_value(value).map_err(|error| ApiError::Unreadable(error.to_string()))
}

fn bearer(token: &SecretString) -> Result<HeaderValue, ApiError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
    let mut value = value.map_err(|_| ApiError::Unfit("the token cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn can_be_sent(token: &SecretString) -> bool {
    !token.expose_secret().trim().is_empty() && bearer(token).is_ok()
}
