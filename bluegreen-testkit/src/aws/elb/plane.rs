//! The data plane: requests really go to loopback services, by the weights in force.
//!
//! Group stickiness beats weights, at weight 0 as well:
//! [Sticky sessions](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::{Monotonic, Timestamp};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{COOKIE, HOST, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::action::{Action, Forward};
use super::tree::Tree;
use super::{Listener, State};
use crate::aws::FakeConfig;
use crate::aws::cloud::Cloud;
use crate::lock::held;
use crate::loopback::server::{Body, Handler, Server, Tie, text};

/// The ways in, by listener.
pub(in crate::aws) type Entries = Mutex<BTreeMap<String, Server>>;

const STICKY_COOKIE: &str = "AWSALBTG";

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Routed {
    /// To a target of a group.
    Target {
        /// The group's ARN.
        group: String,
        /// Where the target is, if it is anywhere.
        at: Option<SocketAddr>,
        /// The cookie that is set: name and value.
        cookie: Option<String>,
    },
    /// Answered by the balancer itself.
    Answered {
        /// The status.
        status: u16,
        /// Where a redirect leads to.
        location: Option<String>,
    },
}

impl Routed {
    const fn answered(status: u16) -> Self {
        Self::Answered {
            status,
            location: None,
        }
    }

    /// The group that the request goes to.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Target { group, .. } => Some(group),
            Self::Answered { .. } => None,
        }
    }
}

/// What a balancer looks at in a request.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) cookies: &'a str,
}

impl State {
    /// Where a listener sends a request at this moment: one of its nodes decides, each in its turn.
    pub(super) fn route(
        &mut self,
        config: &FakeConfig,
        now: Monotonic,
        wall: Timestamp,
        listener: &str,
        seen: &Seen<'_>,
    ) -> Routed {
        let (node, dice, turn) = (self.draw(), self.draw(), self.draw());
        let lag = lag(config, node);
        let Some(entry) = self.listener(listener) else {
            return Routed::answered(503);
        };
        let action = last(actions(entry, now, lag, seen));
        let Some(action) = action else {
            return Routed::answered(503);
        };
        let Some(forward) = &action.forward else {
            return own_answer(action);
        };
        let Some(group) = chosen(forward, seen, wall, dice) else {
            return Routed::answered(503);
        };
        let cookie = forward
            .sticky
            .then(|| format!("{STICKY_COOKIE}={}|{}", short(&group), wall.as_millis()));
        let targets = self
            .groups
            .get(&group)
            .map(|group| group.reached(now, config.target_initial, lag))
            .unwrap_or_default();
        let count = u64::try_from(targets.len()).unwrap_or(0);
        let index = turn
            .checked_rem(count)
            .and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| targets.get(index)) {
            // An empty group is no reason to try the other one.
            None => Routed::answered(503),
            Some(target) => Routed::Target {
                at: target.at,
                cookie,
                group,
            },
        }
    }
}

/// How far a node is behind.
pub(super) fn lag(config: &FakeConfig, node: u64) -> Duration {
    let nodes = config.nodes.max(1);
    let node = u32::try_from(node % u64::from(nodes)).unwrap_or(0);
    config.propagation * (node + 1) / nodes
}

/// The actions of the first rule that takes a request.
fn actions<'a>(listener: &'a Listener, now: Monotonic, lag: Duration, seen: &Seen<'_>) -> &'a [Action] {
    let mut rules: Vec<_> = listener.rules.values().collect();
    rules.sort_by_key(|rule| rule.priority);
    let takes = |rule: &&super::Rule| rule.conditions.iter().all(|condition| holds(condition, seen));
    let rule = rules.into_iter().find(takes);
    let routes = rule.map_or(&listener.default, |rule| &rule.routes);
    routes.at(now, lag)
}

/// What is done with a request in the end. Whoever has to log in has done it here.
fn last(actions: &[Action]) -> Option<&Action> {
    actions.iter().max_by_key(|action| action.order)
}

fn own_answer(action: &Action) -> Routed {
    if let Some(config) = action.rest.part("RedirectConfig") {
        let part = |name, default: &str| config.text(name).unwrap_or(default).to_owned();
        let location = format!(
            "{}://{}:{}{}",
            part("Protocol", "https").to_lowercase(),
            part("Host", "localhost"),
            part("Port", "443"),
            part("Path", "/")
        );
        let status = if config.text("StatusCode") == Some("HTTP_301") {
            301
        } else {
            302
        };
        return Routed::Answered {
            status,
            location: Some(location),
        };
    }
    let config = action.rest.part("FixedResponseConfig");
    let status = config
        .and_then(|config| config.text("StatusCode"))
        .and_then(|status| status.parse().ok());
    Routed::answered(status.unwrap_or(503))
}

