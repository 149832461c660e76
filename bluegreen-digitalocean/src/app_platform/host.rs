//! The host in App Platform.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Assignment, Fault, Host, Op, Readiness, ReadyState, Slot};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::app::{self, App, Deployment, Phase};
use super::spec::{Component, DEPLOYMENT, RETIRED, Spec, VERSION};
use crate::PerSlot;
use crate::client::{ApiError, Call, Client, Urgency};

/// How long a spec that was given up may still be on its way.
const SETTLE: Duration = Duration::from_mins(1);
/// Between two looks at a slot that is being stopped.
const POLL: Duration = Duration::from_secs(2);

/// Where a slot runs: a component (a service) of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The app's id.
    pub app: String,
    /// The component's name.
    pub component: String,
}

impl Place {
    /// This component of this app.
    pub fn new(app: impl Into<String>, component: impl Into<String>) -> Self {
        Self {
            app: app.into(),
            component: component.into(),
        }
    }
}

/// Runs releases in components of App Platform: two of one app, or one in each of two apps.
///
/// A deploy changes the slot's component in the app's spec (its image, its number of instances, and two
/// variables that say for which deployment it runs and which version) and sends the whole spec, which begins a
/// deployment of the app. Nothing else in the spec is different. Called again for the same deployment, it
/// finds the variable and sends nothing, so that a deployment is begun once.
///
/// App Platform has no stopped components. Where both slots are in one app, [`retire`](Host::retire) removes
/// the component, and the next deploy makes it anew from the other slot's; in two apps it goes down to one
/// instance and is marked as retired.
#[derive(Debug, Clone)]
pub struct AppPlatformHost {
    client: Client,
    places: PerSlot<Place>,
    instances: u32,
    standby: u32,
    template: Option<Map<String, Value>>,
    settle: Duration,
    poll: Duration,
    /// A spec is read and written whole: one change at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl AppPlatformHost {
    /// A host of these places, each with one instance.
    #[must_use]
    pub fn new(client: Client, places: PerSlot<Place>) -> Self {
        Self {
            client,
            places,
            instances: 1,
            standby: 1,
            template: None,
            settle: SETTLE,
            poll: POLL,
            turn: Arc::default(),
        }
    }

    /// How many instances a release is deployed with, and how many a slot keeps that is kept for a rollback; at
    /// least 1 each. A component that scales by itself is left alone.
    #[must_use]
    pub const fn instances(mut self, deployed: u32, standby: u32) -> Self {
        self.instances = if deployed == 0 { 1 } else { deployed };
        self.standby = if standby == 0 { 1 } else { standby };
        self
    }

    /// What a component is made of when neither slot has one: a service as in a spec, without its name.
    #[must_use]
    pub fn template(mut self, service: Map<String, Value>) -> Self {
        self.template = Some(service);
        self
    }

