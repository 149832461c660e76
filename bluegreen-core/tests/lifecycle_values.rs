//! What is read from a lifecycle: where it is, how long that may take, what it says to people, what it refuses.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::items_after_statements,
    reason = "a panic is how a test fails"
)]

use std::time::Duration;

use bluegreen_core::command::CommandSpec;
use bluegreen_core::lifecycle::{
    Begin, CannotBegin, CheckResult, Command, DeploymentId, End, FrozenPlan, Health, Lifecycle, Overrides,
    Run,
};
use bluegreen_core::plan::{
    ApprovalPlan, Deadlines, GateSpec, Hook, HookPoint, Migrations, PlanBuilder, Preflight, Retention, Step,
    WorkersPlan, humane,
};
use bluegreen_core::{
    Event, NoticeKind, Operation, Outcome, Phase, Plan, Release, RetryPolicy, ServiceName, Signed, Slot,
    Split, Timestamp, Verification, Version,
};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A plan with everything that takes time, each deadline another.
fn plan() -> PlanBuilder {
    let minutes = Duration::from_mins;
    let step = |weight: &str, bake| Step::new(weight.parse().unwrap(), minutes(bake));
    Plan::builder(ServiceName::new("shop").unwrap())
        .steps([
            step("25%", 2),
            step("100%", 3).approval(ApprovalPlan {
                expires: minutes(50),
                ..ApprovalPlan::default()
            }),
        ])
        .health(GateSpec::code("up"))
        .guard(GateSpec::code("errors"))
        .warm_up(CommandSpec::new(["true"]))
        .migrations(Migrations {
            backfill: true,
            ..Migrations::default()
        })
        .workers(WorkersPlan {
            max_depth: Some(10),
            ..WorkersPlan::default()
        })
        .soak(minutes(4))
        .deadlines(Deadlines {
            reconcile: minutes(11),
            preflight: minutes(12),
            stage: minutes(13),
            migrate: minutes(14),
            prepare: minutes(15),
            warm_up: minutes(16),
            verify: minutes(17),
            shift: minutes(18),
            confirm: minutes(19),
            hold: minutes(100),
            workers: minutes(20),
            assess: minutes(21),
            rollback: minutes(22),
            drain: minutes(23),
            retire: minutes(24),
            hooks: minutes(25),
        })
        .notify(false)
}

fn ask(operation: Operation, plan: Option<PlanBuilder>) -> Begin {
    Begin {
        operation,
        release: (operation == Operation::Deploy).then(|| Release::new(Version::new("2").unwrap())),
        plan: plan.map(|plan| FrozenPlan::new(plan.build().unwrap()).unwrap()),
        by: Signed::new("ada", "a test"),
        overrides: Overrides::default(),
    }
}

fn begin(plan: PlanBuilder) -> Lifecycle {
    Lifecycle::default()
        .begin(AT, ask(Operation::Deploy, Some(plan)))
        .unwrap()
}

fn run(lifecycle: &Lifecycle) -> &Run {
    lifecycle.run().unwrap()
}

fn results(run: &Run, outcome: Outcome) -> Vec<CheckResult> {
    let asked = run.gates().into_iter().map(|gate| (gate.to_string(), gate.slot));
    asked
        .chain([("built in".to_owned(), run.target)])
        .map(|(name, slot)| CheckResult {
            name,
            slot,
            outcome,
            evidence: "as told".to_owned(),
        })
        .collect()
}

fn watched(run: &Run, outcome: Outcome) -> Event {
    Event::Watched {
        watched_ms: 600_000,
        results: results(run, outcome),
    }
}

fn failed() -> Event {
    Event::Failed {
        reason: "it broke".to_owned(),
    }
}

fn assessed(origin: Health, target: Health) -> Event {
    Event::Assessed {
        origin,
        target,
        evidence: "asked".to_owned(),
    }
}

