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
    /// How many nodes a balancer has. They follow a change one after the other, the last of them when the time of
    /// the propagation is over.
    pub nodes: u32,
    /// How long a target is `initial` before its first check can pass (the interval of the health checks).
    pub target_initial: Duration,
    /// How long a change of a zone is `PENDING` (usually under 60 s).
    pub insync_after: Duration,
    /// How long Route 53 works on a change of a zone, and refuses further ones (not documented; `Duration::ZERO`
    /// if nothing is said).
    pub zone_busy_for: Duration,
    /// How long a query of logs takes (seconds to minutes).
    pub query_takes: Duration,
    /// The most items of a page.
    pub page_most: usize,
    /// Requests a second of each service, and as many at once; more are throttled. Tests send more than
    /// people: 100,000 if nothing is said. Route 53 takes 5.
    pub requests_a_second: u32,
    /// How long a machine of an Auto Scaling group takes to come into service, and to go (minutes).
    pub instance_takes: Duration,
    /// How long a deployment of CodeDeploy is in each of its statuses (seconds to minutes).
    pub deployment_phase: Duration,
    /// How long a command that was sent cannot be found by anybody (not documented: seconds).
    pub command_appears: Duration,
    /// How long it is until a command is delivered to a machine (not documented: seconds).
    pub command_delivered: Duration,
    /// How long a command runs.
    pub command_takes: Duration,
    /// How long a snapshot of a database takes (minutes).
    pub snapshot_takes: Duration,
}

impl Default for FakeConfig {
    fn default() -> Self {
        Self {
            region: "eu-central-1".to_owned(),
            account: "123456789012".to_owned(),
            call_takes: Duration::ZERO,
            propagation: Duration::from_millis(50),
            nodes: 3,
            target_initial: Duration::from_millis(30),
            insync_after: Duration::from_millis(50),
            zone_busy_for: Duration::ZERO,
            query_takes: Duration::from_millis(30),
            page_most: 400,
            requests_a_second: 100_000,
            instance_takes: Duration::from_millis(30),
            deployment_phase: Duration::from_millis(15),
            command_appears: Duration::from_millis(40),
            command_delivered: Duration::from_millis(10),
            command_takes: Duration::from_millis(20),
            snapshot_takes: Duration::from_millis(40),
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
    nodes: u32, "With another number of nodes, at least one.";
    target_initial: Duration, "With another time until a target can be healthy.";
    insync_after: Duration, "With another time until a zone is in sync.";
    zone_busy_for: Duration, "With a time for which a change keeps a zone busy.";
    query_takes: Duration, "With another time that a query of logs takes.";
    page_most: usize, "With smaller pages.";
    requests_a_second: u32, "With another limit of requests.";
    instance_takes: Duration, "With another time until a machine is in service or gone.";
    deployment_phase: Duration, "With another time that a deployment is in each of its statuses.";
    command_appears: Duration, "With another time until a command can be found.";
    command_delivered: Duration, "With another time until a command is delivered.";
    command_takes: Duration, "With another time that a command runs.";
    snapshot_takes: Duration, "With another time that a snapshot takes.";
}
