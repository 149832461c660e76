//! A whole deployment on loopback: two slots, a proxy, clients that count what they lose, and the
//! deployer between them. Nothing to install, nothing left behind.
//!
//! Begin with `deployment.rs`: it is the part that people write.

mod deployment;
mod draw;
mod kill;
mod lines;
mod parts;
mod scene;
mod summary;
mod table;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock as _, Entry, Observer, SystemClock};
use bluegreen_testkit::loopback::LoopbackControl;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::interval;

use crate::draw::Screen;
use crate::scene::News;
use crate::summary::Summary;
use crate::world::{Nature, World};

/// Why something could not be done at all.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How often the world is looked at, and the screen is drawn.
const TICK: Duration = Duration::from_millis(150);
/// For how long the clients go on after the end, to see that everything stays as it is.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// Deploys a new release of a small service on this machine, under load: 5, 25, 50 and 100 % of the
/// traffic, with gates, workers, a soak, and a way back. Takes about 15 seconds.
#[derive(Debug, Parser)]
#[command(
    name = "quickstart",
    version,
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Args {
    /// The new release fails once it has a quarter of the traffic: watch the automatic rollback.
    #[arg(long, conflicts_with_all = ["kill", "lossy"])]
    bad_release: bool,
    /// Kills the deployer's process (kill -9) at a random moment and starts it again.
    #[arg(long, conflicts_with = "lossy")]
    kill: bool,
    /// The number that decides when the process is killed, to see the same again.
    #[arg(long, requires = "kill")]
    seed: Option<u64>,
    /// A proxy that drops connections with each change of the split: the clients must notice. Ends with
    /// status 1 when they do, as they should, and with 3 when they do not.
    #[arg(long)]
    lossy: bool,
    /// Prints one JSON object at the end, and nothing else.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    hidden: Option<Hidden>,
}

#[derive(Debug, Subcommand)]
enum Hidden {
    /// The deployer's process of `--kill`.
    #[command(name = kill::CHILD, hide = true)]
    DeployerProcess {
        /// Where its orders are.
        folder: PathBuf,
    },
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A release that is good.
    Plain,
    /// A release that is not.
    BadRelease,
    /// A deployer that dies.
    Kill {
        /// Decides when.
        seed: u64,
    },
    /// A switch that loses requests.
    Lossy,
}

impl Mode {
    fn of(args: &Args) -> Self {
        match (args.bad_release, args.kill, args.lossy) {
            (true, ..) => Self::BadRelease,
            (_, true, _) => Self::Kill {
                seed: args.seed.unwrap_or_else(kill::new_seed),
            },
            (.., true) => Self::Lossy,
            _ => Self::Plain,
        }
    }

    const fn nature(self) -> Nature {
        match self {
            Self::BadRelease => Nature::BadRelease,
            Self::Lossy => Nature::Lossy,
            Self::Plain | Self::Kill { .. } => Nature::Sound,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let ended = match &args.hidden {
        Some(Hidden::DeployerProcess { folder }) => {
            Box::pin(kill::child(folder)).await.map(|()| ExitCode::SUCCESS)
        }
        None => tokio::select! {
            // Whatever was begun is dropped, and ends with that.
            () = stopped() => Err("stopped; everything that it had started is ended too".into()),
            ended = run(&args) => ended,
        },
    };
    ended.unwrap_or_else(|failure| {
        draw::complain(&failure.to_string());
        ExitCode::FAILURE
    })
}

/// Waits for Ctrl-C, or to be told to end.
async fn stopped() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mode = Mode::of(args);
    let world = World::start(mode.nature()).await?;
    let mut screen = Screen::new(mode, args.json);
    let (router, host, places) = (world.router(), world.host(), world.places());
    // For the deployer that is a process of its own.
    let control = LoopbackControl::start(Arc::clone(&router), Arc::new(host.clone())).await?;
    let (sender, mut heard) = unbounded_channel();
    let deployment = async move {
        if let Mode::Kill { seed } = mode {
            let report = kill::deploy(places, control.address(), seed, sender).await?;
            return Ok((report, None));
        }
        let deployer = deployment::deployer(&places.folder, router, host, Progress(sender))?;
        let report = deployment::deploy(&deployer, &deployment::plan(&places)?).await?;
        let refused = deployment::contract(&deployer, &report).await;
        Ok::<_, Failure>((report, refused))
    };
    tokio::pin!(deployment);

    let mut kills = 0_u32;
    let mut tick = interval(TICK);
    let ended = loop {
        tokio::select! {
            biased;
            Some(news) = heard.recv() => {
                kills += u32::from(matches!(news, News::Killed { .. }));
                screen.tell(&news);
            }
            _ = tick.tick() => screen.draw(&world.look()),
            ended = &mut deployment => break ended,
        }
    };
    while let Ok(news) = heard.try_recv() {
        screen.tell(&news);
    }
    let (report, contract) = ended?;
    let clock = SystemClock::new();
    while clock.monotonic().0 < AFTERWARDS {
        tick.tick().await;
        screen.draw(&world.look());
    }
    screen.wait_for_clients();
    let mut summary = Summary::new(mode, report, &world.end().await, kills);
    summary.contract = contract;
    screen.end(&summary);
    Ok(summary.status())
}

/// Hands every event on: an observer must not keep the deployer waiting.
#[derive(Debug)]
struct Progress(UnboundedSender<News>);

impl Observer for Progress {
    fn observe(&self, entry: &Entry) {
        // Nobody listens any more when everything is being stopped.
        let _ = self.0.send(News::Event(entry.clone()));
    }
}