fn verified(routers: &[(&str, Verification)]) -> Event {
    Event::Verified {
        routers: routers
            .iter()
            .map(|(name, answer)| ((*name).to_owned(), answer.clone()))
            .collect(),
        settle_ms: 0,
    }
}

/// What passes the state.
fn success(lifecycle: &Lifecycle) -> Event {
    let run = run(lifecycle);
    let live = Verification::Live {
        evidence: "asked".to_owned(),
    };
    match lifecycle.command() {
        Command::Wait(_) => Event::Waited,
        Command::RunHooks(at) => Event::HooksRun {
            at,
            failures: Vec::new(),
            fatal: false,
        },
        Command::Notify(notice) => Event::Notified {
            notice,
            failure: None,
        },
        Command::Reconcile => Event::Reconciled {
            routers: vec![(
                "edge".to_owned(),
                Split::all(lifecycle.slots().live().unwrap_or(Slot::Blue)),
            )],
        },
        Command::Preflight | Command::CheckReady => Event::Checked {
            results: results(run, Outcome::Pass),
        },
        Command::Verify | Command::Watch => watched(run, Outcome::Pass),
        Command::AwaitApproval => Event::Approved {
            by: "ada".to_owned(),
            step: run.step + 1,
        },
        Command::Confirm(_) => verified(&[("edge", live)]),
        Command::Assess => assessed(Health::Healthy, Health::Unhealthy),
        _ => Event::Done {
            evidence: "done".to_owned(),
        },
    }
}

/// Each state on the way to the end, by what succeeds.
fn to_the_end(begun: Lifecycle) -> Vec<Lifecycle> {
    let mut states = vec![begun];
    for _ in 0..100 {
        let last = states.last().unwrap();
        if last.open().is_none() {
            return states;
        }
        let event = success(last);
        states.push(last.clone().apply(AT, &event));
    }
    panic!("it does not end: {:?}", states.last());
}

fn at(begun: Lifecycle, phase: Phase) -> Lifecycle {
    to_the_end(begun)
        .into_iter()
        .find(|state| run(state).phase == phase)
        .unwrap_or_else(|| panic!("{phase} does not come"))
}

/// Phase, time limit, the time for which it is watched, green's share.
fn times(states: &[Lifecycle]) -> Vec<String> {
    states
        .iter()
        .map(|state| {
            let run = run(state);
            let limit = run.time_limit().map_or("-".to_owned(), humane::format);
            let watched = humane::format(run.watch_time());
            format!(
                "{} {limit} {watched} {}",
                run.phase,
                run.split().share(Slot::Green)
            )
        })
        .collect()
}

#[test]
fn each_phase_has_its_time_and_the_split_that_the_routers_were_told() {
    let forward = [
        "reconcile 11m 0s 0%",
        "preflight 12m 0s 0%",
        "stage 13m 0s 0%",
        "migrate 14m 0s 0%",
        "prepare 15m 0s 0%",
        "await_ready 15m 0s 0%",
        "warm_up 16m 0s 0%",
        "verify 17m 0s 0%",
        "ready 18m 0s 0%",
        "shift 18m 0s 25%",
        "confirm 19m 0s 25%",
        "bake 1h42m 2m 25%",
        "approval 50m 0s 25%",
        "ready 18m 0s 25%",
        "shift 18m 0s 100%",
        "confirm 19m 0s 100%",
        "bake 1h43m 3m 100%",
        "quiesce 20m 0s 100%",
        "start_workers 20m 0s 100%",
        "queue_depth 20m 0s 100%",
        "soak 1h44m 4m 100%",
        "backfill 14m 0s 100%",
        "ended - 0s 100%",
    ];
    let states = to_the_end(begin(plan()));
    assert_eq!(times(&states), forward);
    let done = states.last().unwrap().clone();

    let back = to_the_end(at(begin(plan()), Phase::Backfill).apply(AT, &failed()));
    let way_back = [
        "assess 21m 0s 100%",
        "return 22m 0s 0%",
        "confirm_return 22m 0s 0%",
        "verify_return 22m 0s 0%",
        "return_workers 20m 0s 0%",
        "ended - 0s 0%",
    ];
    assert_eq!(times(&back), way_back);

    // After the end green is live, and blue its standby.
    let rollback = done.begin(AT, ask(Operation::Rollback, None)).unwrap();
    assert_eq!(times(&to_the_end(rollback.clone())), way_back);
    let halted = rollback.apply(AT, &assessed(Health::Unhealthy, Health::Healthy));
    assert_eq!(times(&[halted]), ["halted - 0s 100%"]);
    let unkept = plan().retention(Retention {
        keep: Duration::ZERO,
        ..Retention::default()
    });
    let retire = to_the_end(begin(unkept)).pop().unwrap();
    let retire = retire.begin(AT, ask(Operation::Retire, None)).unwrap();
    assert_eq!(
        times(&to_the_end(retire)[2..4]),
        ["drain 23m 0s 100%", "retire 24m 0s 100%"]
    );
    let hooks = plan().hook(Hook::code("first", HookPoint::before(Phase::Reconcile)));
    assert_eq!(
        times(&to_the_end(begin(hooks))[..2]),
        ["reconcile 25m 0s 0%", "reconcile 11m 0s 0%"]
    );
}

