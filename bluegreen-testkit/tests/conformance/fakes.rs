//! The fakes, on virtual time.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::store::MemoryStore;
use bluegreen_core::{FaultKind, Fencing, Granularity, RouterCapabilities, Slot, Verdict};
use bluegreen_testkit::conformance::approver::ApproverSubject;
use bluegreen_testkit::conformance::gate::{GateSubject, SlotState};
use bluegreen_testkit::conformance::hook::HookSubject;
use bluegreen_testkit::conformance::host::HostSubject;
use bluegreen_testkit::conformance::metrics::MetricsSubject;
use bluegreen_testkit::conformance::migrator::MigratorSubject;
use bluegreen_testkit::conformance::notifier::NotifierSubject;
use bluegreen_testkit::conformance::observer::ObserverSubject;
use bluegreen_testkit::conformance::router::RouterSubject;
use bluegreen_testkit::conformance::store::StoreSubject;
use bluegreen_testkit::conformance::workers::WorkersSubject;
use bluegreen_testkit::conformance::{LONGEST_TEXT, ProviderFault};
use bluegreen_testkit::fakes::{
    Behaviour, CallLog, FakeApprover, FakeGate, FakeHook, FakeHost, FakeMetrics, FakeMigrator, FakeNotifier,
    FakeRouter, FakeStore, FakeWorkers, GateCall, RecordingObserver,
};

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
pub(crate) fn disturb(log: &CallLog, fault: Option<ProviderFault>) -> bool {
    match fault.map(behaviour) {
        None => log.calm(),
        Some(None) => return false,
        Some(Some(behaviour)) => log.disturb(move |_| behaviour),
    }
    true
}

fn router(capabilities: RouterCapabilities, lag: Duration) -> RouterSubject {
    let log = CallLog::default();
    let fake = FakeRouter::new("edge", &log)
        .with_capabilities(capabilities)
        .with_lag(lag);
    let (hand, traffic, again) = (fake.clone(), fake.clone(), fake.clone());
    RouterSubject::new(fake)
        .by_hand(async move |split| hand.set_by_hand(split))
        .traffic(async move |count| divided(&traffic, count))
        .again(async move || again.clone())
        .faults(async move |fault| disturb(&log, fault))
}

/// Where so many requests go by the split that is live.
fn divided(router: &FakeRouter, count: usize) -> Vec<Slot> {
    let green = usize::from(router.live().share(Slot::Green).basis_points()) * count / 10_000;
    let slot = |number| if number < green { Slot::Green } else { Slot::Blue };
    (0..count).map(slot).collect()
}

mod exact_router {
    use super::*;

    bluegreen_testkit::router_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> RouterSubject { router(RouterCapabilities::exact(), Duration::ZERO) }
    }
}

mod router_of_whole_percents {
    use super::*;

    bluegreen_testkit::router_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> RouterSubject { router(RouterCapabilities::exact().granularity(Granularity::Steps(100)), Duration::ZERO) }
    }
}

mod slow_all_or_nothing_router_that_settles {
    use super::*;

    bluegreen_testkit::router_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> RouterSubject {
            let minute = Duration::from_mins(1);
            let capabilities = RouterCapabilities::exact()
                .granularity(Granularity::AllOrNothing)
                .fencing(Fencing::Settle(Duration::from_secs(15)))
                .propagation(minute);
            router(capabilities, minute)
        }
    }
}

bluegreen_testkit::store_conformance! {
    #[tokio::test(start_paused = true)]
    async fn subject() -> StoreSubject {
        let log = CallLog::default();
        let fake = FakeStore::new("memory", &log, Arc::new(MemoryStore::new()));
        let again = fake.clone();
        StoreSubject::new(fake)
            .again(async move || again.clone())
            .faults(async move |fault| disturb(&log, fault))
    }
}

mod host {
    use super::*;

