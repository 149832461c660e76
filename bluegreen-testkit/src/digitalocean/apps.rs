//! App Platform: apps, their deployments, and what becomes of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bluegreen_core::Monotonic;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::{Answered, Refusal, one, page};
use super::config::FakeConfig;
use super::request::Asked;
use super::state::{SOME_DAY, State};

/// How a deployment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ends {
    /// It serves.
    #[default]
    Active,
    /// A step failed.
    Error,
    /// Somebody cancelled it.
    Canceled,
}

/// An app.
#[derive(Debug, Default)]
pub(super) struct App {
    pub(super) spec: Value,
    pub(super) deployments: Vec<Deployment>,
    pub(super) pinned: Option<String>,
    /// Where the instances of a component answer.
    pub(super) backends: BTreeMap<String, SocketAddr>,
    pub(super) next_ends: Ends,
    /// Since when domains are in the spec; those of the beginning are not in it.
    pub(super) domains_since: BTreeMap<String, Monotonic>,
}

/// One deployment of an app; the newest is the last.
#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub(super) id: String,
    spec: Value,
    /// None: it has been there for ever.
    began: Option<Monotonic>,
    ends: Ends,
    is_superseded: bool,
    cause: &'static str,
}

impl Deployment {
    fn phase(&self, takes: Duration, now: Monotonic) -> &'static str {
        let age = self.began.map_or(takes, |began| now.since(began));
        match self.ends {
            _ if self.is_superseded => "SUPERSEDED",
            _ if age < takes / 4 => "PENDING_BUILD",
            _ if age < takes / 2 => "BUILDING",
            _ if age < takes * 3 / 4 => "PENDING_DEPLOY",
            _ if age < takes => "DEPLOYING",
            Ends::Active => "ACTIVE",
            Ends::Error => "ERROR",
            Ends::Canceled => "CANCELED",
        }
    }

    fn is_done(&self, takes: Duration, now: Monotonic) -> bool {
        self.is_superseded || self.is_over(takes, now)
    }

    fn is_over(&self, takes: Duration, now: Monotonic) -> bool {
        self.began.is_none_or(|began| now.since(began) >= takes)
    }

    fn shown(&self, takes: Duration, now: Monotonic) -> Value {
        let phase = self.phase(takes, now);
        let failed = phase == "ERROR";
        json!({
            "id": self.id, "spec": self.spec, "phase": phase, "cause": self.cause,
            "created_at": SOME_DAY, "updated_at": SOME_DAY, "phase_last_updated_at": SOME_DAY,
            "progress": {
                "total_steps": 2, "success_steps": i32::from(failed), "error_steps": i32::from(failed),
                "pending_steps": 0, "running_steps": 0,
                "steps": [
                    {"name": "build", "status": "SUCCESS", "started_at": SOME_DAY, "ended_at": SOME_DAY},
                    if failed {
                        json!({"name": "deploy", "status": "ERROR", "started_at": SOME_DAY, "ended_at": SOME_DAY,
                            "reason": {"code": "DeployContainerHealthChecksFailed",
                                       "message": "The container did not pass its health checks"}})
                    } else {
                        json!({"name": "deploy", "status": "PENDING"})
                    },
                ],
            },
        })
    }
}

impl App {
    /// An app that has been serving for ever.
    pub(super) fn active_at_once(spec: Value, id: String) -> Self {
        let deployment = Deployment {
            id,
            spec: spec.clone(),
            began: None,
            ends: Ends::Active,
            is_superseded: false,
            cause: "initial",
        };
        Self {
            spec,
            deployments: vec![deployment],
            ..Self::default()
        }
    }

    /// What serves.
    pub(super) fn active(&self, takes: Duration, now: Monotonic) -> Option<&Deployment> {
        let serves = |deployment: &&Deployment| {
            deployment.ends == Ends::Active && deployment.is_over(takes, now) && !deployment.is_superseded
        };
        self.deployments.iter().rev().find(serves)
    }

    pub(super) fn active_spec(&self, takes: Duration, now: Monotonic) -> Value {
        self.active(takes, now)
            .map(|active| active.spec.clone())
            .unwrap_or_default()
    }

    /// The component that a path goes to.
    pub(super) fn routed(&self, path: &str, takes: Duration, now: Monotonic) -> Option<SocketAddr> {
        let spec = self.active_spec(takes, now);
        let rules = spec.pointer("/ingress/rules")?.as_array()?.clone();
        let prefix = |rule: &Value| {
            let prefix = rule.pointer("/match/path/prefix").and_then(Value::as_str);
            prefix.unwrap_or("/").to_owned()
        };
        let mut fits: Vec<&Value> = rules
            .iter()
            .filter(|rule| path.starts_with(&prefix(rule)))
            .collect();
        fits.sort_by_key(|rule| prefix(rule).len());
        let component = fits.last()?.pointer("/component/name")?.as_str()?;
        self.backends.get(component).copied()
    }

