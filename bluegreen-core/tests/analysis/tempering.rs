//! Where bad requests come in bursts: evidence is tempered by how much live's own counts vary.

use bluegreen_core::analysis::{Action, AnalysisSpec, Tick};

use crate::traffic::{Rng, begin, errors_spec, seconds, side};

/// Bad requests in bursts of a geometric number, with so many on average.
fn bursts(rng: &mut Rng, bad: f64, mean: f64) -> f64 {
    let mut sum = 0.0;
    let mut left = rng.poisson(bad / mean);
    while left > 0.0 {
        sum += 1.0;
        while mean > 1.0 && rng.uniform() < 1.0 - mean.recip() {
            sum += 1.0;
        }
        left -= 1.0;
    }
    sum
}

fn tempered(temper: bool) -> AnalysisSpec {
    let mut spec = errors_spec(|_| {});
    spec.temper = temper;
    spec
}

/// 1000 requests a second, a fifth of them the candidate's, with shares of bad ones that come in bursts. When the
/// candidate is rolled back, in ticks.
fn rolled_back(spec: &AnalysisSpec, run: u64, mean: f64, rates: [f64; 2]) -> Option<u64> {
    let mut rng = Rng(run * 15_485_863 + 3);
    let mut analysis = begin(spec.clone(), seconds(1800));
    let [live_rate, candidate_rate] = rates;
    (1..=360).find(|tick| {
        let live = side(4000.0, bursts(&mut rng, 4000.0 * live_rate, mean).min(4000.0));
        let candidate = side(
            1000.0,
            bursts(&mut rng, 1000.0 * candidate_rate, mean).min(1000.0),
        );
        analysis.observe(&Tick {
            at: seconds(5 * tick),
            live,
            candidate,
        }) == Action::Rollback
    })
}

#[test]
fn bursts_are_no_regression_when_evidence_is_tempered() {
    let found = |temper: bool, min_evidence_ticks: u32, mean: f64, rate: f64| {
        let mut spec = tempered(temper);
        spec.min_evidence_ticks = min_evidence_ticks;
        (0..100)
            .filter(|run| rolled_back(&spec, *run, mean, [rate, rate]).is_some())
            .count()
    };
    // The usual six ticks that have to agree are enough against bursts; where three are, tempering is needed.
    let usual = found(false, 6, 5.0, 0.01);
    assert!(usual <= 2, "{usual} of 100");
    let (plain, tempered) = (found(false, 3, 5.0, 0.01), found(true, 3, 5.0, 0.01));
    assert!(
        plain >= 5 && tempered <= 2,
        "{plain} and, tempered, {tempered} of 100"
    );
}

#[test]
fn what_comes_one_by_one_is_found_nearly_as_soon_and_a_regression_among_bursts_is_found_too() {
    let median = |temper: bool, mean: f64| {
        let spec = tempered(temper);
        let mut ticks: Vec<u64> = (0..41)
            .map(|run| rolled_back(&spec, run, mean, [0.001, 0.004]).expect("all are found"))
            .collect();
        ticks.sort_unstable();
        ticks[20]
    };
    let (plain, tempered) = (median(false, 1.0), median(true, 1.0));
    assert!(tempered <= plain + plain / 5 + 1, "{plain} and {tempered} ticks");
    let among_bursts = median(true, 3.0);
    assert!(among_bursts < 120, "{among_bursts} ticks");
}

#[test]
fn the_report_says_by_how_much() {
    let mut analysis = begin(tempered(true), seconds(1800));
    let mut rng = Rng(4);
    for tick in 1..=360 {
        let live = side(4000.0, bursts(&mut rng, 4.0, 5.0));
        let candidate = side(1000.0, bursts(&mut rng, 1.0, 5.0));
        analysis.observe(&Tick {
            at: seconds(5 * tick),
            live,
            candidate,
        });
    }
    let finding = analysis.report().findings.remove(0);
    let factor = finding.dispersion.unwrap();
    assert!((5.0..12.0).contains(&factor), "{factor}");
    assert!(
        finding.to_string().contains("times as much as independent ones"),
        "{finding}"
    );
    let stored = serde_json::to_string(analysis.state()).unwrap();
    assert_eq!(*analysis.state(), serde_json::from_str(&stored).unwrap());
    let plain = begin(tempered(false), seconds(60));
    assert_eq!(plain.report().findings[0].dispersion, None);
}
