//! The router in a DigitalOcean load balancer.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Decides, Fault, Fencing, Monotonic, Observation, Op, Router, RouterCapabilities, Slot, Split,
    Verification,
};
use reqwest::Method;
use serde_json::Value;

mod balancer;
mod droplets;
mod last_change;
mod probe;
mod targets;

use crate::client::{ApiError, Call, Client, Urgency};
pub(crate) use balancer::is_kept;
use balancer::{Balancer, Settings, Status};
use last_change::LastChange;
pub use probe::{InvalidProbe, Marker, SlotProbe};
pub use targets::{InvalidTargets, Targets};

/// How long a change that was given up may still be on its way.
const SETTLE: Duration = Duration::from_secs(30);
/// Until when a change has arrived: becoming active, and the checks until a droplet counts as healthy,
/// which are 35 seconds with DigitalOcean's defaults.
const PROPAGATION: Duration = Duration::from_secs(90);
/// Between two looks at a balancer that is taking over an earlier change.
const POLL: Duration = Duration::from_millis(500);

/// Holds the split in the targets of a load balancer.
///
/// A shift reads the balancer, changes its targets and nothing else, and sends all of it back, because the
/// service resets whatever is left out. It waits for the balancer to take over earlier changes, as long as
/// its budget lasts. There is no conditional write: somebody else's change between the read and the write is
/// overwritten. One that comes after it is found by [`verify`](Router::verify), which reads again and compares
/// everything with what was sent.
///
/// Where a [`SlotProbe`] is given, `verify` asks the entry itself which slot answers. Without one, a change
/// counts as live when the balancer is `active` and the time is over that its health checks take to say
/// *healthy*.
#[derive(Debug, Clone)]
pub struct LoadBalancerRouter {
    client: Client,
    id: String,
    name: String,
    targets: Targets,
    probe: Option<SlotProbe>,
    settle: Duration,
    propagation: Duration,
    poll: Duration,
    last_change: LastChange,
}

impl LoadBalancerRouter {
    /// A router named `load-balancer-<id>`, over the balancer with this id.
    ///
    /// # Errors
    /// When the targets are none, or cannot be told apart.
    pub fn new(client: Client, id: impl Into<String>, targets: Targets) -> Result<Self, InvalidTargets> {
        let id = id.into();
        targets.check()?;
        if id.is_empty()
            || !id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(InvalidTargets(format!("{id:?} is no id of a balancer")));
        }
        Ok(Self {
            client,
            name: format!("load-balancer-{id}"),
            id,
            targets,
            probe: None,
            settle: SETTLE,
            propagation: PROPAGATION,
            poll: POLL,
            last_change: LastChange::default(),
        })
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

    /// How long a change that was given up may still take effect; 30 seconds if nothing is said.
    #[must_use]
    pub const fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The bound within which a change has arrived; 90 seconds if nothing is said. It also bounds the wait for
    /// the health checks.
    #[must_use]
    pub const fn propagation(mut self, bound: Duration) -> Self {
        self.propagation = bound;
        self
    }

    /// The time between two looks at a balancer that is busy; half a second if nothing is said.
    #[must_use]
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    fn now(&self) -> Monotonic {
        self.client.time().monotonic()
    }