    /// How long a deploy that was given up may still take effect; a minute if nothing is said.
    #[must_use]
    pub const fn settle_time(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The time between two looks at a slot that is being stopped; two seconds if nothing is said.
    #[must_use]
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// Where a slot's app is reached: for gates on the candidate, where each slot has an app of its own.
    ///
    /// # Errors
    /// When the app cannot be read or has no address yet.
    pub async fn live_url(&self, op: &Op, slot: Slot) -> Result<String, Fault> {
        let (call, place) = self.begin(op, "live_url", slot);
        let app = app::read(&call, &place.app).await?;
        app.live_url
            .filter(|url| !url.is_empty())
            .ok_or_else(|| call.unfit("the app has no address yet"))
    }

    /// Makes an app's rollback final: it stays with what it was rolled back to, and new deployments are taken
    /// again. Nothing is sent where the app is not pinned.
    ///
    /// # Errors
    /// As any change.
    pub async fn commit_rollback(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.unpin(op, slot, "commit").await
    }

    /// Takes an app's rollback back: it goes to what it was before, and new deployments are taken again.
    /// Nothing is sent where the app is not pinned.
    ///
    /// # Errors
    /// As any change.
    pub async fn revert_rollback(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.unpin(op, slot, "revert").await
    }

    async fn unpin(&self, op: &Op, slot: Slot, how: &'static str) -> Result<(), Fault> {
        let (call, place) = self.begin(op, how, slot);
        if app::read(&call, &place.app).await?.check_pin(&call).is_ok() {
            return Ok(());
        }
        let path = ["apps", &place.app, "rollback", how];
        let answer: Result<Value, ApiError> = call.change(Method::POST, &path, &json!({})).await;
        answer.map(drop).map_err(|error| call.fault_after_change(error))
    }

    fn begin(&self, op: &Op, operation: &'static str, slot: Slot) -> (Call<'_>, &Place) {
        let place = self.places.get(slot);
        let resource = format!("app {}, component {}", place.app, place.component);
        (
            self.client.begin(op, Urgency::Routine, operation, resource),
            place,
        )
    }

    /// What the slot's component is made of: itself, the other slot's, or the template.
    fn ground(&self, call: &Call<'_>, app: &App, slot: Slot) -> Result<Component, Fault> {
        let (place, other) = (self.places.get(slot), self.places.get(slot.other()));
        let spec = app.spec();
        let others = || {
            (other.app == place.app)
                .then(|| spec.component(&other.component))
                .flatten()
        };
        let made = |template| Component::named(&place.component, template);
        spec.component(&place.component)
            .or_else(|| Some(others()?.like(&place.component)))
            .or_else(|| self.template.as_ref().map(made))
            .ok_or_else(|| call.unfit("there is no such component, and nothing to make it from"))
    }

    async fn resize(&self, op: &Op, operation: &'static str, slot: Slot, count: u32) -> Result<(), Fault> {
        let (call, place) = self.begin(op, operation, slot);
        let _turn = self.turn.lock().await;
        let app = app::read(&call, &place.app).await?;
        let Some(now) = app.spec().component(&place.component) else {
            return Ok(());
        };
        let wanted = now.clone().with_instances(count);
        if wanted == now {
            return Ok(());
        }
        app.check_pin(&call)?;
        app::write(&call, &place.app, &app.spec().with(wanted)).await
    }

    /// The spec without the slot; `None` when it is so already.
    fn retired(&self, call: &Call<'_>, spec: Spec, slot: Slot) -> Result<Option<Spec>, Fault> {
        let place = self.places.get(slot);
        let now = spec.component(&place.component);
        let Some(now) = now.filter(|now| now.variable(DEPLOYMENT) != Some(RETIRED)) else {
            return Ok(None);
        };
        if spec.leads_to(&place.component) && self.is_shared() {
            return Err(call.unfit("an ingress rule still leads to it"));
        }
        Ok(Some(if self.is_shared() && spec.components() > 1 {
            spec.without(&place.component)
        } else {
            spec.with(now.with_instances(1).with_variable(DEPLOYMENT, RETIRED))
        }))
    }

    fn is_shared(&self) -> bool {
        self.places.blue.app == self.places.green.app
    }

    /// Waits until what serves is without the slot, as long as there is time.
    async fn stopped(&self, call: &Call<'_>, place: &Place) -> Result<(), Fault> {
        loop {
            let app = app::read(call, &place.app).await?;
            if !still_runs(&app, place) {
                return Ok(());
            }
            if app.under_way().is_none() {
                return Err(call.unfit("the deployment that stops it did not become active"));
            }
            if !call.pause(self.poll).await {
                let what = "the deployment that stops it is under way".to_owned();
                return Err(call.fault(ApiError::TooLate(what)));
            }
        }
    }

    /// Why the newest deployment does not serve what the spec says.
    async fn failure(&self, call: &Call<'_>, place: &Place) -> Result<Readiness, Fault> {
        let all: Vec<Deployment> = call
            .list(&["apps", &place.app, "deployments"], &[], "deployments")
            .await?;
        let Some(newest) = all.first() else {
            return Ok(Readiness::new(ReadyState::Starting, "there is no deployment yet"));
        };
        let what = match newest.phase() {
            Phase::UnderWay => {
                let evidence = format!("deployment {} is {}", newest.id, newest.phase);
                return Ok(Readiness::new(ReadyState::Starting, evidence));
            }
            // The app was read a moment before it was so.
            Phase::Active => {
                return Ok(Readiness::new(
                    ReadyState::Starting,
                    "a deployment has just become active",
                ));
            }
            Phase::Superseded => "was superseded by another one".to_owned(),
            Phase::Canceled => "was cancelled by somebody".to_owned(),
            Phase::Error => {
                let step = newest
                    .failed_step()
                    .unwrap_or_else(|| "no failed step is named".to_owned());
                format!("has failed: {step}{}", self.logs(call, place, &newest.id).await)
            }
        };
        let evidence = format!("deployment {} {what}", newest.id);
        Ok(Readiness::new(ReadyState::Failed, evidence))
    }

    /// The end of the logs; what cannot be read is left out.
    async fn logs(&self, call: &Call<'_>, place: &Place, deployment: &str) -> String {
        let mut ends = String::new();
        for kind in ["BUILD", "DEPLOY", "RUN"] {
            let path = ["apps", &place.app, "deployments", deployment, "logs"];
            let query = [("type", kind), ("follow", "false")];
            let Ok(answer) = call.get::<Value>(&path, &query).await else {
                continue;
            };
            let Some(url) = answer.pointer("/historic_urls/0").and_then(Value::as_str) else {
                continue;
            };
            if let Some(end) = call.end_of_log(url).await {
                ends.extend(["; ", kind, ": ", &end]);
            }
        }
        ends
    }
}

/// Whether what serves has the slot's component, and not as a retired one.
fn still_runs(app: &App, place: &Place) -> bool {
    let active = app.active_deployment.as_ref();
    let component = active.and_then(|active| active.component(&place.component));
    component.is_some_and(|component| component.variable(DEPLOYMENT) != Some(RETIRED))
}

#[async_trait]
impl Host for AppPlatformHost {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let (call, place) = self.begin(op, "deploy", assignment.slot);
        let _turn = self.turn.lock().await;
        let app = app::read(&call, &place.app).await?;
        let deployment = assignment.deployment.to_string();
        let ground = self.ground(&call, &app, assignment.slot)?;
        let is_there = app.spec().component(&place.component).is_some();
        if is_there && ground.variable(DEPLOYMENT) == Some(&deployment) {
            return Ok(());
        }
        app.check_pin(&call)?;
        let release = &assignment.release;
        let artifact = release.artifact.as_deref().unwrap_or(release.version.as_str());
        let component = ground.with_image(artifact).map_err(|what| call.unfit(what))?;
        let component = component
            .with_instances(self.instances)
            .with_variable(DEPLOYMENT, &deployment)
            .with_variable(VERSION, release.version.as_str());
        app::write(&call, &place.app, &app.spec().with(component)).await
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let (call, place) = self.begin(op, "readiness", slot);
        let app = app::read(&call, &place.app).await?;
        let wanted = match app.spec().component(&place.component) {
            Some(wanted) if wanted.variable(DEPLOYMENT) != Some(RETIRED) => wanted,
            _ if still_runs(&app, place) => {
                return Ok(Readiness::new(ReadyState::Starting, "it is being stopped"));
            }
            Some(_) => return Ok(Readiness::new(ReadyState::Stopped, "the component is retired")),
            None => {
                return Ok(Readiness::new(
                    ReadyState::Stopped,
                    "the app has no such component",
                ));
            }
        };
        let active = app.active_deployment.as_ref();
        if let Some(active) =
            active.filter(|active| active.component(&place.component).as_ref() == Some(&wanted))
        {
            let evidence = format!(
                "deployment {} is active, version {}",
                active.id,
                wanted.variable(VERSION).unwrap_or("unknown")
            );
            return Ok(Readiness::new(ReadyState::Ready, evidence).instances(wanted.instances()));
        }
        match app.under_way() {
            Some(deployment) => {
                let evidence = format!("deployment {} is {}", deployment.id, deployment.phase);
                Ok(Readiness::new(ReadyState::Starting, evidence))
            }
            None => self.failure(&call, place).await,
        }
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.resize(op, "standby", slot, self.standby).await
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let (call, place) = self.begin(op, "retire", slot);
        let _turn = self.turn.lock().await;
        let app = app::read(&call, &place.app).await?;
        // A deployment that was to stop it and has failed is begun once more.
        let is_stuck = app.under_way().is_none() && still_runs(&app, place);
        let wanted = self.retired(&call, app.spec(), slot)?;
        if let Some(wanted) = wanted.or_else(|| is_stuck.then(|| app.spec())) {
            app.check_pin(&call)?;
            app::write(&call, &place.app, &wanted).await?;
        }
        self.stopped(&call, place).await
    }

    fn settle(&self) -> Duration {
        self.settle
    }
}
