//! The driver: the only place that awaits. It stores a state before its command acts on the world.

mod act;
mod analyst;
mod assess;
mod drive;
mod error;
mod foresight;
mod history;
mod hooks;
mod lease;
mod migrations;
mod operators;
mod parts;
mod patience;
mod preflight;
mod record;
mod release;
mod report;
mod routers;
mod watch;
mod write;

use std::sync::Arc;

pub use error::DeployError;
pub use parts::DeployerBuilder;
pub use report::{PhaseTime, Report, Status, WayBack};

use crate::lifecycle::{Begin, CannotBegin, CheckResult, End, Event, FrozenPlan, Lifecycle, Overrides, Run};
use crate::{Operation, Phase, Plan, Release, ServiceName, Signed};
use lease::Held;
use parts::Parts;

/// Deploys one service. Cheap to clone: all clones are one deployer.
///
/// Every method can be called from any process that reaches the same store. Those that act
/// ([`deploy`](Self::deploy), [`rollback`](Self::rollback), …) take the lease; those that ask
/// ([`approve`](Self::approve), [`abort`](Self::abort)) write beside it.
#[derive(Debug, Clone)]
pub struct Deployer {
    parts: Arc<Parts>,
}

/// Whether the last operation has made this very release live.
fn is_live_already(lifecycle: &Lifecycle, release: &Release) -> bool {
    lifecycle.run().is_some_and(|run| {
        run.operation == Operation::Deploy
            && run.end == Some(End::Promoted)
            && run.release.as_ref() == Some(release)
    })
}

/// Who asks for an operation, and what they decide against the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who, and why.
    pub by: Signed,
    /// What they decide against the plan.
    pub overrides: Overrides,
}

impl From<Signed> for Request {
    fn from(by: Signed) -> Self {
        Self {
            by,
            overrides: Overrides::default(),
        }
    }
}

impl Request {
    /// Skips the smoke tests. Recorded.
    #[must_use]
    pub fn skip_smoke(mut self, reason: impl Into<String>) -> Self {
        self.overrides.skip_smoke = Some(Signed::new(self.by.by.clone(), reason));
        self
    }

    /// Goes ahead although the window is closed. Recorded.
    #[must_use]
    pub fn ignore_window(mut self, reason: impl Into<String>) -> Self {
        self.overrides.window = Some(Signed::new(self.by.by.clone(), reason));
        self
    }

    /// Deploys a release that is live already once more, into the other slot. Recorded.
    #[must_use]
    pub fn again(mut self, reason: impl Into<String>) -> Self {
        self.overrides.again = Some(Signed::new(self.by.by.clone(), reason));
        self
    }

    /// Gives up the standby before its retention is over, and with it the way back to its release. Recorded.
    #[must_use]
    pub fn give_up_standby(mut self, reason: impl Into<String>) -> Self {
        self.overrides.give_up_standby = Some(Signed::new(self.by.by.clone(), reason));
        self
    }

    /// Runs migrations that the check refuses. Recorded.
    #[must_use]
    pub fn allow_migrations(mut self, reason: impl Into<String>) -> Self {
        self.overrides.migrations = Some(Signed::new(self.by.by.clone(), reason));
        self
    }
}

impl Deployer {
    /// Begins to put one together.
    #[must_use]
    pub fn builder(service: ServiceName) -> DeployerBuilder {
        DeployerBuilder::new(service)
    }

    fn from_parts(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        &self.parts.service
    }

