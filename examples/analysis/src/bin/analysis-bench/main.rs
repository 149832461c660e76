//! The analysis beside other tools' rules, in one simulation.
//!
//! A stage of an hour, Poisson arrivals, everything from a seed. `world` is the traffic, `ours` this project's
//! analysis with its defaults, `field` the others.

mod alarms;
mod cost;
mod detection;
mod field;
mod mann_whitney;
mod missing;
mod ours;
mod row;
mod runs;
mod slow;
mod world;

use std::io::Write;

use clap::{Parser, ValueEnum as _};

/// Compares the analysis with the rules of Flagger, Argo Rollouts and Kayenta in one simulation: false
/// rollbacks, times of detection, missing data, cost. Takes about a minute.
#[derive(Debug, Parser)]
#[command(name = "analysis-bench", version)]
struct Options {
    /// Runs of each setting for this project's analysis; the others get a quarter.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(40..=100_000))]
    runs: u64,
    /// Decides all of the traffic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ticks for the measurement of the cost.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    ticks: u32,
    /// Only some of the figures.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// One JSON object a figure and line instead of the table.
    #[arg(long)]
    json: bool,
}

/// The figures that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// False rollbacks of slots that are alike.
    Alike,
    /// False rollbacks when requests depend on each other.
    Dependent,
    /// Times of detection of errors.
    Detection,
    /// Latencies.
    Latency,
    /// Missing data.
    Missing,
    /// Time and memory.
    Cost,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let Options { runs, seed, .. } = options;
    let mut out = std::io::stdout().lock();
    if !options.json {
        row::heading(&mut out, runs, seed)?;
    }
    let mut all_met = true;
    for part in Part::value_variants() {
        if options.only.is_some_and(|only| only != *part) {
            continue;
        }
        let rows = match part {
            Part::Alike => alarms::alike(runs, seed),
            Part::Dependent => alarms::dependent(runs, seed),
            Part::Detection => detection::rows(runs, seed),
            Part::Latency => slow::rows(runs / 5, seed),
            Part::Missing => missing::rows(runs, seed),
            Part::Cost => cost::rows(options.ticks),
        };
        for row in rows? {
            all_met &= row.met != Some(false);
            if options.json {
                serde_json::to_writer(&mut out, &row)?;
                writeln!(out)?;
            } else {
                row.print(&mut out)?;
            }
        }
        out.flush()?;
    }
    if !options.json {
        writeln!(
            out,
            "\n{}",
            if all_met {
                "Every goal is met."
            } else {
                "A goal is missed."
            }
        )?;
    }
    Ok(())
}
