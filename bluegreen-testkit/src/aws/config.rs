//! What a fake is started with.

use std::time::Duration;

/// How the fake behaves. The times are short, so that tests are; the documentation's are in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakeConfig {
    /// The region, as it stands in names.
    pub region: String,
    /// The account, as it stands in names.
    pub account: String,
    /// How long each answer of an API takes.
    pub call_takes: Duration,
    /// How long balancers go on by the old weights after a change was answered (seconds; not documented).
    pub propagation: Duration,
    /// How long a target is `initial` before its first check can pass (the interval of the health checks).
    pub target_initial: Duration,
    /// How long a change of a zone is `PENDING` (usually under 60 s).
    pub insync_after: Duration,
    /// The most items of a page.
    pub page_most: usize,
    /// Requests a second of each service, and as many at once; more are throttled. Tests send more than
    /// people: 100,000 if nothing is said. Route 53 takes 5.
    pub requests_a_second: u32,
}

impl Default for FakeConfig {
    fn default() -> Self {
        Self {
            region: "eu-central-1".to_owned(),
            account: "123456789012".to_owned(),
            call_takes: Duration::ZERO,
            propagation: Duration::from_millis(50),
            target_initial: Duration::from_millis(30),
            insync_after: Duration::from_millis(50),
            page_most: 400,
            requests_a_second: 100_000,
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
    region: String, "In another region.";
    account: String, "In another account.";
    call_takes: Duration, "With another time until an answer.";
    propagation: Duration, "With another time until balancers follow a change.";
    target_initial: Duration, "With another time until a target can be healthy.";
    insync_after: Duration, "With another time until a zone is in sync.";
    page_most: usize, "With smaller pages.";
    requests_a_second: u32, "With another limit of requests.";
}
