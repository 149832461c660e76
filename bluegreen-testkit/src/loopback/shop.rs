//! The shop that a service can open: a login, and orders that are created and removed, for smoke tests.

use std::collections::BTreeSet;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::server::{Body, text};
use crate::lock::held;

/// The most that is read of a request's body, in bytes.
const BODY_MAX: usize = 64 * 1024;
/// The most orders that are kept.
const ORDERS_MAX: usize = 10_000;

/// Who may log in, who has, and what was ordered.
pub(super) struct Shop {
    password: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    logins: u64,
    tokens: BTreeSet<String>,
    next: u64,
    orders: BTreeSet<u64>,
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop")
            .field("orders", &self.orders())
            .finish_non_exhaustive()
    }
}

impl Shop {
    pub(super) fn new(password: String) -> Self {
        Self {
            password,
            state: Mutex::default(),
        }
    }

    /// How many orders there are now.
    pub(super) fn orders(&self) -> usize {
        held(&self.state).orders.len()
    }

    /// Whether a path is the shop's.
    pub(super) fn has(path: &str) -> bool {
        path == "/login" || path == "/account" || path == "/orders" || path.starts_with("/orders/")
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
            return text(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too long or ended early\n",
            );
        };
        let path = head.uri.path();
        if (&head.method, path) == (&Method::POST, "/login") {
            return self.login(&body.to_bytes());
        }
        let Some(token) = token_of(&head.headers).filter(|token| held(&self.state).tokens.contains(token))
        else {
            return json_answer(StatusCode::UNAUTHORIZED, &json!({ "error": "log in first" }));
        };
        match (&head.method, path.strip_prefix("/orders/")) {
            (&Method::GET, None) if path == "/account" => {
                let page = format!(
                    "<h1>Hello, {}</h1>\n",
                    token.rsplit('-').next().unwrap_or_default()
                );
                text(StatusCode::OK, page)
            }
            (&Method::POST, None) if path == "/orders" => self.create(),
            (method, Some(id)) => self.one(method, id.parse().ok()),
            _ => json_answer(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({ "error": "not like this" }),
            ),
        }
    }

    fn login(&self, body: &Bytes) -> Response<Body> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let word = |key: &str| {
            body.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (user, password) = (word("user"), word("password"));
        let is_plain = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain || password != self.password {
            return json_answer(
                StatusCode::UNAUTHORIZED,
                &json!({ "error": "wrong name or password" }),
            );
        }
        let mut state = held(&self.state);
        state.logins += 1;
        let token = format!("token-{}-{user}", state.logins);
        state.tokens.insert(token.clone());
        let mut answer = json_answer(StatusCode::OK, &json!({ "token": token }));
        let cookie = format!("session={token}; Path=/; HttpOnly; Secure; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
        answer
    }

    fn create(&self) -> Response<Body> {
        let mut state = held(&self.state);
        if state.orders.len() >= ORDERS_MAX {
            return json_answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({ "error": "too many orders" }),
            );
        }
        state.next += 1;
        let id = state.next;
        state.orders.insert(id);
        let mut answer = json_answer(StatusCode::CREATED, &json!({ "id": id, "state": "new" }));
        if let Ok(location) = HeaderValue::from_str(&format!("/orders/{id}")) {
            answer.headers_mut().insert(LOCATION, location);
        }
        answer
    }

    fn one(&self, method: &Method, id: Option<u64>) -> Response<Body> {
        let mut state = held(&self.state);
        let Some(id) = id.filter(|id| state.orders.contains(id)) else {
            return json_answer(StatusCode::NOT_FOUND, &json!({ "error": "no such order" }));
        };
        match *method {
            Method::GET => json_answer(StatusCode::OK, &json!({ "id": id, "state": "new" })),
            Method::DELETE => {
                state.orders.remove(&id);
                text(StatusCode::NO_CONTENT, "")
            }
            _ => json_answer(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({ "error": "not like this" }),
            ),
        }
    }
}

/// From `Authorization`, or else from the session's cookie.
fn token_of(headers: &HeaderMap) -> Option<String> {
    let value = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let bearer = value(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let mut cookies = value(COOKIE).into_iter().flat_map(|value| value.split("; "));
    let session = cookies.find_map(|pair| pair.strip_prefix("session="));
    bearer.or(session).map(str::to_owned)
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = text(status, body.to_string());
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    answer
}
