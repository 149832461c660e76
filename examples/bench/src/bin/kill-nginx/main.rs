//! `kill -9` for the deployer, on real nginx, under load.
//!
//! Deployers run real operations (good releases, bad ones, rollbacks by hand) in processes of their own,
//! and are killed: at each write of the record, each call of the router and each call of the host, before
//! and after it takes effect, and at random moments. Each is started again and goes on. Then no client
//! request may have failed, and the record, nginx and the host must agree on how it ended.

mod broken;
mod check;
mod deployer;
mod lane;
mod point;
mod ports;
mod process;
mod report;
mod schedule;
mod world;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_bench::Failure;
use bluegreen_bench::private::is_installed;
use bluegreen_core::{Clock, SystemClock};
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use broken::Break;
use lane::{Shared, Tally};
use report::Report;
use schedule::Schedule;
use world::Threads;

/// Kills the deployer again and again, on real nginx under load, and looks at what becomes of it. Needs
/// nginx.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// How often it is killed.
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// Chooses points and moments as an earlier run did (what else the machine does is not repeated);
    /// by default another each time.
    #[arg(long)]
    seed: Option<u64>,
    /// So many services side by side.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    lanes: u8,
    /// Requests a second, over all services.
    #[arg(long, default_value_t = 800, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Does something wrong on purpose, to see that the clients notice.
    #[arg(long = "break", value_name = "NAME")]
    broken: Option<Break>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Be the deployer that is killed
    #[command(name = deployer::COMMAND, hide = true)]
    Deployer {
        /// Where its orders are
        folder: PathBuf,
    },
}

const NO_NGINX: u8 = 2;
/// How often the progress is told.
const PROGRESS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.command {
        Some(Command::Deployer { folder }) => {
            current_thread().and_then(|runtime| runtime.block_on(deployer::run(folder)))
        }
        None if !is_installed("nginx") => {
            complain(
                "nginx is not installed. On Debian and Ubuntu: apt-get install nginx-light (only private instances on loopback are started; the system's own may stay stopped)",
            );
            return ExitCode::from(NO_NGINX);
        }
        None => run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn complain(what: &str) {
    // Where nobody listens to errors there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "kill-nginx: {what}");
}

fn current_thread() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn run(options: &Options) -> Result<(), Failure> {
    // Services and clients have a thread each, so that none delays the others more than the machine makes it.
    let own = || Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let (services, clients) = (own()?, own()?);
    let threads = Threads {
        services: services.handle().clone(),
        clients: clients.handle().clone(),
    };
    let seed = options
        .seed
        .unwrap_or_else(|| RandomState::new().build_hasher().finish() % 1_000_000);
    let clock = SystemClock::new();
    let shared = Arc::new(Shared::new(
        Schedule::new(seed, options.kills),
        threads,
        options.broken,
        (options.rate / u32::from(options.lanes)).max(1),
    ));
    if !options.json {
        complain(&format!(
            "--seed {seed}; at first {} services without kills",
            options.lanes
        ));
    }
    let began = clock.monotonic();
    let lanes = current_thread()?.block_on(all(&shared, options, &clock))?;
    services.shutdown_background();
    clients.shutdown_background();
    let known = shared.schedule().known();
    let report = Report::new(seed, clock.monotonic().since(began), known, &lanes);
    let mut out = std::io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    for fault in &report.faults {
        complain(fault);
    }
    for folder in &report.folders {
        complain(&format!(
            "the logs of nginx and of the deployer, and the record, are in {}",
            folder.display()
        ));
    }
    match report.faults.len() {
        0 if report.kills < options.kills => Err(format!("only {} kills", report.kills).into()),
        0 => Ok(()),
        count => Err(format!("{count} things do not hold").into()),
    }
}

/// Runs all lanes to their end.
async fn all(shared: &Arc<Shared>, options: &Options, clock: &SystemClock) -> Result<Vec<Tally>, Failure> {
    let mut running = tokio::task::JoinSet::new();
    for number in 1..=usize::from(options.lanes) {
        running.spawn(lane::run(shared.clone(), number));
    }
    let mut lanes = Vec::new();
    loop {
        tokio::select! {
            done = running.join_next() => match done {
                Some(lane) => lanes.push(lane??),
                None => return Ok(lanes),
            },
            () = clock.sleep(PROGRESS), if !options.json => {
                let lane::Progress { kills, operations } = *shared.progress();
                complain(&format!("{kills} of {} kills, {operations} operations", options.kills));
            }
        }
    }
}
