//! The analysis on recorded traffic: what it would have decided, when, and why.

mod plan;
mod rows;
mod show;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bluegreen_core::analysis::{Analysis, Counters};
use bluegreen_core::plan::humane;
use clap::Parser;

use crate::plan::Plan;
use crate::rows::Rows;
use crate::show::Show;

const MORE: &str = "\
The file is CSV with a heading. Columns, in any order:
  t          seconds; rows come in its order, rows of the same t belong together
  role       live or candidate
  requests   how many there were since the row before (with --cumulative: since the process began)
  errors     how many of them failed
  le_0.25    (any number of such columns) how many took at most 0.25 s, as Prometheus counts them
  others     counts by which metrics of the plan are named, such as logins
An empty field is a count that is not known.

The plan is TOML: bake = \"10m\", cumulative = false, and [analysis] with its [[analysis.metrics]]; or the plan of a
service as it is, of which the first step is replayed. Without one, the defaults are used on errors, and on
latencies where there are le_ columns; rows further apart than a tick make the tick longer.

Exit codes:
  0  every row was used
  1  some rows were bad: each is told with its line, the others were used
  2  the file or the plan cannot be used";

/// Replays recorded traffic of a live slot and a candidate, and shows what the analysis decides and why.
#[derive(Debug, Parser)]
#[command(name = "analysis-replay", version, after_help = MORE)]
struct Options {
    /// The recorded traffic; - reads it from the standard input.
    ticks: PathBuf,
    /// What is compared, and how.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// For how long the step is to be watched, such as 10m; instead of the plan's.
    #[arg(long, value_parser = humane::parse)]
    bake: Option<Duration>,
    /// The columns are counters that only rise, as on /metrics pages.
    #[arg(long)]
    cumulative: bool,
    /// One JSON object for each t instead of text.
    #[arg(long)]
    json: bool,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let options = Options::parse();
    let (mut out, mut complaints) = (io::stdout().lock(), io::stderr().lock());
    match replay(&options, &mut out, &mut complaints) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        // Whoever reads has seen enough.
        Err(failure) if is_closed(failure.as_ref()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(complaints, "{failure}");
            ExitCode::from(2)
        }
    }
}

fn is_closed(failure: &(dyn std::error::Error + 'static)) -> bool {
    let io = failure.downcast_ref::<io::Error>().map(io::Error::kind);
    let json = failure
        .downcast_ref::<serde_json::Error>()
        .and_then(serde_json::Error::io_error_kind);
    io.or(json) == Some(io::ErrorKind::BrokenPipe)
}

/// How many rows were bad.
fn replay(options: &Options, out: &mut impl Write, complaints: &mut impl Write) -> Result<u64, Failure> {
    let mut rows = Rows::open(input(&options.ticks)?)?;
    let mut bad = 0;
    let mut next = |complaints: &mut dyn Write| -> Result<Option<rows::Moment>, Failure> {
        let read = rows.next_moment();
        for problem in &read.problems {
            writeln!(complaints, "{}: {problem}", options.ticks.display())?;
        }
        bad += u64::try_from(read.problems.len())?;
        Ok(read.moment)
    };
    let Some(first) = next(complaints)? else {
        return Err(format!("{}: there is no row that can be used", options.ticks.display()).into());
    };
    let mut ahead = next(complaints)?;
    // What the first rows counted took as long as what the next ones did.
    let apart = ahead
        .as_ref()
        .map(|second| Duration::try_from_secs_f64(second.t - first.t))
        .transpose()?;
    let plan = Plan::read(options.plan.as_deref(), first.has_latencies(), apart)?;
    let cumulative = options.cumulative || plan.cumulative;
    let bake = options.bake.unwrap_or(plan.bake);
    let before = apart.unwrap_or(plan.analysis.tick);
    let mut analysis = Analysis::new(plan.analysis, bake)?;
    analysis.begin_step(bake);
    let mut show = Show::new(out, options.json);
    let mut counters = Counters::default();
    let start = first.t;
    let mut moment = Some(first);
    while let Some(now) = moment {
        let at = before.saturating_add(Duration::try_from_secs_f64(now.t - start)?);
        let t = now.t;
        let tick = if cumulative {
            counters.read(at, now.live, now.candidate)
        } else {
            now.counted(at)
        };
        analysis.observe(&tick);
        show.moment(t, &analysis)?;
        moment = ahead.take();
        if moment.is_some() {
            ahead = next(complaints)?;
        }
    }
    show.end(&analysis)?;
    Ok(bad)
}

fn input(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Box::new(file))
}
