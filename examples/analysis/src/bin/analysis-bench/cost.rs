//! What an update costs, and that a long run needs no more memory than a short one.

use std::time::Duration;

use bluegreen_core::analysis::{Analysis, AnalysisSpec, EventsSpec, MetricSpec, Side, Tick};

use crate::Failure;
use crate::ours::{errors, latency, latency_tick, spec, tick};
use crate::row::Row;
use crate::world::{Latencies, Setting, World};

/// So many different ticks are made beforehand and used again and again.
const DIFFERENT: u32 = 500;

pub(crate) fn rows(ticks: u32) -> Result<Vec<Row>, Failure> {
    let setting = Setting::alike(100.0, 0.05, 0.001);
    let mut world = World::new(setting, 1);
    let counted: Vec<Tick> = (0..DIFFERENT)
        .map(|_| tick(Duration::ZERO, world.next_second()))
        .collect();
    let mut latencies = Latencies::new(setting, 1.0, None, 1);
    let measured: Option<Vec<Tick>> = (0..DIFFERENT)
        .map(|_| {
            let measured = latencies.next_seconds(5)?;
            Some(latency_tick(Duration::ZERO, measured.candidate, measured.live))
        })
        .collect();
    let happened: Vec<Tick> = (0..DIFFERENT)
        .map(|_| {
            let second = world.next_second();
            let side = |requests: f64| {
                let events = (requests / 10.0).floor();
                Some(
                    Side::default()
                        .count("requests", requests)
                        .count("logins", events),
                )
            };
            Tick {
                at: Duration::ZERO,
                live: side(second.live.requests),
                candidate: side(second.candidate.requests),
            }
        })
        .collect();
    let logins = MetricSpec::events("logins", EventsSpec::at_least("logins", 0.8));
    let mut rows = Vec::new();
    for (name, spec, ticks, given) in [
        ("errors", spec(errors()), ticks, &counted),
        (
            "latencies (171 bounds)",
            spec(latency()),
            ticks / 4,
            &measured.unwrap_or_default(),
        ),
        ("events", spec(logins), ticks, &happened),
    ] {
        rows.push(row(name, spec, ticks, given)?);
    }
    Ok(rows)
}

fn row(name: &str, spec: AnalysisSpec, ticks: u32, given: &[Tick]) -> Result<Row, Failure> {
    let mut analysis = Analysis::new(spec, Duration::from_hours(1))?;
    analysis.begin_step(Duration::from_hours(1));
    let mut ticks_given: Vec<Tick> = given.to_vec();
    let mut at = Duration::ZERO;
    let mut early = None;
    let began = processor_time();
    for (number, index) in (0..ticks).zip((0..given.len()).cycle()) {
        at += Duration::from_secs(5);
        let Some(tick) = ticks_given.get_mut(index) else {
            continue;
        };
        tick.at = at;
        analysis.observe(tick);
        if number == ticks / 100 {
            early = Some((resident_kib(), state_bytes(&analysis)?));
        }
    }
    let each_us = processor_time().saturating_sub(began).as_secs_f64() * 1e6 / f64::from(ticks.max(1));
    let (memory_before, _) = early.unwrap_or_default();
    let grown = resident_kib().saturating_sub(memory_before);
    let bytes = state_bytes(&analysis)?;
    Ok(Row {
        figure: format!("cost of an update: {name}"),
        goal: "< 5 us, constant memory".to_owned(),
        measured: format!(
            "{each_us:.2} us of a processor a tick over {ticks} ticks; memory grew by {grown} KiB after the first hundredth; the state \
             has {bytes} bytes as JSON"
        ),
        met: Some(each_us < 5.0 && grown <= 1024 && bytes <= 8 * 1024),
        field: String::new(),
        runs: 1,
        seed: 1,
    })
}

fn state_bytes(analysis: &Analysis) -> Result<usize, Failure> {
    Ok(serde_json::to_vec(analysis.state())?.len())
}

/// The time that this thread has had of a processor: other programs do not count. Zero where the system does
/// not say.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = text.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Resident memory, 0 where the system does not say.
fn resident_kib() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let resident = pages.and_then(|pages| pages.split_whitespace().nth(1)?.parse::<u64>().ok());
    resident.unwrap_or(0) * 4
}
