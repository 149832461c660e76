//! What a deployer is put together from.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::patience::{Patient, within};
use super::record::Keys;
use super::{DeployError, Deployer};
use crate::command::{CommandContext, Secrets};
use crate::gate::GateParts;
use crate::lifecycle::{Event, Run};
use crate::metrics::{SourceBuildError, SourceParts, Sources};
use crate::{
    Approver, Clock, Fault, FaultKind, Gate, HookAction, Host, Metrics, Migrator, Notifier, Observer, Router,
    ServiceName, Store, SystemClock, Unobserved, Workers,
};

/// The parts of a deployer.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) service: ServiceName,
    pub(super) keys: Keys,
    pub(super) holder: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Patient,
    pub(super) routers: Vec<Arc<dyn Router>>,
    pub(super) host: Arc<dyn Host>,
    pub(super) migrator: Option<Arc<dyn Migrator>>,
    pub(super) workers: Option<Arc<dyn Workers>>,
    pub(super) metrics: Option<Arc<dyn Metrics>>,
    pub(super) approver: Option<Arc<dyn Approver>>,
    pub(super) notifiers: Vec<Arc<dyn Notifier>>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) gates: BTreeMap<String, Arc<dyn Gate>>,
    pub(super) hooks: BTreeMap<String, Arc<dyn HookAction>>,
    pub(super) secrets: Secrets,
    /// Where the lock files of commands are; without it a command that outlives a killed deployer is
    /// not noticed.
    pub(super) lock_dir: Option<std::path::PathBuf>,
    /// Where the output of command gates is kept.
    pub(super) output_dir: Option<std::path::PathBuf>,
    /// The client of gates and sources of metrics, in the place of their own.
    #[cfg(feature = "http")]
    pub(super) http: Option<reqwest::Client>,
    /// Wakes the one at work in this process when somebody asked for something.
    pub(super) woken: Notify,
}

impl Parts {
    /// How long a call that was given up may still act, over all parts.
    pub(super) fn settle(&self) -> Duration {
        let routers = self.routers.iter().map(|router| router.capabilities().settle());
        let migrator = self.migrator.iter().map(|migrator| migrator.settle());
        let workers = self.workers.iter().map(|workers| workers.settle());
        routers
            .chain(migrator)
            .chain(workers)
            .chain([self.host.settle()])
            .max()
            .unwrap_or_default()
    }

    /// How long a split that a router gave up may still act.
    pub(super) fn router_settle(&self) -> Duration {
        self.routers
            .iter()
            .map(|router| router.capabilities().settle())
            .max()
            .unwrap_or_default()
    }

    /// What the gates and commands of a plan need.
    pub(super) fn command_context(&self, run: &Run) -> CommandContext {
        let mut context = CommandContext::new(self.service.clone())
            .deployment(run.id)
            .slots(run.plan.slots.clone())
            .secrets(self.secrets.clone());
        context.locks.clone_from(&self.lock_dir);
        context.outputs.clone_from(&self.output_dir);
        context
    }

    /// Where the numbers come from.
    pub(super) fn sources(&self, run: &Run) -> Result<Sources, SourceBuildError> {
        let mut parts = SourceParts::new(self.command_context(run), Arc::clone(&self.clock));
        parts.code.clone_from(&self.metrics);
        #[cfg(feature = "http")]
        parts.http.clone_from(&self.http);
        Sources::build(&run.plan.sources, &parts)
    }

    pub(super) fn gate_parts(&self, run: &Run) -> GateParts {
        let mut parts = GateParts::new(self.command_context(run));
        // Those that cannot be built are told by preflight; their gates cannot be built then either.
        let sources = self.sources(run).ok().filter(|sources| !sources.is_empty());
        parts.metrics = sources.map(|sources| Arc::new(sources) as Arc<dyn Metrics>);
        parts.custom.clone_from(&self.gates);
        #[cfg(feature = "http")]
        parts.http.clone_from(&self.http);
        parts
    }