    /// Releases a version: from reading the routers to the end of the soak, or back. Returns when the
    /// operation is over or needs an operator; what it came to is in the report.
    ///
    /// Called again after a crash, with the same release, it resumes. Called again after its end it
    /// changes nothing and returns the report of the deployment that made the release live, unless the
    /// request says [`again`](Request::again).
    ///
    /// # Errors
    /// When it could not be begun, or could not be carried on. What is stored is then how things
    /// stand, and the same call resumes it.
    pub async fn deploy(
        &self,
        plan: &Plan,
        release: Release,
        request: impl Into<Request>,
    ) -> Result<Report, DeployError> {
        let request = request.into();
        let plan = self.freeze(plan)?;
        let held = self.claim(&plan).await?;
        if let Some(run) = held.lifecycle().open() {
            let same = run.operation == Operation::Deploy && run.release.as_ref() == Some(&release);
            if same {
                return Box::pin(self.drive(held)).await;
            }
            if run.end.is_none() {
                let open = run
                    .release
                    .as_ref()
                    .map_or_else(|| run.operation.to_string(), ToString::to_string);
                let error = DeployError::OtherRelease { id: run.id, open };
                held.release().await?;
                return Err(error);
            }
        }
        if request.overrides.again.is_none() && is_live_already(held.lifecycle(), &release) {
            return self.conclude(held).await;
        }
        let begin = Begin {
            operation: Operation::Deploy,
            release: Some(release),
            plan: Some(plan),
            by: request.by,
            overrides: request.overrides,
        };
        self.carry_through(held, begin).await
    }

    /// The preflight checks of a deployment, without beginning one: reads only, writes nothing.
    ///
    /// # Errors
    /// When the record cannot be read, or the plan is for another service.
    pub async fn check(
        &self,
        plan: &Plan,
        release: &Release,
        request: impl Into<Request>,
    ) -> Result<Vec<CheckResult>, DeployError> {
        let request = request.into();
        let plan = self.freeze(plan)?;
        let lifecycle = self
            .parts
            .load()
            .await?
            .map(|(_, record)| record.head.lifecycle)
            .unwrap_or_default();
        let asked = Begin {
            operation: Operation::Deploy,
            release: Some(release.clone()),
            plan: Some(plan),
            by: request.by,
            overrides: request.overrides,
        };
        let begun = lifecycle.begin(self.parts.clock.now(), asked)?;
        self.parts.check(begun).await
    }

    /// Carries on what is open, whatever it is. `None` where nothing is.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy).
    pub async fn resume(&self) -> Result<Option<Report>, DeployError> {
        let Some((_, record)) = self.parts.load().await? else {
            return Ok(None);
        };
        let Some(run) = record.lifecycle().open() else {
            return Ok(None);
        };
        let plan = run.plan.clone();
        let held = self.claim(&plan).await?;
        if held.lifecycle().open().is_none() {
            held.release().await?;
            return Ok(None);
        }
        Box::pin(self.drive(held)).await.map(Some)
    }

    /// Gives all traffic back: stops an open deployment and takes it back, or goes back to the standby
    /// after a deployment has ended, or tries again where a way back had halted (whatever the slots'
    /// health then). Waits for no window and no approval. Where the migrator can tell, the event in which both
    /// slots are assessed says whether the release that comes back finds what it needs in the database, and a
    /// refusal names what the release that was there last would miss.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy); [`CannotBegin::NoStandby`]
    /// when there is nothing to go back to.
    pub async fn rollback(&self, request: impl Into<Request>) -> Result<Report, DeployError> {
        let request = request.into();
        let by = request.by.clone();
        let open = self
            .parts
            .load()
            .await?
            .and_then(|(_, record)| record.lifecycle().open().cloned());
        if let Some(run) = open.filter(|run| run.end.is_none()) {
            self.parts
                .request(
                    |lifecycle| match lifecycle.open().filter(|run| run.end.is_none()) {
                        Some(run) if run.phase == Phase::Halted => {
                            Ok(Event::ReturnRequested { by: by.clone() })
                        }
                        Some(_) => Ok(Event::AbortRequested { by: by.clone() }),
                        None => Err(DeployError::NothingToDo(
                            "it has just ended; roll back again".to_owned(),
                        )),
                    },
                )
                .await?;
            return self.follow(&run).await;
        }
        match self.operate(Operation::Rollback, request).await {
            Err(DeployError::CannotBegin(CannotBegin::NoStandby { why })) => {
                let record = self.parts.load().await?.map(|(_, record)| record);
                let lifecycle = record.map(|record| record.head.lifecycle).unwrap_or_default();
                let why = self.parts.closed(&lifecycle, why).await;
                Err(CannotBegin::NoStandby { why }.into())
            }
            other => other,
        }
    }

