//! Latencies: how soon slow candidates are found, and how often stalls are taken for it.

use std::time::Duration;

use bluegreen_core::analysis::{Action, Histogram};

use crate::Failure;
use crate::mann_whitney;
use crate::ours::{analysis, latency, latency_tick, spec};
use crate::row::{Row, percent, seconds};
use crate::runs::{Outcomes, STAGE_S, each};
use crate::world::{Latencies, Measured, Setting};

const TICK_S: u32 = 5;

/// When each rule rolled back one run, in seconds.
struct Times {
    ours: Option<f64>,
    flagger: Option<f64>,
    kayenta: Option<f64>,
}

pub(crate) fn rows(runs: u64, seed: u64) -> Result<Vec<Row>, Failure> {
    let setting = Setting::alike(100.0, 0.05, 0.0);
    let stalls = Setting::alike(100.0, 0.2, 0.0);
    let slower = outcomes(setting, 1.2, None, runs, seed)?;
    let alike = outcomes(setting, 1.0, None, runs, seed)?;
    let stalled = outcomes(stalls, 1.0, Some(300.0), runs, seed)?;
    let field = |[_, flagger, kayenta]: &[Outcomes; 3], show: fn(&Outcomes) -> String| {
        format!("Flagger {}, Kayenta {}", show(flagger), show(kayenta))
    };
    let median = |outcomes: &Outcomes| seconds(outcomes.median());
    let share = |outcomes: &Outcomes| percent(outcomes.rolled_back());
    let mut rows = vec![Row {
        figure: "p95 +20 % at 100/s, 5 %: median time of detection".to_owned(),
        goal: "<= 120 s, all".to_owned(),
        measured: format!(
            "{}, nine of ten by {}",
            median(&slower[0]),
            seconds(slower[0].quantile(0.9))
        ),
        met: Some(slower[0].median() <= 120.0 && slower[0].rolled_back() >= 1.0),
        field: field(&slower, median),
        runs,
        seed,
    }];
    for (name, goal, outcomes) in [
        ("latencies that are alike", 0.01, &alike),
        (
            "stalls of 2 s, each slot for itself, every 5 minutes",
            0.015,
            &stalled,
        ),
    ] {
        let [ours, ..] = outcomes;
        rows.push(Row {
            figure: format!("false rollback, {name}"),
            goal: format!("<= {:.1} %", goal * 100.0),
            measured: format!("{} +- {}", share(ours), percent(ours.deviation())),
            met: Some(ours.rolled_back() <= goal),
            field: field(outcomes, share),
            runs,
            seed,
        });
    }
    Ok(rows)
}

fn outcomes(
    setting: Setting,
    slowdown: f64,
    stall_every_s: Option<f64>,
    runs: u64,
    seed: u64,
) -> Result<[Outcomes; 3], Failure> {
    let times = each(runs, seed, |seed| {
        run(Latencies::new(setting, slowdown, stall_every_s, seed))
    })?;
    let of = |which: fn(&Times) -> Option<f64>| Outcomes::new(times.iter().map(which).collect());
    Ok([
        of(|times| times.ours),
        of(|times| times.flagger),
        of(|times| times.kayenta),
    ])
}

/// Flagger: p99 of a minute at most 500 ms, five failed checks. Kayenta: Mann-Whitney on the p95 of each
/// minute.
fn run(mut latencies: Latencies) -> Result<Times, Failure> {
    let mut analysis = analysis(spec(latency()))?;
    let mut times = Times {
        ours: None,
        flagger: None,
        kayenta: None,
    };
    let (mut candidate_p95, mut live_p95) = (Vec::new(), Vec::new());
    let mut failed = 0;
    let mut minute: Option<Measured> = None;
    for tick in 1..=STAGE_S / TICK_S {
        let at_s = tick * TICK_S;
        let measured = latencies
            .next_seconds(TICK_S)
            .ok_or("the simulation has a grid of its own")?;
        minute = Some(match minute {
            None => Measured {
                candidate: measured.candidate.clone(),
                live: measured.live.clone(),
            },
            Some(sum) => Measured {
                candidate: together(&sum.candidate, &measured.candidate)?,
                live: together(&sum.live, &measured.live)?,
            },
        });
        let tick = latency_tick(
            Duration::from_secs(u64::from(at_s)),
            measured.candidate,
            measured.live,
        );
        if times.ours.is_none() && analysis.observe(&tick) == Action::Rollback {
            times.ours = Some(f64::from(at_s));
        }
        if at_s.is_multiple_of(60)
            && let Some(minute) = minute.take()
        {
            failed += u32::from(quantile(&minute.candidate, 0.99) > 0.5);
            if failed >= 5 && times.flagger.is_none() {
                times.flagger = Some(f64::from(at_s));
            }
            candidate_p95.push(quantile(&minute.candidate, 0.95));
            live_p95.push(quantile(&minute.live, 0.95));
            if at_s.is_multiple_of(300)
                && times.kayenta.is_none()
                && mann_whitney::is_high(&candidate_p95, &live_p95)
            {
                times.kayenta = Some(f64::from(at_s));
            }
        }
    }
    Ok(times)
}

fn together(one: &Histogram, other: &Histogram) -> Result<Histogram, Failure> {
    let counts = one
        .counts()
        .iter()
        .zip(other.counts())
        .map(|(one, other)| one + other);
    Ok(one.clone().with_counts(counts.collect())?)
}

/// A quantile, interpolated in its bucket as Prometheus does.
fn quantile(histogram: &Histogram, share: f64) -> f64 {
    let total: f64 = histogram.counts().iter().sum();
    let (mut seen, mut low) = (0.0, 0.0);
    for (count, bound) in histogram.counts().iter().zip(histogram.bounds()) {
        if seen + count >= share * total && *count > 0.0 {
            return low + (bound - low) * (share * total - seen) / count;
        }
        seen += count;
        low = *bound;
    }
    low
}
