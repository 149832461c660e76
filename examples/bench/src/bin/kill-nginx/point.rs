//! Where a deployer is killed: at one of its calls, before or after the call takes effect.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A port through which the deployer changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Port {
    Store,
    Router,
    Host,
}

/// On which side of the call's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Edge {
    Before,
    After,
}

/// A call that changes something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) port: Port,
    /// What the call is for. A write of the record is named after the state that it stores.
    pub(crate) what: String,
}

/// One side of a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) call: Call,
    pub(crate) edge: Edge,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Store => "store write",
            Self::Router => "router call",
            Self::Host => "host call",
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = match self.edge {
            Edge::Before => "before",
            Edge::After => "after",
        };
        write!(f, "{edge} {} {:?}", self.call.port, self.call.what)
    }
}

/// Notes each call of this process, and kills it at one point.
#[derive(Debug)]
pub(crate) struct Trigger {
    point: Option<Point>,
    trace: Mutex<Vec<Call>>,
}

impl Trigger {
    pub(crate) const fn new(point: Option<Point>) -> Self {
        Self {
            point,
            trace: Mutex::new(Vec::new()),
        }
    }

    /// The different calls so far, in the order in which they were first made.
    pub(crate) fn trace(&self) -> Vec<Call> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a call. At the point, this does not return.
    pub(crate) async fn around<T, E>(
        &self,
        port: Port,
        what: String,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let made = Call { port, what };
        self.reach(&made, Edge::Before).await;
        let answer = call.await;
        if answer.is_ok() {
            self.reach(&made, Edge::After).await;
        }
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        if !trace.contains(&made) {
            trace.push(made);
        }
        answer
    }

    async fn reach(&self, call: &Call, edge: Edge) {
        let here = |point: &Point| point.edge == edge && point.call == *call;
        if self.point.as_ref().is_some_and(here) {
            // SIGKILL cannot be caught, and it ends all threads: nothing after this line happens.
            let _ = kill(Pid::this(), Signal::SIGKILL);
            std::future::pending::<()>().await;
        }
    }
}
