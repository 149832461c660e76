//! One step: its request, the redirects that it follows, and what its answer must be like.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION};
use reqwest::{Client, Method, Request, StatusCode, Url};

use super::super::http::{
    Answer, Discreet, Fill, NoAnswer, Place, Prepared, Unpreparable, exchange, headers, shown,
};
use super::cookies::Cookies;
use super::fillings::Fillings;
use crate::command::Secrets;
use crate::plan::{HeaderValue, Redirects, ScenarioStep};
use crate::{Clock, SystemClock};

/// How many redirects are followed in a row.
const MOST_REDIRECTS: usize = 5;

/// The request of a step, with the headers of all steps.
pub(super) fn prepare(
    step: &ScenarioStep,
    of_all: &BTreeMap<String, HeaderValue>,
    fillings: &Fillings,
    secrets: &Secrets,
) -> Result<Prepared, Unpreparable> {
    let fill: &Fill<'_> = &|place: Place, text: &str| fillings.fill(place, text);
    let mut prepared = super::super::http::prepare(&step.http, fill, secrets)?;
    fillings.guard(&step.http.url, prepared.request.url())?;
    prepared.title = format!("{} {}", prepared.request.method(), fillings.shown(&step.http.url));
    let own = prepared.request.headers_mut();
    for (name, value) in &headers(of_all, fill, secrets)? {
        own.entry(name).or_insert_with(|| value.clone());
    }
    Ok(prepared)
}

/// What a request is sent with, to be sent again elsewhere.
struct Original {
    origin: Url,
    headers: HeaderMap,
    request: Request,
}

/// Sends the request of a step and follows its redirects. The secrets grow by the cookies that are set.
pub(super) async fn answer(
    client: &Client,
    redirects: Redirects,
    (title, request): (&str, Request),
    cookies: &mut Cookies,
    secrets: &mut Secrets,
    limit: Duration,
) -> Result<Answer, NoAnswer> {
    let clock = SystemClock::new();
    let mut original = Original {
        origin: request.url().clone(),
        headers: request.headers().clone(),
        request,
    };
    for _ in 0..=MOST_REDIRECTS {
        let Some(mut request) = original.request.try_clone() else {
            return Err(NoAnswer::OfSlot("the request cannot be sent again".to_owned()));
        };
        let url = request.url().clone();
        if let Some(cookie) = cookies.header(&url) {
            request.headers_mut().entry(COOKIE).or_insert(cookie);
        }
        let left = limit.saturating_sub(clock.monotonic().0);
        let mut answer = exchange(client, title, request, left).await?;
        answer.latency = clock.monotonic().0;
        for value in cookies.keep(&url, &answer.headers) {
            *secrets = std::mem::take(secrets).hiding(value);
        }
        match next(redirects, &url, &answer) {
            None => return Ok(answer),
            Some(Ok(url)) => original.redirect(url, answer.status),
            Some(Err(why)) => {
                let why = Discreet(secrets).plain(&why);
                return Err(NoAnswer::OfSlot(format!("{}, {why}", answer.line())));
            }
        }
    }
    Err(NoAnswer::OfSlot(format!(
        "more than {MOST_REDIRECTS} redirects in a row"
    )))
}

impl Original {
    /// Aims at another address as browsers do (the fetch standard, "HTTP-redirect fetch").
    fn redirect(&mut self, url: Url, status: StatusCode) {
        let is_elsewhere = url.origin() != self.origin.origin();
        let method = self.request.method().clone();
        let becomes_get = match status {
            StatusCode::SEE_OTHER => method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => method == Method::POST,
            _ => false,
        };
        *self.request.url_mut() = url;
        if becomes_get {
            *self.request.method_mut() = Method::GET;
        }
        if becomes_get || is_elsewhere {
            *self.request.body_mut() = None;
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_LENGTH);
        }
        *self.request.headers_mut() = if is_elsewhere {
            HeaderMap::new()
        } else {
            self.headers.clone()
        };
    }
}

/// Where an answer sends the request on to; `None` when it is the answer itself.
fn next(redirects: Redirects, from: &Url, answer: &Answer) -> Option<Result<Url, String>> {
    let is_redirect = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    if redirects == Redirects::None || !is_redirect {
        return None;
    }
    let location = answer
        .headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok());
    let url = location.and_then(|location| from.join(location).ok());
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    Some(match url {
        None => Err("which leads to no address".to_owned()),
        Some(url) if redirects == Redirects::SameOrigin && url.origin() != from.origin() => {
            Err(format!("which leads elsewhere: {}", shown(&url)))
        }
        Some(url) => Ok(url),
    })
}