    fn begin(&self, op: &Op, urgency: Urgency, operation: &'static str) -> Call<'_> {
        let resource = format!("load balancer {}", self.id);
        self.client.begin(op, urgency, operation, resource)
    }

    async fn read(&self, call: &Call<'_>) -> Result<Balancer, Fault> {
        let answer: Value = call.get(&["load_balancers", &self.id], &[]).await?;
        let balancer = Balancer::read(answer).map_err(|missing| unreadable(call, &missing))?;
        if balancer.is_global() {
            return Err(call.unfit(
                "a global load balancer distributes to balancers, not to droplets: switch the regional ones",
            ));
        }
        Ok(balancer)
    }

    async fn write(&self, call: &Call<'_>, settings: &Settings) -> Result<Balancer, ApiError> {
        let body = Value::Object(settings.0.clone());
        let answer: Value = call
            .change(Method::PUT, &["load_balancers", &self.id], &body)
            .await?;
        Balancer::read(answer).map_err(|missing| ApiError::Unreadable(missing.to_string()))
    }

    /// What has to be sent for a split: nothing when it is there already.
    fn change(&self, call: &Call<'_>, balancer: &Balancer, split: Split) -> Result<Change, Fault> {
        self.targets.held(balancer).map_err(|what| {
            call.unfit(format!(
                "somebody else's configuration is there: {what}. Nothing was changed"
            ))
        })?;
        let now = balancer
            .settings()
            .map_err(|missing| unreadable(call, &missing))?;
        let wanted = self
            .targets
            .apply(now.clone(), split)
            .ok_or_else(|| call.unfit(format!("{split} cannot be held: {}", self.alternatives())))?;
        Ok(Change {
            is_there: now == wanted,
            wanted,
        })
    }

    fn alternatives(&self) -> String {
        match &self.targets {
            Targets::DropletRatio(ids) => format!(
                "With {count} droplets in each slot there are {count} equal steps; finer ones need more droplets, \
                 or nginx in front of both slots",
                count = ids.blue.len()
            ),
            _ => "A load balancer of DigitalOcean has no weights, it is all or nothing. For a canary put nginx in \
                  front of both slots, or have as many droplets in each slot and switch by droplet ratio"
                .to_owned(),
        }
    }

    /// Whether the configuration is the wanted one and has arrived; `None` when it is.
    fn arrived(
        &self,
        call: &Call<'_>,
        balancer: &Balancer,
        split: Split,
    ) -> Result<Option<Verification>, Fault> {
        let not_yet = |why: String| Ok(Some(Verification::NotYet { why }));
        match self.targets.held(balancer) {
            Err(what) => return not_yet(what),
            Ok(held) if held != split => return not_yet(format!("it holds {held}")),
            Ok(_) => {}
        }
        let change = self.change(call, balancer, split)?;
        if !change.is_there {
            return not_yet(format!(
                "{split} is there in part: not all targets are in the pool"
            ));
        }
        match balancer.status() {
            Status::Active => {}
            Status::New => return not_yet("the balancer is taking it over (status new)".to_owned()),
            Status::Errored => {
                return not_yet("the balancer could not take it over (status errored)".to_owned());
            }
            Status::Other(status) => {
                let why = format!("the balancer's status {status:?} is not known to this version");
                return Ok(Some(Verification::Unknown { why }));
            }
        }
        if let Some(foreign) = self.last_change.foreign(split, &change.wanted) {
            let why = format!("somebody else has changed {foreign} since the shift");
            return Ok(Some(Verification::Unknown { why }));
        }
        Ok(None)
    }
}

struct Change {
    wanted: Settings,
    is_there: bool,
}

fn unreadable(call: &Call<'_>, missing: &balancer::Missing) -> Fault {
    call.fault(ApiError::Unreadable(missing.to_string()))
}

#[async_trait]
impl Router for LoadBalancerRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
            .granularity(self.targets.granularity())
            .decides(Decides::PerConnection)
            .propagation(self.propagation)
            .fencing(Fencing::Settle(self.settle))
            .instead(self.alternatives())
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let call = self.begin(op, Urgency::Rollback, "observe");
        let balancer = self.read(&call).await?;
        let split = self.targets.held(&balancer).map_err(|what| call.unfit(what))?;
        let evidence = format!(
            "load balancer {} holds {split} (by {}, status {:?}{})",
            self.id,
            self.targets.name(),
            balancer.status(),
            if balancer.has_sticky_sessions() {
                ", sticky sessions"
            } else {
                ""
            }
        );
        Ok(Observation::new(split, evidence))
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Routine, "stage");
        let balancer = self.read(&call).await?;
        if balancer.status() == Status::Errored {
            return Err(call.unfit("its status is errored: mend it first"));
        }
        let change = self.change(&call, &balancer, Split::all(slot))?;
        droplets::check(&call, &self.targets, change.wanted.region(), slot).await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Rollback, "shift");
        loop {
            let balancer = self.read(&call).await?;
            let change = self.change(&call, &balancer, split)?;
            // What it could not take over has to be sent again, or it stays with the old targets.
            if change.is_there && balancer.status() != Status::Errored {
                self.last_change.found(split, change.wanted, self.now());
                return Ok(());
            }
            // The service refuses changes until the last one has arrived.
            let busy = if balancer.status() == Status::New {
                ApiError::TooLate("the balancer is still taking over an earlier change".to_owned())
            } else {
                self.last_change.forget();
                match self.write(&call, &change.wanted).await {
                    Ok(shown) => return self.check_answer(&call, split, change.wanted, &shown),
                    Err(error) if error.is_busy() => error,
                    Err(error) => return Err(call.fault_after_change(error)),
                }
            };
            if !call.pause(self.poll).await {
                return Err(call.fault(busy));
            }
        }
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let call = self.begin(op, Urgency::Rollback, "verify");
        let balancer = self.read(&call).await?;
        if let Some(answer) = self.arrived(&call, &balancer, split)? {
            return Ok(answer);
        }
        let answer = if let Some(probe) = &self.probe {
            probe.ask(&**self.client.time(), call.left(), split).await
        } else {
            let seconds = balancer.seconds_to_healthy();
            let needed = Duration::from_secs(seconds).min(self.propagation);
            let wait = self.last_change.left(split, needed, self.now());
            if wait.is_zero() {
                let evidence = format!(
                    "the balancer is active, and the {seconds} s are over that its health checks take; the \
                     entry itself was not asked"
                );
                Verification::Live { evidence }
            } else {
                let why = format!("its health checks may take another {} s", wait.as_secs() + 1);
                Verification::NotYet { why }
            }
        };
        if matches!(answer, Verification::Live { .. }) {
            self.last_change.is_live();
        }
        Ok(answer)
    }
}

impl LoadBalancerRouter {
    /// What the service shows after a change is what was sent.
    fn check_answer(
        &self,
        call: &Call<'_>,
        split: Split,
        sent: Settings,
        shown: &Balancer,
    ) -> Result<(), Fault> {
        let unsure = |what: String| call.fault_after_change(ApiError::Differs(what));
        let now = shown.settings().map_err(|missing| unsure(missing.to_string()))?;
        let different = sent.differences(&now);
        if !different.is_empty() {
            return Err(unsure(format!(
                "the service took the change and shows something else in {}",
                different.join(", ")
            )));
        }
        self.last_change.sent(split, sent, self.now());
        Ok(())
    }
}
