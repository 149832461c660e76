//! Everything that can happen to an operation, each under a short name.

use std::time::Duration;

use bluegreen_core::lifecycle::{CheckResult, Command, Lifecycle, Run};
use bluegreen_core::plan::{HookMoment, HookPoint};
use bluegreen_core::{Event, Health, Outcome, Share, Signed, Slot, Split, Timestamp, Verification};

use super::scenarios::{live_slot, routers};

pub(crate) const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub(crate) const BAKE: Duration = Duration::from_mins(1);
const BAKE_MS: u64 = 60_000;
const SETTLE_MS: u64 = 45_000;

/// What a phase's gates say, when all of them say the same.
fn results(run: &Run, outcome: Outcome) -> Vec<CheckResult> {
    let built_in = ("built in".to_owned(), run.target);
    run.gates()
        .into_iter()
        .map(|gate| (gate.to_string(), gate.slot))
        .chain([built_in])
        .map(|(name, slot)| CheckResult {
            name,
            slot,
            outcome,
            evidence: "told".to_owned(),
        })
        .collect()
}

fn verified(answer: Verification, settle_ms: u64) -> Event {
    Event::Verified {
        routers: vec![("edge".to_owned(), answer)],
        settle_ms,
    }
}

fn live() -> Verification {
    Verification::Live {
        evidence: "asked".to_owned(),
    }
}

fn why() -> String {
    "told".to_owned()
}

/// All that can happen in a state, by name. Names of the same kind stand beside each other.
#[expect(clippy::too_many_lines, reason = "one entry for each event that can happen")]
pub(crate) fn all(lifecycle: &Lifecycle, run: &Run, detail: Detail) -> Vec<(&'static str, Event)> {
    let by = || Signed::new("ada", "a test");
    let at = HookPoint {
        moment: HookMoment::Before,
        phase: run.phase,
    };
    let hooks = |failures: &[&str], fatal| Event::HooksRun {
        at,
        failures: failures.iter().map(|text| (*text).to_owned()).collect(),
        fatal,
    };
    let watched = |watched_ms, outcome| Event::Watched {
        watched_ms,
        results: results(run, outcome),
    };
    let assessed = |origin, target| Event::Assessed {
        origin,
        target,
        evidence: why(),
    };
    let claimed = |takeover, settle_ms| Event::Claimed {
        holder: "a deployer".to_owned(),
        epoch: 1,
        takeover,
        settle_ms,
    };
    let recorded = live_slot(lifecycle);
    let half = Split::with(Slot::Green, Share::from_percent(50).unwrap_or(Share::NONE));
    let mut all = vec![
        ("done", Event::Done { evidence: why() }),
        ("failed", Event::Failed { reason: why() }),
        ("expired", Event::Expired),
        (
            "deferred",
            Event::Deferred {
                reason: why(),
                retry_after_ms: None,
            },
        ),
        (
            "unknown",
            Event::Unknown {
                reason: why(),
                settle_ms: SETTLE_MS,
            },
        ),
        (
            "unknown, nothing settles",
            Event::Unknown {
                reason: why(),
                settle_ms: 0,
            },
        ),
        ("waited", Event::Waited),
        ("interrupted", Event::Interrupted),
        ("claimed", claimed(false, SETTLE_MS)),
        ("taken over", claimed(true, SETTLE_MS)),
        ("taken over, nothing settles", claimed(true, 0)),
        ("routers agree", routers(Split::all(recorded))),
        ("routers disagree", routers(Split::all(recorded.other()))),
        ("routers divided", routers(half)),
        ("no router", Event::Reconciled { routers: Vec::new() }),
        (
            "checks pass",
            Event::Checked {
                results: results(run, Outcome::Pass),
            },
        ),
        (
            "checks fail",
            Event::Checked {
                results: results(run, Outcome::Fail),
            },
        ),
        (
            "checks open",
            Event::Checked {
                results: results(run, Outcome::Inconclusive),
            },
        ),
        ("no checks", Event::Checked { results: Vec::new() }),
        ("gates pass", watched(BAKE_MS, Outcome::Pass)),
        ("gates pass, half the time", watched(BAKE_MS / 2, Outcome::Pass)),
        ("gates fail", watched(0, Outcome::Fail)),
        ("gates open", watched(BAKE_MS, Outcome::Inconclusive)),
        (
            "gates not asked",
            Event::Watched {
                watched_ms: BAKE_MS,
                results: Vec::new(),
            },
        ),
        ("live", verified(live(), 0)),
        ("live, settles", verified(live(), SETTLE_MS)),
        ("not live yet", verified(Verification::NotYet { why: why() }, 0)),
        (
            "liveness unknown",
            verified(Verification::Unknown { why: why() }, 0),
        ),
        (
            "no router verified",
            Event::Verified {
                routers: Vec::new(),
                settle_ms: 0,
            },
        ),
        ("both healthy", assessed(Health::Healthy, Health::Healthy)),
        (
            "only origin healthy",
            assessed(Health::Healthy, Health::Unhealthy),
        ),
        (
            "only target healthy",
            assessed(Health::Unhealthy, Health::Healthy),
        ),
        ("none healthy", assessed(Health::Unhealthy, Health::Unhealthy)),
        ("health unknown", assessed(Health::Unknown, Health::Unknown)),
        ("hooks ran", hooks(&[], false)),
        ("hooks warned", hooks(&["told"], false)),
        ("hooks failed", hooks(&["told"], true)),
        (
            "approved",
            Event::Approved {
                by: why(),
                step: run.step + 1,
            },
        ),
        (
            "approved, another step",
            Event::Approved {
                by: why(),
                step: run.step + 2,
            },
        ),
        ("abort", Event::AbortRequested { by: by() }),
        ("way back asked", Event::ReturnRequested { by: by() }),
        (
            "resolved, origin live",
            Event::Resolved {
                by: by(),
                live: run.origin,
            },
        ),
        (
            "resolved, target live",
            Event::Resolved {
                by: by(),
                live: run.target,
            },
        ),
    ];
    if let Some(notice) = run.notices.first() {
        let (notice, failure) = (*notice, None);
        all.push(("notified", Event::Notified { notice, failure }));
    }
    if detail == Detail::Order {
        all.retain(|(name, _)| !WAITS.contains(name));
    }
    all
}

