//! How long each phase may take, what is asked in it, and what follows.

use super::*;

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