#[test]
fn each_phase_has_the_gates_that_the_plan_lists_for_it() {
    let everything = || {
        let mut preflight = Preflight::default();
        preflight.checks.push(GateSpec::code("disk"));
        let step = |weight: &str| Step::new(weight.parse().unwrap(), Duration::from_mins(1));
        plan()
            .preflight(preflight)
            .smoke(GateSpec::code("cart"))
            .public(GateSpec::code("front"))
            .steps([
                step("25%").gate(GateSpec::code("queue")),
                step("100%").approval(ApprovalPlan::default()),
            ])
    };
    let gates = |state: &Lifecycle| -> Vec<String> {
        let gates = run(state).gates().into_iter();
        gates.map(|gate| format!("{gate} {}", gate.slot)).collect()
    };
    let candidate: &[&str] = &["health/up green", "guard/errors green"];
    let forward = to_the_end(begin(everything()));
    for state in &forward {
        let first = run(state).step == 0;
        let expected: &[&str] = match run(state).phase {
            Phase::Preflight => &["check/disk blue"],
            Phase::Verify => &["health/up green", "smoke/cart green"],
            Phase::Ready if first => &["health/up green"],
            Phase::Bake if first => &["health/up green", "guard/errors green", "step/queue green"],
            Phase::Soak => &["health/up green", "guard/errors green", "public/front green"],
            phase if phase.is_forward() && run(state).exposed => candidate,
            _ => &[],
        };
        assert_eq!(gates(state), expected, "{}", run(state).phase);
    }
    let mut hasty = ask(Operation::Deploy, Some(everything()));
    hasty.overrides.skip_smoke = Some(Signed::new("ada", "an outage"));
    let hasty = at(Lifecycle::default().begin(AT, hasty).unwrap(), Phase::Verify);
    assert_eq!(gates(&hasty), ["health/up green"]);
    for state in to_the_end(at(begin(everything()), Phase::Bake).apply(AT, &failed())) {
        let expected: &[&str] = match run(&state).phase {
            Phase::VerifyReturn => &["health/up blue", "public/front blue"],
            _ => &[],
        };
        assert_eq!(gates(&state), expected, "{}", run(&state).phase);
    }
}

#[test]
fn people_are_asked_when_an_approval_is_needed() {
    let asked = at(begin(plan().notify(true)), Phase::Approval);
    assert_eq!(asked.command(), Command::Notify(NoticeKind::ApprovalNeeded));
}