    /// Notes which domains are new with a spec.
    fn note_domains(&mut self, spec: &Value, now: Monotonic) {
        self.domains_since
            .retain(|known, _| domains(spec).any(|domain| domain == known));
        let old: Vec<String> = domains(&self.spec).map(str::to_owned).collect();
        for domain in domains(spec).filter(|domain| !old.iter().any(|old| old == domain)) {
            self.domains_since.insert(domain.to_owned(), now);
        }
    }

    /// How far a domain of the spec is.
    pub(super) fn domain_phase(&self, domain: &str, config: &FakeConfig, now: Monotonic) -> &'static str {
        let takes = config.deployment_takes;
        let active = self.active_spec(takes, now);
        let since = self.domains_since.get(domain);
        if !domains(&active).any(|known| known == domain) {
            "PENDING"
        } else if since.is_some_and(|since| now.since(*since) < takes + config.domain_takes) {
            "CONFIGURING"
        } else {
            "ACTIVE"
        }
    }

    fn begin(&mut self, id: String, spec: Value, cause: &'static str, takes: Duration, now: Monotonic) {
        for older in &mut self.deployments {
            // What was on its way is given up; what serves does so until the new one does.
            if !older.is_done(takes, now) {
                older.is_superseded = true;
            }
        }
        let ends = std::mem::take(&mut self.next_ends);
        self.deployments.push(Deployment {
            id,
            spec,
            began: Some(now),
            ends,
            is_superseded: false,
            cause,
        });
    }

    fn shown(&self, id: &str, config: &FakeConfig, now: Monotonic) -> Value {
        let takes = config.deployment_takes;
        let listed = self.spec.get("domains").and_then(Value::as_array);
        let listed: Vec<Value> = listed
            .into_iter()
            .flatten()
            .map(|entry| {
                let name = entry.get("domain").and_then(Value::as_str).unwrap_or_default();
                json!({"id": format!("d-{name}"), "spec": entry, "phase": self.domain_phase(name, config, now)})
            })
            .collect();
        let mut shown = json!({
            "id": id, "spec": self.spec, "domains": listed, "created_at": SOME_DAY, "updated_at": SOME_DAY,
            "live_url": format!("https://{id}.ondigitalocean.app"),
            "default_ingress": format!("https://{id}.ondigitalocean.app"),
            "owner_uuid": "ff36cbc6fd350fe12577f5123133bb5ba01a2419", "tier_slug": "professional",
        });
        let parts = [
            ("active_deployment", self.active(takes, now)),
            (
                "in_progress_deployment",
                self.deployments.iter().find(|known| !known.is_done(takes, now)),
            ),
            (
                "pinned_deployment",
                self.deployments
                    .iter()
                    .find(|known| Some(&known.id) == self.pinned.as_ref()),
            ),
        ];
        for (name, deployment) in parts {
            if let (Some(deployment), Some(shown)) = (deployment, shown.as_object_mut()) {
                shown.insert(name.to_owned(), deployment.shown(takes, now));
            }
        }
        shown
    }
}

