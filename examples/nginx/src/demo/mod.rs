//! The demo: the whole path on this machine, with nothing pretended. Every step is this program run
//! again, as an operator or a CI job would run it.

mod world;

use std::io;
use std::path::Path;
use std::time::Duration;

use bluegreen_cli::Exit;
use bluegreen_testkit::load::{Kind, Load, Report};
use clap::Args;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use world::{NoWorld, World};

#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// Only set it up, write the path of its configuration file, and stop it all at the end of standard
    /// input: to try the commands by hand
    #[arg(long)]
    hands_on: bool,
}

#[expect(clippy::print_stdout, reason = "the demo is for people who look at it")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "as every program does")]
fn complain(text: &str) {
    eprintln!("{text}");
}

impl Demo {
    pub(crate) async fn run(self) -> Exit {
        // Ctrl-C reaches the step that is under way as well: that one ends first, then all is stopped.
        let interrupted = tokio::spawn(tokio::signal::ctrl_c());
        let shown = if self.hands_on {
            hands_on().await
        } else {
            show(&|| interrupted.is_finished()).await
        };
        match shown {
            Ok(exit) => exit,
            Err(NoWorld::NotInstalled(why)) => {
                complain(&format!(
                    "The demo needs nginx, and it cannot be run here: {why}. Install it (apt-get install nginx) and try again."
                ));
                Exit::Wrong
            }
            Err(NoWorld::Io(error)) => {
                complain(&format!("The demo could not go on: {error}"));
                Exit::NotAsMeant
            }
        }
    }
}

async fn hands_on() -> Result<Exit, NoWorld> {
    let world = World::start().await?;
    // The analysis compares what the slots do with traffic: without any it would hold each step.
    let load = Load::new(world.public)
        .rate(100)
        .connections(4)
        .duration(Duration::from_hours(1))
        .start();
    say(&world.config().display().to_string());
    say(&format!(
        "shop 1.0.0 is live at http://{}/, and gets 100 requests a second for an hour. Try: bluegreen-nginx --config {} init --live blue, check, deploy 2.0.0, status, rollback. \
         Everything is stopped when this program's standard input ends (Ctrl-D).",
        world.public,
        world.config().display()
    ));
    let (mut stdin, mut nothing) = (tokio::io::stdin(), Vec::new());
    let exit = tokio::select! {
        read = stdin.read_to_end(&mut nothing) => read.map(|_| Exit::AsMeant),
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    };
    load.stop().await;
    world.stop().await?;
    Ok(exit?)
}

async fn show(interrupted: &(dyn Fn() -> bool + Sync)) -> Result<Exit, NoWorld> {
    let world = World::start().await?;
    say(&format!(
        "shop 1.0.0 runs in blue at {}; a private nginx passes http://{}/ on to it.\n\
         The configuration: {}",
        world.blue,
        world.public,
        world.config().display()
    ));
    let shown = steps(&world, interrupted).await;
    world.stop().await?;
    say("\nEverything that the demo started is stopped.");
    shown
}

async fn steps(world: &World, interrupted: &(dyn Fn() -> bool + Sync)) -> Result<Exit, NoWorld> {
    let loaded: [&[&str]; 3] = [
        &["check", "2.0.0"],
        &["deploy", "2.0.0", "--reason", "the demo"],
        &["status"],
    ];
    // The old column may be needed again; and 3.0.0 would break 2.0.0.
    let refused: [&[&str]; 2] = [
        &["contract", "--reason", "the demo shows what is refused"],
        &["check", "3.0.0"],
    ];
    let back: [&[&str]; 1] = [&["rollback", "--reason", "the demo shows the way back"]];
    if !step(world.config(), &["init", "--live", "blue"]).await? {
        return Ok(Exit::NotAsMeant);
    }
    say("\nFrom here on 8 clients send 200 requests a second through nginx.");
    let load = Load::new(world.public)
        .rate(200)
        .connections(8)
        .kinds([Kind::KeepAlive, Kind::Fresh])
        .duration(Duration::from_mins(10))
        .start();
    let mut is_as_meant = true;
    for arguments in loaded {
        is_as_meant = is_as_meant && !interrupted() && step(world.config(), arguments).await?;
    }
    for arguments in refused {
        is_as_meant = is_as_meant && !interrupted() && !step(world.config(), arguments).await?;
    }
    for arguments in back {
        is_as_meant = is_as_meant && !interrupted() && step(world.config(), arguments).await?;
    }
    let lost = judge(&load.stop().await);
    Ok(match (interrupted(), is_as_meant && lost == 0) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::AsMeant,
        (false, false) => Exit::NotAsMeant,
    })
}

/// Tells what the clients saw, and how many requests they lost.
fn judge(report: &Report) -> u64 {
    say(format!("\nWhat the clients saw:\n{report}").trim_end());
    match report.failed() {
        0 => say("No request failed."),
        lost => complain(&format!("{lost} requests failed: that should not have happened.")),
    }
    report.failed()
}

/// Runs this program. Whether it ended as it was meant to.
async fn step(config: &Path, arguments: &[&str]) -> io::Result<bool> {
    say(&format!("\n$ bluegreen-nginx {}", arguments.join(" ")));
    let status = Command::new(std::env::current_exe()?)
        .arg("--config")
        .arg(config)
        .args(["--by", "demo"])
        .args(arguments)
        .status()
        .await?;
    if !status.success() {
        say(&format!("That ended with {status}."));
    }
    Ok(status.success())
}
