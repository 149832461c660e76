//! One case of a contract: how it is run, and what comes of it.

use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

/// How long one case may take, with the making of its subject. Calls are bounded by their budget; this
/// bounds what surrounds them. A slow provider needs minutes for the cases with several shifts.
const LONGEST: Duration = Duration::from_mins(15);

/// Why a case did not prove anything good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It does not apply to this subject, or needs a hook that the subject does not give. Says which.
    #[error("not run: {0}")]
    NotRun(String),
    /// The contract is broken. Says what was expected and what was seen.
    #[error("the contract is broken: {0}")]
    Broken(String),
}

/// What comes of a case: `Ok` when the contract was kept.
pub type CaseResult = Result<(), Unproven>;

/// The contract is broken in this way.
pub(super) fn broken<T>(how: impl Into<String>) -> Result<T, Unproven> {
    Err(Unproven::Broken(how.into()))
}

/// The case does not apply, for this reason.
pub(super) fn not_run<T>(why: impl Into<String>) -> Result<T, Unproven> {
    Err(Unproven::NotRun(why.into()))
}

/// Goes on when it holds; else the contract is broken, in the words that follow.
macro_rules! hold {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return $crate::conformance::case::broken(format!($($words)+));
        }
    };
}
pub(super) use hold;

/// Runs one case on a fresh subject, bounded in time. A panic breaks the contract. The subject is dropped
/// in any case, and with it its guards.
pub(super) async fn run<S>(
    subject: &impl AsyncFn() -> S,
    case: impl AsyncFnOnce(&S) -> CaseResult,
) -> CaseResult {
    // In a box: cases with a deployer in them are large.
    let whole = Box::pin(async {
        let subject = subject().await;
        case(&subject).await
    });
    match timeout(LONGEST, caught(whole)).await {
        Ok(result) => result,
        Err(_) => broken(format!("it did not end within {LONGEST:?}")),
    }
}

/// A panic inside is a broken contract.
async fn caught(case: impl Future<Output = CaseResult>) -> CaseResult {
    let mut case = pin!(case);
    std::future::poll_fn(|context| {
        // After a panic the future is not polled again, and everything in it belongs to this case alone.
        match catch_unwind(AssertUnwindSafe(|| case.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(broken(format!("it panicked: {}", words_of(panic.as_ref())))),
        }
    })
    .await
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a text")
}

/// One test: fails when the contract is broken, and says when the case was not run.
///
/// # Panics
/// When the contract is broken.
#[doc(hidden)]
#[expect(clippy::panic, reason = "this is how a test fails")]
pub async fn prove<S>(
    port: &str,
    name: &str,
    subject: impl AsyncFn() -> S,
    case: impl AsyncFnOnce(&S) -> CaseResult,
) {
    match run(&subject, case).await {
        Ok(()) => {}
        Err(Unproven::NotRun(why)) => {
            // Straight to the stream: what a test prints is hidden when it passes, and nobody may take
            // this for a proof. A closed stream is no reason to fail.
            let thread = std::thread::current();
            let test = thread.name().filter(|test| test.contains(name)).unwrap_or(name);
            let _ = writeln!(std::io::stderr(), "not run: {port} conformance: {test}: {why}");
        }
        Err(Unproven::Broken(how)) => panic!("{port}: {name}: the contract is broken: {how}"),
    }
}

/// What came of all cases of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Report {
    cases: Vec<(&'static str, CaseResult)>,
}

impl Report {
    pub(super) const fn new(cases: Vec<(&'static str, CaseResult)>) -> Self {
        Self { cases }
    }

    /// Each case with what came of it, in the order of the suite.
    pub fn cases(&self) -> &[(&'static str, CaseResult)] {
        &self.cases
    }

    /// The cases in which the contract is broken.
    #[must_use]
    pub fn broken(&self) -> Vec<&'static str> {
        self.names(|result| matches!(result, Err(Unproven::Broken(_))))
    }

    /// The cases that were not run.
    #[must_use]
    pub fn not_run(&self) -> Vec<&'static str> {
        self.names(|result| matches!(result, Err(Unproven::NotRun(_))))
    }

    fn names(&self, wanted: impl Fn(&CaseResult) -> bool) -> Vec<&'static str> {
        let cases = self.cases.iter().filter(|(_, result)| wanted(result));
        cases.map(|(name, _)| *name).collect()
    }
}

/// One case a line: `kept`, `not run` with the reason, `BROKEN` with what was seen.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, result) in &self.cases {
            match result {
                Ok(()) => writeln!(f, "kept     {name}")?,
                Err(Unproven::NotRun(why)) => writeln!(f, "not run  {name}: {why}")?,
                Err(Unproven::Broken(how)) => writeln!(f, "BROKEN   {name}: {how}")?,
            }
        }
        Ok(())
    }
}

/// Declares the cases of a port once: the list of their names, the function that runs them all, and the
/// macro that makes a test of each.
macro_rules! cases {
    ($d:tt $conformance:ident, $port:ident, $Subject:ident: $($case:ident,)+) => {
        /// The names of all cases, in their order.
        pub const CASES: &[&str] = &[$(stringify!($case)),+];

        /// Runs every case, each on a fresh subject, one after the other.
        pub async fn prove_all(subject: impl AsyncFn() -> $Subject) -> $crate::conformance::Report {
            let mut cases = Vec::with_capacity(CASES.len());
            $(cases.push((stringify!($case), $crate::conformance::case::run(&subject, $case).await));)+
            $crate::conformance::Report::new(cases)
        }

        #[doc = concat!("A test for each case of [`conformance::", stringify!($port), "`](mod@crate::conformance::", stringify!($port), ").")]
        ///
        /// Takes an `async` closure that makes a fresh subject, or an `async fn` that does, with the
        /// attributes that its tests shall have instead of `#[tokio::test(flavor = "multi_thread")]`: see
        /// [`conformance`](mod@crate::conformance).
        #[macro_export]
        macro_rules! $conformance {
            ($d(#[$d attribute:meta])+ async fn $d make:ident() -> $d Made:ty $d body:block) => {
                async fn $d make() -> $d Made $d body

                $(
                    $d(#[$d attribute])+
                    async fn $case() {
                        $crate::conformance::prove(
                            stringify!($port),
                            stringify!($case),
                            $d make,
                            $crate::conformance::$port::$case,
                        )
                        .await;
                    }
                )+
            };
            (async fn $d make:ident() -> $d Made:ty $d body:block) => {
                $crate::$conformance! {
                    #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $d make() -> $d Made $d body
                }
            };
            ($d subject:expr $d(,)?) => {
                $crate::$conformance! {
                    async fn subject() -> $crate::conformance::$port::$Subject { ($d subject)().await }
                }
            };
        }
    };
}
pub(super) use cases;
