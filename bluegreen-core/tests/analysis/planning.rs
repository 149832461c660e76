//! What a bake can see, beside what it does see.

use std::time::Duration;

use bluegreen_core::analysis::{Action, Tick, Traffic};

use crate::traffic::{Rng, begin, errors_spec, seconds, side};

const HOUR: Duration = Duration::from_hours(1);

/// How many ticks it takes until half and nine of ten of the runs are rolled back.
fn simulated(traffic: Traffic, to: f64) -> (f64, f64) {
    let mut times: Vec<f64> = (0..101)
        .map(|run| {
            let mut rng = Rng(run * 7_919);
            let mut analysis = begin(errors_spec(|_| {}), HOUR);
            let candidate = 5.0 * traffic.requests_per_s * traffic.candidate_share;
            let live = 5.0 * traffic.requests_per_s - candidate;
            let found = (1..=720).find(|tick| {
                let mut counts = |requests: f64, rate: f64| side(requests, rng.poisson(requests * rate));
                let (candidate, live) = (counts(candidate, to), counts(live, traffic.live_rate));
                analysis.observe(&Tick {
                    at: seconds(5 * tick),
                    live,
                    candidate,
                }) == Action::Rollback
            });
            found.map_or(f64::INFINITY, |tick| {
                f64::from(u32::try_from(tick).unwrap()) * 5.0
            })
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[50], times[90])
}

#[test]
fn the_time_of_detection_is_as_planned() {
    for (requests_per_s, candidate_share, live_rate, to) in [
        (100.0, 0.05, 0.001, 0.01),
        (1000.0, 0.1, 0.001, 0.005),
        (100.0, 0.5, 0.01, 0.02),
        (20.0, 0.25, 0.01, 0.05),
    ] {
        let traffic = Traffic {
            requests_per_s,
            candidate_share,
            live_rate,
        };
        let planned = errors_spec(|_| {})
            .visibility("errors", traffic, to, HOUR)
            .unwrap();
        let detection = planned.detection.unwrap();
        let (half, nine_of_ten) = simulated(traffic, to);
        for (planned, seen) in [(detection.half, half), (detection.nine_of_ten, nine_of_ten)] {
            let ratio = planned.as_secs_f64() / seen;
            assert!(
                (0.7..1.5).contains(&ratio),
                "{traffic:?} to {to}: planned {planned:?}, seen {seen} s"
            );
        }
        assert!(
            planned.is_visible() && planned.to_string().contains(" can see "),
            "{planned}"
        );
    }
}

#[test]
fn what_a_bake_cannot_see_is_said() {
    let traffic = Traffic {
        requests_per_s: 10.0,
        candidate_share: 0.05,
        live_rate: 0.001,
    };
    let planned = errors_spec(|_| {})
        .visibility("errors", traffic, 0.003, seconds(600))
        .unwrap();
    assert!(!planned.is_visible());
    let text = planned.to_string();
    assert!(
        text.contains("a bake of 10m cannot see a rise of bad requests from 0.10 % to 0.30 %"),
        "{text}"
    );
    let smallest = planned.smallest.unwrap();
    assert!(
        smallest > 0.01 && text.contains("the least that it sees"),
        "{text}"
    );
    // More time and more traffic see more.
    let spec = errors_spec(|_| {});
    let longer = spec
        .visibility("errors", traffic, 0.003, seconds(6000))
        .unwrap()
        .smallest
        .unwrap();
    let busier = Traffic {
        requests_per_s: 100.0,
        ..traffic
    };
    let busier = spec
        .visibility("errors", busier, 0.003, seconds(600))
        .unwrap()
        .smallest
        .unwrap();
    assert!(longer < smallest && busier < smallest);
}

#[test]
fn traffic_that_makes_no_sense_is_not_planned_for() {
    let good = Traffic {
        requests_per_s: 10.0,
        candidate_share: 0.05,
        live_rate: 0.001,
    };
    for (traffic, metric, to) in [
        (
            Traffic {
                requests_per_s: 0.0,
                ..good
            },
            "errors",
            0.1,
        ),
        (
            Traffic {
                requests_per_s: f64::NAN,
                ..good
            },
            "errors",
            0.1,
        ),
        (
            Traffic {
                candidate_share: 1.0,
                ..good
            },
            "errors",
            0.1,
        ),
        (
            Traffic {
                live_rate: -0.1,
                ..good
            },
            "errors",
            0.1,
        ),
        (good, "errors", 1.1),
        (good, "latency", 0.1),
    ] {
        assert_eq!(
            errors_spec(|_| {}).visibility(metric, traffic, to, HOUR),
            None,
            "{traffic:?}"
        );
    }
}