    /// Stops the standby, after its retention or when it is given up; or brings it to its standby size,
    /// as the plan says.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy).
    pub async fn retire(&self, request: impl Into<Request>) -> Result<Report, DeployError> {
        self.operate(Operation::Retire, request.into()).await
    }

    /// Runs the contract migrations of the live release. Refused while a standby is kept: it may get
    /// traffic again, and need what is taken away.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy).
    pub async fn contract(&self, request: impl Into<Request>) -> Result<Report, DeployError> {
        self.operate(Operation::Contract, request.into()).await
    }

    /// Takes the routers' view as the truth: after somebody moved the traffic by hand.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy).
    pub async fn adopt(&self, plan: &Plan, request: impl Into<Request>) -> Result<Report, DeployError> {
        let request = request.into();
        let plan = self.freeze(plan)?;
        let held = self.claim(&plan).await?;
        let begin = Begin {
            operation: Operation::Adopt,
            release: None,
            plan: Some(plan),
            by: request.by,
            overrides: request.overrides,
        };
        self.carry_through(held, begin).await
    }

    fn freeze(&self, plan: &Plan) -> Result<FrozenPlan, DeployError> {
        if plan.service != self.parts.service {
            let (plan, deployer) = (plan.service.to_string(), self.parts.service.to_string());
            return Err(DeployError::OtherService { plan, deployer });
        }
        FrozenPlan::new(plan.clone()).map_err(|error| DeployError::Record {
            message: error.to_string(),
        })
    }

    async fn claim(&self, plan: &FrozenPlan) -> Result<Held, DeployError> {
        let held = Held::claim(Arc::clone(&self.parts), plan.lease.ttl).await?;
        // A predecessor may have died between the end of its operation and the report of it.
        if held.lifecycle().open().is_none() && held.lifecycle().run().is_some() {
            self.file_report(&held).await?;
        }
        Ok(held)
    }

    /// Begins an operation and drives it to its end.
    async fn carry_through(&self, mut held: Held, asked: Begin) -> Result<Report, DeployError> {
        let ended = held.lifecycle().open().is_some_and(|run| run.end.is_some());
        // The way back waits for no notice: what it tells itself is newer.
        if ended && asked.operation != Operation::Rollback {
            held = Box::pin(self.tell_the_end(held)).await?;
        }
        let at = self.parts.clock.now();
        let by = asked.by.clone();
        let begun = match held.lifecycle().begin(at, asked) {
            Ok(begun) => begun,
            Err(error) => {
                held.release().await?;
                return Err(error.into());
            }
        };
        if let Some(run) = begun.run() {
            let event = Event::Started {
                operation: run.operation,
                release: run.release.clone(),
                by,
            };
            held.begin(begun, event).await?;
        }
        Box::pin(self.drive(held)).await
    }

    /// An operation on what was deployed last, by its plan.
    async fn operate(&self, operation: Operation, request: Request) -> Result<Report, DeployError> {
        let last = self
            .parts
            .load()
            .await?
            .and_then(|(_, record)| record.lifecycle().run().map(|run| run.plan.clone()));
        let Some(plan) = last else {
            return Err(DeployError::NothingToDo(format!(
                "nothing has been deployed yet: there is nothing to {operation}"
            )));
        };
        let held = self.claim(&plan).await?;
        let begin = Begin {
            operation,
            release: None,
            plan: None,
            by: request.by,
            overrides: request.overrides,
        };
        self.carry_through(held, begin).await
    }

    /// Sees to it that an operation ends: by watching whoever is at work, or by taking over.
    async fn follow(&self, run: &Run) -> Result<Report, DeployError> {
        loop {
            match self.resume().await {
                Ok(Some(report)) => return Ok(report),
                Ok(None) => {
                    if let Some(report) = self.report_of(run.id.number()).await? {
                        return Ok(report);
                    }
                    // It has ended without a report: claiming files it.
                    match self.claim(&run.plan).await {
                        Ok(held) => held.release().await?,
                        Err(DeployError::Held { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(DeployError::Held { .. }) => {}
                Err(error) => return Err(error),
            }
            self.parts.clock.sleep(run.plan.lease.poll).await;
        }
    }
}
