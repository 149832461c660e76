//! The router in the routes of an app.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Decides, Fault, Fencing, Granularity, Observation, Op, Router, RouterCapabilities, Slot, Split,
    Verification,
};

use super::app::{self, App};
use super::spec::Spec;
use crate::client::{Call, Client, Urgency};
use crate::{PerSlot, SlotProbe};

/// How long a spec that was given up may still be on its way.
const SETTLE: Duration = Duration::from_mins(1);
/// A spec update is a deployment of the app, which takes minutes.
const PROPAGATION: Duration = Duration::from_mins(10);

/// Holds the split in the ingress rules of an app with a component for each slot.
///
/// A shift reads the spec, lets the rules lead to the other component, and sends all of it back. That begins a
/// deployment of the app: it is **not instant**, minutes pass until it is live, on the way back too. All or
/// nothing: ingress rules have no weights.
#[derive(Debug, Clone)]
pub struct AppRoutesRouter {
    client: Client,
    name: String,
    app: String,
    components: PerSlot<String>,
    probe: Option<SlotProbe>,
    settle: Duration,
    propagation: Duration,
}

impl AppRoutesRouter {
    /// A router named `app-<id>` over the app with this id and its two components.
    #[must_use]
    pub fn new(client: Client, app: impl Into<String>, components: PerSlot<String>) -> Self {
        let app = app.into();
        Self {
            client,
            name: format!("app-{app}"),
            app,
            components,
            probe: None,
            settle: SETTLE,
            propagation: PROPAGATION,
        }
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Asks the entry itself which slot answers, before a split counts as live.
    #[must_use]
    pub fn probe(mut self, probe: SlotProbe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// How long a change that was given up may still take effect; a minute if nothing is said.
    #[must_use]
    pub const fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The bound within which a change has arrived; ten minutes if nothing is said.
    #[must_use]
    pub const fn propagation(mut self, bound: Duration) -> Self {
        self.propagation = bound;
        self
    }

    fn begin(&self, op: &Op, urgency: Urgency, operation: &'static str) -> Call<'_> {
        self.client
            .begin(op, urgency, operation, format!("app {}", self.app))
    }

    fn held(&self, call: &Call<'_>, spec: &Spec) -> Result<Split, Fault> {
        spec.held(&self.components).map_err(|what| call.unfit(what))
    }

    /// Whether what is active divides by a split. It does not after a deployment that has failed, whose spec stays.
    fn serves(&self, app: &App, split: Split) -> bool {
        let active = app.active_deployment.as_ref();
        active.is_some_and(|active| Spec(active.spec.clone()).held(&self.components) == Ok(split))
    }

    fn only(call: &Call<'_>, split: Split) -> Result<Slot, Fault> {
        split
            .only()
            .ok_or_else(|| call.unfit(format!("{split} cannot be held: {INSTEAD}")))
    }
}

const INSTEAD: &str = "The routes of an app have no weights, they are all or nothing. For a canary put nginx in front \
    of two apps";

#[async_trait]
impl Router for AppRoutesRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
            .granularity(Granularity::AllOrNothing)
            .decides(Decides::PerRequest)
            .propagation(self.propagation)
            .fencing(Fencing::Settle(self.settle))
            .cost("each switch is a deployment of the app and takes minutes")
            .instead(INSTEAD)
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let call = self.begin(op, Urgency::Rollback, "observe");
        let app = app::read(&call, &self.app).await?;
        let split = self.held(&call, &app.spec())?;
        let under_way = app.under_way().map_or(String::new(), |deployment| {
            format!("; deployment {} is {}", deployment.id, deployment.phase)
        });
        let evidence = format!("the ingress rules of app {} hold {split}{under_way}", self.app);
        Ok(Observation::new(split, evidence))
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Routine, "stage");
        let app = app::read(&call, &self.app).await?;
        self.held(&call, &app.spec())?;
        app.check_pin(&call)?;
        // The host makes the component when it is not there: it is looked for when the routes change.
        let _ = slot;
        Ok(())
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Rollback, "shift");
        let slot = Self::only(&call, split)?;
        let app = app::read(&call, &self.app).await?;
        if self.held(&call, &app.spec())? == split && (app.under_way().is_some() || self.serves(&app, split))
        {
            return Ok(());
        }
        app.check_pin(&call)?;
        let component = self.components.get(slot);
        if app.spec().component(component).is_none() {
            return Err(call.unfit(format!("the app has no component {component}")));
        }
        app::write(&call, &self.app, &app.spec().routed(&self.components, slot)).await
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let call = self.begin(op, Urgency::Rollback, "verify");
        let app = app::read(&call, &self.app).await?;
        let not_yet = |why: String| Ok(Verification::NotYet { why });
        match app.spec().held(&self.components) {
            Ok(held) if held == split => {}
            Ok(held) => return not_yet(format!("the spec holds {held}")),
            Err(what) => return not_yet(what),
        }
        let Some(active) = &app.active_deployment else {
            return not_yet("no deployment is active".to_owned());
        };
        if !self.serves(&app, split) {
            let what = app.under_way().map_or_else(
                || "the last deployment did not become active".to_owned(),
                |deployment| format!("deployment {} is {}", deployment.id, deployment.phase),
            );
            return not_yet(what);
        }
        if let Some(probe) = &self.probe {
            return Ok(probe.ask(&**self.client.time(), call.left(), split).await);
        }
        let evidence = format!(
            "deployment {} with these routes is active; the entry itself was not asked",
            active.id
        );
        Ok(Verification::Live { evidence })
    }
}
