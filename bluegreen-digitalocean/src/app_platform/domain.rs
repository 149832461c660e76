//! The router in a domain that is moved from app to app.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Decides, Fault, Fencing, Granularity, Monotonic, Observation, Op, Router, RouterCapabilities, Slot,
    Split, Verification,
};
use serde_json::Value;

use super::app::{self, App, Deployment};
use super::spec::Spec;
use crate::client::{ApiError, Call, Client, Urgency};
use crate::{PerSlot, SlotProbe};

/// How long a spec that was given up may still be on its way.
const SETTLE: Duration = Duration::from_mins(1);
/// Two deployments and a certificate.
const PROPAGATION: Duration = Duration::from_mins(15);
/// For how long resolvers may keep the old answer: the time to live that DigitalOcean's records have by default.
const RESOLVERS: Duration = Duration::from_mins(30);
/// Between two tries to add the domain while the platform still counts it to the other app.
const POLL: Duration = Duration::from_secs(2);

const INSTEAD: &str =
    "A domain belongs to one app, it is all or nothing. For a canary put nginx in front of both apps";

/// Holds the split in a domain that belongs to one of two apps, an app for each slot.
///
/// A shift takes the domain out of the one app's spec and puts it, with all its settings, into the other's, one
/// right after the other; each is a deployment of its app. All or nothing, and **not instant**: minutes pass until
/// the other app answers, on the way back too, and resolvers follow later.
///
/// **The domain belongs to nobody meanwhile.** App Platform lets a domain be in one app only, so it has to leave
/// the first before the second takes it; from then until the second app's deployment is active and the domain has
/// its certificate, nobody answers. How long that is, DigitalOcean documents nowhere. All that can be refused is
/// looked at before the domain leaves; where the second app does not take it, it is given back at once. One app with
/// two components ([`AppRoutesRouter`](crate::AppRoutesRouter)) has no such gap, and nginx in front of both apps has
/// none and is instant: prefer them.
///
/// **Do not move it by hand while a deployment is at work.** Specs are replaced whole, and the platform compares nothing:
/// a spec that was sent before the change by hand and lands after it takes the domain from both apps. Then
/// [`observe`](Router::observe) refuses, and a person has to add it to one of them.
///
/// A process that dies between both updates leaves the domain with nobody. The next
/// [`shift`](Router::shift), on the way forward or back, finds its settings in the newest deployment that had it.
///
/// Where DigitalOcean manages the domain's records (its `zone` is in the spec), App Platform changes them; where it
/// does not, only a [`probe`](Self::probe) can tell that traffic has moved, and [`stage`](Router::stage) asks for
/// one.
#[derive(Debug, Clone)]
pub struct AppDomainRouter {
    client: Client,
    name: String,
    domain: String,
    apps: PerSlot<String>,
    probe: Option<SlotProbe>,
    settle: Duration,
    propagation: Duration,
    resolvers: Duration,
    poll: Duration,
    /// Since when this process has seen the domain at work in a slot's app.
    seen: Arc<Mutex<Option<(Slot, Monotonic)>>>,
    /// Two apps are read one after the other, and changed so: one move at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Both apps, read one after the other.
struct Both(PerSlot<App>);

/// Who has the domain, with its settings.
#[derive(Debug, Clone, PartialEq)]
enum Owner {
    Slot(Slot, Value),
    Nobody,
    Both,
}

impl Both {
    fn owner(&self, domain: &str) -> Owner {
        let of = |slot| self.0.get(slot).spec().domain(domain);
        match (of(Slot::Blue), of(Slot::Green)) {
            (Some(entry), None) => Owner::Slot(Slot::Blue, entry),
            (None, Some(entry)) => Owner::Slot(Slot::Green, entry),
            (None, None) => Owner::Nobody,
            (Some(_), Some(_)) => Owner::Both,
        }
    }
}

impl AppDomainRouter {
    /// A router named `domain-<domain>` over the domain and the ids of the apps of both slots.
    #[must_use]
    pub fn new(client: Client, domain: impl Into<String>, apps: PerSlot<String>) -> Self {
        let domain = domain.into().trim_end_matches('.').to_ascii_lowercase();
        Self {
            client,
            name: format!("domain-{domain}"),
            domain,
            apps,
            probe: None,
            settle: SETTLE,
            propagation: PROPAGATION,
            resolvers: RESOLVERS,
            poll: POLL,
            seen: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Asks the domain itself which slot answers, before a split counts as live.
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

    /// The bound within which the other app has the domain at work; 15 minutes if nothing is said.
    #[must_use]
    pub const fn propagation(mut self, bound: Duration) -> Self {
        self.propagation = bound;
        self
    }

    /// How long resolvers may keep the old answer, where nobody is asked; half an hour if nothing is said, which is
    /// the time to live of DigitalOcean's records by default.
    #[must_use]
    pub const fn resolvers_follow_within(mut self, bound: Duration) -> Self {
        self.resolvers = bound;
        self
    }

    /// The time between two tries to add the domain while the platform still counts it to the other app; two
    /// seconds if nothing is said.
    #[must_use]
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    fn begin(&self, op: &Op, urgency: Urgency, operation: &'static str) -> Call<'_> {
        let resource = format!(
            "domain {} of the apps {} and {}",
            self.domain, self.apps.blue, self.apps.green
        );
        self.client.begin(op, urgency, operation, resource)
    }

    async fn read(&self, call: &Call<'_>) -> Result<Both, Fault> {
        let blue = app::read(call, &self.apps.blue).await?;
        let green = app::read(call, &self.apps.green).await?;
        Ok(Both(PerSlot::new(blue, green)))
    }

    /// The slot that has the domain, with its settings.
    fn held(&self, call: &Call<'_>, both: &Both) -> Result<(Slot, Value), Fault> {
        let wrong = match both.owner(&self.domain) {
            Owner::Slot(slot, entry) => return Ok((slot, entry)),
            Owner::Nobody => "neither app has it: a switch was interrupted, or somebody took it away",
            Owner::Both => "both apps have it",
        };
        Err(call.unfit(wrong))
    }

    /// The settings that the domain had when it was last in an app.
    async fn last_known(&self, call: &Call<'_>) -> Result<Value, Fault> {
        for slot in Slot::BOTH {
            let path = ["apps", self.apps.get(slot), "deployments"];
            let all: Vec<Deployment> = call.list(&path, &[], "deployments").await?;
            let found = all
                .iter()
                .find_map(|known| Spec(known.spec.clone()).domain(&self.domain));
            if let Some(entry) = found {
                return Ok(entry);
            }
        }
        Err(call.unfit("neither app has it or had it: add it to one of them"))
    }

    /// Gives the domain to a slot's app, where it is nobody's.
    async fn give(&self, call: &Call<'_>, app: &App, slot: Slot, entry: &Value) -> Result<(), Given> {
        let spec = app.spec().with_domain(&self.domain, entry.clone());
        loop {
            match app::send(call, self.apps.get(slot), &spec).await {
                Ok(()) => return Ok(()),
                // The platform may count it to the other app until that one's deployment is over.
                Err(error) if error.is_taken() => {
                    if !call.pause(self.poll).await {
                        let what = format!("the platform still counts it to the other app: {error}");
                        return Err(Given::NotYet(ApiError::TooLate(what)));
                    }
                }
                Err(error) => return Err(Given::Refused(error)),
            }
        }
    }

    /// Begins the deployment once more that was to take the domain from a slot's app, where it has failed: what is
    /// active there may still claim it.
    async fn release(&self, call: &Call<'_>, app: &App, slot: Slot) -> Result<(), Fault> {
        if self.is_active(app) && app.under_way().is_none() {
            app::write(call, self.apps.get(slot), &app.spec()).await?;
        }
        Ok(())
    }

    /// Moves the domain from the app that has it to the other one.
    async fn move_to(&self, call: &Call<'_>, both: &Both, slot: Slot, entry: &Value) -> Result<(), Fault> {
        let from = slot.other();
        let without = both.0.get(from).spec().without_domain(&self.domain);
        app::write(call, self.apps.get(from), &without).await?;
        let error = match self.give(call, both.0.get(slot), slot, entry).await {
            Ok(()) => return Ok(()),
            // It goes on with the next try.
            Err(Given::NotYet(error)) => return Err(call.fault_after_change(error)),
            Err(Given::Refused(error)) => error,
        };
        if error.kind(false) != bluegreen_core::FaultKind::Rejected {
            return Err(call.fault_after_change(error));
        }
        let back = app::read(call, self.apps.get(from)).await?;
        let whither = match self.give(call, &back, from, entry).await {
            Ok(()) => "was given back",
            Err(Given::NotYet(lost) | Given::Refused(lost)) => {
                // What is not known to be refused may arrive yet: nothing new before the settle time.
                if lost.kind(false) != bluegreen_core::FaultKind::Rejected {
                    return Err(call.fault_after_change(lost));
                }
                "could not be given back, and belongs to nobody now"
            }
        };
        Err(call.unfit(format!(
            "{slot}'s app does not take the domain, which {whither}: {error}"
        )))
    }

    /// Whether what is active in an app has the domain. It has not after a deployment that has failed, whose spec stays.
    fn is_active(&self, app: &App) -> bool {
        let active = app.active_deployment.as_ref();
        active.is_some_and(|active| Spec(active.spec.clone()).domain(&self.domain).is_some())
    }

    /// Whether a slot's app answers for the domain, and if not, why.
    fn works(&self, app: &App) -> Result<(), String> {
        if !self.is_active(app) {
            return Err(app.under_way().map_or_else(
                || "the deployment with the domain did not become active".to_owned(),
                |deployment| format!("deployment {} is {}", deployment.id, deployment.phase),
            ));
        }
        // A list without it says nothing about it.
        match app.domain_phase(&self.domain) {
            None | Some("ACTIVE" | "") => Ok(()),
            Some(phase) => Err(format!("the domain is {}", crate::client::bounded(phase))),
        }
    }

    /// How long resolvers may still answer otherwise.
    fn left(&self, slot: Slot) -> Duration {
        let now = self.client.time().monotonic();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match *seen {
            Some((known, since)) if known == slot => since,
            // Another process has moved it, or this one in an earlier life: from now on at the latest.
            _ => now,
        };
        *seen = Some((slot, since));
        self.resolvers.saturating_sub(now.since(since))
    }

    fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Why an app has not got the domain.
enum Given {
    NotYet(ApiError),
    Refused(ApiError),
}

#[async_trait]
impl Router for AppDomainRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
            .granularity(Granularity::AllOrNothing)
            .decides(Decides::PerResolver)
            .propagation(self.propagation + self.resolvers)
            .fencing(Fencing::Settle(self.settle))
            .cost("each switch takes minutes, and nobody answers for the domain while it moves")
            .instead(INSTEAD)
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let call = self.begin(op, Urgency::Rollback, "observe");
        let both = self.read(&call).await?;
        let (slot, _) = self.held(&call, &both)?;
        let evidence = format!("{} belongs to app {}", self.domain, self.apps.get(slot));
        Ok(Observation::new(Split::all(slot), evidence))
    }

    async fn stage(&self, op: &Op, _: Slot) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Routine, "stage");
        let both = self.read(&call).await?;
        let (_, entry) = self.held(&call, &both)?;
        for slot in Slot::BOTH {
            both.0.get(slot).check_pin(&call)?;
        }
        if self.probe.is_none()
            && entry
                .get("zone")
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
        {
            return Err(call.unfit(
                "DigitalOcean does not manage its records (it has no `zone`), so that only a probe of the domain can \
                 tell that traffic has moved: give one",
            ));
        }
        Ok(())
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Rollback, "shift");
        let slot = split.only();
        let slot = slot.ok_or_else(|| call.unfit(format!("{split} cannot be held: {INSTEAD}")))?;
        let _turn = self.turn.lock().await;
        let both = self.read(&call).await?;
        let owner = both.owner(&self.domain);
        let app = both.0.get(slot);
        if matches!(owner, Owner::Slot(now, _) if now == slot)
            && (app.under_way().is_some() || self.is_active(app))
        {
            return Ok(());
        }
        // A pinned app takes no spec: it is looked at before the domain leaves the other one.
        for slot in Slot::BOTH {
            both.0.get(slot).check_pin(&call)?;
        }
        self.forget();
        let entry = match owner {
            Owner::Slot(now, entry) if now != slot => return self.move_to(&call, &both, slot, &entry).await,
            // The deployment that was to bring it has failed: once more.
            Owner::Slot(_, entry) => entry,
            Owner::Nobody => {
                self.release(&call, both.0.get(slot.other()), slot.other())
                    .await?;
                self.last_known(&call).await?
            }
            Owner::Both => return Err(call.unfit("both apps have it")),
        };
        let given = self.give(&call, app, slot, &entry).await;
        given.map_err(|(Given::NotYet(error) | Given::Refused(error))| call.fault_after_change(error))
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let call = self.begin(op, Urgency::Rollback, "verify");
        let both = self.read(&call).await?;
        let not_yet = |why: String| Ok(Verification::NotYet { why });
        let slot = match both.owner(&self.domain) {
            Owner::Slot(slot, _) if Split::all(slot) == split => slot,
            Owner::Slot(slot, _) => return not_yet(format!("the domain belongs to {slot}'s app")),
            Owner::Nobody => return not_yet("the domain belongs to neither app".to_owned()),
            Owner::Both => return not_yet("both apps have the domain".to_owned()),
        };
        if let Err(why) = self.works(both.0.get(slot)) {
            return not_yet(why);
        }
        if let Some(probe) = &self.probe {
            return Ok(probe.ask(&**self.client.time(), call.left(), split).await);
        }
        let left = self.left(slot);
        if !left.is_zero() {
            let seconds = left.as_secs() + 1;
            return not_yet(format!(
                "resolvers may keep the old answer for another {seconds} s"
            ));
        }
        let evidence = format!(
            "app {} has the domain at work, and the {} s are over for which resolvers may keep the old answer; they \
             were not asked",
            self.apps.get(slot),
            self.resolvers.as_secs()
        );
        Ok(Verification::Live { evidence })
    }
}
