//! Tries, operators, and what is left when an operation is over.

use super::*;

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