/// How much is shown of a scenario.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Everything.
    All,
    /// What follows what. Waits are left out: they are the same in all plans.
    Order,
}

/// What leads to a wait, or goes on without one.
const WAITS: [&str; 8] = [
    "deferred",
    "waited",
    "unknown",
    "unknown, nothing settles",
    "taken over",
    "taken over, nothing settles",
    "live, settles",
    "gates pass, half the time",
];

/// The event with which the command of a state succeeds.
fn success(lifecycle: &Lifecycle, run: &Run) -> &'static str {
    match lifecycle.command() {
        Command::Wait(_) => "waited",
        Command::RunHooks(_) => "hooks ran",
        Command::Notify(_) => "notified",
        Command::Reconcile => "routers agree",
        Command::Preflight | Command::CheckReady => "checks pass",
        Command::Verify | Command::Watch => "gates pass",
        Command::AwaitApproval => "approved",
        Command::Confirm(_) => "live",
        Command::Assess => "both healthy",
        _ if run.end.is_some() => "waited",
        _ => "done",
    }
}

/// Drives an operation to its end by what succeeds.
pub(crate) fn to_its_end(mut lifecycle: Lifecycle) -> Lifecycle {
    for _ in 0..100 {
        let Some(run) = lifecycle.open() else {
            return lifecycle;
        };
        let wanted = success(&lifecycle, run);
        let event = all(&lifecycle, run, Detail::All)
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, event)| event);
        lifecycle = lifecycle.apply(AT, &event.unwrap());
    }
    panic!("it does not end: {:?}", lifecycle.run());
}
