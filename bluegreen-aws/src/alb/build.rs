//! How a router is put together.

use std::sync::Arc;
use std::time::Duration;

use super::arn::{self, Groups, InvalidArn};
use super::places::Where;
use super::probe::SlotProbe;
use super::router::AlbRouter;
use super::stickiness::Stickiness;
use super::traffic::TrafficCounts;
use super::{PROPAGATION, SETTLE};
use crate::account::Account;

/// Puts an [`AlbRouter`] together. Begins with [`AlbRouter::between`].
#[derive(Debug, Clone)]
pub struct AlbRouterBuilder {
    pub(super) account: Account,
    pub(super) name: String,
    pub(super) pairs: Vec<Groups>,
    pub(super) looked: Where,
    pub(super) stickiness: Stickiness,
    pub(super) probe: Option<SlotProbe>,
    pub(super) counts: Option<Arc<dyn TrafficCounts>>,
    pub(super) settle: Duration,
    pub(super) propagation: Duration,
}

impl AlbRouterBuilder {
    pub(super) fn new(account: &Account, groups: Groups) -> Self {
        let blue = arn::short(groups.of(bluegreen_core::Slot::Blue));
        let name = blue.split('/').nth(1).unwrap_or(blue);
        Self {
            account: account.clone(),
            name: format!("alb-{name}"),
            pairs: vec![groups],
            looked: Where::Used,
            stickiness: Stickiness::default(),
            probe: None,
            counts: None,
            settle: SETTLE,
            propagation: PROPAGATION,
        }
    }

    /// With another name than `alb-` and that of blue's group.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Over another balancer too, where the slots have these groups: a group belongs to one balancer.
    #[must_use]
    pub fn and(mut self, groups: Groups) -> Self {
        self.pairs.push(groups);
        self
    }

    /// Changes the default actions of this listener. As soon as a listener or rule is named, only the named ones are
    /// changed, and a deployment does not begin where another one forwards to the same groups.
    ///
    /// # Errors
    /// When it is not the ARN of a listener of an Application Load Balancer.
    pub fn listener(mut self, listener: impl Into<String>) -> Result<Self, InvalidArn> {
        let (mut listeners, rules) = self.names();
        listeners.push(arn::listener(listener)?);
        self.looked = Where::Named { listeners, rules };
        Ok(self)
    }

    /// Changes this rule.
    ///
    /// # Errors
    /// When it is not the ARN of a rule of an Application Load Balancer.
    pub fn rule(mut self, rule: impl Into<String>) -> Result<Self, InvalidArn> {
        let (listeners, mut rules) = self.names();
        rules.push(arn::rule(rule)?);
        self.looked = Where::Named { listeners, rules };
        Ok(self)
    }

    fn names(&self) -> (Vec<String>, Vec<String>) {
        match &self.looked {
            Where::Named { listeners, rules } => (listeners.clone(), rules.clone()),
            Where::Used | Where::Tagged { .. } => (Vec::new(), Vec::new()),
        }
    }

    /// Changes whatever forwards to the groups on the balancers that carry this tag. Named listeners and rules are
    /// forgotten.
    #[must_use]
    pub fn tagged(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.looked = Where::Tagged {
            key: key.into(),
            value: value.into(),
        };
        self
    }

    /// Another way with group stickiness; a deployment is refused where it is on if nothing is said.
    #[must_use]
    pub const fn stickiness(mut self, stickiness: Stickiness) -> Self {
        self.stickiness = stickiness;
        self
    }

    /// Asks the public entry which slot answers, before a split counts as live.
    #[must_use]
    pub fn probe(mut self, probe: SlotProbe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Counts requests of both groups: before a split counts as live, if there is no probe, and to see when nothing
    /// is in flight any more.
    #[must_use]
    pub fn counts(mut self, counts: impl TrafficCounts + 'static) -> Self {
        self.counts = Some(Arc::new(counts));
        self
    }

    /// How long a change that was given up may still take effect; 30 seconds if nothing is said.
    #[must_use]
    pub const fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The bound within which all nodes of a balancer go by a change; 30 seconds if nothing is said, as the service
    /// declares none. No switch of everything counts as live before it is over, whatever else is seen: a node that
    /// lags can hide from any number of requests.
    #[must_use]
    pub const fn propagation(mut self, bound: Duration) -> Self {
        self.propagation = bound;
        self
    }

    /// The router.
    #[must_use]
    pub fn build(self) -> AlbRouter {
        AlbRouter::new(self)
    }
}
