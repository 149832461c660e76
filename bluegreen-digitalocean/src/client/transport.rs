//! What carries requests to the API and answers back.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use reqwest::Url;

/// The most that is read of an answer, in bytes.
const MOST_BODY: usize = 16 * 1024 * 1024;

/// Carries requests to the API and answers back: over the network, unless [`Client::over`](super::Client::over) is
/// given another one. An embedder's own tests and simulations give one that asks a fake in memory.
///
/// A request is carried **once**. A future that is dropped may leave its request on the way.
///
/// ```
/// use async_trait::async_trait;
/// use bluegreen_digitalocean::{Client, Lost, Transport};
/// use bluegreen_testkit::digitalocean::Account;
/// use http::{Request, Response};
/// use bytes::Bytes;
///
/// #[derive(Debug)]
/// struct InMemory(Account);
///
/// #[async_trait]
/// impl Transport for InMemory {
///     async fn carry(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
///         Ok(self.0.answer(&request))
///     }
/// }
///
/// # fn client(account: Account) -> Result<Client, bluegreen_digitalocean::InvalidClient> {
/// let (url, token) = (account.url(), account.token().to_owned());
/// Client::over(InMemory(account), &url, token)
/// # }
/// ```
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request, and returns the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`Lost::NotSent`] only where the request has certainly not left: everything else is
    /// [`Lost::Unanswered`], and the change that was asked for may have been made.
    async fn carry(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost>;

    /// The last bytes, at most so many, of a text that lies elsewhere, such as a log; asked for without the token.
    /// `None` where it cannot be read.
    async fn end_of(&self, address: &str, most: usize) -> Option<Vec<u8>> {
        let _ = (address, most);
        None
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Nothing was sent: no connection could be made.
    #[error("no connection")]
    NotSent(#[source] Box<dyn Error + Send + Sync>),
    /// It may have been sent: the connection ended, or the answer did.
    #[error("no whole answer")]
    Unanswered(#[source] Box<dyn Error + Send + Sync>),
}

/// The network.
#[derive(Debug)]
pub(super) struct Network(reqwest::Client);

impl Network {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()?;
        Ok(Self(client))
    }
}

fn unanswered(error: reqwest::Error) -> Lost {
    Lost::Unanswered(error.without_url().into())
}

#[async_trait]
impl Transport for Network {
    async fn carry(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        let request = reqwest::Request::try_from(request).map_err(|error| Lost::NotSent(error.into()))?;
        let mut response = self.0.execute(request).await.map_err(|error| {
            if error.is_connect() {
                Lost::NotSent(error.without_url().into())
            } else {
                unanswered(error)
            }
        })?;
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unanswered)? {
            if body.len() + part.len() > MOST_BODY {
                let what = format!("the answer is longer than {MOST_BODY} bytes");
                return Err(Lost::Unanswered(what.into()));
            }
            body.extend_from_slice(&part);
        }
        *answer.body_mut() = body.into();
        Ok(answer)
    }

    async fn end_of(&self, address: &str, most: usize) -> Option<Vec<u8>> {
        let url: Url = address.parse().ok()?;
        let mut response = self.0.get(url).send().await.ok()?.error_for_status().ok()?;
        let mut end = Vec::new();
        while let Some(part) = response.chunk().await.ok()? {
            end.extend_from_slice(&part);
            let surplus = end.len().saturating_sub(most);
            end.drain(..surplus);
        }
        Some(end)
    }
}
