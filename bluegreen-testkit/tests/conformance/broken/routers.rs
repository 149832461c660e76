//! Broken routers.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Clock, Fault, FaultKind, Fencing, Granularity, Observation, Op, Router, RouterCapabilities, Share, Slot,
    Split, SystemClock, Token, Verification,
};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::conformance::router::{self, RouterSubject};
use bluegreen_testkit::fakes::{CallLog, FakeRouter};

use super::{caught, sound};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    AddsToWhatIsThere,
    ComparesNoTokens,
    FencesItsOwnRepetition,
    SaysLiveOfEverything,
    NeverSaysLive,
    MovesTrafficWhenStaged,
    RoundsWhatItCannotHold,
    ObservesItsOwnMemory,
    GoesThroughTheMiddle,
    GoesOnAfterTheSettleTime,
    CallsALostAnswerUnavailable,
    ForgetsTheWait,
    CallsARefusedConnectionUnknown,
    ShowsItsSecret,
    TalksTooMuch,
    Panics,
    Hangs,
    ChangesItsCapabilities,
    MakesUpRequests,
}

struct Bent {
    below: FakeRouter,
    defect: Defect,
    calls: AtomicU32,
    remembered: std::sync::Mutex<Split>,
}

impl fmt::Debug for Bent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.defect == Defect::ShowsItsSecret {
            "token hunter2"
        } else {
            "Bent"
        })
    }
}

impl Bent {
    fn bend(&self, mut fault: Fault) -> Fault {
        fault.kind = match (self.defect, fault.kind) {
            (Defect::CallsALostAnswerUnavailable, FaultKind::Unknown)
            | (Defect::ForgetsTheWait, FaultKind::Unavailable { retry_after: Some(_) }) => {
                FaultKind::Unavailable { retry_after: None }
            }
            (Defect::CallsARefusedConnectionUnknown, FaultKind::Unavailable { retry_after: None }) => {
                FaultKind::Unknown
            }
            (_, kind) => kind,
        };
        fault
    }

    fn op(&self, op: &Op) -> Op {
        let mut op = op.clone();
        if self.defect == Defect::ComparesNoTokens {
            op.token = Token {
                epoch: u64::MAX,
                seq: u64::from(self.calls.fetch_add(1, Ordering::Relaxed)),
            };
        }
        if self.defect == Defect::FencesItsOwnRepetition && self.below.newest_token() == Some(op.token) {
            op.token = Token::default();
        }
        op
    }
}

#[async_trait]
impl Router for Bent {
    fn name(&self) -> &str {
        self.below.name()
    }

