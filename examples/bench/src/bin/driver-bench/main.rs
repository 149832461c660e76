//! What the driver itself costs: whole deployments through the real `Deployer`, with ports that do
//! nothing and time that takes no time.
//!
//! The store is a `MemoryStore`, one for each deployment, and each record is serialised as it would be
//! for a disk. Everything runs on one thread.

mod many;
mod plan;
mod ports;
mod process;
mod rate;

use std::io::Write;

use clap::Parser;
use serde::Serialize;

/// Measures the driver of bluegreen-core on ports that answer at once, in virtual time, on one core.
#[derive(Debug, Parser)]
struct Options {
    /// How many deployments the rate is measured over.
    #[arg(long, default_value_t = 20_000)]
    deployments: usize,
    /// How many are open at a time in the other rows.
    #[arg(long, default_value_t = 256)]
    interleaved: usize,
    /// How many deployments are open at once for the memory.
    #[arg(long, default_value_t = 10_000)]
    open: usize,
    /// Only the first row: for a profiler.
    #[arg(long)]
    only_rate: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    memory: Option<many::Memory>,
    growth: Option<many::Growth>,
    rates: Vec<rate::Rate>,
}

/// Deployments a second on one core.
const RATE_GOAL: f64 = 10_000.0;
/// Resident memory with 10 000 deployments open.
const MEMORY_GOAL_MIB: f64 = 400.0;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    // Memory comes first: what the allocator keeps from other runs would hide it.
    let (mut memory, mut growth) = (None, None);
    if !options.only_rate {
        memory = Some(many::memory(options.open)?);
        growth = Some(many::growth(options.open / 2)?);
    }
    let mut rates = vec![rate::measure(
        "without bakes, one after the other",
        &plan::without_bakes()?,
        options.deployments,
        1,
    )?];
    if !options.only_rate {
        let few = options.deployments / 4;
        rates.push(rate::measure(
            "without bakes",
            &plan::without_bakes()?,
            few,
            options.interleaved,
        )?);
        rates.push(rate::measure(
            "with bakes of 30 s",
            &plan::with_bakes()?,
            few,
            options.interleaved,
        )?);
    }
    let report = Report {
        memory,
        growth,
        rates,
    };
    let mut out = std::io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        print(&report, &mut out)?;
    }
    Ok(())
}

fn print(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{}\n", plan::DESCRIPTION)?;
    writeln!(out, "Rate, on one core (goal: {RATE_GOAL:.0} a second):")?;
    for rate in &report.rates {
        let calls = &rate.each;
        writeln!(
            out,
            "  {:>7.0} deployments a second, {:.0} a second of the processor: {} ({} of them, {} at a time, {:.2} s)",
            rate.per_second, rate.per_cpu_second, rate.name, rate.deployments, rate.interleaved, rate.seconds
        )?;
        writeln!(
            out,
            "            each: {:.0} writes of the record ({:.0} bytes the largest), {:.0} reads of it, {:.0} objects written; calls: {:.0} router, {:.0} host, {:.0} gate",
            calls.writes,
            calls.record_bytes_max,
            calls.reads,
            calls.objects,
            calls.router,
            calls.host,
            calls.gate
        )?;
    }
    if let Some(memory) = &report.memory {
        writeln!(
            out,
            "\n{} deployments open at once, each in its first bake: {:.1} MiB resident (goal: under {MEMORY_GOAL_MIB:.0}), {:.1} MiB before; {:.1} KiB each",
            memory.open, memory.after_mib, memory.before_mib, memory.each_kib
        )?;
    }
    if let Some(growth) = &report.growth {
        writeln!(
            out,
            "Twice as many at once: {} in {:.2} s of the processor, {} in {:.2} s: {:.2} times the time",
            growth.few, growth.few_cpu_seconds, growth.many, growth.many_cpu_seconds, growth.ratio
        )?;
    }
    Ok(())
}
