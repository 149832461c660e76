//! Between a process's plugins and a provider: where requests go wrong.

use std::sync::{Arc, Mutex, MutexGuard};

use bluegreen_core::{Clock, Slot, Split, Token};
use bytes::Bytes;
use hyper::{Request, Response};

use super::faulty::{Failing, Line};
use super::history::Act;
use super::provider::{Refusal, Spoil};
use super::script::{Call, Mishap};
use super::time::Time;
use crate::lock::held;

/// How the plugins of one process reach a provider in a simulated world. Every request goes through it.
#[derive(Debug, Clone)]
pub struct Wire {
    pub(super) line: Line,
    under_way: Arc<Mutex<UnderWay>>,
}

/// Why there is no answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// No connection could be made: nothing was sent.
    #[error("connection refused")]
    NotSent,
    /// The connection ended before the answer: it may have been carried out, or will be.
    #[error("connection reset")]
    Lost,
}

/// The calls of a plugin at the moment: one that changes something at most, and one that asks whether a split is live.
#[derive(Debug, Default)]
struct UnderWay {
    act: Option<(Act, Token)>,
    asked: Option<(u8, Split, bool)>,
}

impl Wire {
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            under_way: Arc::default(),
        }
    }

    /// The clock of the world.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.time().clone())
    }

    fn time(&self) -> &Time {
        self.line.world.time()
    }

    /// Sends a request, which `changes` something or only reads, and waits for the answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn send(&self, request: Request<Bytes>, changes: bool) -> Result<Response<Bytes>, WireError> {
        let call = if changes { Call::Change } else { Call::Read };
        let mishap = self.line.world.met(self.line.actor, call);
        let journey = Journey {
            act: self.calls().act.filter(|_| changes),
            wire: self.clone(),
            request,
        };
        match mishap {
            None | Some(Mishap::Stale | Mishap::Say(_)) => Ok(journey.end()),
            Some(Mishap::Refuse) => Ok(journey.refused(Refusal::Rejected)),
            Some(Mishap::Throttle(ms)) => {
                // Told in whole seconds.
                let wait = std::time::Duration::from_secs(ms.div_ceil(1000));
                Ok(journey.refused(Refusal::Throttled(wait)))
            }
            Some(Mishap::FailBefore) => Ok(journey.refused(Refusal::Failed)),
            Some(Mishap::FailAfter) => {
                let answer = journey.refused(Refusal::Failed);
                journey.end();
                Ok(answer)
            }
            Some(Mishap::Spoil) => {
                journey.spoil();
                let answer = journey.end();
                // It was this change or none.
                if let Some(provider) = self.line.world.provider() {
                    provider.unspoil();
                }
                Ok(answer)
            }
            Some(mishap) => {
                let effect = Box::pin(async move { Ok(journey.end()) });
                self.line.befall(mishap, effect).await
            }
        }
    }

    fn calls(&self) -> MutexGuard<'_, UnderWay> {
        held(&self.under_way)
    }

    /// A changing call begins, until what is returned is dropped.
    pub(super) fn begin(&self, act: Act, token: Token) -> Acting<'_> {
        self.calls().act = Some((act, token));
        Acting(self)
    }

    /// Somebody asks whether a split is live.
    pub(super) fn asks(&self, router: u8, split: Split) {
        self.calls().asked = Some((router, split, false));
        self.look();
    }

    /// Whether it was so at any moment since then.
    pub(super) fn was_live(&self) -> bool {
        self.look();
        self.calls().asked.take().is_some_and(|(.., live)| live)
    }

    /// Looks how requests are divided at the moment, if somebody has asked for it.
    fn look(&self) {
        let mut calls = self.calls();
        if let (Some((router, split, live)), Some(provider)) = (&mut calls.asked, self.line.world.provider())
        {
            *live |= provider.live(*router) == Some(*split);
        }
    }
}

/// A changing call that is under way.
pub(super) struct Acting<'a>(&'a Wire);

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        self.0.calls().act = None;
    }
}

/// A request on its way, with the call that it belongs to.
struct Journey {
    wire: Wire,
    act: Option<(Act, Token)>,
    request: Request<Bytes>,
}

impl Journey {
    /// It arrives, and is carried out.
    fn end(&self) -> Response<Bytes> {
        let world = &self.wire.line.world;
        let Some(provider) = world.provider() else {
            return Response::default();
        };
        if let Some((Act::Deploy { slot, release }, _)) = self.act
            && !world.boots(release)
        {
            provider.spoil(Spoil::Deployment(slot));
        }
        let answer = provider.answer(&self.request);
        if let Some((act, token)) = self.act
            && answer.status().is_success()
        {
            world.arrived(self.wire.line.actor, act, token);
        }
        self.wire.look();
        answer
    }

    fn refused(&self, how: Refusal) -> Response<Bytes> {
        let provider = self.wire.line.world.provider();
        provider.map_or_else(Response::default, |provider| provider.refuse(&self.request, how))
    }

    /// What this request changes will fail later.
    fn spoil(&self) {
        let what = match self.act {
            Some((Act::Shift { router, .. } | Act::Stage { router, .. }, _)) => Spoil::Router(router),
            Some((Act::Deploy { slot, .. } | Act::Standby(slot) | Act::Retire(slot), _)) => {
                Spoil::Deployment(slot)
            }
            _ => Spoil::Deployment(Slot::Green),
        };
        if let Some(provider) = self.wire.line.world.provider() {
            provider.spoil(what);
        }
    }
}

impl Failing for WireError {
    fn refused() -> Self {
        Self::NotSent
    }

    fn unavailable(_: Option<std::time::Duration>) -> Self {
        Self::NotSent
    }

    fn unknown() -> Self {
        Self::Lost
    }

    fn conflict() -> Self {
        Self::Lost
    }
}
