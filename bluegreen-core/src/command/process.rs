//! Runs one command: its own process group, bounded output, a time limit that really ends it.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::capture::{Capture, tail_of};
use super::lock::{Held, LockError};
use super::plain::plain;
use super::{Invocation, Secrets};
use crate::{Clock, SystemClock};

/// How long a command may act after a call that was given up: the group has got SIGTERM then, gets
/// SIGKILL after its grace, and needs a moment to die.
pub(super) const SETTLE: Duration = Duration::from_secs(6);
/// The longest time between SIGTERM and SIGKILL, and that for checks.
const SHORT_GRACE: Duration = Duration::from_millis(500);
const GRACE: Duration = Duration::from_secs(5);
/// How long output is waited for after the command itself has ended: something it left behind may
/// hold the pipe for ever.
const LINGER: Duration = Duration::from_secs(1);
/// How often a group that is ending is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How much output is evidence, in bytes.
const EVIDENCE: usize = 500;

/// The limits of one run.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Waiting for the lock (at most half of it) and running.
    time: Duration,
    /// Between the request to end and the end by force.
    grace: Duration,
    /// The file that is locked as long as the command or anything that it started runs.
    lock: Option<PathBuf>,
}

impl Limits {
    /// For a call that has to be over within its budget, ending by force included.
    pub(crate) fn within(budget: Duration) -> Self {
        let grace = GRACE.min(budget / 5);
        let time = budget.saturating_sub(grace);
        Self {
            time,
            grace,
            lock: None,
        }
    }

    /// For a check, which may take all of its time and has nothing to clean up.
    pub(crate) const fn all_of(time: Duration) -> Self {
        Self {
            time,
            grace: SHORT_GRACE,
            lock: None,
        }
    }

    /// Under a lock.
    pub(super) fn locked(self, lock: Option<PathBuf>) -> Self {
        Self { lock, ..self }
    }
}

/// A command that was started and is over.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Something that it started still holds its output.
    pub(crate) left_behind: bool,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that somebody sent.
    Signalled(i32),
    /// By us, after so long.
    TimedOut(Duration),
}

/// Why a command was not started. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("cannot start it{}: {source}", in_folder(dir.as_deref()))]
    Spawn {
        dir: Option<String>,
        source: std::io::Error,
    },
    #[error(transparent)]
    Lock(#[from] LockError),
}

fn in_folder(dir: Option<&str>) -> String {
    dir.map(|dir| format!(" in {dir}")).unwrap_or_default()
}

impl Finished {
    /// How it ended and the end of its output, for people.
    pub(crate) fn evidence(&self) -> String {
        let end = self.ending();
        match tail_of(self.output().trim(), EVIDENCE).trim() {
            "" => end,
            tail => format!("{end}: {tail}"),
        }
    }

    /// How it ended.
    pub(crate) fn ending(&self) -> String {
        let end = match self.end {
            End::Exited(code) => format!("ended with {code}"),
            End::Signalled(signal) => format!("was ended by signal {signal}"),
            End::TimedOut(after) => format!("was ended after {after:?}"),
        };
        let note = if self.left_behind {
            " (something that it started still holds its output)"
        } else {
            ""
        };
        format!("{end}{note}")
    }

    /// What is kept of both streams, as plain text.
    pub(crate) fn output(&self) -> String {
        let streams = [plain(self.stdout.trim()), plain(self.stderr.trim())];
        streams.join("\n")
    }
}

/// Runs a command to its end. When the future is dropped the command is ended all the same.
pub(crate) async fn run(
    invocation: &Invocation,
    secrets: &Secrets,
    limits: &Limits,
) -> Result<Finished, StartError> {
    let clock = SystemClock::new();
    let held = match &limits.lock {
        Some(path) => Some(Held::take(path, limits.time / 2).await?),
        None => None,
    };
    let left = limits.time.saturating_sub(clock.monotonic().0);
    let limit = left.min(invocation.timeout.unwrap_or(Duration::MAX));

    let mut group = Group::start(invocation, held, limits.grace)?;
    let mut stdout = Capture::new(secrets.redactor());
    let mut stderr = Capture::new(secrets.redactor());
    let (end, left_behind) = group.watch(&mut stdout, &mut stderr, limit).await;
    Ok(Finished {
        end,
        stdout: stdout.into_text(),
        stderr: stderr.into_text(),
        left_behind,
    })
}

