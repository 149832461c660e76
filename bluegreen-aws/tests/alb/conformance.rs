//! The router and the gate keep the contracts of their ports, with faults: the suites of the test kit.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Slot, Split};
use bluegreen_testkit::aws::FakeConfig;
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::conformance::gate::{GateSubject, SlotState};
use bluegreen_testkit::conformance::router::RouterSubject;

use crate::common::Shop;

fn config() -> FakeConfig {
    FakeConfig::default()
        .page_most(1)
        .propagation(Duration::from_millis(20))
}

fn over(shop: Shop, named: bool) -> RouterSubject {
    let shop = Arc::new(shop);
    let make = {
        let shop = shop.clone();
        move || {
            let mut builder = shop.builder();
            if named {
                for listener in &shop.listeners {
                    builder = builder.listener(listener).unwrap();
                }
                for rule in &shop.rules {
                    builder = builder.rule(rule).unwrap();
                }
            }
            builder.build()
        }
    };
    let (hand, foreign, traffic, faults) = (shop.clone(), shop.clone(), shop.clone(), shop.clone());
    let router = make();
    RouterSubject::new(router)
        .secret("no secret")
        .secret("hush-hush")
        .by_hand(async move |split: Split| {
            let green = u32::from(split.share(Slot::Green).basis_points() / 100);
            hand.by_hand(&[(&hand.blue, 100 - green), (&hand.green, green)]);
        })
        .foreign(async move || {
            let other = foreign.aws.add_target_group("somebody-else");
            foreign.by_hand_at(&foreign.rules[0], &[(&foreign.blue, 1), (&other, 1)]);
        })
        .traffic(async move |requests| traffic.answered(requests))
        .again(async move || make())
        .faults(async move |fault| faults.aws.disturb(fault).await.is_ok())
        .guard(shop)
}

mod whatever_forwards_to_the_groups {
    use super::*;
    bluegreen_testkit::router_conformance!(async || over(Shop::open(config()).await, false));
}

mod named_listeners_and_rules {
    use super::*;
    bluegreen_testkit::router_conformance!(async || over(Shop::open(config()).await, true));
}

mod health {
    use super::*;
    bluegreen_testkit::gate_conformance!(async || {
        let shop = Arc::new(Shop::open(config()).await);
        shop.by_hand(&[(&shop.blue, 100), (&shop.green, 0)]);
        crate::common::pause(100).await;
        let world = shop.clone();
        GateSubject::new(shop.gate())
            .secret("no secret")
            .states(async move |slot, state| {
                match state {
                    SlotState::Good => world.host().service(slot).set_refusing(false).await.unwrap(),
                    SlotState::Bad | SlotState::Refusing => {
                        world.host().service(slot).set_refusing(true).await.unwrap();
                    }
                    SlotState::Unmeasurable => {
                        world.aws.disturb(Some(ProviderFault::Refused)).await.unwrap();
                        return true;
                    }
                    _ => return false,
                }
                // Until the checks have noticed.
                crate::common::pause(150).await;
                true
            })
            .guard(shop)
    });
}
