//! The router on Route 53, over the fake: everything in virtual time.

#![cfg(feature = "route53")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod conformance;
mod deployment;
mod moto;
mod traps;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bluegreen_aws::Account;
use bluegreen_aws::route53::{RecordKind, Route53Router, WeightedRecords};
use bluegreen_core::{Clock, Op, Router, Share, Slot, Split, SystemClock, Timestamp, Token, Verification};
use bluegreen_testkit::aws::{DnsRecord, FakeAws, FakeConfig};

const NAME: &str = "shop.example.com";

/// A zone with two weighted records, blue live, in an account that lives by virtual time.
struct World {
    aws: Arc<FakeAws>,
    clock: Arc<SystemClock>,
    zone: String,
}

impl World {
    fn new(config: FakeConfig) -> Self {
        let world = Self::empty(config);
        for (slot, weight) in [(Slot::Blue, 100), (Slot::Green, 0)] {
            world.aws.set_dns_record(&world.zone, address(slot, weight));
        }
        world
    }

    fn empty(config: FakeConfig) -> Self {
        let clock = Arc::new(SystemClock::starting_at(Timestamp::from_millis(
            1_795_300_000_000,
        )));
        let aws = Arc::new(FakeAws::in_memory(config, clock.clone()));
        let zone = aws.add_zone("example.com");
        Self { aws, clock, zone }
    }

    fn account(&self) -> Account {
        Account::new(&self.aws.sdk_config()).clock(self.clock.clone())
    }

    fn records(&self) -> WeightedRecords {
        WeightedRecords::new(&self.zone, NAME, RecordKind::A).unwrap()
    }

    /// A router as another process has it: nothing is known yet.
    fn router(&self) -> Route53Router {
        Route53Router::new(&self.account(), self.records())
    }

    async fn pass(&self, secs: u64) {
        self.clock.sleep(Duration::from_secs(secs)).await;
    }

    /// How many of so many resolvers, which ask now, are led to a slot.
    fn led_to(&self, slot: Slot, resolvers: std::ops::Range<u32>) -> usize {
        let value = value(slot);
        let answers =
            resolvers.filter_map(|number| self.aws.resolve(NAME, "A", &format!("resolver-{number}")));
        answers.filter(|answer| answer.value == value).count()
    }

    fn weights(&self) -> (i64, i64) {
        let weight = |slot: Slot| {
            let records = self.aws.dns_records(&self.zone);
            let mut found = records
                .iter()
                .filter(|record| record.set_identifier.as_deref() == Some(slot.as_str()));
            found.next().unwrap().weight.unwrap()
        };
        (weight(Slot::Blue), weight(Slot::Green))
    }

    /// The batches that were sent, and how they were answered.
    fn batches(&self) -> Vec<(String, u16)> {
        let requests = self.aws.requests().into_iter();
        let posts = requests.filter(|asked| asked.action.starts_with("POST"));
        posts
            .map(|asked| (String::from_utf8(asked.body.to_vec()).unwrap(), asked.status))
            .collect()
    }

    /// Asks until a split is live; how long that took.
    async fn live(&self, router: &dyn Router, split: Split) -> Duration {
        let began = self.clock.monotonic();
        for _ in 0..10_000 {
            if let Verification::Live { .. } = router.verify(&op(0), split).await.unwrap() {
                return self.clock.monotonic().since(began);
            }
            self.pass(1).await;
        }
        panic!("{split} did not become live");
    }
}

fn value(slot: Slot) -> &'static str {
    match slot {
        Slot::Blue => "10.0.0.1",
        Slot::Green => "10.0.0.2",
    }
}

fn address(slot: Slot, weight: i64) -> DnsRecord {
    DnsRecord::new(NAME, "A")
        .weighted(slot.as_str(), weight)
        .ttl(300)
        .value(value(slot))
}

fn op(seq: u64) -> Op {
    Op::new(
        Token { epoch: 1, seq },
        format!("test-{seq}"),
        Duration::from_secs(20),
    )
}

fn green(percent: u8) -> Split {
    Split::with(Slot::Green, Share::from_percent(percent).unwrap())
}