#[test]
fn a_slot_is_the_candidate_from_the_moment_in_which_it_was_taken() {
    let unkept = plan().retention(Retention {
        keep: Duration::ZERO,
        ..Retention::default()
    });
    let done = to_the_end(begin(unkept)).pop().unwrap();
    let again = done.begin(AT, ask(Operation::Deploy, None)).unwrap();
    let mut state = at(again, Phase::Drain);
    for minute in 1..20 {
        let now = AT.plus(Duration::from_mins(minute));
        state = state.clone().apply(now, &success(&state));
        if run(&state).phase == Phase::Retire {
            assert_eq!(minute, 1);
        }
        if run(&state).phase == Phase::Prepare {
            let taken = AT.plus(Duration::from_mins(1));
            assert_eq!(state.slots().get(run(&state).target).since, taken);
            return;
        }
    }
    panic!("it is never prepared: {state:?}");
}

#[test]
fn hooks_at_the_end_run_after_a_wait_and_end_it() {
    let told = plan().hook(Hook::code("last", HookPoint::before(Phase::Finish)));
    let last = at(begin(told), Phase::Finish);
    let hooks = last.command();
    assert!(matches!(hooks, Command::RunHooks(_)));
    let deferred = Event::Deferred {
        reason: "busy".to_owned(),
        retry_after_ms: None,
    };
    let paused = last.clone().apply(AT, &deferred);
    assert!(matches!(paused.command(), Command::Wait(_)));
    assert_eq!(paused.clone().apply(AT, &Event::Waited).command(), hooks);
    let ran = success(&last);
    assert_eq!(run(&paused.apply(AT, &ran)).end, Some(End::Promoted));
}

#[test]
fn a_courtesy_between_two_tries_is_no_excuse_for_the_way_back() {
    let assess = at(begin(plan()), Phase::Bake).apply(AT, &failed());
    let deferred = Event::Deferred {
        reason: "busy".to_owned(),
        retry_after_ms: None,
    };
    let paused = assess.apply(AT, &deferred);
    assert!(matches!(paused.command(), Command::Wait(_)));
    assert_eq!(run(&paused).time_limit(), Some(Duration::from_mins(21)));
    let later = paused.apply(AT.plus(Duration::from_mins(5)), &Event::Waited);
    assert_eq!(run(&later).since, AT);
}

#[test]
fn what_is_asked_for_fits_into_a_record_or_is_refused() {
    let text = |bytes| "x".repeat(bytes);
    type Change = Box<dyn Fn(&mut Begin, usize)>;
    let change = |change: fn(&mut Begin, String)| -> Change {
        Box::new(move |begin, bytes| change(begin, "x".repeat(bytes)))
    };
    let release = |begin: &mut Begin, with: &dyn Fn(Release) -> Release| {
        begin.release = begin.release.take().map(with);
    };
    let cases: [(&str, usize, Change); 9] = [
        (
            "what is said of the release",
            4096,
            Box::new(move |begin, bytes| release(begin, &|r| r.artifact("x".repeat(bytes)))),
        ),
        (
            "what is said of the release",
            4096,
            Box::new(move |begin, bytes| {
                release(begin, &|r| {
                    r.artifact("1234567890")
                        .label("12345", "1234567")
                        .label("k", "x".repeat(bytes - 23))
                });
            }),
        ),
        (
            "who asks, and why",
            1024,
            change(|begin, text| begin.by = Signed::new(text, "")),
        ),
        (
            "who asks, and why",
            1024,
            change(|begin, text| begin.by = Signed::new("", text)),
        ),
        (
            "who asks, and why",
            1024,
            change(|begin, text| begin.by = Signed::new(&text[..3], &text[3..])),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| begin.overrides.again = Some(Signed::new(text, ""))),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| begin.overrides.give_up_standby = Some(Signed::new("", text))),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| begin.overrides.skip_smoke = Some(Signed::new("", text))),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| {
                begin.overrides.again = Some(Signed::new(&text[..9], &text[9..99]));
                begin.overrides.window = Some(Signed::new("", &text[99..]));
            }),
        ),
    ];
    for (part, max, change) in cases {
        for (bytes, fits) in [(max - 1, true), (max, true), (max + 1, false), (max + 50, false)] {
            let mut asked = ask(Operation::Deploy, Some(plan()));
            change(&mut asked, bytes);
            let expected = CannotBegin::TooLong {
                what: part,
                bytes,
                max,
            };
            match Lifecycle::default().begin(AT, asked) {
                Ok(_) => assert!(fits, "{part}: {bytes} bytes were taken"),
                Err(error) => assert_eq!((error, fits), (expected, false)),
            }
        }
    }
    let mut asked = ask(Operation::Deploy, Some(plan()));
    asked.by = Signed::new(text(1000), text(100));
    assert_eq!(
        Lifecycle::default().begin(AT, asked).unwrap_err().to_string(),
        "who asks, and why is 1100 bytes long, at most 1024 are kept: shorten it"
    );
}

