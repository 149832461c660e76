//! What stands around every subject: its budget, its secrets, its guards, the hook for faults; and the
//! checks that are made of each answer, whatever the case is about.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bluegreen_core::{Clock, Fault, Op, SystemClock, Token};
use tokio::time::timeout;

use super::case::{Unproven, broken, not_run};

/// How long one call may take when the subject says nothing else.
const BUDGET: Duration = Duration::from_secs(10);

/// A call that was not answered so long after its budget was over does not keep to it.
const SLACK: Duration = Duration::from_secs(1);

/// The longest text that a plugin may hand out, in bytes: an error, an evidence. People read it, records
/// and notices carry it.
pub const LONGEST_TEXT: usize = 4 * 1024;

/// What goes wrong on the way to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderFault {
    /// Connections are refused: nothing is sent.
    Refused,
    /// The request itself is refused: HTTP 403 or 422, a missing permission.
    Rejected,
    /// Too many requests; the answer asks for this wait.
    Throttled {
        /// The wait that is asked for.
        retry_after: Duration,
    },
    /// The next change is carried out and its answer is lost: the connection ends.
    LostAnswer,
    /// The next change is answered by nothing, and is carried out so much later.
    LandsLate {
        /// How much later.
        by: Duration,
    },
}

/// Something that a subject does for a case.
pub(super) type Hook<A, T = ()> = Box<dyn Fn(A) -> Pin<Box<dyn Future<Output = T>>>>;

pub(super) fn hook<A: 'static, T: 'static>(act: impl AsyncFn(A) -> T + 'static) -> Hook<A, T> {
    let act = Rc::new(act);
    Box::new(move |argument| {
        let act = Rc::clone(&act);
        Box::pin(async move { act(argument).await })
    })
}

/// Does what a hook does, or says that there is none.
pub(super) async fn through<A, T>(hook: Option<&Hook<A, T>>, name: &str, argument: A) -> Result<T, Unproven> {
    match hook {
        Some(hook) => Ok(hook(argument).await),
        None => not_run(format!("the subject gives no hook `{name}`")),
    }
}

pub(super) struct Around {
    pub(super) budget: Duration,
    pub(super) secrets: Vec<String>,
    pub(super) faults: Option<Hook<Option<ProviderFault>, bool>>,
    pub(super) guards: Vec<Box<dyn Any>>,
    acts: AtomicU64,
}

impl Around {
    pub(super) fn new() -> Self {
        Self {
            budget: BUDGET,
            secrets: Vec::new(),
            faults: None,
            guards: Vec::new(),
            acts: AtomicU64::new(0),
        }
    }

    /// The context of the next act: its token is newer than those before.
    pub(super) fn op(&self) -> Op {
        let seq = self.acts.fetch_add(1, Ordering::Relaxed) + 1;
        self.op_with(Token { epoch: 2, seq })
    }

    pub(super) fn op_with(&self, token: Token) -> Op {
        Op::new(
            token,
            format!("conformance-{}-{}", token.epoch, token.seq),
            self.budget,
        )
    }

    /// A call that may fail: bounded in time, and its fault is fit to be shown.
    pub(super) async fn call<T, E: fmt::Display>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Unproven> {
        let Ok(answer) = timeout(self.budget + SLACK, call).await else {
            return broken(format!(
                "{what} had a budget of {:?} and took longer",
                self.budget
            ));
        };
        if let Err(error) = &answer {
            self.text(&format!("the error of {what}"), &error.to_string())?;
        }
        Ok(answer)
    }

    /// A call that has to work.
    pub(super) async fn done<T, E: fmt::Display>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Unproven> {
        match self.call(what, call).await? {
            Ok(answer) => Ok(answer),
            Err(error) => broken(format!("{what} failed: {error}")),
        }
    }

