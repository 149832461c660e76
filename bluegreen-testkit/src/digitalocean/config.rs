//! What a fake is started with.

use std::time::Duration;

/// How the fake behaves. The times are short, so that tests are; the documentation's are in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeConfig {
    /// The token that is taken.
    pub token: String,
    /// How long a changed balancer is `new` (seconds to minutes).
    pub active_after: Duration,
    /// How long a deployment of an app takes (minutes).
    pub deployment_takes: Duration,
    /// How long a domain takes to be `ACTIVE` when the deployment is that brings it: the certificate (minutes).
    pub domain_takes: Duration,
    /// Whether a domain is free for another app as soon as a spec without it was taken; otherwise the app keeps it
    /// until the deployment of that spec is active. Documented nowhere.
    pub frees_domains_at_once: bool,
    /// How long each answer of the API takes.
    pub call_takes: Duration,
    /// The length of a second in the balancers' health checks.
    pub health_second: Duration,
    /// For how long a balancer goes on with its old targets when none of the new ones is healthy.
    pub health_patience: Duration,
    /// The most items of a page (200).
    pub page_most: usize,
    /// Whether the API keeps connections. Where a test refuses them, a client has no old one to try.
    pub keep_alive: bool,
    /// Requests an hour (5000).
    pub requests_an_hour: u32,
    /// Requests a minute (250). As tests send more than people, 100,000 if nothing is said.
    pub requests_a_minute: u32,
}

impl Default for FakeConfig {
    fn default() -> Self {
        Self {
            token: "dop_v1_fake".to_owned(),
            active_after: Duration::from_millis(30),
            deployment_takes: Duration::from_millis(40),
            domain_takes: Duration::ZERO,
            frees_domains_at_once: true,
            call_takes: Duration::ZERO,
            health_second: Duration::from_millis(20),
            health_patience: Duration::from_secs(2),
            page_most: 200,
            keep_alive: true,
            requests_an_hour: 1_000_000,
            requests_a_minute: 100_000,
        }
    }
}

macro_rules! with {
    ($($name:ident: $kind:ty, $words:literal;)+) => {
        impl FakeConfig {
            $(
                #[doc = $words]
                #[must_use]
                pub fn $name(mut self, $name: $kind) -> Self {
                    self.$name = $name;
                    self
                }
            )+
        }
    };
}

with! {
    token: String, "With another token.";
    active_after: Duration, "With another time until a changed balancer is `active`.";
    deployment_takes: Duration, "With another time that a deployment takes.";
    domain_takes: Duration, "With another time that a domain takes.";
    frees_domains_at_once: bool, "With domains that are free at once, or only when a deployment is over.";
    call_takes: Duration, "With another time until an answer.";
    health_second: Duration, "With another length of a second in health checks.";
    health_patience: Duration, "With another time for which old targets go on.";
    page_most: usize, "With smaller pages.";
    keep_alive: bool, "With or without connections that are kept.";
    requests_an_hour: u32, "With another limit an hour.";
    requests_a_minute: u32, "With another limit a minute.";
}