#[test]
fn people_are_told_why_and_what_is_waited_for() {
    let routers = |routers: &[(&str, Split)]| Event::Reconciled {
        routers: routers
            .iter()
            .map(|(name, split)| ((*name).to_owned(), *split))
            .collect(),
    };
    let quarter = Split::with(Slot::Green, "25%".parse().unwrap());
    let failures = |run: &Run| watched(run, Outcome::Fail);
    let state = |phase| at(begin(plan()), phase);
    let fresh = begin(plan());
    let bake = state(Phase::Bake);
    let assess = bake.clone().apply(AT, &failed());
    let returning = assess
        .clone()
        .apply(AT, &assessed(Health::Healthy, Health::Healthy));
    let workers = to_the_end(state(Phase::Soak).apply(AT, &failed()))
        .into_iter()
        .find(|state| run(state).phase == Phase::ReturnWorkers)
        .unwrap();
    for (state, event, reason) in [
        (
            fresh.clone(),
            routers(&[("edge", quarter), ("dns", Split::all(Slot::Blue))]),
            "no slot has all traffic (edge: blue 75%, green 25%; dns: blue 100%): give all of it to one slot by hand, then adopt",
        ),
        (
            fresh.clone(),
            routers(&[("edge", Split::all(Slot::Green)), ("dns", Split::all(Slot::Blue))]),
            "no slot has all traffic (edge: green 100%; dns: blue 100%): give all of it to one slot by hand, then adopt",
        ),
        (
            state(Phase::Preflight),
            Event::Checked { results: Vec::new() },
            "preflight: nothing was checked",
        ),
        (
            state(Phase::Ready),
            Event::Checked { results: vec![] },
            "ready: nothing was checked",
        ),
        (
            state(Phase::Preflight),
            Event::Checked {
                results: results(run(&state(Phase::Preflight)), Outcome::Inconclusive),
            },
            "preflight: built in (green): as told",
        ),
        (
            bake.clone(),
            failures(run(&bake)),
            "bake: health/up (green): as told; guard/errors (green): as told; built in (green): as told",
        ),
        (bake.clone(), Event::Expired, "bake: not done within 1h42m"),
        (bake, failed(), "bake: it broke"),
        (
            state(Phase::Approval),
            Event::Expired,
            "approval: nobody answered within 50m",
        ),
        (
            assess,
            assessed(Health::Unhealthy, Health::Healthy),
            "bake: it broke. Then: blue is not healthy and green is the only slot that is: nothing is routed to a broken slot (asked)",
        ),
        (
            returning,
            failed(),
            "bake: it broke. Then: the traffic could not be given back to blue: it broke",
        ),
        (
            workers,
            failed(),
            "soak: it broke. Then: all traffic is back at blue, but its workers are not: it broke",
        ),
    ] {
        let after = state.apply(AT, &event);
        assert_eq!(run(&after).reason.as_deref(), Some(reason));
    }
}

