//! The fakes, on virtual time.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::store::MemoryStore;
use bluegreen_core::{FaultKind, Fencing, Granularity, RouterCapabilities, Slot};
use bluegreen_testkit::conformance::{ProviderFault, router, store};
use bluegreen_testkit::fakes::{Behaviour, CallLog, FakeRouter, FakeStore};

/// What a fake does while its provider fails so.
fn behaviour(fault: ProviderFault) -> Option<Behaviour> {
    Some(match fault {
        ProviderFault::Refused => Behaviour::Fault(FaultKind::Unavailable { retry_after: None }),
        ProviderFault::Rejected => Behaviour::Fault(FaultKind::Rejected),
        ProviderFault::Throttled { retry_after } => Behaviour::Fault(FaultKind::Unavailable {
            retry_after: Some(retry_after),
        }),
        ProviderFault::LostAnswer => Behaviour::ApplyThenFault(FaultKind::Unknown),
        ProviderFault::LandsLate { by } => Behaviour::LandLate(by),
        _ => return None,
    })
}

/// All calls in a log behave so from now on.
fn disturb(log: &CallLog, fault: Option<ProviderFault>) -> bool {
    match fault.map(behaviour) {
        None => log.calm(),
        Some(None) => return false,
        Some(Some(behaviour)) => log.disturb(move |_| behaviour),
    }
    true
}

fn router_subject(capabilities: RouterCapabilities, lag: Duration) -> router::RouterSubject {
    let log = CallLog::default();
    let fake = FakeRouter::new("edge", &log)
        .with_capabilities(capabilities)
        .with_lag(lag);
    let (hand, traffic, again) = (fake.clone(), fake.clone(), fake.clone());
    router::RouterSubject::new(fake)
        .by_hand(async move |split| hand.set_by_hand(split))
        .traffic(async move |count| {
            let blue = traffic.live().share(Slot::Blue).fraction();
            let of = |number: usize| (number as f64) < blue * (count as f64);
            (0..count)
                .map(|number| if of(number) { Slot::Blue } else { Slot::Green })
                .collect()
        })
        .again(async move || again.clone())
        .faults(async move |fault| disturb(&log, fault))
}

mod exact_router {
    bluegreen_testkit::router_conformance! {
        #[tokio::test(start_paused = true)]
        async || super::router_subject(super::RouterCapabilities::exact(), super::Duration::ZERO)
    }
}

mod slow_all_or_nothing_router {
    use super::*;

    bluegreen_testkit::router_conformance! {
        #[tokio::test(start_paused = true)]
        async || {
            let minute = Duration::from_secs(60);
            let capabilities = RouterCapabilities::exact()
                .granularity(Granularity::AllOrNothing)
                .fencing(Fencing::Settle(Duration::from_secs(15)))
                .propagation(minute);
            router_subject(capabilities, minute)
        }
    }
}

mod router_of_whole_percents {
    use super::*;

    bluegreen_testkit::router_conformance! {
        #[tokio::test(start_paused = true)]
        async || router_subject(RouterCapabilities::exact().granularity(Granularity::Steps(100)), Duration::ZERO)
    }
}

mod fake_store {
    use super::*;

    bluegreen_testkit::store_conformance! {
        #[tokio::test(start_paused = true)]
        async || {
            let log = CallLog::default();
            let fake = FakeStore::new("memory", &log, Arc::new(MemoryStore::new()));
            let again = fake.clone();
            store::StoreSubject::new(fake)
                .again(async move || again.clone())
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}
