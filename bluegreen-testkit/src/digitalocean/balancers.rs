//! Load balancers: what the API takes, and when a change arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bluegreen_core::Monotonic;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::{Answered, Refusal, one, page};
use super::core::Core;
use super::request::Asked;
use super::state::{SOME_DAY, State, region};

/// What the service says while a change is on its way.
const BUSY: &str = "Load Balancer can't be updated while it processes previous actions";

/// A droplet and a port that is looked at.
pub(super) type Member = (u64, u16);

/// A balancer.
#[derive(Debug)]
pub(super) struct Balancer {
    /// What was asked for, in the form of a PUT.
    pub(super) wanted: Map<String, Value>,
    /// What the data plane does.
    pub(super) applied: Map<String, Value>,
    /// When what is wanted arrives.
    pub(super) arrives: Option<Monotonic>,
    pub(super) is_errored: bool,
    /// The next change is taken and then ends in `errored`.
    pub(super) fails_next: bool,
    pub(super) health: BTreeMap<Member, Health>,
    pub(super) turn: usize,
}

/// What the checks of a droplet have said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Health {
    pub(super) is_healthy: bool,
    pub(super) in_a_row: u64,
    /// Since when it is looked at, where nobody really looks.
    since: Option<Monotonic>,
}

impl Health {
    const GOOD: Self = Self {
        is_healthy: true,
        in_a_row: 0,
        since: None,
    };
}

impl Balancer {
    /// Active, with droplets that have passed their checks.
    pub(super) fn healthy(settings: Map<String, Value>, state: &State) -> Self {
        let members = members(&settings, state).into_iter();
        Self {
            health: members.map(|member| (member, Health::GOOD)).collect(),
            applied: settings.clone(),
            wanted: settings,
            arrives: None,
            is_errored: false,
            fails_next: false,
            turn: 0,
        }
    }

    /// Lets arrive what has to by now. The old targets go on until the first of the new ones is healthy,
    /// but not for ever.
    pub(super) fn advance(&mut self, now: Monotonic, members: &BTreeSet<Member>, patience: Duration) {
        let Some(arrives) = self.arrives.filter(|arrives| *arrives <= now) else {
            return;
        };
        let is_healthy = |member| self.health.get(member).is_some_and(|health| health.is_healthy);
        if members.iter().any(is_healthy) || now.since(arrives) >= patience {
            self.arrives = None;
            self.applied = self.wanted.clone();
        }
    }

    /// Lets the droplets pass that have been looked at for long enough. Those that leave the pool have to prove
    /// themselves again when they come back.
    fn pass(
        &mut self,
        now: Monotonic,
        members: &BTreeSet<Member>,
        applied: &BTreeSet<Member>,
        second: Duration,
    ) {
        let check = |name: &str, default| {
            let check = self.wanted.get("health_check").and_then(|check| check.get(name));
            let number = check.and_then(Value::as_u64).unwrap_or(default);
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        let looks = check("check_interval_seconds", 10).saturating_mul(check("healthy_threshold", 3));
        let needed = second.saturating_mul(looks);
        self.health
            .retain(|member, _| members.contains(member) || applied.contains(member));
        for member in members {
            let health = self.health.entry(*member).or_default();
            let since = *health.since.get_or_insert(now);
            health.is_healthy |= now.since(since) >= needed;
        }
    }

    /// The droplets that get new requests.
    pub(super) fn serving(&self, state: &State) -> Vec<u64> {
        let is_healthy = |member: &Member| self.health.get(member).is_some_and(|health| health.is_healthy);
        let members = members(&self.applied, state).into_iter();
        members.filter(is_healthy).map(|(id, _)| id).collect()
    }

    pub(super) const fn status(&self) -> &'static str {
        match (self.is_errored, self.arrives) {
            (true, _) => "errored",
            (false, Some(_)) => "new",
            (false, None) => "active",
        }
    }

