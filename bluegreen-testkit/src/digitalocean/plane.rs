//! The data plane of a balancer: it really forwards, to droplets that its health checks find healthy.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::task::JoinSet;

use super::balancers::{self, Balancer, Member};
use super::core::Core;
use super::state::State;
use crate::lock::held;
use crate::loopback::server::{Body, Handler, Tie, text};

/// The entry of one balancer.
#[derive(Debug)]
pub(super) struct Plane {
    pub(super) core: Arc<Core>,
    pub(super) id: String,
    client: Client<HttpConnector, Incoming>,
}

impl Plane {
    pub(super) fn new(core: Arc<Core>, id: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // A balancer keeps no connections to its droplets unless it is told to.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self { core, id, client }
    }

    /// The droplet whose turn it is.
    fn choose(&self) -> Option<SocketAddr> {
        let mut state = held(&self.core.state);
        self.core.advance(&mut state);
        let mut balancer = state.balancers.remove(&self.id)?;
        let chosen = choose_of(&mut balancer, &state);
        state.balancers.insert(self.id.clone(), balancer);
        chosen
    }
}

fn choose_of(balancer: &mut Balancer, state: &State) -> Option<SocketAddr> {
    let port = balancers::target_port(&balancer.applied)?;
    let members: Vec<Member> = balancers::members(&balancer.applied, state).into_iter().collect();
    let is_healthy = |member: &&Member| {
        balancer
            .health
            .get(*member)
            .is_some_and(|health| health.is_healthy)
    };
    let healthy: Vec<&Member> = members.iter().filter(is_healthy).collect();
    balancer.turn = balancer.turn.wrapping_add(1);
    let (id, _) = healthy.get(balancer.turn % healthy.len().max(1))?;
    state.droplets.get(id)?.ports.get(&port).copied()
}

impl Handler for Plane {
    async fn handle(self: Arc<Self>, mut request: Request<Incoming>, _: Tie) -> Response<Body> {
        let Some(droplet) = self.choose() else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "no healthy droplet\n");
        };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) = format!("http://{droplet}{path}").parse::<Uri>() else {
            return text(StatusCode::BAD_REQUEST, "");
        };
        *request.uri_mut() = uri;
        request.headers_mut().remove("connection");
        match self.client.request(request).await {
            Ok(mut response) => {
                response.headers_mut().remove("connection");
                response.map(BodyExt::boxed)
            }
            Err(error) => {
                tracing::debug!(%droplet, %error, "the droplet did not answer");
                text(StatusCode::BAD_GATEWAY, "the droplet did not answer\n")
            }
        }
    }
}

/// What is to be looked at in one round of checks.
struct Round {
    looks: Vec<(Member, Option<SocketAddr>, String)>,
    pause: Duration,
}

/// Checks the droplets of a balancer until the fake is gone.
pub(super) async fn check_health(core: Weak<Core>, id: String) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<HttpConnector, Empty<Bytes>> = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    while let Some(strong) = core.upgrade() {
        let Some(round) = round(&strong, &id) else { return };
        let clock = strong.clock.clone();
        drop(strong);
        let mut looks = JoinSet::new();
        for (member, at, path) in round.looks {
            let client = client.clone();
            looks.spawn(async move { (member, is_well(client, at, path).await) });
        }
        let mut seen = Vec::new();
        while let Some(look) = looks.join_next().await {
            seen.extend(look.ok());
        }
        if let Some(strong) = core.upgrade() {
            note(&strong, &id, &seen);
        }
        clock.sleep(round.pause).await;
    }
}

fn round(core: &Core, id: &str) -> Option<Round> {
    let state = held(&core.state);
    let balancer = state.balancers.get(id)?;
    let mut members: BTreeSet<Member> = balancers::members(&balancer.applied, &state);
    members.extend(balancers::members(&balancer.wanted, &state));
    let check = |name: &str| {
        balancer
            .wanted
            .get("health_check")
            .and_then(|check| check.get(name))
    };
    let path = check("path").and_then(Value::as_str).unwrap_or("/").to_owned();
    let seconds = check("check_interval_seconds")
        .and_then(Value::as_u64)
        .unwrap_or(10);
    let look = |(id, port): Member| {
        let at = state
            .droplets
            .get(&id)
            .and_then(|droplet| droplet.ports.get(&port).copied());
        ((id, port), at, path.clone())
    };
    let pause = core
        .config
        .health_second
        .saturating_mul(u32::try_from(seconds).unwrap_or(u32::MAX));
    Some(Round {
        looks: members.into_iter().map(look).collect(),
        pause: pause.max(Duration::from_millis(2)),
    })
}

async fn is_well(client: Client<HttpConnector, Empty<Bytes>>, at: Option<SocketAddr>, path: String) -> bool {
    let uri = at.and_then(|at| format!("http://{at}{path}").parse::<Uri>().ok());
    let Some(uri) = uri else { return false };
    match tokio::time::timeout(Duration::from_secs(1), client.get(uri)).await {
        Ok(Ok(answer)) => answer.status().is_success(),
        _ => false,
    }
}

fn note(core: &Core, id: &str, seen: &[(Member, bool)]) {
    let mut state = held(&core.state);
    let Some(balancer) = state.balancers.get_mut(id) else {
        return;
    };
    let threshold = |balancer: &Balancer, name: &str, default| {
        let check = balancer
            .wanted
            .get("health_check")
            .and_then(|check| check.get(name));
        check.and_then(Value::as_u64).unwrap_or(default)
    };
    let up = threshold(balancer, "healthy_threshold", 3);
    let down = threshold(balancer, "unhealthy_threshold", 5);
    for (member, is_well) in seen {
        let health = balancer.health.entry(*member).or_default();
        if *is_well == health.is_healthy {
            health.in_a_row = 0;
            continue;
        }
        health.in_a_row += 1;
        if health.in_a_row >= if *is_well { up } else { down } {
            health.is_healthy = *is_well;
            health.in_a_row = 0;
        }
    }
    // A droplet that leaves the pool has to prove itself again when it comes back.
    let kept: BTreeSet<Member> = seen.iter().map(|(member, _)| *member).collect();
    balancer.health.retain(|member, _| kept.contains(member));
}
