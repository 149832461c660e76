//! One operation while it goes on: its events, how long it still waits, and Ctrl-C.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{
    Clock, DeployError, Deployer, Entry, Observer, Plan, Report, Signed, Status, SystemClock,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Exit;
use crate::failure::Failure;
use crate::progress::{Progress, Stage};
use crate::report::{self, Wanted};
use crate::screen::{Ended, Screen};

/// What is seen of an operation.
#[derive(Debug)]
pub(crate) enum Seen {
    Entry(Entry),
    /// How things stand, when nothing was said for a while.
    Standing(Box<Status>),
}

/// Hands every event on.
#[derive(Debug)]
pub(crate) struct Channel(pub(crate) mpsc::UnboundedSender<Seen>);

impl Observer for Channel {
    fn observe(&self, entry: &Entry) {
        // Whoever listened has left.
        let _ = self.0.send(Seen::Entry(entry.clone()));
    }
}

/// The time after which somebody who waits wants to know what for.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_secs(10);

/// Who operates on what.
pub(crate) struct Operator<'a> {
    pub(crate) screen: Screen,
    pub(crate) deployer: &'a Deployer,
    pub(crate) plan: &'a Plan,
    pub(crate) by: &'a str,
    pub(crate) wanted: Wanted,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
    pub(crate) events: mpsc::UnboundedSender<Seen>,
}

/// An operation that goes on.
pub(crate) type Call<'a> = Pin<Box<dyn Future<Output = Result<Report, DeployError>> + Send + 'a>>;

type Asking<'a> = Pin<Box<dyn Future<Output = Result<(), DeployError>> + Send + 'a>>;

impl Operator<'_> {
    /// Sees an operation through to its end, or to the second Ctrl-C.
    pub(crate) async fn see(mut self, mut call: Call<'_>) -> Result<Ended, Failure> {
        let (screen, deployer) = (self.screen, self.deployer);
        let mut progress = Progress::new(self.plan);
        let mut looking = JoinSet::new();
        looking.spawn(look(deployer.clone(), self.events.clone()));
        let mut signals = Signals::new()?;
        let mut interrupted = false;
        let mut abort: Option<Asking<'_>> = None;
        let result = loop {
            tokio::select! {
                biased;
                () = signals.next() => {
                    if interrupted || progress.stage() != Stage::AtWork {
                        return Ok(left(progress.stage()));
                    }
                    interrupted = true;
                    Screen::warn("Ctrl-C: asking for an abort (back, if traffic has moved). Again: leave at once.");
                    abort = Some(Box::pin(deployer.abort(Signed::new(self.by, "Ctrl-C"))));
                }
                asked = async { match abort.as_mut() { Some(asking) => asking.await, None => std::future::pending().await } } => {
                    abort = None;
                    if let Err(error) = asked {
                        Screen::warn(&format!("no abort: {error}"));
                    }
                }
                Some(seen) = self.seen.recv() => progress.tell(screen, &seen),
                result = &mut call => break result,
            }
        };
        while let Ok(seen) = self.seen.try_recv() {
            progress.tell(screen, &seen);
        }
        let report = result.map_err(Failure::Deploy)?;
        let mut ended = report::ended(&report, self.wanted);
        if interrupted && ended.exit == Exit::NotAsMeant {
            ended.exit = Exit::Interrupted;
        }
        Ok(ended)
    }
}

fn left(stage: Stage) -> Ended {
    let text = match stage {
        Stage::Waiting => "Left. Nothing was begun here.",
        Stage::Asked => {
            "Left. What was asked for is stored: whoever is at work does it, and if nobody is, `resume` does."
        }
        Stage::AtWork => {
            "Left at once. The operation is open, as it is stored; its lease runs out by itself. `resume` carries \
             it on (and aborts it, where that was asked for)."
        }
    };
    Ended::new(Exit::Interrupted, text).with("left_open", stage == Stage::AtWork)
}

async fn look(deployer: Deployer, events: mpsc::UnboundedSender<Seen>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut wait = FIRST_LOOK;
    loop {
        clock.sleep(wait).await;
        wait = LOOK;
        if let Ok(status) = deployer.status().await
            && events.send(Seen::Standing(Box::new(status))).is_err()
        {
            return;
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::Wrong(format!("signals cannot be listened to: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