#[test]
fn what_is_waited_for_is_told_until_it_is_there() {
    let why = || "told".to_owned();
    let confirm = at(begin(plan()), Phase::Confirm);
    let asked = confirm.apply(
        AT,
        &verified(&[
            ("edge", Verification::NotYet { why: why() }),
            ("cdn", Verification::Live { evidence: why() }),
            ("dns", Verification::Unknown { why: why() }),
        ]),
    );
    let expected = "edge is not live yet: told; dns cannot be asked: told";
    assert_eq!(run(&asked).waiting_for.as_deref(), Some(expected));
    let expired = asked.clone().apply(AT, &Event::Expired);
    assert_eq!(
        run(&expired).reason.as_deref(),
        Some(&*format!("confirm: not done within 19m: {expected}"))
    );
    let none = asked.apply(AT, &verified(&[]));
    assert_eq!(
        (run(&none).phase, &run(&none).waiting_for),
        (Phase::Confirm, &None)
    );

    let bake = at(begin(plan()), Phase::Bake);
    let open = bake
        .clone()
        .apply(AT, &watched(run(&bake), Outcome::Inconclusive));
    let all = "health/up (green): as told; guard/errors (green): as told; built in (green): as told";
    assert_eq!(run(&open).waiting_for.as_deref(), Some(all));
    let unasked = Event::Watched {
        watched_ms: 600_000,
        results: results(run(&bake), Outcome::Pass)[1..].to_vec(),
    };
    let open = open.apply(AT, &unasked);
    assert_eq!(
        run(&open).waiting_for.as_deref(),
        Some("health/up (green): not asked yet")
    );
    let early = Event::Watched {
        watched_ms: 0,
        results: results(run(&bake), Outcome::Pass),
    };
    assert_eq!(run(&bake.apply(AT, &early)).waiting_for, None);
}

#[test]
fn a_return_that_the_public_address_does_not_confirm_is_told_with_its_end() {
    let back = to_the_end(at(begin(plan()), Phase::Soak).apply(AT, &failed()));
    let verify = back
        .iter()
        .find(|state| run(state).phase == Phase::VerifyReturn)
        .unwrap();
    let open = verify
        .clone()
        .apply(AT, &watched(run(verify), Outcome::Inconclusive));
    assert_eq!(run(&open).phase, Phase::VerifyReturn);
    assert_eq!(
        run(&open).waiting_for.as_deref(),
        Some("health/up (blue): as told; built in (green): as told")
    );
    for (event, told) in [
        (
            watched(run(verify), Outcome::Fail),
            Some("health/up (blue): as told; built in (green): as told"),
        ),
        (
            Event::Expired,
            Some("not done within 22m: health/up (blue): as told; built in (green): as told"),
        ),
        (failed(), Some("it broke")),
        (watched(run(verify), Outcome::Pass), None),
    ] {
        let after = open.clone().apply(AT, &event);
        assert_eq!(run(&after).phase, Phase::ReturnWorkers);
        assert_eq!(run(&after).unverified.as_deref(), told);
    }
}

