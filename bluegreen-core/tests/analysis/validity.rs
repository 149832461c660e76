//! How often it is wrong, and what it must not depend on.

use bluegreen_core::analysis::{Action, Claim, Tick};
use proptest::prelude::*;
use std::time::Duration;

use crate::traffic::{Rng, begin, errors_spec, feed, seconds, side};

/// Nine settings of slots that are alike, 300 seeded runs each of an hour: the share of false rollbacks is at
/// most alpha plus three standard deviations of what so few runs can tell (1 % + 1.7 %).
#[test]
fn slots_that_are_alike_are_seldom_told_apart() {
    const RUNS: u32 = 300;
    for requests in [50.0, 500.0, 5000.0] {
        for share in [0.05, 0.5] {
            let mut rolled_back = 0;
            for run in 0..RUNS {
                let mut rng = Rng(u64::from(run) * 104_729 + 1);
                let mut analysis = begin(errors_spec(|_| {}), seconds(3600));
                let found = (1..=720).any(|tick| {
                    let mut counts =
                        |requests: f64| side(requests, rng.poisson(requests * 0.003).min(requests));
                    let (candidate, live) = (counts(requests * share), counts(requests * (1.0 - share)));
                    analysis.observe(&Tick {
                        at: seconds(5 * tick),
                        live,
                        candidate,
                    }) == Action::Rollback
                });
                rolled_back += u32::from(found);
            }
            let rate = f64::from(rolled_back) / f64::from(RUNS);
            assert!(rate <= 0.027, "{rate} at {requests} requests a tick and {share}");
        }
    }
}

/// Every outcome of a small deployment is gone through: 5 ticks, each with 2 requests of the candidate and 2 of
/// live at an error rate of 30 %, without a cap that would bind. The exact probability of a false rollback at
/// alpha = 20 % is below it.
#[test]
fn the_exact_probability_of_a_false_rollback_is_at_most_alpha() {
    const P: f64 = 0.3;
    const WAYS: [f64; 3] = [(1.0 - P) * (1.0 - P), 2.0 * P * (1.0 - P), P * P];
    let mut spec = errors_spec(|_| {});
    (spec.alpha, spec.min_evidence_ticks) = (0.2, 1);
    let mut probability = 0.0;
    let mut all = 0.0;
    for outcome in 0..9_u32.pow(5) {
        let mut analysis = begin(spec.clone(), seconds(25));
        // So that it knows live.
        let mut likely = 1.0;
        let mut rest = outcome;
        for tick in 0..5 {
            let (bad_candidate, bad_live) = (rest % 3, rest / 3 % 3);
            rest /= 9;
            likely *= WAYS[bad_candidate as usize] * WAYS[bad_live as usize];
            feed(
                &mut analysis,
                tick,
                1,
                side(2.0, f64::from(bad_candidate)),
                side(2.0, f64::from(bad_live)),
            );
        }
        all += likely;
        probability += if analysis.action() == Action::Rollback {
            likely
        } else {
            0.0
        };
    }
    assert!((all - 1.0).abs() < 1e-9, "{all}");
    assert!(probability <= 0.2, "{probability}");
}

#[test]
fn a_regression_is_found_whenever_it_begins() {
    for onset in [0, 1000, 2000, 3000] {
        let mut times = Vec::new();
        for run in 0..40 {
            let mut rng = Rng(run * 31 + 5);
            let mut analysis = begin(errors_spec(|_| {}), seconds(3600));
            let found = (1..=720_u64).find(|tick| {
                let rate = if 5 * tick > onset { 0.02 } else { 0.001 };
                let mut counts = |requests: f64, rate: f64| side(requests, rng.poisson(requests * rate));
                let (candidate, live) = (counts(100.0, rate), counts(900.0, 0.001));
                analysis.observe(&Tick {
                    at: seconds(5 * tick),
                    live,
                    candidate,
                }) == Action::Rollback
            });
            times.push(5 * found.expect("all are found") - onset);
        }
        times.sort_unstable();
        assert!(times[20] <= 100, "half are found {} s after {onset} s", times[20]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn one_more_error_of_the_candidate_is_never_less_evidence_against_it(
        ticks in proptest::collection::vec((1u32..200, 0u32..20, 1u32..2000, 0u32..20), 1..40),
        which in any::<prop::sample::Index>(),
        more in 1u32..50,
    ) {
        let run = |worse: Option<usize>| {
            let mut analysis = begin(errors_spec(|_| {}), Duration::from_mins(10));
            for (index, (n, bad, n_live, bad_live)) in ticks.iter().enumerate() {
                let more = if worse == Some(index) { more } else { 0 };
                let candidate = side(f64::from(*n), f64::from((bad + more).min(*n)));
                let live = side(f64::from(*n_live), f64::from(*bad_live.min(n_live)));
                feed(&mut analysis, u64::try_from(index).unwrap(), 1, candidate, live);
            }
            let evidence = &analysis.report().findings[0].evidence;
            let of = |claim: Claim| evidence.iter().find(|evidence| evidence.claim == claim).unwrap().now;
            (of(Claim::WorseThanLive), of(Claim::Good))
        };
        let (worse, good) = run(None);
        let (worse_with, good_with) = run(Some(which.index(ticks.len())));
        prop_assert!(worse_with >= worse * (1.0 - 1e-12), "{worse} became {worse_with}");
        prop_assert!(good_with <= good * (1.0 + 1e-12), "{good} became {good_with}");
    }
}