fn holds(condition: &Tree, seen: &Seen<'_>) -> bool {
    let is_any = |value: &str| {
        let patterns = condition.texts("Values");
        patterns.iter().any(|pattern| fits(pattern, value))
    };
    match condition.text("Field") {
        Some("path-pattern") => is_any(seen.path),
        Some("host-header") => is_any(&seen.host.to_lowercase()),
        // What is not looked at here takes no request.
        _ => false,
    }
}

/// `*` stands for any text, `?` for one character.
fn fits(pattern: &str, text: &str) -> bool {
    let mut characters = pattern.chars();
    match characters.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = characters.as_str();
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter()
                .any(|at| text.get(at..).is_some_and(|tail| fits(rest, tail)))
        }
        Some('?') => {
            let mut text = text.chars();
            text.next().is_some() && fits(characters.as_str(), text.as_str())
        }
        Some(one) => text
            .strip_prefix(one)
            .is_some_and(|tail| fits(characters.as_str(), tail)),
    }
}

fn short(group: &str) -> &str {
    group.rsplit('/').next().unwrap_or(group)
}

/// The group of the cookie if that still holds, else one by the weights.
fn chosen(forward: &Forward, seen: &Seen<'_>, wall: Timestamp, dice: u64) -> Option<String> {
    if forward.sticky
        && let Some(kept) = kept(forward, seen, wall)
    {
        return Some(kept);
    }
    let sum: u64 = forward.groups.iter().map(|(_, weight)| u64::from(*weight)).sum();
    // Not documented: with all weights at zero nobody is reached.
    let mut at = dice.checked_rem(sum)?;
    for (group, weight) in &forward.groups {
        let weight = u64::from(*weight);
        if at < weight {
            return Some(group.clone());
        }
        at -= weight;
    }
    None
}

fn kept(forward: &Forward, seen: &Seen<'_>, wall: Timestamp) -> Option<String> {
    let mut cookies = seen.cookies.split("; ");
    let value = cookies.find_map(|pair| pair.strip_prefix(STICKY_COOKIE)?.strip_prefix('='))?;
    let (name, since) = value.split_once('|')?;
    let age = wall.since(Timestamp::from_millis(since.parse().ok()?));
    let holds = age < Duration::from_secs(u64::from(forward.sticky_seconds?));
    let mut groups = forward.groups.iter().map(|(group, _)| group);
    groups.find(|group| holds && short(group) == name).cloned()
}

/// The entry of one listener.
#[derive(Debug)]
pub(super) struct Plane {
    cloud: Arc<Cloud>,
    listener: String,
    client: Client<HttpConnector, Incoming>,
}

impl Plane {
    pub(super) fn new(cloud: Arc<Cloud>, listener: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self {
            cloud,
            listener,
            client,
        }
    }

    fn routed(&self, request: &Request<Incoming>) -> Routed {
        let seen = Seen {
            host: header(request.headers(), &HOST),
            path: request.uri().path(),
            cookies: header(request.headers(), &COOKIE),
        };
        let (now, wall) = (self.cloud.clock.monotonic(), self.cloud.clock.now());
        let mut state = held(&self.cloud.state);
        state
            .elb
            .route(&self.cloud.config, now, wall, &self.listener, &seen)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &hyper::header::HeaderName) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

impl Handler for Plane {
    async fn handle(self: Arc<Self>, mut request: Request<Incoming>, _: Tie) -> Response<Body> {
        let (group, at, cookie) = match self.routed(&request) {
            Routed::Target { group, at, cookie } => (group, at, cookie),
            Routed::Answered { status, location } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                let mut response = text(status, "");
                let location = location.and_then(|location| HeaderValue::from_str(&location).ok());
                if let Some(location) = location {
                    response.headers_mut().insert(LOCATION, location);
                }
                return response;
            }
        };
        let began = self.cloud.clock.monotonic();
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri = at.and_then(|at| format!("http://{at}{path}").parse::<Uri>().ok());
        let Some(uri) = uri else {
            return text(StatusCode::BAD_GATEWAY, "the target is nowhere\n");
        };
        *request.uri_mut() = uri;
        request.headers_mut().remove("connection");
        let answer = self.client.request(request).await;
        let took = self.cloud.clock.monotonic().since(began).as_secs_f64();
        let failed = answer
            .as_ref()
            .is_ok_and(|answer| answer.status().is_server_error());
        held(&self.cloud.state)
            .elb
            .count(&group, self.cloud.clock.now(), failed, took);
        match answer {
            Ok(mut response) => {
                response.headers_mut().remove("connection");
                if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
                    response.headers_mut().append(SET_COOKIE, cookie);
                }
                response.map(BodyExt::boxed)
            }
            Err(error) => {
                tracing::debug!(group, %error, "the target did not answer");
                text(StatusCode::BAD_GATEWAY, "the target did not answer\n")
            }
        }
    }
}
