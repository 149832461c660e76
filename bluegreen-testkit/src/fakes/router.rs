//! A router that holds its split in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Fault, Fencing, InFlight, Monotonic, Observation, Op, Router, RouterCapabilities, Share, Slot, Split,
    Token, Verification,
};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Router`].
    RouterCall {
        /// [`Router::observe`].
        Observe = "observe",
        /// [`Router::stage`].
        Stage = "stage",
        /// [`Router::shift`].
        Shift = "shift",
        /// [`Router::verify`].
        Verify = "verify",
        /// [`Router::in_flight`].
        InFlight = "in_flight",
    }
}

/// A router in memory. At first blue has all traffic, and it can do everything
/// ([`RouterCapabilities::exact`]).
///
/// It is as strict as real ones are: a split that its granularity cannot hold and weight for a slot
/// that was neither staged nor had traffic are rejected, and with [`Fencing::Token`] a token older
/// than the newest one is fenced off.
#[derive(Debug, Clone)]
pub struct FakeRouter {
    fake: Scripted<RouterCall, State>,
    capabilities: RouterCapabilities,
}

#[derive(Debug)]
struct State {
    split: Split,
    staged: BTreeSet<Slot>,
    newest: Option<Token>,
    lag: Duration,
    in_flight: BTreeMap<Slot, InFlight>,
    /// What was accepted and when; the last one is `split`.
    history: Vec<(Monotonic, Split)>,
}

scripted!(FakeRouter, RouterCall);

impl FakeRouter {
    /// A router with its name.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        let split = Split::all(Slot::Blue);
        let state = State {
            split,
            staged: BTreeSet::from([Slot::Blue]),
            newest: None,
            lag: Duration::ZERO,
            in_flight: BTreeMap::new(),
            history: vec![(Monotonic::default(), split)],
        };
        Self {
            fake: Scripted::new("router", name, log, state),
            capabilities: RouterCapabilities::exact(),
        }
    }

    /// With other capabilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: RouterCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// With another split at first.
    #[must_use]
    pub fn with_split(self, split: Split) -> Self {
        self.set_by_hand(split);
        self
    }

    /// With a time after which an accepted split is live. Until then
    /// [`verify`](Router::verify) says that it is not yet.
    #[must_use]
    pub fn with_lag(self, lag: Duration) -> Self {
        self.fake.with(|state, _| state.lag = lag);
        self
    }

    /// Somebody changes the split past the deployer: no token, no check.
    pub fn set_by_hand(&self, split: Split) {
        self.fake.with(|state, now| state.accept(split, now));
    }

    /// Sets what [`in_flight`](Router::in_flight) says for a slot. At first it is `None`.
    pub fn set_in_flight(&self, slot: Slot, in_flight: InFlight) {
        self.fake.with(|state, _| state.in_flight.insert(slot, in_flight));
    }

    /// The split that was accepted last.
    #[must_use]
    pub fn held(&self) -> Split {
        self.fake.with(|state, _| state.split)
    }

    /// The split by which new requests are divided now: an older one while the lag lasts.
    #[must_use]
    pub fn live(&self) -> Split {
        self.fake.with(|state, now| state.live(now))
    }

    /// Whether a slot can take traffic.
    #[must_use]
    pub fn is_staged(&self, slot: Slot) -> bool {
        self.fake.with(|state, _| state.staged.contains(&slot))
    }

    /// The newest token seen.
    #[must_use]
    pub fn newest_token(&self) -> Option<Token> {
        self.fake.with(|state, _| state.newest)
    }

    /// Every split that was accepted, by anybody, and when; the first one is the split at first.
    #[must_use]
    pub fn history(&self) -> Vec<(Monotonic, Split)> {
        self.fake.with(|state, _| state.history.clone())
    }
}

impl State {
    fn accept(&mut self, split: Split, now: Monotonic) {
        self.split = split;
        self.staged.extend(
            Slot::BOTH
                .into_iter()
                .filter(|slot| split.share(*slot) > Share::NONE),
        );
        self.history.push((now, split));
    }

    fn live(&self, now: Monotonic) -> Split {
        let live = self
            .history
            .iter()
            .rev()
            .find(|(at, _)| now.since(*at) >= self.lag)
            .or(self.history.first());
        live.map_or(self.split, |(_, split)| *split)
    }

    fn fence(&mut self, fencing: Fencing, op_token: Token, operation: &'static str) -> Result<(), Fault> {
        if fencing == Fencing::Token
            && let Some(newest) = self.newest
            && op_token < newest
        {
            let message = format!("token {op_token} is older than {newest}");
            return Err(Fault::fenced("fake", operation, message));
        }
        self.newest = self.newest.max(Some(op_token));
        Ok(())
    }
}

#[async_trait]
impl Router for FakeRouter {
    fn name(&self) -> &str {
        self.fake.name()
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.capabilities.clone()
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let compares = self.capabilities.fencing == Fencing::Token;
        self.fake
            .call(RouterCall::Observe, op, String::new(), move |state, _| {
                let seen = Observation::new(state.split, "read from memory");
                Ok(match state.newest {
                    Some(token) if compares => seen.token(token),
                    _ => seen,
                })
            })
            .await
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let (fencing, token) = (self.capabilities.fencing, op.token);
        self.fake
            .call(RouterCall::Stage, op, slot.to_string(), move |state, _| {
                state.fence(fencing, token, "stage")?;
                state.staged.insert(slot);
                Ok(())
            })
            .await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let (fencing, token, fits) = (
            self.capabilities.fencing,
            op.token,
            self.capabilities.can_hold(split),
        );
        self.fake
            .call(RouterCall::Shift, op, split.to_string(), move |state, now| {
                if !fits {
                    let message = format!("this router cannot hold {split}");
                    return Err(Fault::rejected("fake", "shift", message));
                }
                let unready = Slot::BOTH
                    .into_iter()
                    .find(|slot| split.share(*slot) > Share::NONE && !state.staged.contains(slot));
                if let Some(slot) = unready {
                    let message = format!("{slot} was not staged");
                    return Err(Fault::rejected("fake", "shift", message));
                }
                state.fence(fencing, token, "shift")?;
                state.accept(split, now);
                Ok(())
            })
            .await
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        self.fake
            .call(RouterCall::Verify, op, split.to_string(), move |state, now| {
                let live = state.live(now);
                Ok(if live == split {
                    let evidence = format!("memory divides by {live}");
                    Verification::Live { evidence }
                } else {
                    let why = format!("memory still divides by {live}");
                    Verification::NotYet { why }
                })
            })
            .await
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        self.fake
            .call(RouterCall::InFlight, op, slot.to_string(), move |state, _| {
                Ok(state.in_flight.get(&slot).copied().unwrap_or(InFlight::None))
            })
            .await
    }
}