pub(super) fn answer(state: &mut State, config: &FakeConfig, now: Monotonic, asked: &Asked) -> Answered {
    let segments = asked.segments();
    let rest: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let takes = config.deployment_takes;
    let (id, rest) = match rest.split_first() {
        None if asked.method == Method::GET => {
            let all = state.apps.iter().map(|(id, app)| app.shown(id, config, now));
            return page("apps", all.collect(), asked);
        }
        None => return Err(Refusal::not_found()),
        Some((id, rest)) => ((*id).to_owned(), rest),
    };
    let new_id = state.next_uuid();
    if (&asked.method, rest) == (&Method::PUT, &[]) {
        let spec = asked.body.get("spec").unwrap_or(&Value::Null);
        check(spec)?;
        check_domains(spec, &id, state, config, now)?;
    }
    let app = state.apps.get_mut(&id).ok_or_else(Refusal::not_found)?;
    // What has been replaced by now is superseded.
    let active = app.active(takes, now).map(|active| active.id.clone());
    if let Some(place) = app
        .deployments
        .iter()
        .position(|known| Some(&known.id) == active.as_ref())
    {
        for older in app.deployments.iter_mut().take(place) {
            older.is_superseded |= older.ends == Ends::Active;
        }
    }
    let is_pinned = app.pinned.is_some();
    let blocked = || Refusal {
        status: StatusCode::CONFLICT,
        ..Refusal::unprocessable("the app is pinned to a deployment: commit or revert the rollback first")
    };
    match (&asked.method, rest) {
        (&Method::GET, []) => one("app", app.shown(&id, config, now)),
        (&Method::PUT, []) => {
            let spec = asked.body.get("spec").cloned().unwrap_or_default();
            if is_pinned {
                return Err(blocked());
            }
            app.note_domains(&spec, now);
            app.spec = spec.clone();
            app.begin(new_id, spec, "app spec updated", takes, now);
            one("app", app.shown(&id, config, now))
        }
        (&Method::GET, ["deployments"]) => {
            let all = app.deployments.iter().rev().map(|known| known.shown(takes, now));
            page("deployments", all.collect(), asked)
        }
        (&Method::POST, ["deployments"]) => {
            if is_pinned {
                return Err(blocked());
            }
            let spec = app.spec.clone();
            app.begin(new_id, spec, "manual", takes, now);
            newest(app, takes, now)
        }
        (&Method::GET, ["deployments", wanted]) => {
            let found = app.deployments.iter().find(|known| known.id == *wanted);
            one(
                "deployment",
                found.ok_or_else(Refusal::not_found)?.shown(takes, now),
            )
        }
        (&Method::GET, ["deployments", _, "logs"]) => {
            let url = format!("{}/logs/{}", asked.base, asked.query("type").unwrap_or("RUN"));
            Ok((StatusCode::OK, json!({"historic_urls": [url]})))
        }
        (&Method::POST, ["rollback"]) => {
            let wanted = asked
                .body
                .get("deployment_id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let found = app.deployments.iter().find(|known| known.id == wanted);
            let spec = found.ok_or_else(Refusal::not_found)?.spec.clone();
            app.begin(new_id.clone(), spec, "rollback", takes, now);
            app.pinned = Some(new_id);
            newest(app, takes, now)
        }
        (&Method::POST, ["rollback", "commit"]) if is_pinned => {
            let pinned = app.pinned.take();
            let found = app
                .deployments
                .iter()
                .find(|known| Some(&known.id) == pinned.as_ref());
            app.spec = found.map(|known| known.spec.clone()).unwrap_or_default();
            Ok((StatusCode::OK, Value::Null))
        }
        (&Method::POST, ["rollback", "revert"]) if is_pinned => {
            app.pinned = None;
            let spec = app.spec.clone();
            app.begin(new_id, spec, "rollback reverted", takes, now);
            newest(app, takes, now)
        }
        (&Method::POST, ["rollback", "commit" | "revert"]) => {
            Err(Refusal::unprocessable("the app is not pinned"))
        }
        _ => Err(Refusal::not_found()),
    }
}

fn newest(app: &App, takes: Duration, now: Monotonic) -> Answered {
    let newest = app.deployments.last().ok_or_else(Refusal::not_found)?;
    one("deployment", newest.shown(takes, now))
}

/// The domains of a spec.
pub(super) fn domains(spec: &Value) -> impl Iterator<Item = &str> {
    let domains = spec.get("domains").and_then(Value::as_array);
    let domains = domains.into_iter().flatten();
    domains.filter_map(|domain| domain.get("domain")?.as_str())
}

/// A domain belongs to one app at most.
pub(super) fn check_domains(
    spec: &Value,
    id: &str,
    state: &State,
    config: &FakeConfig,
    now: Monotonic,
) -> Result<(), Refusal> {
    let mut others = state.apps.iter().filter(|(other, _)| *other != id);
    let has = |spec: &Value, domain: &str| domains(spec).any(|known| known.eq_ignore_ascii_case(domain));
    let is_taken = |domain: &str, app: &App| {
        let is_kept = || has(&app.active_spec(config.deployment_takes, now), domain);
        has(&app.spec, domain) || (!config.frees_domains_at_once && is_kept())
    };
    let taken = others.find_map(|(_, app)| domains(spec).find(|domain| is_taken(domain, app)));
    match taken {
        Some(domain) => Err(Refusal {
            status: StatusCode::CONFLICT,
            ..Refusal::unprocessable(format!("domain {domain} is already in use by another app"))
        }),
        None => Ok(()),
    }
}

/// What the documentation says that a spec must be.
pub(super) fn check(spec: &Value) -> Result<(), Refusal> {
    let wrong = |what: String| Err(Refusal::unprocessable(what));
    let empty = Map::new();
    let spec = spec.as_object().unwrap_or(&empty);
    let is_name = |name: &str| {
        (2..=32).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && !name.ends_with('-')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !spec.get("name").and_then(Value::as_str).is_some_and(is_name) {
        return wrong("spec.name is missing or no name".to_owned());
    }
    let mut names = Vec::new();
    for kind in ["services", "workers", "static_sites", "jobs", "functions"] {
        let components = spec.get(kind).and_then(Value::as_array);
        for component in components.into_iter().flatten() {
            let name = component.get("name").and_then(Value::as_str).unwrap_or_default();
            if !is_name(name) || names.contains(&name) {
                return wrong(format!("spec.{kind}: {name:?} is no name, or is there twice"));
            }
            names.push(name);
            let count = component.get("instance_count");
            if count.is_some_and(|count| count.as_u64().is_none_or(|count| count < 1)) {
                return wrong(format!("spec.{kind}: {name}: instance_count must be 1 or more"));
            }
            let image = component.get("image");
            if image.is_some_and(|image| image.get("tag").is_some() && image.get("digest").is_some()) {
                return wrong(format!("spec.{kind}: {name}: a tag and a digest"));
            }
        }
    }
    if names.is_empty() {
        return wrong("the spec has no component".to_owned());
    }
    let rules = spec
        .get("ingress")
        .and_then(|ingress| ingress.get("rules"))
        .and_then(Value::as_array);
    for rule in rules.into_iter().flatten() {
        let target = rule.pointer("/component/name").and_then(Value::as_str);
        if target.is_some_and(|target| !names.contains(&target)) {
            return wrong(format!("spec.ingress: there is no component {target:?}"));
        }
    }
    Ok(())
}