    fn capabilities(&self) -> RouterCapabilities {
        let capabilities = self.below.capabilities();
        match self.defect {
            Defect::ChangesItsCapabilities => {
                let calls = self.calls.fetch_add(1, Ordering::Relaxed);
                capabilities.propagation(Duration::from_secs(calls.into()))
            }
            _ => capabilities,
        }
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let mut seen = self
            .below
            .observe(&self.op(op))
            .await
            .map_err(|fault| self.bend(fault))?;
        match self.defect {
            Defect::ObservesItsOwnMemory => seen.split = *self.remembered.lock().unwrap(),
            Defect::TalksTooMuch => seen.evidence = "x".repeat(100_000),
            _ => {}
        }
        Ok(seen)
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.below
            .stage(&self.op(op), slot)
            .await
            .map_err(|fault| self.bend(fault))?;
        if self.defect == Defect::MovesTrafficWhenStaged && self.below.held().only() == Some(slot.other()) {
            self.below
                .set_by_hand(Split::with(slot, Share::from_percent(1).unwrap()));
        }
        Ok(())
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let op = self.op(op);
        let split = match self.defect {
            Defect::AddsToWhatIsThere => {
                let sum = split.share(Slot::Green).basis_points()
                    + self.below.held().share(Slot::Green).basis_points();
                Split::with(Slot::Green, Share::from_basis_points(sum.min(10_000)).unwrap())
            }
            Defect::RoundsWhatItCannotHold => {
                let percent = split.share(Slot::Green).basis_points() / 100;
                Split::with(Slot::Green, Share::from_basis_points(percent * 100).unwrap())
            }
            _ => split,
        };
        match self.defect {
            Defect::Panics => panic!("on purpose"),
            Defect::Hangs => std::future::pending().await,
            Defect::GoesThroughTheMiddle => {
                self.below
                    .set_by_hand(Split::with(Slot::Green, Share::from_percent(50).unwrap()));
                tokio::task::yield_now().await;
            }
            Defect::GoesOnAfterTheSettleTime => {
                let below = self.below.clone();
                let task = tokio::spawn(async move {
                    SystemClock::new()
                        .sleep(below.capabilities().settle() + Duration::from_millis(50))
                        .await;
                    below.set_by_hand(split);
                });
                tokio::task::yield_now().await;
                task.await.unwrap();
                return Ok(());
            }
            _ => {}
        }
        self.below
            .shift(&op, split)
            .await
            .map_err(|fault| self.bend(fault))?;
        *self.remembered.lock().unwrap() = split;
        Ok(())
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        match self.defect {
            Defect::SaysLiveOfEverything => Ok(Verification::Live {
                evidence: "surely".to_owned(),
            }),
            Defect::NeverSaysLive => Ok(Verification::Unknown {
                why: "who knows".to_owned(),
            }),
            _ => self.below.verify(op, split).await,
        }
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<bluegreen_core::InFlight, Fault> {
        match self.defect {
            Defect::MakesUpRequests => Ok(bluegreen_core::InFlight::AtLeast(3)),
            _ => self.below.in_flight(op, slot).await,
        }
    }
}

fn subject(defect: Defect) -> RouterSubject {
    let log = CallLog::default();
    let fencing = match defect {
        Defect::GoesOnAfterTheSettleTime => Fencing::Settle(Duration::from_secs(5)),
        _ => Fencing::Token,
    };
    let capabilities = RouterCapabilities::exact()
        .granularity(Granularity::Steps(100))
        .fencing(fencing);
    let below = FakeRouter::new("edge", &log).with_capabilities(capabilities);
    let hand = below.clone();
    let bent = Bent {
        below,
        defect,
        calls: AtomicU32::new(0),
        remembered: std::sync::Mutex::new(Split::all(Slot::Blue)),
    };
    RouterSubject::new(bent)
        .by_hand(async move |split| hand.set_by_hand(split))
        .faults(async move |fault| match fault {
            Some(ProviderFault::LandsLate { .. }) => false,
            other => crate::conformance::fakes::disturb(&log, other),
        })
        .secret("hunter2")
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_a_router_is_caught() {
    sound(&router::prove_all(async || subject(Defect::None)).await);
    for (defect, by) in [
        (
            Defect::AddsToWhatIsThere,
            &["a_shift_is_absolute_and_twice_is_once"] as &[&str],
        ),
        (
            Defect::ComparesNoTokens,
            &["an_older_token_is_fenced_off", "the_newest_token_is_shown"],
        ),
        (
            Defect::FencesItsOwnRepetition,
            &[
                "a_shift_is_absolute_and_twice_is_once",
                "an_older_token_is_fenced_off",
            ],
        ),
        (
            Defect::SaysLiveOfEverything,
            &[
                "only_the_split_that_is_live_is_verified",
                "a_change_by_somebody_else_is_seen",
            ],
        ),
        (
            Defect::NeverSaysLive,
            &["only_the_split_that_is_live_is_verified"],
        ),
        (
            Defect::MovesTrafficWhenStaged,
            &[
                "staging_moves_no_traffic_and_twice_is_once",
                "a_dropped_stage_moves_no_traffic",
            ],
        ),
        (
            Defect::RoundsWhatItCannotHold,
            &["a_split_that_it_cannot_hold_is_rejected_and_changes_nothing"],
        ),
        (
            Defect::ObservesItsOwnMemory,
            &["a_change_by_somebody_else_is_seen"],
        ),
        (
            Defect::GoesThroughTheMiddle,
            &["a_dropped_shift_leaves_the_old_or_the_new_split"],
        ),
        (
            Defect::GoesOnAfterTheSettleTime,
            &["a_dropped_shift_leaves_the_old_or_the_new_split"],
        ),
        (
            Defect::CallsALostAnswerUnavailable,
            &["a_shift_whose_answer_is_lost_is_unknown_and_can_be_ensured"],
        ),
        (
            Defect::ForgetsTheWait,
            &["throttling_is_unavailable_with_its_wait"],
        ),
        (
            Defect::CallsARefusedConnectionUnknown,
            &["a_refused_connection_is_unavailable"],
        ),
        (Defect::ShowsItsSecret, &["secrets_are_not_in_debug"]),
        (Defect::TalksTooMuch, &["what_was_shifted_is_observed"]),
        (
            Defect::Panics,
            &[
                "what_was_shifted_is_observed",
                "calls_at_once_end_at_the_newest_split",
            ],
        ),
        (Defect::Hangs, &["what_was_shifted_is_observed"]),
        (
            Defect::ChangesItsCapabilities,
            &["capabilities_and_name_are_constant_and_sane"],
        ),
        (
            Defect::MakesUpRequests,
            &["requests_in_flight_are_counted_or_unknown"],
        ),
    ] {
        caught(&router::prove_all(async || subject(defect)).await, defect, by);
    }
}
