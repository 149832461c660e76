//! What all fakes of ports with [`Op`] and [`Fault`] have in common: state, script, log, and effects
//! that land late.

use std::fmt;
use std::future::pending;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::{Fault, FaultKind, Monotonic, Op};

use super::call_log::{Call, CallLog};
use super::script::{Behaviour, Script};
use crate::lock::held;

/// A fake: `C` names its operations, `S` is what it holds.
pub(crate) struct Scripted<C, S> {
    shared: Arc<Shared<C, S>>,
}

struct Shared<C, S> {
    port: &'static str,
    name: String,
    log: CallLog,
    inner: Mutex<Inner<C, S>>,
}

struct Inner<C, S> {
    state: S,
    script: Script<C>,
    late: Vec<(Monotonic, LateEffect<S>)>,
}

type LateEffect<S> = Box<dyn FnOnce(&mut S, Monotonic) + Send>;

impl<C, S> Clone for Scripted<C, S> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<C, S> fmt::Debug for Scripted<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fake {} {}", self.shared.port, self.shared.name)
    }
}

impl<C, S> Inner<C, S> {
    /// Applies what was sent before and is due by now. Nobody can see the difference between this
    /// and applying it in time: everything that looks at the state comes by here first.
    fn land(&mut self, now: Monotonic) {
        self.late.sort_by_key(|(due, _)| *due);
        let due = self.late.partition_point(|(due, _)| *due <= now);
        for (moment, effect) in self.late.drain(..due) {
            effect(&mut self.state, moment);
        }
    }
}

impl<C, S> Scripted<C, S>
where
    C: Copy + Eq + Hash + Into<&'static str>,
{
    pub(crate) fn new(port: &'static str, name: impl Into<String>, log: &CallLog, state: S) -> Self {
        Self {
            shared: Arc::new(Shared {
                port,
                name: name.into(),
                log: log.clone(),
                inner: Mutex::new(Inner {
                    state,
                    script: Script::default(),
                    late: Vec::new(),
                }),
            }),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.shared.name
    }

    pub(crate) fn script(&self, call: C, behaviours: impl IntoIterator<Item = Behaviour>) {
        held(&self.shared.inner).script.extend(call, behaviours);
    }

    /// The calls to this fake, oldest first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let mut calls = self.shared.log.calls();
        calls.retain(|call| call.port == self.shared.port && call.name == self.shared.name);
        calls
    }

    /// Looks at or changes the state from outside, now.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut S, Monotonic) -> T) -> T {
        let now = self.now();
        let mut inner = held(&self.shared.inner);
        inner.land(now);
        act(&mut inner.state, now)
    }

    /// One call: written down, then done as the script says.
    pub(crate) async fn call<T: Send>(
        &self,
        call: C,
        op: &Op,
        arguments: String,
        effect: impl FnOnce(&mut S, Monotonic) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault>
    where
        C: Send + Sync,
        S: Send,
    {
        let operation: &'static str = call.into();
        let said = self.shared.log.record(
            self.shared.port,
            &self.shared.name,
            operation,
            arguments,
            Some(op),
        );
        let behaviour = said.or_script(|| held(&self.shared.inner).script.next(&call));
        match behaviour {
            Behaviour::Ok => self.with(effect),
            Behaviour::Fault(kind) => Err(self.fault(kind, operation)),
            Behaviour::ApplyThenFault(kind) => {
                // The answer is lost, whatever it was.
                let _ = self.with(effect);
                Err(self.fault(kind, operation))
            }
            Behaviour::Hang => pending().await,
            Behaviour::ApplyThenHang => {
                let _ = self.with(effect);
                pending().await
            }
            Behaviour::Delay(span) => {
                self.shared.log.clock().sleep(span).await;
                self.with(effect)
            }
            Behaviour::LandLate(span) => {
                self.later(span, effect);
                Err(self.fault(FaultKind::Unknown, operation))
            }
        }
    }

    fn later<T>(
        &self,
        span: Duration,
        effect: impl FnOnce(&mut S, Monotonic) -> Result<T, Fault> + Send + 'static,
    ) {
        let due = Monotonic(self.now().0 + span);
        let effect = Box::new(move |state: &mut S, now| {
            let _ = effect(state, now);
        });
        held(&self.shared.inner).late.push((due, effect));
    }

    fn now(&self) -> Monotonic {
        self.shared.log.clock().monotonic()
    }

    fn fault(&self, kind: FaultKind, operation: &'static str) -> Fault {
        Fault::new(kind, "fake", operation, "the test's script says so")
            .on(format!("{} {}", self.shared.port, self.shared.name))
    }
}

/// The part of a fake's interface that is the same for all: its script and its calls.
macro_rules! scripted {
    ($fake:ident, $calls:ident) => {
        impl $fake {
            /// Adds behaviours for the next calls of an operation, one for each call. After the last
            /// one the operation does what its contract says.
            pub fn script(
                &self,
                call: $calls,
                behaviours: impl IntoIterator<Item = $crate::fakes::Behaviour>,
            ) {
                self.fake.script(call, behaviours);
            }

            /// The calls to this fake, oldest first.
            #[must_use]
            pub fn calls(&self) -> Vec<$crate::fakes::Call> {
                self.fake.calls()
            }
        }
    };
}
pub(crate) use scripted;
