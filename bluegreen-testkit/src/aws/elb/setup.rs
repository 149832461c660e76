//! What an embedder does with the account, past its APIs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use super::api::checked;
use super::group::{Group, Target};
use super::plane::{self, Plane, Routed, Seen};
use super::tree::{Tree, form_of};
use super::{Balancer, Listener, Routes, Rule, State, check};
use crate::aws::FakeAws;
use crate::lock::held;
use crate::loopback::server::Server;

/// A target to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeTarget {
    id: String,
    port: u16,
    zone: String,
    at: Option<SocketAddr>,
}

impl FakeTarget {
    /// A target of this name that is nowhere; its health is set by hand.
    pub fn named(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            port: 80,
            zone: "eu-central-1a".to_owned(),
            at: None,
        }
    }

    /// A service at this address, whose `/health` is asked.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            port: address.port(),
            at: Some(address),
            ..Self::named(address.ip().to_string())
        }
    }

    /// In another zone than `eu-central-1a`.
    #[must_use]
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = zone.into();
        self
    }
}

/// Balancers, without requests.
impl FakeAws {
    fn arn(&self, rest: &str) -> String {
        let config = &self.cloud.config;
        format!(
            "arn:aws:elasticloadbalancing:{}:{}:{rest}",
            config.region, config.account
        )
    }

    /// Adds a target group without targets; its ARN.
    pub fn add_target_group(&self, name: &str) -> String {
        let mut state = held(&self.cloud.state);
        let id = state.elb.draw();
        let arn = self.arn(&format!("targetgroup/{name}/{id:016x}"));
        state.elb.groups.insert(arn.clone(), Group::new(name));
        arn
    }

    /// Registers a target. It is `initial`, or `unused` until something forwards to its group.
    pub fn register(&self, group: &str, target: FakeTarget) {
        let now = self.cloud.clock.monotonic();
        let mut state = held(&self.cloud.state);
        if let Some(group) = state.elb.groups.get_mut(group) {
            let is_up = target.at.is_none() || self.server.is_none();
            group.targets.insert(
                (target.id, target.port),
                Target {
                    zone: target.zone,
                    at: target.at,
                    registered: now,
                    is_up,
                    since: now,
                    left: None,
                },
            );
        }
    }

    /// Lets the checks of a target pass or fail from now on; for targets that are nowhere.
    pub fn set_target_up(&self, group: &str, id: &str, is_up: bool) {
        let now = self.cloud.clock.monotonic();
        let mut state = held(&self.cloud.state);
        let Some(group) = state.elb.groups.get_mut(group) else {
            return;
        };
        for ((name, _), target) in &mut group.targets {
            if name == id && target.is_up != is_up {
                target.is_up = is_up;
                target.since = now;
            }
        }
    }

