//! A candidate of which nothing is known must not pass.

use std::time::Duration;

use bluegreen_core::analysis::{Action, Analysis, OnInconclusive, Side, Tick};
use rand_distr::{Distribution as _, StandardUniform};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng as _;

use crate::Failure;
use crate::ours::{errors, spec};
use crate::row::{Row, percent};
use crate::runs::{Outcomes, each};

const TICKS: u32 = 240;

/// Each tick the candidate's data is missing in another way; live's are good. The spec is the one that passes
/// most easily.
pub(crate) fn rows(runs: u64, seed: u64) -> Result<Vec<Row>, Failure> {
    let runs = runs * 10;
    let passed = each(runs, seed, |seed| {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut spec = spec(errors());
        spec.early_pass = true;
        spec.on_inconclusive = OnInconclusive::BakeSuffices;
        spec.min_requests = 1;
        let bake = Duration::from_mins(5);
        let mut analysis = Analysis::new(spec, bake)?;
        analysis.begin_step(bake);
        let mut passed = false;
        for tick in 1..=TICKS {
            let candidate = without_data(StandardUniform.sample(&mut rng));
            let tick = Tick {
                at: Duration::from_secs(5 * u64::from(tick)),
                live: Some(Side::default().count("requests", 1000.0).count("errors", 1.0)),
                candidate,
            };
            passed |= analysis.observe(&tick) == Action::Continue;
        }
        Ok(passed.then_some(1.0))
    })?;
    let passed = Outcomes::new(passed).rolled_back();
    Ok(vec![Row {
        figure: "\"pass\" of a candidate whose data is missing in any way".to_owned(),
        goal: "0".to_owned(),
        measured: percent(passed),
        met: Some(passed <= 0.0),
        field: "Kayenta 100 % (a group without data scores 100)".to_owned(),
        runs,
        seed,
    }])
}

fn without_data(chance: u32) -> Option<Side> {
    let counts = |requests: f64, errors: f64| {
        Some(
            Side::default()
                .count("requests", requests)
                .count("errors", errors),
        )
    };
    match chance % 10 {
        0 => None,
        1 => Some(Side::default()),
        2 => Some(Side::default().count("requests", 50.0)),
        3 => Some(Side::default().count("errors", 0.0)),
        4 => counts(f64::NAN, 0.0),
        5 => counts(50.0, f64::NAN),
        6 => counts(-50.0, 0.0),
        7 => counts(f64::INFINITY, 0.0),
        8 => counts(0.0, 0.0),
        _ => counts(50.0, 51.0),
    }
}
