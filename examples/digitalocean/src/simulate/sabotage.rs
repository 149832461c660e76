//! Mistakes on purpose, which the simulation has to find: otherwise it could not find anything.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{Fault, Host, Observation, Op, Router, RouterCapabilities, Slot, Split, Verification};
use bluegreen_testkit::simulation::{Provider, Refusal, Spoil, Wire};
use bytes::Bytes;
use clap::ValueEnum;
use http::{Method, Request, Response};
use serde_json::Value;

/// A mistake on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mistake {
    /// What the service has accepted is said to be live.
    Rash,
    /// A PUT leaves a setting out, as a script with half a body does.
    Half,
    /// What is given up is said to be out of the world at once.
    Hasty,
}

/// A provider with a mistake.
#[derive(Debug)]
pub(crate) struct Sabotaged {
    pub(crate) inner: Arc<dyn Provider>,
    pub(crate) mistake: Mistake,
}

impl Provider for Sabotaged {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if self.mistake != Mistake::Half || request.method() != Method::PUT {
            return self.inner.answer(request);
        }
        let mut body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        for settings in ["/sticky_sessions", "/spec/alerts"] {
            body.pointer_mut(settings).map(Value::take);
        }
        self.inner
            .answer(&request.clone().map(|_| body.to_string().into()))
    }

    fn refuse(&self, request: &Request<Bytes>, how: Refusal) -> Response<Bytes> {
        self.inner.refuse(request, how)
    }

    fn routers(&self) -> u8 {
        self.inner.routers()
    }

    fn router(&self, index: u8, wire: Wire) -> Arc<dyn Router> {
        Arc::new(Wrong {
            inner: self.inner.router(index, wire),
            mistake: self.mistake,
        })
    }

    fn host(&self, wire: Wire) -> Option<Arc<dyn Host>> {
        self.inner.host(wire)
    }

    fn held(&self, router: u8) -> Option<Split> {
        self.inner.held(router)
    }

    fn live(&self, router: u8) -> Option<Split> {
        self.inner.live(router)
    }

    fn running(&self, slot: Slot) -> Option<String> {
        self.inner.running(slot)
    }

    fn by_hand(&self, router: u8, slot: Slot) -> bool {
        self.inner.by_hand(router, slot)
    }

    fn spoil(&self, what: Spoil) {
        self.inner.spoil(what);
    }

    fn unspoil(&self) {
        self.inner.unspoil();
    }

    fn harm(&self) -> Option<&'static str> {
        self.inner.harm()
    }
}

/// A router with a mistake.
#[derive(Debug)]
struct Wrong {
    inner: Arc<dyn Router>,
    mistake: Mistake,
}

#[async_trait]
impl Router for Wrong {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> RouterCapabilities {
        let known = self.inner.capabilities();
        match self.mistake {
            Mistake::Hasty => known.fencing(bluegreen_core::Fencing::Token),
            Mistake::Rash | Mistake::Half => known,
        }
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        self.inner.observe(op).await
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.inner.stage(op, slot).await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        self.inner.shift(op, split).await
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        if self.mistake != Mistake::Rash {
            return self.inner.verify(op, split).await;
        }
        let held = self.inner.observe(op).await?.split;
        Ok(if held == split {
            let evidence = "it was accepted".to_owned();
            Verification::Live { evidence }
        } else {
            let why = format!("it holds {held}");
            Verification::NotYet { why }
        })
    }
}
