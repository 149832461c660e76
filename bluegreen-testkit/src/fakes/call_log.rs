//! The calls to all fakes of a test, in their global order.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex};

use bluegreen_core::{Clock, Monotonic, Op, SystemClock, Token};
use tokio::sync::watch;

use super::script::Behaviour;
use crate::lock::held;

/// One call to a fake, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The port: "router", "store".
    pub port: &'static str,
    /// The name of the fake.
    pub name: String,
    /// The operation: "shift".
    pub operation: &'static str,
    /// Its arguments, as text.
    pub arguments: String,
    /// The token that came with it. A store is called without one.
    pub token: Option<Token>,
    /// The [`Op::id`] that came with it. A store is called without one.
    pub op_id: Option<String>,
    /// When, on the log's clock.
    pub at: Monotonic,
}

/// `router edge: shift green 100%`
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.port, self.name, self.operation)?;
        if !self.arguments.is_empty() {
            write!(f, " {}", self.arguments)?;
        }
        Ok(())
    }
}

/// Whether a call that is the last one of a crashed caller takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// The caller dies before the call is applied.
    Before,
    /// The caller dies after the call is applied and before it sees the answer.
    After,
}

/// What was called on all fakes that share it, and the clock that they share.
///
/// It can also stand in for the death of the caller: [`crash_at`](Self::crash_at) lets one call,
/// and every later one, hang. The test waits for [`crashed`](Self::crashed), drops the caller, calls
/// [`revive`](Self::revive) and starts another. And it can disturb all fakes by one rule, for
/// simulations: see [`disturb`](Self::disturb).
#[derive(Debug, Clone)]
pub struct CallLog {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    calls: Mutex<Vec<Call>>,
    crash: Mutex<Option<(usize, CrashPoint)>>,
    crashed: watch::Sender<bool>,
    rule: Mutex<Option<Rule>>,
}

type Rule = Box<dyn FnMut(&Call) -> Behaviour + Send>;

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("calls", &self.calls)
            .field("crash", &self.crash)
            .finish_non_exhaustive()
    }
}

/// What the log says of a call that it has written down.
pub(super) struct Said {
    /// What the death of the caller makes of it, whatever the script says.
    forced: Option<Behaviour>,
    /// What it does when the script says nothing.
    otherwise: Behaviour,
}

impl Said {
    /// What the call does. The script is asked only when the caller lives.
    pub(super) fn or_script(self, script: impl FnOnce() -> Option<Behaviour>) -> Behaviour {
        self.forced.or_else(script).unwrap_or(self.otherwise)
    }
}

impl Default for CallLog {
    /// A log on the clock of the machine (virtual on a runtime with paused time).
    fn default() -> Self {
        Self::new(Arc::new(SystemClock::new()))
    }
}

impl CallLog {
    /// An empty log. Its fakes take the time from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                calls: Mutex::default(),
                crash: Mutex::default(),
                crashed: watch::Sender::new(false),
                rule: Mutex::default(),
            }),
        }
    }

    /// The clock of all its fakes.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.shared.clock.clone()
    }

    /// All calls so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        held(&self.shared.calls).clone()
    }

    /// All calls so far as text, oldest first: `router edge: shift green 100%`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        held(&self.shared.calls).iter().map(Call::to_string).collect()
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn len(&self) -> usize {
        held(&self.shared.calls).len()
    }

    /// Whether nothing was called yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets call number `nth` (the first is 1) of all calls in this log be the last one that the
    /// caller sends: it hangs before or after it is applied, and so does each later one.
    pub fn crash_at(&self, nth: usize, point: CrashPoint) {
        *held(&self.shared.crash) = Some((nth, point));
    }

    /// Waits for the call that was named by [`crash_at`](Self::crash_at).
    pub async fn crashed(&self) {
        // The sender lives as long as `self`, so the wait can end only by the value.
        let _ = self.shared.crashed.subscribe().wait_for(|crashed| *crashed).await;
    }

    /// Takes calls again, after the dead caller was dropped.
    pub fn revive(&self) {
        *held(&self.shared.crash) = None;
        self.shared.crashed.send_replace(false);
    }

    /// From now on each call for which the script says nothing does what `rule` says of it: one place
    /// for the faults of a whole world, such as seeded ones. Ends with [`calm`](Self::calm).
    ///
    /// ```
    /// use std::hash::{DefaultHasher, Hash, Hasher};
    ///
    /// use bluegreen_core::FaultKind;
    /// use bluegreen_testkit::fakes::{Behaviour, CallLog};
    ///
    /// let log = CallLog::default();
    /// let (seed, mut nth) = (42_u64, 0_u64);
    /// log.disturb(move |_| {
    ///     nth += 1;
    ///     let mut hasher = DefaultHasher::new();
    ///     (seed, nth).hash(&mut hasher);
    ///     match hasher.finish() % 20 {
    ///         0 => Behaviour::Fault(FaultKind::Unavailable { retry_after: None }),
    ///         1 => Behaviour::ApplyThenFault(FaultKind::Unknown),
    ///         _ => Behaviour::Ok,
    ///     }
    /// });
    /// ```
    pub fn disturb(&self, rule: impl FnMut(&Call) -> Behaviour + Send + 'static) {
        *held(&self.shared.rule) = Some(Box::new(rule));
    }

    /// Ends what [`disturb`](Self::disturb) began. What is on its way to land late still lands.
    pub fn calm(&self) {
        *held(&self.shared.rule) = None;
    }

    /// Writes a call down, and says what that does to it.
    pub(super) fn record(
        &self,
        port: &'static str,
        name: &str,
        operation: &'static str,
        arguments: String,
        op: Option<&Op>,
    ) -> Said {
        let call = Call {
            port,
            name: name.to_owned(),
            operation,
            arguments,
            token: op.map(|op| op.token),
            op_id: op.map(|op| op.id.clone()),
            at: self.shared.clock.monotonic(),
        };
        let otherwise = match held(&self.shared.rule).as_mut() {
            Some(rule) => rule(&call),
            None => Behaviour::Ok,
        };
        let nth = {
            let mut calls = held(&self.shared.calls);
            calls.push(call);
            calls.len()
        };
        Said {
            forced: self.death(nth),
            otherwise,
        }
    }

    /// What the death of the caller makes of its `nth` call.
    fn death(&self, nth: usize) -> Option<Behaviour> {
        let (at, point) = (*held(&self.shared.crash))?;
        let order = nth.cmp(&at);
        if order == Ordering::Equal {
            self.shared.crashed.send_replace(true);
        }
        match (order, point) {
            (Ordering::Less, _) => None,
            (Ordering::Equal, CrashPoint::After) => Some(Behaviour::ApplyThenHang),
            // A dead caller sends nothing more.
            (Ordering::Equal, CrashPoint::Before) | (Ordering::Greater, _) => Some(Behaviour::Hang),
        }
    }
}
