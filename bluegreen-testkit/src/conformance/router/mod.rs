//! The contract of [`Router`].
//!
//! A fresh subject gives all traffic to one slot, can give it to the other, and has seen no token.

use std::sync::Arc;

use bluegreen_core::{
    Granularity, Observation, Op, Router, RouterCapabilities, Share, Slot, Split, Verification,
};

use super::around::{Around, Hook, around, hook, until};
use super::case::{CaseResult, Unproven, broken, cases, hold};
use super::faults::{Call, call, refusal_case, throttling_case};

mod effects;
mod splits;
mod texts;
mod tokens;

pub use effects::*;
pub use splits::*;
pub use texts::*;
pub use tokens::*;

/// A router to be examined, and what can be done around it.
pub struct RouterSubject {
    router: Arc<dyn Router>,
    around: Around,
    by_hand: Option<Hook<Split>>,
    foreign: Option<Hook<()>>,
    traffic: Option<Hook<usize, Vec<Slot>>>,
    again: Option<Hook<(), Arc<dyn Router>>>,
}

around!(RouterSubject, faults);

impl RouterSubject {
    /// A fresh router.
    pub fn new(router: impl Router + 'static) -> Self {
        Self {
            router: Arc::new(router),
            around: Around::new(),
            by_hand: None,
            foreign: None,
            traffic: None,
            again: None,
        }
    }

    /// Somebody sets this split past the deployer: in the provider's console, by hand.
    #[must_use]
    pub fn by_hand(mut self, set: impl AsyncFn(Split) + 'static) -> Self {
        self.by_hand = Some(hook(set));
        self
    }

    /// Somebody puts a configuration there that is no split of the two slots.
    #[must_use]
    pub fn foreign(mut self, spoil: impl AsyncFn() + 'static) -> Self {
        self.foreign = Some(hook(async move |()| spoil().await));
        self
    }

    /// Sends so many requests, of so many clients, and tells which slot answered each.
    #[must_use]
    pub fn traffic(mut self, send: impl AsyncFn(usize) -> Vec<Slot> + 'static) -> Self {
        self.traffic = Some(hook(send));
        self
    }

    /// Another instance over the same place, as another deployer has it.
    #[must_use]
    pub fn again<R: Router + 'static>(mut self, make: impl AsyncFn() -> R + 'static) -> Self {
        self.again = Some(hook(async move |()| Arc::new(make().await) as Arc<dyn Router>));
        self
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.router.capabilities()
    }

    async fn observed(&self) -> Result<Observation, Unproven> {
        let op = self.around.op();
        let seen = self.around.done("observe", self.router.observe(&op)).await?;
        self.around.text("the evidence of observe", &seen.evidence)?;
        Ok(seen)
    }

    async fn observe(&self) -> Result<Split, Unproven> {
        Ok(self.observed().await?.split)
    }

    async fn stage(&self, slot: Slot) -> CaseResult {
        let op = self.around.op();
        self.around
            .done(&format!("stage of {slot}"), self.router.stage(&op, slot))
            .await
    }

    async fn shift_as(&self, op: &Op, split: Split) -> CaseResult {
        self.around
            .done(&format!("shift to {split}"), self.router.shift(op, split))
            .await
    }

    async fn shift(&self, split: Split) -> CaseResult {
        self.shift_as(&self.around.op(), split).await
    }

    async fn verify(&self, split: Split) -> Result<Verification, Unproven> {
        let op = self.around.op();
        let answer = self.around.done("verify", self.router.verify(&op, split)).await?;
        let (Verification::Live { evidence: text }
        | Verification::NotYet { why: text }
        | Verification::Unknown { why: text }) = &answer;
        self.around.text("the evidence of verify", text)?;
        Ok(answer)
    }

    /// Waits until a split is live, no longer than the router says that it takes.
    async fn live(&self, split: Split) -> CaseResult {
        let longest = self.capabilities().propagation + self.around.budget;
        let answer = until(longest, async || self.verify(split).await, is_live).await?;
        hold!(
            is_live(&answer),
            "{split} was set, and after {longest:?} verify says {answer:?}"
        );
        Ok(())
    }

    async fn is_held(&self, split: Split, when: &str) -> CaseResult {
        let seen = self.observe().await?;
        hold!(seen == split, "{when}, observe says {seen} and not {split}");
        Ok(())
    }

    /// The slot that has all traffic, and the other one made ready for it.
    async fn ready(&self) -> Result<Slot, Unproven> {
        let split = self.observe().await?;
        let Some(live) = split.only() else {
            return broken(format!(
                "a fresh subject gives all traffic to one slot; this one has {split}"
            ));
        };
        self.stage(live.other()).await?;
        Ok(live)
    }
}

const fn is_live(answer: &Verification) -> bool {
    matches!(answer, Verification::Live { .. })
}

/// Shares between nothing and everything that a router can hold: the smallest, some between, the largest.
fn shares(capabilities: &RouterCapabilities) -> Vec<Share> {
    let Granularity::Steps(_) = capabilities.granularity else {
        return Vec::new();
    };
    let all = (1..10_000).filter_map(|points| Share::from_basis_points(points).ok());
    let held: Vec<Share> = all
        .filter(|share| capabilities.can_hold(Split::with(Slot::Green, *share)))
        .collect();
    let at = |part: usize| held.get(held.len() * part / 4).copied();
    let mut shares: Vec<Share> = [held.first().copied(), at(1), at(2), held.last().copied()]
        .into_iter()
        .flatten()
        .collect();
    shares.dedup();
    shares
}

/// One call of each operation that asks or changes the provider; the answers do not matter.
fn calls(subject: &RouterSubject) -> Vec<Call<'_>> {
    let (router, around) = (&subject.router, &subject.around);
    vec![
        call("observe", async { router.observe(&around.op()).await }),
        call("stage", async { router.stage(&around.op(), Slot::Green).await }),
        call("shift", async {
            router.shift(&around.op(), Split::all(Slot::Blue)).await
        }),
    ]
}

refusal_case!(RouterSubject, calls);
throttling_case!(RouterSubject, calls);

cases! {
    $ router_conformance, router, RouterSubject:
    what_was_shifted_is_observed,
    only_the_split_that_is_live_is_verified,
    staging_moves_no_traffic_and_twice_is_once,
    a_shift_is_absolute_and_twice_is_once,
    a_split_that_it_cannot_hold_is_rejected_and_changes_nothing,
    traffic_follows_the_split,
    a_change_by_somebody_else_is_seen,
    a_foreign_configuration_is_told_and_not_taken_for_a_split,
    an_older_token_is_fenced_off,
    the_newest_token_is_shown,
    another_instance_sees_the_same,
    a_dropped_shift_leaves_the_old_or_the_new_split,
    a_dropped_stage_moves_no_traffic,
    a_shift_whose_answer_is_lost_is_unknown_and_can_be_ensured,
    a_shift_that_lands_late_does_not_undo_a_newer_one,
    calls_at_once_end_at_the_newest_split,
    requests_in_flight_are_counted_or_unknown,
    capabilities_and_name_are_constant_and_sane,
    the_longest_op_id_is_taken,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
