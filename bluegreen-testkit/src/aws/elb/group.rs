//! Target groups, and how their targets are.
//!
//! [Target health status](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bluegreen_core::Monotonic;

/// A target group.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) targets: BTreeMap<(String, u16), Target>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Since when a listener or rule forwards to it.
    pub(super) used: Option<Monotonic>,
}

/// A target of a group.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) zone: String,
    /// Where it really is, on loopback.
    pub(super) at: Option<SocketAddr>,
    pub(super) registered: Monotonic,
    /// Whether checks pass, and since when that is so.
    pub(super) is_up: bool,
    pub(super) since: Monotonic,
    /// When it was deregistered.
    pub(super) left: Option<Monotonic>,
}

/// How a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Unused,
    Initial,
    Healthy,
    Unhealthy,
    Draining,
    Gone,
}

impl Health {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unused | Self::Gone => "unused",
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
        }
    }

    pub(super) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Unused => Some("Target.NotInUse"),
            Self::Gone => Some("Target.NotRegistered"),
            Self::Initial => Some("Elb.InitialHealthChecking"),
            Self::Healthy => None,
            Self::Unhealthy => Some("Target.FailedHealthChecks"),
            Self::Draining => Some("Target.DeregistrationInProgress"),
        }
    }
}

impl Group {
    pub(super) fn new(name: &str) -> Self {
        let attributes = [
            ("deregistration_delay.timeout_seconds", "300"),
            ("load_balancing.algorithm.type", "round_robin"),
            ("slow_start.duration_seconds", "0"),
            ("stickiness.enabled", "false"),
            ("stickiness.type", "lb_cookie"),
            (
                "target_group_health.dns_failover.minimum_healthy_targets.count",
                "1",
            ),
        ];
        Self {
            name: name.to_owned(),
            attributes: attributes
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Self::default()
        }
    }

    /// How long a target that was deregistered goes on with the requests that it has.
    pub(super) fn deregistration_delay(&self) -> Duration {
        let seconds = self.attributes.get("deregistration_delay.timeout_seconds");
        Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(300))
    }

    /// How a target is. `checked` is how long a check takes to be believed.
    pub(super) fn health(&self, target: &Target, now: Monotonic, checked: Duration) -> Health {
        if let Some(left) = target.left {
            return if now.since(left) < self.deregistration_delay() {
                Health::Draining
            } else {
                Health::Gone
            };
        }
        let Some(used) = self.used else {
            return Health::Unused;
        };
        let begun = used.max(target.registered);
        let after = |moment: Monotonic| Monotonic(moment.0.saturating_add(checked));
        let (changed, is_initial) = (target.since, now < after(begun));
        if target.is_up {
            return match now >= after(begun.max(changed)) {
                true => Health::Healthy,
                false if is_initial || changed <= begun => Health::Initial,
                false => Health::Unhealthy,
            };
        }
        if changed >= after(begun) && now < after(changed) {
            // It was healthy, and nobody has noticed yet.
            Health::Healthy
        } else if is_initial {
            Health::Initial
        } else {
            Health::Unhealthy
        }
    }

    /// The targets that a node sends to: the healthy ones, or all of them where none is. What has left goes
    /// on for as long as the node lags.
    pub(super) fn reached(&self, now: Monotonic, checked: Duration, lag: Duration) -> Vec<&Target> {
        let is_there = |target: &&Target| target.left.is_none_or(|left| now.since(left) < lag);
        let there: Vec<&Target> = self.targets.values().filter(is_there).collect();
        let is_healthy =
            |target: &&&Target| target.left.is_some() || self.health(target, now, checked) == Health::Healthy;
        let healthy: Vec<&Target> = there.iter().filter(is_healthy).copied().collect();
        if healthy.is_empty() { there } else { healthy }
    }
}