    /// Waits. Where there is nothing to wait for, no timer is set.
    pub(super) async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            self.clock.sleep(time).await;
        }
    }

    /// A call with an end. What is not answered by then may have happened.
    pub(super) async fn bounded<T>(
        &self,
        budget: Duration,
        operation: &'static str,
        call: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        let answer = within(&*self.clock, budget, call).await;
        answer.unwrap_or_else(|| {
            Err(Fault::unknown(
                "deployer",
                operation,
                format!("no answer within {}", crate::plan::humane::format(budget)),
            ))
        })
    }
}

/// What a mutating call that failed means for the lifecycle. `Err` when another deployer acts.
pub(super) fn event_of(fault: &Fault, settle: Duration) -> Result<Event, DeployError> {
    let reason = fault.to_string();
    Ok(match fault.kind {
        FaultKind::Rejected => Event::Failed { reason },
        FaultKind::Unavailable { retry_after } => Event::Deferred {
            reason,
            retry_after_ms: retry_after.map(millis),
        },
        FaultKind::Unknown => Event::Unknown {
            reason,
            settle_ms: millis(settle),
        },
        FaultKind::Fenced => return Err(DeployError::LeaseLost { why: reason }),
    })
}

/// What a read that failed means: it had no effect, whatever became of it.
pub(super) fn event_of_read(fault: &Fault) -> Result<Event, DeployError> {
    match fault.kind {
        FaultKind::Unknown => Ok(Event::Deferred {
            reason: fault.to_string(),
            retry_after_ms: None,
        }),
        _ => event_of(fault, Duration::ZERO),
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Puts a [`Deployer`] together. A store, a host and at least one router are needed; everything else
/// as far as the plan asks for it.
pub struct DeployerBuilder {
    service: ServiceName,
    holder: String,
    nonce: Option<u64>,
    clock: Option<Arc<dyn Clock>>,
    store: Option<Arc<dyn Store>>,
    host: Option<Arc<dyn Host>>,
    parts: Optional,
}

#[derive(Default)]
struct Optional {
    routers: Vec<Arc<dyn Router>>,
    migrator: Option<Arc<dyn Migrator>>,
    workers: Option<Arc<dyn Workers>>,
    metrics: Option<Arc<dyn Metrics>>,
    approver: Option<Arc<dyn Approver>>,
    notifiers: Vec<Arc<dyn Notifier>>,
    observer: Option<Arc<dyn Observer>>,
    gates: BTreeMap<String, Arc<dyn Gate>>,
    hooks: BTreeMap<String, Arc<dyn HookAction>>,
    secrets: Secrets,
    lock_dir: Option<std::path::PathBuf>,
    output_dir: Option<std::path::PathBuf>,
    #[cfg(feature = "http")]
    http: Option<reqwest::Client>,
}

impl fmt::Debug for DeployerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeployerBuilder")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl DeployerBuilder {
    pub(super) fn new(service: ServiceName) -> Self {
        Self {
            service,
            holder: "deployer".to_owned(),
            nonce: None,
            clock: None,
            store: None,
            host: None,
            parts: Optional::default(),
        }
    }

    /// Where the record is kept.
    #[must_use]
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// What runs releases.
    #[must_use]
    pub fn host(mut self, host: impl Host + 'static) -> Self {
        self.host = Some(Arc::new(host));
        self
    }

    /// One more router. All of them change together.
    #[must_use]
    pub fn router(mut self, router: impl Router + 'static) -> Self {
        self.parts.routers.push(Arc::new(router));
        self
    }

    /// One more router that is shared already.
    #[must_use]
    pub fn shared_router(mut self, router: Arc<dyn Router>) -> Self {
        self.parts.routers.push(router);
        self
    }

    /// What runs migrations; needed where the plan has some.
    #[must_use]
    pub fn migrator(mut self, migrator: impl Migrator + 'static) -> Self {
        self.parts.migrator = Some(Arc::new(migrator));
        self
    }

    /// The workers; needed where the plan moves some.
    #[must_use]
    pub fn workers(mut self, workers: impl Workers + 'static) -> Self {
        self.parts.workers = Some(Arc::new(workers));
        self
    }

    /// Where metric gates read.
    #[must_use]
    pub fn metrics(mut self, metrics: impl Metrics + 'static) -> Self {
        self.parts.metrics = Some(Arc::new(metrics));
        self
    }

    /// Another way to approvals, beside [`Deployer::approve`].
    #[must_use]
    pub fn approver(mut self, approver: impl Approver + 'static) -> Self {
        self.parts.approver = Some(Arc::new(approver));
        self
    }

    /// One more who is told.
    #[must_use]
    pub fn notifier(mut self, notifier: impl Notifier + 'static) -> Self {
        self.parts.notifiers.push(Arc::new(notifier));
        self
    }

    /// Who sees every event.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.parts.observer = Some(Arc::new(observer));
        self
    }

    /// A gate in code, for the plan's gates with `code = true` and its name.
    #[must_use]
    pub fn gate(mut self, gate: impl Gate + 'static) -> Self {
        self.parts.gates.insert(gate.name().to_owned(), Arc::new(gate));
        self
    }

    /// A hook in code, for the plan's hooks of this name without a command.
    #[must_use]
    pub fn hook(mut self, name: impl Into<String>, action: impl HookAction + 'static) -> Self {
        self.parts.hooks.insert(name.into(), Arc::new(action));
        self
    }

    /// The secrets that gates and hooks of the plan name.
    #[must_use]
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.parts.secrets = secrets;
        self
    }

    /// A folder for lock files, so that a hook that outlives a killed deployer is waited for.
    #[must_use]
    pub fn lock_dir(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.parts.lock_dir = Some(dir.into());
        self
    }

    /// A folder for the output of command gates, such as suites of smoke tests: of each gate and slot
    /// the last one is kept, and the evidence says where.
    #[must_use]
    pub fn output_dir(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.parts.output_dir = Some(dir.into());
        self
    }

    /// The client of HTTP gates, of scenarios and of sources of metrics, in the place of their own: to trust a
    /// private authority, to go through a proxy, to show a certificate. See
    /// [`GateParts::http`](crate::gate::GateParts::http).
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(mut self, client: reqwest::Client) -> Self {
        self.parts.http = Some(client);
        self
    }

    /// The name under which others see who is at work: a job, a host, a person.
    #[must_use]
    pub fn holder(mut self, name: impl Into<String>) -> Self {
        self.holder = name.into();
        self
    }

    /// The part of the holder's name that must never be the same twice. By default it is random; a
    /// simulation gives it, to be repeatable.
    #[must_use]
    pub const fn nonce(mut self, nonce: u64) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Where the time comes from; by default the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The deployer.
    ///
    /// # Errors
    /// [`DeployError::MissingPart`] without a store, a host or a router.
    pub fn build(self) -> Result<Deployer, DeployError> {
        let parts = self.parts;
        if parts.routers.is_empty() {
            return Err(DeployError::MissingPart("router"));
        }
        let nonce = self
            .nonce
            .unwrap_or_else(|| RandomState::new().build_hasher().finish());
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        Ok(Deployer::from_parts(Parts {
            keys: Keys::new(self.service.clone()),
            service: self.service,
            holder: format!("{} ({nonce:016x})", crate::text::bounded(&self.holder, 200)).into(),
            store: Patient {
                store: self.store.ok_or(DeployError::MissingPart("store"))?,
                clock: Arc::clone(&clock),
            },
            clock,
            host: self.host.ok_or(DeployError::MissingPart("host"))?,
            routers: parts.routers,
            migrator: parts.migrator,
            workers: parts.workers,
            metrics: parts.metrics,
            approver: parts.approver,
            notifiers: parts.notifiers,
            observer: parts.observer.unwrap_or_else(|| Arc::new(Unobserved)),
            gates: parts.gates,
            hooks: parts.hooks,
            secrets: parts.secrets,
            lock_dir: parts.lock_dir,
            output_dir: parts.output_dir,
            #[cfg(feature = "http")]
            http: parts.http,
            woken: Notify::new(),
        }))
    }
}
