//! Broken hooks.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use bluegreen_core::{Fault, FaultKind, HookAction, HookContext, Op};
use bluegreen_testkit::conformance::hook::{self, HookSubject};
use bluegreen_testkit::fakes::{CallLog, FakeHook};

use super::{caught, sound};
use crate::conformance::fakes::disturb;

const SECRET: &str = "hunter2-and-more";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HookDefect {
    None,
    RunsEachTime,
    RunsOnceForEver,
    NeedsARelease,
    SaysNothing,
    StumblesOverLabels,
    TakesABegunRunForADoneOne,
    TakesALostAnswerForANo,
    ShowsItsSecret,
    NeverKnows,
}

struct BentHook {
    fake: FakeHook,
    defect: HookDefect,
    begun: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for BentHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.defect {
            HookDefect::ShowsItsSecret => write!(f, "a hook with {SECRET}"),
            defect => write!(f, "a hook with {defect:?}"),
        }
    }
}

impl BentHook {
    /// Whether it was begun before, with the same id.
    fn is_begun(&self, id: &str) -> bool {
        !self.begun.lock().unwrap().insert(id.to_owned())
    }
}

#[async_trait]
impl HookAction for BentHook {
    async fn run(&self, op: &Op, context: &HookContext) -> Result<String, Fault> {
        let mut op = op.clone();
        match self.defect {
            HookDefect::RunsEachTime => op.id = format!("{:?}", op.token),
            HookDefect::RunsOnceForEver => op.id = "purge".to_owned(),
            HookDefect::NeedsARelease => drop(context.release.as_ref().unwrap().version.to_string()),
            HookDefect::StumblesOverLabels => {
                let labels = context.release.iter().flat_map(|release| release.labels.values());
                if labels.into_iter().any(|label| label.contains('\0')) {
                    return Err(Fault::unavailable("bent", "run", "it was cut short"));
                }
            }
            HookDefect::TakesABegunRunForADoneOne => {
                if self.is_begun(&op.id) {
                    return Ok("nothing to do".to_owned());
                }
                tokio::task::yield_now().await;
            }
            _ => {}
        }
        match (self.defect, self.fake.run(&op, context).await) {
            (HookDefect::SaysNothing, Ok(_)) => Ok(String::new()),
            (HookDefect::TakesALostAnswerForANo, Err(fault)) if fault.kind == FaultKind::Unknown => {
                Err(Fault::rejected("bent", "run", "no answer"))
            }
            (HookDefect::NeverKnows, Err(_)) => Err(Fault::unknown("bent", "run", "something went wrong")),
            (_, answer) => answer,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_a_hook_is_caught() {
    let subject = |defect| {
        let log = CallLog::default();
        let fake = FakeHook::new("purge", &log);
        let ran = fake.clone();
        let bent = BentHook {
            fake,
            defect,
            begun: Mutex::default(),
        };
        HookSubject::new(bent)
            .ran(async move || u32::try_from(ran.ran().len()).unwrap())
            .secret(SECRET)
            .faults(async move |fault| disturb(&log, fault))
    };
    let whole = hook::prove_all(async || subject(HookDefect::None)).await;
    sound(&whole);
    assert!(whole.not_run().is_empty(), "{whole}");
    for (defect, by) in [
        (HookDefect::RunsEachTime, &["twice_is_once"] as &[&str]),
        (
            HookDefect::RunsOnceForEver,
            &["the_next_deployment_has_its_own_run"],
        ),
        (HookDefect::NeedsARelease, &["every_point_is_taken"]),
        (HookDefect::SaysNothing, &["what_it_did_is_told"]),
        (
            HookDefect::StumblesOverLabels,
            &["hostile_texts_are_taken_or_rejected"],
        ),
        (
            HookDefect::TakesABegunRunForADoneOne,
            &["a_dropped_run_can_be_sent_again"],
        ),
        (
            HookDefect::TakesALostAnswerForANo,
            &["a_run_whose_answer_is_lost_is_unknown_and_can_be_ensured"],
        ),
        (HookDefect::ShowsItsSecret, &["secrets_are_not_in_debug"]),
        (
            HookDefect::NeverKnows,
            &[
                "a_refused_connection_is_unavailable",
                "a_refused_request_is_rejected",
                "throttling_is_unavailable_with_its_wait",
            ],
        ),
    ] {
        caught(&hook::prove_all(async || subject(defect)).await, defect, by);
    }
}
