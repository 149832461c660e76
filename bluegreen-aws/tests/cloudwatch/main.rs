//! Numbers, alarms and logs, over the fake.

#![cfg(all(feature = "cloudwatch", feature = "logs"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod alarms;
mod logs;
mod numbers;

use std::sync::Arc;
use std::time::Duration;

use bluegreen_aws::Account;
use bluegreen_core::{Clock, GateContext, Op, ServiceName, Slot, Split, SystemClock, Timestamp, Token};
use bluegreen_testkit::aws::{FakeAws, FakeConfig};

struct World {
    aws: Arc<FakeAws>,
    clock: Arc<SystemClock>,
}

impl World {
    fn new(config: FakeConfig) -> Self {
        // Half past a minute.
        let clock = Arc::new(SystemClock::starting_at(Timestamp::from_millis(
            1_795_300_050_000,
        )));
        let aws = Arc::new(FakeAws::in_memory(config, clock.clone()));
        Self { aws, clock }
    }

    fn account(&self) -> Account {
        Account::new(&self.aws.sdk_config()).clock(self.clock.clone())
    }

    /// The beginning of the minute that was so many minutes ago; 0: the one that is not over.
    fn minute(&self, ago: i64) -> Timestamp {
        let now = self.clock.now().as_millis();
        Timestamp::from_millis(now - now.rem_euclid(60_000) - ago * 60_000)
    }
}

fn op() -> Op {
    Op::new(Token::default(), "test", Duration::from_secs(20))
}

fn of(slot: Slot) -> GateContext {
    let service = ServiceName::new("shop").unwrap();
    GateContext::new(service, slot, None, Split::all(Slot::Blue))
}
