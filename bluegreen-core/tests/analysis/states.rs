//! What is stored between processes.

use bluegreen_core::analysis::{
    Analysis, AnalysisSpec, EventsSpec, Histogram, LatencySpec, MetricSpec, Side, State, Tick,
};
use proptest::prelude::*;
use std::time::Duration;

use crate::traffic::{Rng, begin, errors_spec, feed, seconds, side};

fn everything() -> AnalysisSpec {
    let mut spec = errors_spec(|errors| errors.critical = Some(0.2));
    spec.metrics
        .push(MetricSpec::latency("latency", LatencySpec::default()));
    spec.metrics
        .push(MetricSpec::events("logins", EventsSpec::at_least("logins", 0.8)));
    spec
}

fn busy_tick(rng: &mut Rng, at: Duration) -> Tick {
    let mut side = |requests: f64| {
        let mut histogram = Histogram::fine();
        let requests = rng.poisson(requests);
        let mut left = requests;
        while left > 0.0 {
            left -= 1.0;
            histogram.record(Duration::from_secs_f64(0.05 + 0.2 * rng.uniform()));
        }
        let errors = rng.poisson(requests * 0.01).min(requests);
        let side = Side::default()
            .count("requests", requests)
            .count("errors", errors);
        Some(
            side.count("logins", rng.poisson(requests / 10.0))
                .latency("latency", histogram),
        )
    };
    Tick {
        at,
        live: side(100.0),
        candidate: side(30.0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_analysis_that_was_stored_at_any_time_decides_the_same(seed in any::<u64>(), stops in proptest::collection::btree_set(0u64..120, 1..6)) {
        let mut rng = Rng(seed);
        let mut unbroken = begin(everything(), seconds(200));
        let mut broken = unbroken.clone();
        for second in 0..120 {
            // Parts of ticks too.
            let tick = busy_tick(&mut rng, seconds(2 * (second + 1)));
            unbroken.observe(&tick);
            broken.observe(&tick);
            if stops.contains(&second) {
                let stored = serde_json::to_string(broken.state()).unwrap();
                broken = Analysis::resume(everything(), serde_json::from_str(&stored).unwrap()).unwrap();
            }
            prop_assert_eq!(unbroken.report(), broken.report());
        }
        prop_assert_eq!(unbroken.state(), broken.state());
    }

    #[test]
    fn parts_of_a_tick_are_one_tick(seed in any::<u64>(), parts in 1u32..6) {
        let mut rng = Rng(seed);
        let (mut whole, mut parted) = (begin(everything(), seconds(200)), begin(everything(), seconds(200)));
        for tick in 1..=40u32 {
            let end = 5.0 * f64::from(tick);
            let pieces: Vec<Tick> = (1..=parts)
                .map(|part| busy_tick(&mut rng, Duration::from_secs_f64(end - 5.0 + 5.0 * f64::from(part) / f64::from(parts))))
                .collect();
            for piece in &pieces {
                parted.observe(piece);
            }
            whole.observe(&together(&pieces, Duration::from_secs_f64(end)));
            prop_assert_eq!(whole.report(), parted.report());
        }
    }
}

fn together(pieces: &[Tick], at: Duration) -> Tick {
    let sum = |which: fn(&Tick) -> &Option<Side>| {
        let sides: Vec<&Side> = pieces.iter().filter_map(|tick| which(tick).as_ref()).collect();
        let mut counts = vec![0.0; 172];
        for side in &sides {
            for (sum, more) in counts.iter_mut().zip(side.latencies["latency"].counts()) {
                *sum += more;
            }
        }
        let total = |name: &str| sides.iter().map(|side| side.counts[name]).sum();
        let side = Side::default()
            .count("requests", total("requests"))
            .count("errors", total("errors"));
        let histogram = Histogram::fine().with_counts(counts).unwrap();
        Some(
            side.count("logins", total("logins"))
                .latency("latency", histogram),
        )
    };
    Tick {
        at,
        live: sum(|tick| &tick.live),
        candidate: sum(|tick| &tick.candidate),
    }
}

#[test]
fn the_state_stays_small_however_long_it_runs() {
    let mut spec = everything();
    for index in 0..13 {
        let mut another = spec.metrics[0].clone();
        another.name = format!("errors-{index}");
        spec.metrics.push(another);
    }
    let mut analysis = begin(spec, seconds(3600));
    let mut rng = Rng(7);
    let mut largest = 0;
    for tick in 1..=2_000 {
        analysis.observe(&busy_tick(&mut rng, seconds(5 * tick)));
        largest = largest.max(serde_json::to_vec(analysis.state()).unwrap().len());
    }
    assert!(largest < 32 * 1024, "{largest} bytes");
}

#[test]
fn a_state_of_another_time_is_read_tolerantly_and_a_newer_one_is_refused() {
    let mut analysis = begin(everything(), seconds(600));
    feed(&mut analysis, 0, 5, side(50.0, 5.0), side(950.0, 1.0));
    let stored = serde_json::to_value(analysis.state()).unwrap();
    // Keys that are not known, and keys that are missing.
    let mut other = stored.clone();
    other["later"] = serde_json::json!({ "unknown": 1 });
    other["metrics"]["errors"]["later"] = serde_json::json!([1, 2]);
    let read: State = serde_json::from_value(other.clone()).unwrap();
    assert_eq!(&read, analysis.state());
    other["metrics"]["errors"] = serde_json::json!({});
    let resumed = Analysis::resume(everything(), serde_json::from_value(other).unwrap()).unwrap();
    assert_eq!(resumed.report().findings[0].used, 0);
    // Evidence that cannot be.
    for stakes in [
        serde_json::json!([]),
        serde_json::json!([-1.0]),
        serde_json::json!([1e300, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let mut bad = stored.clone();
        bad["metrics"]["errors"]["tests"]["worse_than_live"]["stakes"] = stakes;
        let resumed = Analysis::resume(everything(), serde_json::from_value(bad).unwrap()).unwrap();
        let evidence = resumed.report().findings[0].evidence[0];
        assert!((evidence.now - 1.0).abs() < 1e-9, "{evidence:?}");
    }
    let mut newer = stored;
    newer["version"] = serde_json::json!(2);
    let refused = Analysis::resume(everything(), serde_json::from_value(newer).unwrap()).unwrap_err();
    assert!(refused.to_string().contains("newer"), "{refused}");
}
