//! Application Load Balancers: listeners, rules, target groups, and the way of a request through them.

mod action;
mod api;
mod check;
mod group;
mod plane;
mod setup;
mod tree;

use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::{Monotonic, Timestamp};

use self::action::Action;
use self::group::Group;
use self::tree::Tree;

pub(super) use api::answer;
pub(super) use plane::Entries;
pub use plane::Routed;
pub use setup::FakeTarget;

/// All balancers and groups of the account, by their ARNs.
#[derive(Debug, Default)]
pub(super) struct State {
    balancers: BTreeMap<String, Balancer>,
    groups: BTreeMap<String, Group>,
    traffic: BTreeMap<(String, i64), Traffic>,
    /// Numbers for names and dice.
    drawn: u64,
}

#[derive(Debug)]
struct Balancer {
    name: String,
    zones: Vec<String>,
    tags: BTreeMap<String, String>,
    listeners: BTreeMap<String, Listener>,
}

#[derive(Debug)]
struct Listener {
    port: u16,
    protocol: String,
    default: Routes,
    rules: BTreeMap<String, Rule>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Rule {
    priority: u32,
    conditions: Vec<Tree>,
    routes: Routes,
    tags: BTreeMap<String, String>,
}

/// Actions, and what they were as long as a node may still go by it.
#[derive(Debug)]
struct Routes(Vec<(Monotonic, Vec<Action>)>);

impl Routes {
    fn new(actions: Vec<Action>) -> Self {
        Self(vec![(Monotonic::default(), actions)])
    }

    /// As the API shows them.
    fn now(&self) -> &[Action] {
        self.0.last().map_or(&[], |(_, actions)| actions)
    }

    /// As a node with this lag goes by them.
    fn at(&self, now: Monotonic, lag: Duration) -> &[Action] {
        let arrived = |(since, _): &&(Monotonic, Vec<Action>)| {
            since.0.is_zero() || now.0 >= since.0.saturating_add(lag)
        };
        let seen = self.0.iter().rev().find(arrived).or(self.0.first());
        seen.map_or(&[], |(_, actions)| actions)
    }

    fn change(&mut self, actions: Vec<Action>, now: Monotonic, propagation: Duration) {
        // What every node has left behind is forgotten, but for the newest of it.
        let past = |(since, _): &(Monotonic, Vec<Action>)| now.0 >= since.0.saturating_add(propagation);
        if let Some(last) = self.0.iter().rposition(past) {
            self.0.drain(..last);
        }
        self.0.push((now, actions));
    }

    fn by_hand(&mut self, actions: Vec<Action>) {
        *self = Self::new(actions);
    }

    fn groups(&self) -> impl Iterator<Item = &String> {
        let forwards = self.now().iter().filter_map(|action| action.forward.as_ref());
        forwards.flat_map(|forward| forward.groups.iter().map(|(group, _)| group))
    }
}

/// What was forwarded to a group in a second.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    /// Requests.
    pub(super) requests: u64,
    /// Answers of targets with a status of 500 and more.
    pub(super) failed: u64,
    /// How long the first thousand answers took, in seconds.
    pub(super) seconds: Vec<f64>,
}

impl State {
    fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        // SplitMix64: dice that fall the same way in each run.
        let mut z = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn listener(&self, arn: &str) -> Option<&Listener> {
        let mut all = self.balancers.values();
        all.find_map(|balancer| balancer.listeners.get(arn))
    }

    fn rule(&self, arn: &str) -> Option<(&Listener, &Rule)> {
        let mut listeners = self
            .balancers
            .values()
            .flat_map(|balancer| balancer.listeners.values());
        listeners.find_map(|listener| Some((listener, listener.rules.get(arn)?)))
    }

    /// What a listener does by default, or a rule.
    fn routes(&self, place: &str) -> Option<&Routes> {
        let default = self.listener(place).map(|listener| &listener.default);
        default.or_else(|| self.rule(place).map(|(_, rule)| &rule.routes))
    }

    /// The balancers that forward to a group: one, as the service has it.
    fn users(&self, group: &str) -> Vec<&String> {
        let uses = |balancer: &Balancer| {
            let mut listeners = balancer.listeners.values();
            listeners.any(|listener| {
                let rules = listener.rules.values().map(|rule| &rule.routes);
                let mut all = rules.chain([&listener.default]);
                all.any(|routes| routes.groups().any(|used| used == group))
            })
        };
        let found = self.balancers.iter().filter(|(_, balancer)| uses(balancer));
        found.map(|(arn, _)| arn).collect()
    }

    /// Groups are checked while somebody forwards to them.
    fn note_use(&mut self, now: Monotonic) {
        let names: Vec<String> = self.groups.keys().cloned().collect();
        for name in names {
            let is_used = !self.users(&name).is_empty();
            if let Some(group) = self.groups.get_mut(&name) {
                group.used = is_used.then(|| group.used.unwrap_or(now));
            }
        }
    }

    /// Counts a request that was forwarded.
    fn count(&mut self, group: &str, at: Timestamp, failed: bool, seconds: f64) {
        const MOST: usize = 1_000;
        let second = at.as_millis().div_euclid(1_000);
        let traffic = self.traffic.entry((group.to_owned(), second)).or_default();
        traffic.requests += 1;
        traffic.failed += u64::from(failed);
        if traffic.seconds.len() < MOST {
            traffic.seconds.push(seconds);
        }
    }

    /// What was forwarded to a group in the seconds from `from` to before `until`, counted from the beginning of
    /// 1970. The group is named as CloudWatch does: `targetgroup/shop-blue/73e2d6bc24d8a067`.
    #[allow(dead_code, reason = "CloudWatch's part reads it")]
    pub(super) fn traffic(&self, group: &str, from: i64, until: i64) -> Traffic {
        let mut sum = Traffic::default();
        for ((name, second), traffic) in &self.traffic {
            if name.ends_with(group) && (from..until).contains(second) {
                sum.requests += traffic.requests;
                sum.failed += traffic.failed;
                sum.seconds.extend(&traffic.seconds);
            }
        }
        sum
    }
}