    bluegreen_testkit::host_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> HostSubject {
            let log = CallLog::default();
            let fake = FakeHost::new("host", &log).with_settle(Duration::from_secs(3));
            fake.set_ready_after(Duration::from_secs(20));
            let (running, begun) = (fake.clone(), fake.clone());
            HostSubject::new(fake)
                .running(async move |slot| running.release(slot).map(|release| release.version))
                .begun(async move || begun.begun())
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}

mod workers {
    use super::*;

    bluegreen_testkit::workers_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> WorkersSubject {
            let log = CallLog::default();
            let fake = FakeWorkers::new("workers", &log);
            let (claiming, waiting, uncountable) = (fake.clone(), fake.clone(), fake.clone());
            WorkersSubject::new(fake)
                .claiming(async move || claiming.claiming())
                .waiting(async move |count| waiting.set_depth(count))
                .uncountable(async move || uncountable.set_depth(None))
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}

mod migrator {
    use super::*;

    bluegreen_testkit::migrator_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> MigratorSubject {
            let log = CallLog::default();
            let fake = FakeMigrator::new("migrator", &log);
            let applied = fake.clone();
            MigratorSubject::new(fake)
                .applied(async move |phase| u32::try_from(applied.ran(phase)).unwrap())
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}

mod hook {
    use super::*;

    bluegreen_testkit::hook_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> HookSubject {
            let log = CallLog::default();
            let fake = FakeHook::new("purge", &log);
            let ran = fake.clone();
            HookSubject::new(fake)
                .ran(async move || u32::try_from(ran.ran().len()).unwrap())
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}

mod gate {
    use super::*;

    bluegreen_testkit::gate_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> GateSubject {
            let fake = FakeGate::new("health", &CallLog::default());
            let states = fake.clone();
            GateSubject::new(fake).states(async move |slot, state| {
                match state {
                    SlotState::Good => states.always(slot, Verdict::pass("200")),
                    SlotState::Bad => states.always(slot, Verdict::fail("503")),
                    SlotState::Refusing => states.always(slot, Verdict::fail("connection refused")),
                    SlotState::Silent => states.always(slot, Verdict::inconclusive("no data")),
                    SlotState::Endless => states.always(slot, Verdict::fail("x".repeat(LONGEST_TEXT))),
                    SlotState::Unmeasurable => {
                        states.script(GateCall::Check, [Behaviour::Fault(FaultKind::Unavailable { retry_after: None })]);
                    }
                    // A fake that is told to hang does; that ends by its caller.
                    _ => return false,
                }
                true
            })
        }
    }
}

mod metrics {
    use super::*;

    bluegreen_testkit::metrics_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> MetricsSubject {
            let log = CallLog::default();
            let fake = FakeMetrics::new("scrape", &log);
            fake.set("errors", Slot::Green, None);
            let values = fake.clone();
            MetricsSubject::new(fake, "errors")
                .values(async move |slot, value| {
                    values.set("errors", slot, value);
                    true
                })
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}

mod approver {
    use super::*;

    bluegreen_testkit::approver_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> ApproverSubject {
            let log = CallLog::default();
            let fake = FakeApprover::new("chat", &log);
            let (people, questions) = (fake.clone(), fake.clone());
            ApproverSubject::new(fake)
                .people(async move |request, answer| people.answer(request.deployment, request.share, answer))
                .questions(async move || u32::try_from(questions.questions()).unwrap())
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}

mod notifier {
    use super::*;

    bluegreen_testkit::notifier_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> NotifierSubject {
            let log = CallLog::default();
            let fake = FakeNotifier::new("chat", &log);
            let received = fake.clone();
            NotifierSubject::new(fake)
                .received(async move || received.notices().into_iter().map(|notice| notice.message).collect())
                .faults(async move |fault| disturb(&log, fault))
        }
    }
}

mod observer {
    use super::*;

    bluegreen_testkit::observer_conformance! {
        async fn subject() -> ObserverSubject {
            let recording = RecordingObserver::new();
            let seen = recording.clone();
            ObserverSubject::new(recording).seen(async move || seen.entries().len())
        }
    }
}
