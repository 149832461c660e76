//! What people are told.

use super::*;

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
