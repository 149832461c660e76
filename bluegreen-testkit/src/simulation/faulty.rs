//! Any port, with faults: what goes wrong is asked for at each call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Fault, FaultKind, StoreError};

use super::history::{Act, Actor, Answer, WORLD, What};
use super::script::{Call, Mishap};
use super::time::Time;
use super::world::World;

/// A port of a process, with faults. The kinds of ports are in `faulty_ports`.
#[derive(Debug)]
pub(crate) struct Faulty<P> {
    pub(super) inner: Arc<P>,
    pub(super) line: Line,
}

impl<P> Faulty<P> {
    pub(crate) fn new(inner: P, line: Line) -> Self {
        Self {
            inner: Arc::new(inner),
            line,
        }
    }
}

/// Between a process and a part.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(super) world: World,
    pub(super) actor: Actor,
    /// How long after it was given up a call may take effect at most; `None` where the part itself
    /// sees to it that what is old comes to nothing.
    pub(super) settle_ms: Option<u64>,
}

pub(super) type Effect<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Line {
    /// Lets a mishap befall a call. Other than the effect nothing is left of the call when its caller
    /// dies or gives it up.
    pub(super) async fn befall<T: Send + 'static, E: Failing>(
        &self,
        mishap: Mishap,
        effect: Effect<T, E>,
    ) -> Result<T, E> {
        // When the settle time is over it is over.
        let bounded = |ms: u64| {
            self.settle_ms
                .map_or(ms, |settle| ms.min(settle.saturating_sub(1)))
        };
        let time = self.world.time();
        // Without a settle time nothing is left when a call is given up.
        let lands = self.settle_ms != Some(0);
        match mishap {
            Mishap::LandLate(_) if !lands => Err(E::unknown()),
            Mishap::Hang(_) if !lands => std::future::pending().await,
            Mishap::Refuse => Err(E::refused()),
            Mishap::Throttle(ms) => Err(E::unavailable(Some(Duration::from_millis(ms)))),
            Mishap::Unreachable => Err(E::unavailable(None)),
            // An error of the service tells a port as little as no answer.
            Mishap::LoseRequest | Mishap::FailBefore => Err(E::unknown()),
            Mishap::LoseAnswer | Mishap::FailAfter => {
                let _ = effect.await;
                Err(E::unknown())
            }
            Mishap::LandLate(ms) => {
                later(time, bounded(ms), effect);
                Err(E::unknown())
            }
            Mishap::Delay(ms) => {
                let answer = effect.await;
                time.pass(ms).await;
                answer
            }
            Mishap::Hang(ms) => {
                let (_followed, abandoned) = self.world.follow(self.actor);
                let (clock, ms) = (time.clone(), bounded(ms));
                time.detach(WORLD, async move {
                    // Nobody sends anything: it ends with who follows the call.
                    let _ = abandoned.await;
                    clock.pass(ms).await;
                    let _ = effect.await;
                });
                std::future::pending().await
            }
            Mishap::Vanish => std::future::pending().await,
            Mishap::CrashBefore => {
                self.world.die(self.actor);
                std::future::pending().await
            }
            Mishap::CrashAfter => {
                let _ = effect.await;
                self.world.die(self.actor);
                std::future::pending().await
            }
            Mishap::Conflict => Err(E::conflict()),
            Mishap::Stale | Mishap::Say(_) | Mishap::Spoil => effect.await,
        }
    }

    /// A changing call is sent, with what befalls it.
    pub(super) fn send(&self, call: Call, act: Act, op: &bluegreen_core::Op) -> (Option<Mishap>, Hearing) {
        let hearing = self.begin(act, op);
        (self.world.met(self.actor, call), hearing)
    }

    /// A changing call is sent; what becomes of it is noted in the end, also when nobody hears it.
    pub(super) fn begin(&self, act: Act, op: &bluegreen_core::Op) -> Hearing {
        if self.world.is_alive(self.actor) {
            self.world.note(self.actor, What::Sent(act, op.token));
        }
        Hearing {
            line: self.clone(),
            act,
            token: op.token,
            heard: false,
        }
    }
}

fn later<T: Send + 'static, E: Failing>(time: &Time, ms: u64, effect: Effect<T, E>) {
    let clock = time.clone();
    time.detach(WORLD, async move {
        clock.pass(ms).await;
        let _ = effect.await;
    });
}

/// A changing call whose answer is waited for.
pub(super) struct Hearing {
    line: Line,
    act: Act,
    token: bluegreen_core::Token,
    heard: bool,
}

impl Hearing {
    pub(super) fn hear<T>(mut self, answer: &Result<T, Fault>) {
        self.heard = true;
        let answer = match answer {
            Ok(_) => Answer::Done,
            Err(fault) => match fault.kind {
                FaultKind::Rejected => Answer::Rejected,
                FaultKind::Unavailable { .. } => Answer::Unavailable,
                FaultKind::Unknown => Answer::Unknown,
                FaultKind::Fenced => Answer::Fenced,
            },
        };
        self.line
            .world
            .note(self.line.actor, What::Answered(self.act, self.token, answer));
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        if !self.heard {
            let what = What::Answered(self.act, self.token, Answer::Unknown);
            self.line.world.note(self.line.actor, what);
        }
    }
}

/// An error that a mishap can be told with.
pub(super) trait Failing: Send + 'static {
    fn refused() -> Self;
    fn unavailable(retry_after: Option<Duration>) -> Self;
    fn unknown() -> Self;
    fn conflict() -> Self;
}

impl Failing for Fault {
    fn refused() -> Self {
        Self::rejected("simulated", "call", "refused")
    }

    fn unavailable(retry_after: Option<Duration>) -> Self {
        Self::new(
            FaultKind::Unavailable { retry_after },
            "simulated",
            "call",
            "out of reach",
        )
    }

    fn unknown() -> Self {
        Self::unknown("simulated", "call", "the answer is lost")
    }

    fn conflict() -> Self {
        Failing::refused()
    }
}

impl Failing for StoreError {
    fn refused() -> Self {
        let (key, message) = ("shop".to_owned(), "refused".to_owned());
        Self::Refused { key, message }
    }

    fn unavailable(_: Option<Duration>) -> Self {
        let (key, message) = ("shop".to_owned(), "out of reach".to_owned());
        Self::Unavailable { key, message }
    }

    fn unknown() -> Self {
        let (key, message) = ("shop".to_owned(), "the answer is lost".to_owned());
        Self::Unknown { key, message }
    }

    fn conflict() -> Self {
        Self::Conflict {
            key: "shop".to_owned(),
        }
    }
}