#[test]
fn tries_are_counted_and_given_up_with_the_last_reason() {
    let once_more = plan().retry(RetryPolicy {
        attempts: 2,
        ..RetryPolicy::default()
    });
    let unknown = Event::Unknown {
        reason: "no answer".to_owned(),
        settle_ms: 45_000,
    };
    let deferred = Event::Deferred {
        reason: "throttled".to_owned(),
        retry_after_ms: Some(90_000),
    };
    let taken = Event::Claimed {
        holder: "another".to_owned(),
        epoch: 2,
        takeover: true,
        settle_ms: 45_000,
    };
    for (event, wait_ms, reason) in [
        (
            &unknown,
            45_000,
            "stage: given up after 2 tries: outcome unknown: no answer",
        ),
        (&deferred, 90_000, "stage: given up after 2 tries: throttled"),
        (
            &taken,
            45_000,
            "stage: given up after 2 tries: the deployer ended in the middle of it",
        ),
    ] {
        let stage = at(begin(once_more.clone()), Phase::Stage);
        let first = stage.apply(AT, event);
        assert_eq!(first.command(), Command::Wait(Duration::from_millis(wait_ms)));
        let second = first.apply(AT, &Event::Waited).apply(AT, event);
        assert_eq!(run(&second).reason.as_deref(), Some(reason));
    }
    // A longer wait that is pending is not made shorter by another.
    let both = at(begin(plan()), Phase::Stage)
        .apply(AT, &unknown)
        .apply(AT, &deferred);
    let pause = run(&both).pause.unwrap();
    assert_eq!((pause.ms, pause.settle_ms), (90_000, 45_000));
    // Without anything to wait for, a courtesy of the plan's first wait at most.
    let refused = Event::Deferred {
        reason: "refused".to_owned(),
        retry_after_ms: None,
    };
    let hurried = plan().retry(RetryPolicy {
        first: Duration::ZERO,
        max: Duration::ZERO,
        ..RetryPolicy::default()
    });
    let stage = at(begin(hurried), Phase::Stage);
    assert_eq!(stage.clone().apply(AT, &refused).command(), stage.command());
    let short = at(begin(plan()), Phase::Stage).apply(AT, &refused);
    let pause = run(&short).pause.unwrap();
    assert!(
        (250..=500).contains(&pause.ms) && pause.settle_ms == 0,
        "{pause:?}"
    );
}

#[test]
fn an_operator_who_decides_is_named() {
    let halted = || {
        at(begin(plan()), Phase::Bake)
            .apply(AT, &failed())
            .apply(AT, &assessed(Health::Unhealthy, Health::Healthy))
    };
    assert_eq!(halted().halted(), halted().run());
    assert_eq!(begin(plan()).halted(), None);
    let by = || Signed::new("eve", "on call");
    let late = AT.plus(Duration::from_mins(7));
    let back = halted().apply(late, &Event::ReturnRequested { by: by() });
    assert_eq!(
        run(&back).reason.as_deref(),
        Some("eve asked for the way back: on call")
    );
    for live in Slot::BOTH {
        let resolved = halted().apply(late, &Event::Resolved { by: by(), live });
        let reason = format!("eve resolved it, {live} has the traffic: on call");
        assert_eq!(run(&resolved).reason.as_deref(), Some(&*reason));
        assert_eq!(
            (run(&resolved).end, run(&resolved).ended),
            (Some(End::Resolved), Some(late))
        );
        assert_eq!(resolved.slots().live(), Some(live));
        let kept = (live == Slot::Green).then(|| late.plus(Duration::from_hours(1)));
        assert_eq!(resolved.slots().blue.retained_until, kept);
    }
    let aborted = at(begin(plan()), Phase::Bake).apply(AT, &Event::AbortRequested { by: by() });
    let aborted = aborted.apply(AT, &Event::Interrupted);
    assert_eq!(run(&aborted).reason.as_deref(), Some("aborted by eve: on call"));
    let rollback = to_the_end(begin(plan())).pop().unwrap();
    let rollback = rollback.begin(AT, ask(Operation::Rollback, None)).unwrap();
    assert_eq!(run(&rollback).reason.as_deref(), Some("ada asked for it: a test"));
}

#[test]
fn a_standby_is_kept_until_its_time_is_over() {
    let hour = Duration::from_hours(1);
    let done = to_the_end(begin(plan().retention(Retention {
        keep: hour,
        ..Retention::default()
    })))
    .pop()
    .unwrap();
    for (after, kept) in [
        (Duration::ZERO, true),
        (hour.saturating_sub(Duration::from_millis(1)), true),
        (hour, false),
    ] {
        assert_eq!(
            done.kept_standby(AT.plus(after)),
            kept.then_some(Slot::Blue),
            "{after:?}"
        );
    }
    assert_eq!(Lifecycle::default().kept_standby(AT), None);
    assert_eq!(done.halted(), None);
    assert_eq!(
        done.begin(AT, ask(Operation::Deploy, None))
            .unwrap()
            .run()
            .unwrap()
            .id
            .number(),
        2
    );
}

