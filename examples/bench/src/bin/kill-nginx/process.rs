//! The deployer's process, seen from outside.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bluegreen_bench::Failure;
use bluegreen_core::{Clock, Monotonic, SystemClock};
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::deployer::{COMMAND, Ended, Word};

/// What the process writes on its standard error.
const LOG: &str = "deployer.log";
/// An operation is over long before; what takes longer hangs.
const LONGEST: Duration = Duration::from_mins(1);

/// Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    /// The process ends when this is closed, also if this program is killed itself.
    _life_line: Option<ChildStdin>,
    words: Lines<BufReader<ChildStdout>>,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// By SIGKILL.
    Killed,
    /// With the end of the operation.
    Over(Ended),
    /// By itself, before the end of the operation.
    GaveUp(ExitStatus),
}

/// What was seen of a process.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) ending: Ending,
    /// When it had taken over from a dead predecessor.
    pub(crate) took_over: Option<Monotonic>,
}

impl Process {
    pub(crate) fn start(folder: &Path) -> Result<Self, Failure> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(LOG))?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            // Ctrl-C is for the parent, which ends it.
            .process_group(0)
            .spawn()?;
        let stdout = child
            .stdout
            .take()
            .ok_or("the deployer's process has no output")?;
        Ok(Self {
            _life_line: child.stdin.take(),
            words: BufReader::new(stdout).lines(),
            child,
        })
    }

    /// Listens until it has ended; where a time is given, it is killed then.
    pub(crate) async fn watch(
        mut self,
        clock: &SystemClock,
        kill_after: Option<Duration>,
    ) -> Result<Watched, Failure> {
        let (mut over, mut took_over) = (None, None);
        let kill_after = async {
            match kill_after {
                Some(time) => clock.sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let give_up = clock.sleep(LONGEST);
        tokio::pin!(kill_after, give_up);
        let mut is_killed = false;
        loop {
            tokio::select! {
                () = &mut kill_after, if !is_killed => {
                    self.child.start_kill()?;
                    is_killed = true;
                }
                line = self.words.next_line() => match line? {
                    None => break,
                    Some(line) => match serde_json::from_str(&line)? {
                        Word::TookOver => took_over = Some(clock.monotonic()),
                        Word::Ended(ended) => over = Some(ended),
                    },
                },
                () = &mut give_up => return Err(format!("the deployer is not done after {LONGEST:?}").into()),
            }
        }
        let status = self.child.wait().await?;
        let ending = match over {
            Some(ended) => Ending::Over(ended),
            None if status.signal() == Some(Signal::SIGKILL as i32) => Ending::Killed,
            None => Ending::GaveUp(status),
        };
        Ok(Watched { ending, took_over })
    }
}