/// A command that runs, with the process group that it leads.
struct Group {
    /// Taken when it is over.
    child: Option<Child>,
    id: Pid,
    grace: Duration,
}

impl Group {
    fn start(invocation: &Invocation, held: Option<Held>, grace: Duration) -> Result<Self, StartError> {
        let failed = |source| StartError::Spawn {
            dir: invocation.dir.clone(),
            source,
        };
        let mut command = Command::new(&invocation.program);
        command
            .args(&invocation.args)
            .envs(
                invocation
                    .env
                    .iter()
                    .map(|(name, value)| (name, value.expose_secret())),
            )
            .process_group(0)
            .stdin(match &held {
                Some(held) => held.as_stdin().map_err(failed)?,
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(dir) = &invocation.dir {
            command.current_dir(dir);
        }
        let child = command.spawn().map_err(failed)?;
        // A child that was never waited for has its id.
        let pid = child.id().unwrap_or_default();
        if let Some(held) = held {
            held.hand_over(pid, &invocation.program);
        }
        let id = Pid::from_raw(i32::try_from(pid).unwrap_or_default());
        Ok(Self {
            child: Some(child),
            id,
            grace,
        })
    }

    /// Waits for the end of the command and takes in its output; at the limit it is ended.
    async fn watch(&mut self, stdout: &mut Capture, stderr: &mut Capture, limit: Duration) -> (End, bool) {
        let Some(child) = &mut self.child else {
            return (End::TimedOut(Duration::ZERO), false);
        };
        let pipes = (child.stdout.take(), child.stderr.take());
        let reading = async { tokio::join!(drain(pipes.0, stdout), drain(pipes.1, stderr)) };
        tokio::pin!(reading);
        let mut read = false;
        let ended = timeout(limit, async {
            loop {
                tokio::select! {
                    status = child.wait() => return status,
                    _ = &mut reading, if !read => read = true,
                }
            }
        });
        let end = if let Ok(status) = ended.await {
            status.map_or(End::Signalled(0), end_of)
        } else {
            // Reading goes on, or a full pipe could keep the command from ending.
            let on = async {
                if !read {
                    (&mut reading).await;
                    read = true;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = end_group(child, self.id, self.grace) => {}
                () = on => {}
            }
            End::TimedOut(limit)
        };
        self.child = None;
        let left_behind = !read && timeout(LINGER, &mut reading).await.is_err();
        (end, left_behind)
    }
}

impl Drop for Group {
    /// Whoever waited has gone: the command is ended all the same, beside.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let (id, grace) = (self.id, self.grace);
        signal(id, Signal::SIGTERM);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { end_group(&mut child, id, grace).await })),
            Err(_) => signal(id, Signal::SIGKILL),
        }
    }
}

fn end_of(status: ExitStatus) -> End {
    match status.code() {
        Some(code) => End::Exited(code),
        None => End::Signalled(status.signal().unwrap_or_default()),
    }
}

/// Asks the group to end, waits for all of it, and ends by force what is left then.
async fn end_group(child: &mut Child, id: Pid, grace: Duration) {
    signal(id, Signal::SIGTERM);
    let clock = SystemClock::new();
    let gone = timeout(grace, async {
        let _ = child.wait().await;
        // The leader is gone; a number is not given out again while its group has members, nor soon after.
        while killpg(id, None).is_ok() {
            clock.sleep(POLL).await;
        }
    });
    if gone.await.is_err() {
        signal(id, Signal::SIGKILL);
        let _ = timeout(LINGER, child.wait()).await;
    }
}

/// A group that is gone needs no signal, so the answer does not matter. Zero would mean our own group.
fn signal(id: Pid, signal: Signal) {
    if id.as_raw() > 1 {
        let _ = killpg(id, signal);
    }
}

/// Reads to the end, so that the command never waits for room in the pipe.
async fn drain(pipe: Option<impl AsyncRead + Unpin>, capture: &mut Capture) {
    let Some(mut pipe) = pipe else { return };
    // On the heap: it would make every future that waits for a command as large.
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        capture.push(buffer.get(..count).unwrap_or_default());
    }
}