#[test]
fn while_people_have_to_be_told_only_a_way_back_begins() {
    let told = to_the_end(begin(plan().notify(true)));
    let ended = told.iter().find(|state| run(state).end.is_some()).unwrap();
    assert!(ended.open().is_some(), "nobody has to be told");
    let refused = ended.begin(AT, ask(Operation::Deploy, None)).unwrap_err();
    assert!(
        matches!(
            refused,
            CannotBegin::Open {
                phase: Phase::Ended,
                ..
            }
        ),
        "{refused}"
    );
    let back = ended.begin(AT, ask(Operation::Rollback, None)).unwrap();
    assert_eq!(run(&back).phase, Phase::Assess);
    let open = begin(plan()).begin(AT, ask(Operation::Rollback, None));
    assert!(matches!(
        open,
        Err(CannotBegin::Open {
            phase: Phase::Reconcile,
            ..
        })
    ));
}

#[test]
fn to_adopt_is_to_believe_the_routers() {
    let done = to_the_end(begin(plan())).pop().unwrap();
    for (before, seen, live, undrained, standby) in [
        (Lifecycle::default(), Slot::Green, Slot::Green, false, None),
        (done.clone(), Slot::Green, Slot::Green, false, Some(Slot::Blue)),
        (done.clone(), Slot::Blue, Slot::Blue, true, None),
    ] {
        let adopt = before.begin(AT, ask(Operation::Adopt, Some(plan()))).unwrap();
        let routers = vec![("edge".to_owned(), Split::all(seen))];
        let adopted = adopt.apply(AT, &Event::Reconciled { routers });
        assert_eq!(run(&adopted).end, Some(End::Adopted));
        let slots = adopted.slots();
        assert_eq!((slots.live(), slots.standby()), (Some(live), standby));
        assert_eq!(slots.get(live.other()).undrained, undrained);
        assert_eq!((run(&adopted).origin, run(&adopted).target), (live, live));
    }
}

#[test]
fn a_deployment_is_named_by_its_number_and_its_second() {
    let id = DeploymentId::new(17, Timestamp::from_millis(1_700_000_000_999));
    assert_eq!(id.to_string(), "17-20231114T221320Z");
    assert_eq!(
        (id.number(), id.began()),
        (17, Timestamp::from_millis(1_700_000_000_000))
    );
    assert_eq!("17-20231114T221320Z".parse(), Ok(id));
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"17-20231114T221320Z\"");
    assert_eq!(
        serde_json::from_str::<DeploymentId>("\"17-20231114T221320Z\"").unwrap(),
        id
    );
    for text in [
        "",
        "17",
        "-20231114T221320Z",
        "x-20231114T221320Z",
        "17-yesterday",
        "17-20231114T221320Z ",
    ] {
        let error = text.parse::<DeploymentId>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{text:?} is no deployment")),
            "{error}"
        );
    }
}

#[test]
fn phases_and_operations_are_written_and_read_by_their_names() {
    for phase in Phase::ALL {
        assert_eq!(phase.as_str().parse(), Ok(*phase));
        assert_eq!(serde_json::to_string(phase).unwrap(), format!("\"{phase}\""));
    }
    assert_eq!(
        "halt".parse::<Phase>().unwrap_err().to_string(),
        "\"halt\" is no phase"
    );
    assert_eq!(
        format!("{:>7}|{:<9}|", Phase::Bake, Operation::Rollback),
        "   bake|rollback |"
    );
}

#[test]
fn a_frozen_plan_is_its_text() {
    let plan = FrozenPlan::new(plan().build().unwrap()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(text, plan.json());
    let read: FrozenPlan = serde_json::from_str(&text).unwrap();
    assert_eq!((read.json(), &*read), (plan.json(), &*plan));
    assert_eq!(read, plan);
    assert_ne!(
        read,
        FrozenPlan::new(self::plan().notify(true).build().unwrap()).unwrap()
    );
}
