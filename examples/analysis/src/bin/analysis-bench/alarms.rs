//! How often slots that are alike are told apart.

use crate::Failure;
use crate::field::{Argo, Flagger, Kayenta, RepeatedZ, Rule, Twice};
use crate::ours::{Ours, strict, tempered, with_ticks};
use crate::row::{Row, percent};
use crate::runs::{Outcomes, errors};
use crate::world::{Nature, Setting};

/// Independent requests: 27 settings, and the worst of them for each rule.
pub(crate) fn alike(runs: u64, seed: u64) -> Result<Vec<Row>, Failure> {
    let mut settings = Vec::new();
    for requests_per_s in [10.0, 100.0, 1000.0] {
        for share in [0.05, 0.2, 0.5] {
            for rate in [0.001, 0.003, 0.01] {
                settings.push(Setting::alike(requests_per_s, share, rate));
            }
        }
    }
    let few = runs / 4;
    let ours = worst(&settings, runs, seed, || Ours::new(with_ticks(6)))?;
    let quick = worst(&settings, few, seed, || Ours::new(with_ticks(3)))?;
    let one = worst(&settings, few, seed, || Ours::new(strict()))?;
    let field = [
        (
            "Flagger",
            worst(&settings, few / 2, seed, || Ok(Flagger::default()))?,
        ),
        ("Argo", worst(&settings, few / 2, seed, || Ok(Argo::default()))?),
        ("2x", worst(&settings, few / 2, seed, || Ok(Twice::default()))?),
        ("z", worst(&settings, few, seed, || Ok(RepeatedZ::default()))?),
        ("Kayenta", worst(&settings, few, seed, || Ok(Kayenta::default()))?),
    ];
    let field = field.map(|(name, outcomes)| format!("{name} {}", percent(outcomes.rolled_back())));
    let share = ours.rolled_back();
    Ok(vec![Row {
        figure: "false rollback, worst of 27 settings of slots that are alike".to_owned(),
        goal: "<= 1.0 %".to_owned(),
        measured: format!(
            "{} +- {}; with 3 ticks {}, every second and one tick {}",
            percent(share),
            percent(ours.deviation()),
            percent(quick.rolled_back()),
            percent(one.rolled_back())
        ),
        met: Some(share <= 0.01),
        field: field.join(", "),
        runs,
        seed,
    }])
}

/// Requests that depend on each other, as they do in reality.
pub(crate) fn dependent(runs: u64, seed: u64) -> Result<Vec<Row>, Failure> {
    let busy = Setting::alike(100.0, 0.2, 0.001);
    let many = Setting::alike(1000.0, 0.2, 0.01).with(Nature::Bursts(5.0));
    let cases = [
        (
            "ramp with drift",
            Some(0.015),
            Setting::alike(200.0, 0.5, 0.001).with(Nature::RampWithDrift),
            with_ticks(6),
        ),
        (
            "shared incident",
            Some(0.015),
            busy.with(Nature::SharedIncident),
            with_ticks(6),
        ),
        (
            "outages of 1 to 5 s, each slot for itself, every 20 minutes",
            Some(0.015),
            busy.with(Nature::Outages { every_s: 1200.0 }),
            with_ticks(6),
        ),
        (
            "the same every 10 minutes",
            None,
            busy.with(Nature::Outages { every_s: 600.0 }),
            with_ticks(6),
        ),
        (
            "bursts of 5 errors at 100/s",
            Some(0.015),
            busy.with(Nature::Bursts(5.0)),
            with_ticks(6),
        ),
        (
            "bursts of 3 errors at 1000/s",
            None,
            Setting::alike(1000.0, 0.2, 0.001).with(Nature::Bursts(3.0)),
            with_ticks(6),
        ),
        ("bursts of 5 errors at 1000/s and 1 %", None, many, with_ticks(6)),
        ("the same with 3 ticks", None, many, with_ticks(3)),
        (
            "the same with 3 ticks, tempered by live's dispersion",
            Some(0.015),
            many,
            tempered(3),
        ),
    ];
    let few = runs / 8;
    let mut rows = Vec::new();
    for (name, goal, setting, spec) in cases {
        let ours = errors(setting, runs, seed, || Ours::new(spec.clone()))?;
        let uncapped = errors(setting, few, seed, || Ours::new(with_ticks(1)))?;
        let field = [
            ("Flagger", errors(setting, few, seed, || Ok(Flagger::default()))?),
            ("Argo", errors(setting, few, seed, || Ok(Argo::default()))?),
            ("2x", errors(setting, few, seed, || Ok(Twice::default()))?),
            ("z", errors(setting, few, seed, || Ok(RepeatedZ::default()))?),
            ("Kayenta", errors(setting, few, seed, || Ok(Kayenta::default()))?),
        ];
        let field = field.map(|(name, outcomes)| format!("{name} {}", percent(outcomes.rolled_back())));
        let share = ours.rolled_back();
        rows.push(Row {
            figure: format!("false rollback, {name}"),
            goal: goal.map_or(String::new(), |_| "<= 1.5 %".to_owned()),
            measured: format!(
                "{} +- {}; with one tick that may decide {}",
                percent(share),
                percent(ours.deviation()),
                percent(uncapped.rolled_back())
            ),
            met: goal.map(|goal| share <= goal),
            field: field.join(", "),
            runs,
            seed,
        });
    }
    Ok(rows)
}

/// The worst of some settings.
fn worst<R: Rule>(
    settings: &[Setting],
    runs: u64,
    seed: u64,
    rule: impl Fn() -> Result<R, Failure> + Sync,
) -> Result<Outcomes, Failure> {
    let mut worst = Outcomes::new(Vec::new());
    for (setting, seed) in settings.iter().zip(seed..) {
        let outcomes = errors(*setting, runs, seed, &rule)?;
        if outcomes.rolled_back() >= worst.rolled_back() {
            worst = outcomes;
        }
    }
    Ok(worst)
}
