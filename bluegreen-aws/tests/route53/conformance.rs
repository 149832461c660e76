//! The contract of routers, in virtual time, with small pages and servers that follow late.

use std::cell::Cell;
use std::time::Duration;

use bluegreen_aws::route53::Route53Router;
use bluegreen_aws::{Account, Rate};
use bluegreen_core::{Slot, Split};
use bluegreen_testkit::aws::{DnsRecord, FakeConfig};
use bluegreen_testkit::conformance::router::RouterSubject;

use super::{NAME, World, address, value};

/// Clients do not wait for minutes in these cases.
fn router(world: &World, account: &Account) -> Route53Router {
    Route53Router::new(account, world.records())
        .ttl(1)
        .servers_follow_within(Duration::from_millis(50))
}

bluegreen_testkit::router_conformance! {
    #[tokio::test(start_paused = true)]
    async fn subject() -> RouterSubject {
        let config = FakeConfig::default().page_most(3).insync_after(Duration::from_millis(50));
        let world = World::empty(config);
        let aws = world.aws.clone();
        let set = move |split: Split, zone: &str| {
            for slot in Slot::BOTH {
                let weight = i64::from(split.share(slot).basis_points() / 100);
                aws.set_dns_record(zone, address(slot, weight).ttl(1));
            }
        };
        for name in ["api", "shop2", "1.shop"] {
            let record = DnsRecord::new(&format!("{name}.example.com"), "A").ttl(5).value("10.0.0.9");
            world.aws.set_dns_record(&world.zone, record);
        }
        set(Split::all(Slot::Blue), &world.zone);
        // Eight at once are more than five a second, which is tested elsewhere.
        let account = world.account().rate("route53", Rate::a_second(1_000));
        let asked = Cell::new(0);
        let (of_hand, of_spoil, of_traffic, of_faults) =
            (world.zone.clone(), world.zone.clone(), world.aws.clone(), world.aws.clone());
        let spoiled = world.aws.clone();
        let again = (account.clone(), World { aws: world.aws.clone(), clock: world.clock.clone(), zone: world.zone.clone() });
        RouterSubject::new(router(&world, &account))
            .secret("no secret")
            .by_hand(async move |split| set(split, &of_hand))
            .foreign(async move || {
                let theirs = address(Slot::Green, 50).weighted("somebody", 50);
                spoiled.set_dns_record(&of_spoil, theirs);
            })
            .traffic(async move |requests| {
                let mut slots = Vec::new();
                for _ in 0..requests {
                    asked.set(asked.get() + 1);
                    let answer = of_traffic.resolve(NAME, "A", &format!("client-{}", asked.get()));
                    let answer = answer.unwrap().value;
                    slots.extend(Slot::BOTH.into_iter().find(|slot| value(*slot) == answer));
                }
                slots
            })
            .again(async move || router(&again.1, &again.0))
            .faults(async move |fault| of_faults.disturb(fault).await.is_ok())
    }
}
