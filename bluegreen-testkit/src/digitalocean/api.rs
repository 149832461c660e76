//! The server: who may ask, what goes wrong on the way, and which part of the API answers.

use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answered, Refusal, one, page};
use super::core::Core;
use super::request::{Asked, pairs};
use super::state::{Request, State};
use super::{apps, balancers, domains, monitoring};
use crate::conformance::ProviderFault;
use crate::lock::held;
use crate::loopback::server::{Body, Handler, Tie, text};

/// The most that is read of a request, in bytes.
const MOST_BODY: usize = 1 << 20;

impl Handler for Core {
    async fn handle(self: Arc<Self>, request: hyper::Request<Incoming>, _: Tie) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MOST_BODY).collect().await else {
            return text(StatusCode::BAD_REQUEST, "");
        };
        let request = hyper::Request::from_parts(parts, body.to_bytes());
        let fault = self.fault_for(request.method());
        let refusal = match fault {
            None => None,
            Some(ProviderFault::LandsLate { by }) => {
                let core = self.clone();
                tokio::spawn(async move {
                    core.clock.sleep(by).await;
                    core.answered(&request, None);
                });
                self.cut();
                return std::future::pending().await;
            }
            Some(ProviderFault::LostAnswer) => {
                self.answered(&request, None);
                self.cut();
                return std::future::pending().await;
            }
            Some(ProviderFault::Throttled { retry_after }) => {
                Some(Refusal::too_many(Some(retry_after.as_secs())))
            }
            Some(ProviderFault::Rejected) => Some(Refusal::unpermitted()),
            Some(ProviderFault::Refused) => Some(Refusal::server_error()),
        };
        let response = self.answered(&request, refusal);
        if !self.config.call_takes.is_zero() {
            self.clock.sleep(self.config.call_takes).await;
        }
        response.map(|body| Full::new(body).map_err(|never| match never {}).boxed())
    }
}

impl Core {
    /// What goes wrong with a request. What is lost or late is the next change only.
    fn fault_for(&self, method: &Method) -> Option<ProviderFault> {
        let mut fault = held(&self.fault);
        match *fault {
            Some(ProviderFault::LostAnswer | ProviderFault::LandsLate { .. }) if method == Method::GET => {
                None
            }
            Some(ProviderFault::LostAnswer | ProviderFault::LandsLate { .. }) => fault.take(),
            other => other,
        }
    }

    /// Does what is asked, at once and whole, and notes it; or refuses it, whatever it is.
    pub(super) fn answered(
        &self,
        request: &hyper::Request<Bytes>,
        refusal: Option<Refusal>,
    ) -> Response<Bytes> {
        let asked = Asked {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: pairs(request.uri().query()),
            body: serde_json::from_slice(request.body()).unwrap_or_default(),
            base: self.base(),
            page_most: self.config.page_most,
        };
        let mut state = held(&self.state);
        let now = self.clock.now();
        let request_id = format!("4d9d8375-3c56-4925-a3e7-{:012x}", state.requests.len());
        let is_known = request
            .headers()
            .get(AUTHORIZATION)
            .is_some_and(|given| given.as_bytes() == format!("Bearer {}", self.config.token).as_bytes());
        let answer = match refusal {
            Some(refusal) => Err(refusal),
            None if !is_known => Err(Refusal::unauthorized()),
            None => match state.limits.take(now) {
                Ok(()) => self.route(&mut state, &asked),
                Err(refusal) => Err(refusal),
            },
        };
        if asked.path.starts_with("/logs/") {
            return Response::new(Bytes::from_static(
                b"building\nERROR: npm run build exited with 1\n",
            ));
        }
        let (status, body, retry_after) = match answer {
            Ok((status, body)) => (status, body, None),
            Err(refusal) => (refusal.status, refusal.body(&request_id), refusal.retry_after),
        };
        let content = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        state.requests.push(Request {
            method: asked.method.to_string(),
            path: request
                .uri()
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            body: asked.body,
            status: status.as_u16(),
            answer: body,
        });
        let mut response = Response::new(Bytes::from(content));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        if !self.config.keep_alive {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            headers.insert("x-request-id", id);
        }
        for (name, value) in state.limits.headers(now) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
        if let Some(seconds) = retry_after {
            headers.insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }

    fn route(&self, state: &mut State, asked: &Asked) -> Answered {
        let segments = asked.segments();
        let now = self.clock.monotonic();
        match segments.first().map(String::as_str) {
            Some("account") => one(
                "account",
                json!({
                    "droplet_limit": 25, "floating_ip_limit": 5, "email": "ops@example.com",
                    "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef", "email_verified": true,
                    "status": "active", "status_message": "",
                }),
            ),
            Some("load_balancers") => balancers::answer(state, self, asked),
            Some("apps") => apps::answer(state, &self.config, now, asked),
            Some("domains") => domains::answer(state, asked),
            Some("monitoring") => monitoring::answer(state, asked),
            Some("droplets") => droplets(state, asked, segments.get(1).map(String::as_str)),
            _ => Err(Refusal::not_found()),
        }
    }
}

fn droplets(state: &State, asked: &Asked, id: Option<&str>) -> Answered {
    if asked.method != Method::GET {
        return Err(Refusal::not_found());
    }
    if let Some(id) = id {
        let id = id.parse().map_err(|_| Refusal::not_found())?;
        let droplet = state.droplets.get(&id).ok_or_else(Refusal::not_found)?;
        return one("droplet", droplet.shown(id));
    }
    let tag = asked.query("tag_name");
    let wanted = state.droplets.iter().filter(|(_, droplet)| {
        tag.is_none_or(|tag| droplet.tags.iter().any(|known| known.eq_ignore_ascii_case(tag)))
    });
    let wanted: Vec<Value> = wanted.map(|(id, droplet)| droplet.shown(*id)).collect();
    page("droplets", wanted, asked)
}
