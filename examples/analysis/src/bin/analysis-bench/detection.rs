//! How soon regressions of the error rate are found.

use crate::Failure;
use crate::field::{Argo, Flagger, Kayenta, Oracle};
use crate::ours::{Ours, strict, tempered, with_ticks};
use crate::row::{Row, percent, seconds};
use crate::runs::{Outcomes, errors};
use crate::world::{Nature, Setting};

pub(crate) fn rows(runs: u64, seed: u64) -> Result<Vec<Row>, Failure> {
    let tenfold = Setting::regression(100.0, 0.05, 0.001, 0.01);
    let fivefold = Setting::regression(1000.0, 0.1, 0.001, 0.005);
    Ok(vec![
        row("0.1 -> 1 % at 100/s, 5 %", tenfold, 6, 250.0, runs, seed)?,
        row("0.1 -> 1 % at 100/s, 5 %", tenfold, 3, 140.0, runs, seed)?,
        row("0.1 -> 0.5 % at 1000/s, 10 %", fivefold, 6, 65.0, runs, seed)?,
        late(tenfold, runs, seed)?,
        requests(tenfold, runs, seed)?,
    ])
}

fn row(name: &str, setting: Setting, ticks: u32, goal_s: f64, runs: u64, seed: u64) -> Result<Row, Failure> {
    let ours = errors(setting, runs, seed, || Ours::new(with_ticks(ticks)))?;
    let few = runs / 4;
    let tempered = errors(setting, few, seed, || Ours::new(tempered(ticks)))?;
    let field = [
        ("Flagger", errors(setting, few, seed, || Ok(Flagger::default()))?),
        ("Argo", errors(setting, few, seed, || Ok(Argo::default()))?),
        ("Kayenta", errors(setting, few, seed, || Ok(Kayenta::default()))?),
    ];
    let field = field.map(|(name, outcomes)| format!("{name} {}", times(&outcomes)));
    Ok(Row {
        figure: format!("{name}, {ticks} ticks: median time of detection"),
        goal: format!("<= {goal_s} s, all"),
        measured: format!(
            "{}, nine of ten by {}; tempered {}",
            times(&ours),
            seconds(ours.quantile(0.9)),
            times(&tempered)
        ),
        met: Some(ours.median() <= goal_s && ours.rolled_back() >= 1.0),
        field: field.join(", "),
        runs,
        seed,
    })
}

/// A regression that begins when half of the hour is over.
fn late(setting: Setting, runs: u64, seed: u64) -> Result<Row, Failure> {
    const ONSET_S: f64 = 1800.0;
    let setting = setting.with(Nature::Late(ONSET_S));
    let ours = errors(setting, runs, seed, || Ours::new(with_ticks(6)))?;
    let quick = errors(setting, runs, seed, || Ours::new(with_ticks(3)))?;
    let after = |outcomes: &Outcomes| seconds(outcomes.median() - ONSET_S);
    Ok(Row {
        figure: "0.1 -> 1 % at 100/s, 5 %, that begins after half an hour: median time after it".to_owned(),
        goal: String::new(),
        measured: format!("{}, with 3 ticks {}", after(&ours), after(&quick)),
        met: None,
        field: String::new(),
        runs,
        seed,
    })
}

fn times(outcomes: &Outcomes) -> String {
    let share = outcomes.rolled_back();
    let all = if share >= 1.0 {
        String::new()
    } else {
        format!(" ({} ever)", percent(share))
    };
    format!("{}{all}", seconds(outcomes.median()))
}

/// How many requests of the candidate are needed, beside a test that knows both rates.
fn requests(setting: Setting, runs: u64, seed: u64) -> Result<Row, Failure> {
    let ours = errors(setting, runs, seed, || Ours::new(strict()))?;
    let oracle = errors(setting, runs, seed, || {
        Ok(Oracle::new(setting.live_rate, setting.candidate_rate))
    })?;
    let per_s = setting.requests_per_s * setting.candidate_share;
    let (mean, oracle_mean) = (ours.mean(), oracle.mean());
    let ratio = mean / oracle_mean;
    Ok(Row {
        figure:
            "candidate's requests until detection without the cap, against an oracle that knows both rates"
                .to_owned(),
        goal: "<= 1.5 x".to_owned(),
        measured: format!(
            "{ratio:.2} x on average: {:.0} requests, the oracle {:.0}; medians {} and {}",
            mean * per_s,
            oracle_mean * per_s,
            seconds(ours.median()),
            seconds(oracle.median())
        ),
        met: Some(ratio <= 1.5),
        field: String::new(),
        runs,
        seed,
    })
}