    pub(super) fn shown(&self, id: &str, state: &State) -> Value {
        let mut shown = self.wanted.clone();
        let tag = shown
            .get("tag")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let slug = shown
            .get("region")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let ids: Vec<u64> = droplets(&self.wanted, state);
        for (name, value) in [
            ("id", json!(id)),
            ("ip", json!("104.131.186.241")),
            ("ipv6", json!("")),
            ("status", json!(self.status())),
            ("created_at", json!(SOME_DAY)),
            ("region", region(&slug)),
            ("tag", json!(tag)),
            ("droplet_ids", json!(ids)),
        ] {
            shown.insert(name.to_owned(), value);
        }
        Value::Object(shown)
    }
}

/// The droplets that settings send to.
pub(super) fn droplets(settings: &Map<String, Value>, state: &State) -> Vec<u64> {
    if let Some(tag) = settings.get("tag").and_then(Value::as_str) {
        let tagged = state
            .droplets
            .iter()
            .filter(|(_, droplet)| droplet.tags.iter().any(|known| known.eq_ignore_ascii_case(tag)));
        return tagged.map(|(id, _)| *id).collect();
    }
    let ids = settings.get("droplet_ids").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(Value::as_u64).collect()
}

/// The droplets that settings send to, each with the port of its health check.
pub(super) fn members(settings: &Map<String, Value>, state: &State) -> BTreeSet<Member> {
    let port = settings.get("health_check").and_then(|check| check.get("port"));
    let port = port
        .and_then(Value::as_u64)
        .and_then(|port| u16::try_from(port).ok())
        .unwrap_or(80);
    droplets(settings, state)
        .into_iter()
        .map(|id| (id, port))
        .collect()
}

/// The port on the droplets that the first forwarding rule sends to.
pub(super) fn target_port(settings: &Map<String, Value>) -> Option<u16> {
    let port = settings.get("forwarding_rules")?.get(0)?.get("target_port")?;
    u16::try_from(port.as_u64()?).ok()
}

pub(super) fn answer(state: &mut State, core: &Core, asked: &Asked) -> Answered {
    let segments = asked.segments();
    let rest: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    core.advance(state);
    match (&asked.method, rest.as_slice()) {
        (&Method::GET, []) => {
            let all = state
                .balancers
                .iter()
                .map(|(id, balancer)| balancer.shown(id, state));
            page("load_balancers", all.collect(), asked)
        }
        (&Method::GET, [id]) => {
            let balancer = state.balancers.get(*id).ok_or_else(Refusal::not_found)?;
            one("load_balancer", balancer.shown(id, state))
        }
        (&Method::PUT, [id]) => {
            if !state.balancers.contains_key(*id) {
                return Err(Refusal::not_found());
            }
            let settings = settings(&asked.body, state)?;
            let balancer = state.balancers.get_mut(*id).ok_or_else(Refusal::not_found)?;
            if balancer.arrives.is_some() {
                return Err(Refusal::forbidden(BUSY));
            }
            // The name is all that is kept when it is left out.
            let name = balancer.wanted.get("name").cloned();
            balancer.wanted = settings;
            if let Some(name) = name {
                balancer.wanted.entry("name").or_insert(name);
            }
            if std::mem::take(&mut balancer.fails_next) {
                balancer.is_errored = true;
            } else {
                balancer.is_errored = false;
                let now = core.clock.monotonic();
                balancer.arrives = Some(Monotonic(now.0 + core.config.active_after));
            }
            // From now on the new ones are looked at.
            core.advance(state);
            let balancer = state.balancers.get(*id).ok_or_else(Refusal::not_found)?;
            one("load_balancer", balancer.shown(id, state))
        }
        (_, [] | [_]) => Err(Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            ..Refusal::not_found()
        }),
        _ => Err(Refusal::not_found()),
    }
}

/// Lets arrive what has to by now, on all balancers. With the length of a second, the checks of health are a
/// matter of time.
pub(super) fn advance_all(state: &mut State, now: Monotonic, patience: Duration, second: Option<Duration>) {
    let mut balancers = std::mem::take(&mut state.balancers);
    for balancer in balancers.values_mut() {
        let wanted = members(&balancer.wanted, state);
        if let Some(second) = second {
            let applied = members(&balancer.applied, state);
            balancer.pass(now, &wanted, &applied, second);
        }
        balancer.advance(now, &wanted, patience);
    }
    state.balancers = balancers;
}