    /// Sets an attribute of a target group: `deregistration_delay.timeout_seconds`.
    pub fn set_group_attribute(&self, group: &str, key: &str, value: &str) {
        if let Some(group) = held(&self.cloud.state).elb.groups.get_mut(group) {
            group.attributes.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Adds a balancer without listeners; its ARN.
    pub fn add_load_balancer(&self, name: &str) -> String {
        let mut state = held(&self.cloud.state);
        let id = state.elb.draw();
        let arn = self.arn(&format!("loadbalancer/app/{name}/{id:016x}"));
        let zones = ["a", "b", "c"].map(|zone| format!("{}{zone}", self.cloud.config.region));
        let balancer = Balancer {
            name: name.to_owned(),
            zones: zones.into(),
            tags: std::collections::BTreeMap::default(),
            listeners: std::collections::BTreeMap::default(),
        };
        state.elb.balancers.insert(arn.clone(), balancer);
        arn
    }

    /// Adds a listener with its default actions, as the command line has them, and begins to forward if the
    /// account is on loopback; its ARN. Port 443 is HTTPS for the API; the entry itself speaks HTTP.
    ///
    /// # Errors
    /// When the actions would be refused, there is no such balancer, or no port can be bound.
    pub async fn add_listener(&self, balancer: &str, port: u16, actions: &Value) -> io::Result<String> {
        let arn = {
            let now = self.cloud.clock.monotonic();
            let mut state = held(&self.cloud.state);
            let elb = &mut state.elb;
            let id = elb.draw();
            let is_https = port == 443;
            let form = form_of(&serde_json::json!({ "Actions": actions }));
            let actions = checked(elb, balancer, is_https, &[], &form, "Actions");
            let actions = actions.map_err(|refusal| io::Error::other(refusal.message))?;
            let Some(entry) = elb.balancers.get_mut(balancer) else {
                return Err(io::Error::other("there is no such balancer"));
            };
            let arn = balancer.replace(":loadbalancer/", ":listener/") + &format!("/{id:016x}");
            let listener = Listener {
                port,
                protocol: if is_https { "HTTPS" } else { "HTTP" }.to_owned(),
                default: Routes::new(actions),
                rules: std::collections::BTreeMap::default(),
                tags: std::collections::BTreeMap::default(),
            };
            entry.listeners.insert(arn.clone(), listener);
            elb.note_use(now);
            arn
        };
        if self.server.is_some() {
            let plane = Plane::new(self.cloud.clone(), arn.clone());
            let entry = Server::start(Arc::new(plane)).await?;
            let mut entries = held(&self.entries);
            if entries.is_empty() {
                tokio::spawn(check::targets(Arc::downgrade(&self.cloud)));
            }
            entries.insert(arn.clone(), entry);
        }
        Ok(arn)
    }

    /// Adds a rule to a listener, with conditions and actions as the command line has them; its ARN.
    ///
    /// # Errors
    /// When the actions would be refused, or there is no such listener.
    pub fn add_rule(
        &self,
        listener: &str,
        priority: u32,
        conditions: &Value,
        actions: &Value,
    ) -> io::Result<String> {
        let now = self.cloud.clock.monotonic();
        let mut state = held(&self.cloud.state);
        let elb = &mut state.elb;
        let id = elb.draw();
        let form = form_of(&serde_json::json!({ "Actions": actions, "Conditions": conditions }));
        let actions = read(elb, listener, &form).map_err(io::Error::other)?;
        let arn = listener.replace(":listener/", ":listener-rule/") + &format!("/{id:016x}");
        let rule = Rule {
            priority,
            conditions: form.members("Conditions").iter().map(Tree::of).collect(),
            routes: Routes::new(actions),
            tags: std::collections::BTreeMap::default(),
        };
        let mut listeners = elb.balancers.values_mut();
        let entry = listeners.find_map(|balancer| balancer.listeners.get_mut(listener));
        let entry = entry.ok_or_else(|| io::Error::other("there is no such listener"))?;
        entry.rules.insert(arn.clone(), rule);
        elb.note_use(now);
        Ok(arn)
    }

    /// Tags a balancer, a listener, a rule or a target group.
    pub fn tag(&self, arn: &str, key: &str, value: &str) {
        let mut state = held(&self.cloud.state);
        let elb = &mut state.elb;
        let pair = (key.to_owned(), value.to_owned());
        if let Some(group) = elb.groups.get_mut(arn) {
            group.tags.extend([pair]);
            return;
        }
        for (name, balancer) in &mut elb.balancers {
            if name == arn {
                balancer.tags.extend([pair.clone()]);
            }
            for (name, listener) in &mut balancer.listeners {
                if name == arn {
                    listener.tags.extend([pair.clone()]);
                }
                if let Some(rule) = listener.rules.get_mut(arn) {
                    rule.tags.extend([pair.clone()]);
                }
            }
        }
    }

    /// Somebody sets the actions of a listener or rule in the console. Every node follows at once.
    ///
    /// # Errors
    /// When the actions would be refused, or there is no such listener or rule.
    pub fn set_actions_by_hand(&self, place: &str, actions: &Value) -> io::Result<()> {
        let now = self.cloud.clock.monotonic();
        let mut state = held(&self.cloud.state);
        let elb = &mut state.elb;
        let form = form_of(&serde_json::json!({ "Actions": actions }));
        let actions = read(elb, place, &form).map_err(io::Error::other)?;
        for balancer in elb.balancers.values_mut() {
            for (name, listener) in &mut balancer.listeners {
                if name == place {
                    listener.default.by_hand(actions.clone());
                }
                if let Some(rule) = listener.rules.get_mut(place) {
                    rule.routes.by_hand(actions.clone());
                }
            }
        }
        elb.note_use(now);
        Ok(())
    }

    /// The weights of a listener's default or of a rule, as the API shows them now.
    #[must_use]
    pub fn weights(&self, place: &str) -> Vec<(String, u32)> {
        let state = held(&self.cloud.state);
        let routes = state.elb.routes(place);
        let forwards = routes.into_iter().flat_map(super::Routes::now);
        let forwards = forwards.filter_map(|action| action.forward.as_ref());
        forwards.flat_map(|forward| forward.groups.clone()).collect()
    }

    /// The weights that each node goes by now, one after the other: not the same while some still lag.
    #[must_use]
    pub fn weights_in_force(&self, place: &str) -> Vec<Vec<(String, u32)>> {
        let (config, now) = (&self.cloud.config, self.cloud.clock.monotonic());
        let state = held(&self.cloud.state);
        let Some(routes) = state.elb.routes(place) else {
            return Vec::new();
        };
        let node = |node| {
            let actions = routes.at(now, plane::lag(config, node)).iter();
            let forwards = actions.filter_map(|action| action.forward.as_ref());
            forwards.flat_map(|forward| forward.groups.clone()).collect()
        };
        (0..u64::from(config.nodes.max(1))).map(node).collect()
    }

    /// The types of the actions of a listener's default or of a rule, in their order.
    #[must_use]
    pub fn action_types(&self, place: &str) -> Vec<String> {
        let state = held(&self.cloud.state);
        let actions = state.elb.routes(place).map_or(&[][..], super::Routes::now);
        actions.iter().map(|action| action.kind.clone()).collect()
    }

    /// Where a listener is entered, if the account is on loopback.
    #[must_use]
    pub fn entry(&self, listener: &str) -> Option<SocketAddr> {
        held(&self.entries).get(listener).map(Server::address)
    }

    /// Where a request for a path would go now, with these cookies. One of the nodes decides, each in its turn, as
    /// for a request that comes in.
    #[must_use]
    pub fn route(&self, listener: &str, path: &str, cookies: &str) -> Routed {
        let seen = Seen {
            host: "",
            path,
            cookies,
        };
        let (now, wall) = (self.cloud.clock.monotonic(), self.cloud.clock.now());
        let mut state = held(&self.cloud.state);
        state.elb.route(&self.cloud.config, now, wall, listener, &seen)
    }

    /// Counts requests of a group without sending any, now: what CloudWatch shows of them.
    pub fn count_requests(&self, group: &str, requests: u32, failed: u32, seconds: f64) {
        let wall = self.cloud.clock.now();
        let mut state = held(&self.cloud.state);
        for number in 0..requests {
            state.elb.count(group, wall, number < failed, seconds);
        }
    }
}

fn read(elb: &State, place: &str, form: &crate::aws::wire::Form) -> Result<Vec<super::Action>, String> {
    let mut found = None;
    for (arn, balancer) in &elb.balancers {
        for (name, listener) in &balancer.listeners {
            if name == place {
                found = Some((arn, listener, &listener.default));
            } else if let Some(rule) = listener.rules.get(place) {
                found = Some((arn, listener, &rule.routes));
            }
        }
    }
    let (balancer, listener, routes) = found.ok_or("there is no such listener or rule")?;
    let is_https = listener.protocol == "HTTPS";
    checked(elb, balancer, is_https, routes.now(), form, "Actions").map_err(|refusal| refusal.message)
}
