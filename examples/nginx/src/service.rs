//! A small service of the demo as a process of its own, and the three commands by which a host starts,
//! asks and stops it. A stand-in for docker compose or systemd, with the same shape: everything goes
//! through commands.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use bluegreen_core::{Clock, Slot, SystemClock, Version};
use bluegreen_testkit::loopback::{Service as Loopback, ServiceConfig};
use clap::{Args, Subcommand};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests that have begun may take when the service is stopped, and how long it is waited for.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// What a host command that asks for readiness answers where nothing runs, as `systemctl is-active` does.
const STOPPED: u8 = 3;

/// The file with the password of the user for smoke tests.
pub(crate) const SMOKE_PASSWORD: &str = "smoke.password";

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Service {
    /// Be a service of the demo until SIGTERM
    #[command(hide = true)]
    Serve(Assigned),
    /// Start a service of the demo in the background, or find it running
    #[command(hide = true)]
    Start(Assigned),
    /// Say by the exit code whether a service of the demo answers
    #[command(hide = true)]
    Ready(Place),
    /// Stop a service of the demo
    #[command(hide = true)]
    Stop(Place),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    #[arg(long)]
    slot: Slot,
    #[arg(long)]
    listen: SocketAddr,
    /// The folder for its pid file
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Assigned {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    version: Version,
}

impl Service {
    pub(crate) async fn run(self) -> ExitCode {
        let done = match self {
            Self::Serve(assigned) => assigned.serve().await,
            Self::Start(assigned) => assigned.start().await,
            Self::Ready(place) if place.running().is_none() => return STOPPED.into(),
            Self::Ready(place) => place.answers().await,
            Self::Stop(place) => place.stop().await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error);
                ExitCode::FAILURE
            }
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what a command says on its standard error is the evidence of its host"
)]
fn complain(error: &io::Error) {
    eprintln!("{error}");
}

impl Assigned {
    async fn serve(self) -> io::Result<()> {
        let mut term = signal(SignalKind::terminate())?;
        let config = ServiceConfig {
            version: self.version,
            slot: self.place.slot,
        };
        let service = Loopback::start_at(config, self.place.listen).await?;
        service.open_shop(fs::read_to_string(self.place.dir.join(SMOKE_PASSWORD))?.trim());
        term.recv().await;
        service.stop(GRACE).await;
        Ok(())
    }

    /// Started twice it runs once; a service of another version is stopped first.
    async fn start(self) -> io::Result<()> {
        let place = &self.place;
        if let Some(running) = place.running() {
            if running
                .arguments
                .iter()
                .any(|argument| argument == self.version.as_str())
            {
                return place.answers().await;
            }
            place.stop().await?;
        }
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args([
                "--slot",
                place.slot.as_str(),
                "--listen",
                &place.listen.to_string(),
            ])
            .arg("--dir")
            .arg(&place.dir)
            .args(["--version", self.version.as_str()])
            // It lets go of everything that its host waits for, and outlives the group of the command.
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        fs::write(place.pid_file(), child.id().to_string())?;
        place.answers().await
    }
}

/// A service that runs.
struct Running {
    pid: Pid,
    arguments: Vec<String>,
}

impl Place {
    fn pid_file(&self) -> PathBuf {
        self.dir.join(format!("service-{}.pid", self.slot))
    }

    /// The service, if the process that the pid file names is it: its number may be another's by now.
    fn running(&self) -> Option<Running> {
        let pid: i32 = fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        let arguments = fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).ok()?;
        let arguments: Vec<String> = arguments
            .split(|byte| *byte == 0)
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect();
        let has = |text: &str| arguments.iter().any(|argument| argument == text);
        let dir = self.dir.to_string_lossy();
        (has("serve") && has(&dir) && has(self.slot.as_str())).then_some(Running {
            pid: Pid::from_raw(pid),
            arguments,
        })
    }

    async fn answers(&self) -> io::Result<()> {
        let clock = SystemClock::new();
        while TcpStream::connect(self.listen).await.is_err() {
            if clock.monotonic().0 > GRACE {
                return Err(io::Error::other(format!(
                    "nothing answers at {} after {GRACE:?}",
                    self.listen
                )));
            }
            clock.sleep(POLL).await;
        }
        Ok(())
    }

    async fn stop(&self) -> io::Result<()> {
        let clock = SystemClock::new();
        if let Some(running) = self.running() {
            kill(running.pid, Signal::SIGTERM)?;
        }
        while let Some(running) = self.running() {
            if clock.monotonic().0 > GRACE * 2 {
                kill(running.pid, Signal::SIGKILL)?;
            }
            clock.sleep(POLL).await;
        }
        match fs::remove_file(self.pid_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