/// The settings that a PUT asks for: what it leaves out is what the documentation gives as the default.
pub(super) fn settings(body: &Value, state: &State) -> Result<Map<String, Value>, Refusal> {
    let wrong = |what: &str| Err(Refusal::unprocessable(what));
    let Value::Object(body) = body else {
        return wrong("the body is no object");
    };
    if body
        .get("region")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return wrong("region is missing or is not a slug");
    }
    match (body.get("tag"), body.get("droplet_ids")) {
        (Some(Value::String(tag)), None) if !tag.is_empty() => {}
        (None, Some(Value::Array(ids))) => {
            let is_known = |id: &Value| id.as_u64().is_some_and(|id| state.droplets.contains_key(&id));
            if !ids.iter().all(is_known) {
                return wrong("droplet_ids has a droplet that does not exist");
            }
        }
        _ => return wrong("exactly one of tag and droplet_ids must be given"),
    }
    check_rules(body.get("forwarding_rules"))?;
    let mut settings = defaults();
    for (name, value) in body {
        let is_read_only = ["id", "ip", "ipv6", "status", "created_at"].contains(&name.as_str());
        if is_read_only || value.is_null() {
            continue;
        }
        let merged = match (settings.get(name), value) {
            // Inside of an object each member has its own default.
            (Some(Value::Object(known)), Value::Object(given)) if name == "health_check" => {
                let mut known = known.clone();
                known.extend(given.clone());
                Value::Object(known)
            }
            _ => value.clone(),
        };
        settings.insert(name.clone(), merged);
    }
    check_settings(&settings)?;
    Ok(settings)
}

fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "size_unit": 1,
        "algorithm": "round_robin",
        "health_check": {
            "protocol": "http", "port": 80, "path": "/", "check_interval_seconds": 10,
            "response_timeout_seconds": 5, "unhealthy_threshold": 5, "healthy_threshold": 3,
        },
        "sticky_sessions": {"type": "none"},
        "redirect_http_to_https": false,
        "enable_proxy_protocol": false,
        "enable_backend_keepalive": false,
        "http_idle_timeout_seconds": 60,
        "disable_lets_encrypt_dns_records": false,
        "firewall": {"deny": [], "allow": []},
        "network": "EXTERNAL",
        "network_stack": "IPV4",
        "type": "REGIONAL",
        "tls_cipher_policy": "DEFAULT",
        "project_id": "4de7ac8b-495b-4884-9a69-1050c6793cd6",
        "vpc_uuid": "c33931f2-a26a-4e61-b85c-4e95a2ec431b",
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    }
}

fn check_rules(rules: Option<&Value>) -> Result<(), Refusal> {
    let rules = rules.and_then(Value::as_array).filter(|rules| !rules.is_empty());
    let rules = rules.ok_or_else(|| Refusal::unprocessable("forwarding_rules is missing or empty"))?;
    for rule in rules {
        for name in ["entry_port", "target_port"] {
            let port = rule.get(name).and_then(Value::as_u64);
            if !port.is_some_and(|port| (1..=65_535).contains(&port)) {
                return Err(Refusal::unprocessable(format!(
                    "forwarding_rules: {name} must be 1 to 65535"
                )));
            }
        }
        for (name, words) in [
            (
                "entry_protocol",
                &["http", "https", "http2", "http3", "tcp", "udp"][..],
            ),
            ("target_protocol", &["http", "https", "http2", "tcp", "udp"][..]),
        ] {
            let word = rule.get(name).and_then(Value::as_str).unwrap_or_default();
            if !words.contains(&word) {
                return Err(Refusal::unprocessable(format!(
                    "forwarding_rules: {name} is {word:?}"
                )));
            }
        }
    }
    Ok(())
}

fn check_settings(settings: &Map<String, Value>) -> Result<(), Refusal> {
    let number = |name: &str| settings.get(name).and_then(Value::as_u64);
    for (name, range) in [("size_unit", 1..=100), ("http_idle_timeout_seconds", 30..=600)] {
        if number(name).is_some_and(|number| !range.contains(&number)) {
            return Err(Refusal::unprocessable(format!("{name} is out of range")));
        }
    }
    Ok(())
}