    /// A call that has to fail.
    pub(super) async fn fault<T: fmt::Debug>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<Fault, Unproven> {
        match self.call(what, call).await? {
            Ok(answer) => broken(format!("{what} had to fail, and answered {answer:?}")),
            Err(fault) => Ok(fault),
        }
    }

    /// A text that people get to see is not empty, has a bound, and holds no secret.
    pub(super) fn text(&self, what: &str, text: &str) -> Result<(), Unproven> {
        if text.trim().is_empty() {
            return broken(format!("{what} is empty"));
        }
        if text.len() > LONGEST_TEXT {
            let length = text.len();
            return broken(format!(
                "{what} has {length} bytes; at most {LONGEST_TEXT} can be shown"
            ));
        }
        self.discreet(what, text)
    }

    /// A text holds no secret.
    pub(super) fn discreet(&self, what: &str, text: &str) -> Result<(), Unproven> {
        match self.secrets.iter().find(|secret| text.contains(secret.as_str())) {
            Some(_) => broken(format!("{what} holds a secret")),
            None => Ok(()),
        }
    }

    /// The Debug output of a plugin holds no secret.
    pub(super) fn debug_is_discreet(&self, plugin: &dyn fmt::Debug) -> Result<(), Unproven> {
        if self.secrets.is_empty() {
            return not_run("the subject names no `secret`");
        }
        self.discreet("the Debug output", &format!("{plugin:?} {plugin:#?}"))
    }

    /// Lets the provider fail from now on, or says that this subject cannot.
    pub(super) async fn inject(&self, fault: ProviderFault) -> Result<(), Unproven> {
        if through(self.faults.as_ref(), "faults", Some(fault)).await? {
            Ok(())
        } else {
            not_run(format!("the hook `faults` cannot do {fault:?}"))
        }
    }

    /// Lets the provider work again.
    pub(super) async fn heal(&self) -> Result<(), Unproven> {
        through(self.faults.as_ref(), "faults", None).await.map(drop)
    }
}

/// Time goes by: virtual, on a runtime with paused time.
pub(super) async fn wait(span: Duration) {
    SystemClock::new().sleep(span).await;
}

/// Asks again until the answer is wanted, for so long at most. Returns the last answer.
pub(super) async fn until<T>(
    longest: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, Unproven>,
    wanted: impl Fn(&T) -> bool,
) -> Result<T, Unproven> {
    let clock = SystemClock::new();
    loop {
        let answer = ask().await?;
        if wanted(&answer) || clock.monotonic().0 >= longest {
            return Ok(answer);
        }
        clock
            .sleep((longest / 100).clamp(Duration::from_millis(5), Duration::from_millis(500)))
            .await;
    }
}

/// The part of a subject's interface that is the same for all.
macro_rules! around {
    ($Subject:ident, faults) => {
        $crate::conformance::around::around!($Subject);

        impl $Subject {
            /// Lets the way to the provider fail from now on; `None`: lets it work again. Answers whether
            /// it can do that.
            #[must_use]
            pub fn faults(
                mut self,
                faults: impl AsyncFn(Option<$crate::conformance::ProviderFault>) -> bool + 'static,
            ) -> Self {
                self.around.faults = Some($crate::conformance::around::hook(faults));
                self
            }
        }
    };
    ($Subject:ident) => {
        impl $Subject {
            /// How long one call may take; ten seconds if nothing is said.
            #[must_use]
            pub fn budget(mut self, budget: std::time::Duration) -> Self {
                self.around.budget = budget;
                self
            }

            /// A secret that the plugin was given: it may show in no error, evidence or Debug output.
            #[must_use]
            pub fn secret(mut self, secret: impl Into<String>) -> Self {
                self.around.secrets.push(secret.into());
                self
            }

            /// Kept until the case has ended, however that is: a folder, a server, a process that its
            /// `Drop` ends.
            #[must_use]
            pub fn guard(mut self, guard: impl std::any::Any) -> Self {
                self.around.guards.push(Box::new(guard));
                self
            }
        }
    };
}
pub(super) use around;
