//! A service with fakes for everything around it, on virtual time.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::plan::{
    ApprovalDefault, ApprovalPlan, GateSpec, LeasePlan, Migrations, PlanBuilder, Preflight, Step, Window,
    WorkersPlan,
};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    DeployError, Deployer, DeployerBuilder, Plan, Release, Report, ServiceName, Share, Signed, Slot, Split,
    SystemClock, Timestamp, Version,
};
use bluegreen_testkit::fakes::{
    CallLog, FakeGate, FakeHost, FakeMigrator, FakeNotifier, FakeRouter, FakeStore, FakeWorkers,
    RecordingObserver,
};

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn version(text: &str) -> Release {
    Release::new(Version::new(text).unwrap())
}

pub(crate) fn somebody() -> Signed {
    Signed::new("ada", "a test")
}

pub(crate) fn percent(percent: u8) -> Share {
    Share::from_percent(percent).unwrap()
}

/// Everything around one service. Blue is live with release 1.0.0.
pub(crate) struct World {
    pub(crate) log: CallLog,
    pub(crate) memory: MemoryStore,
    pub(crate) store: FakeStore,
    pub(crate) routers: Vec<FakeRouter>,
    pub(crate) host: FakeHost,
    pub(crate) migrator: FakeMigrator,
    pub(crate) workers: FakeWorkers,
    pub(crate) notifier: FakeNotifier,
    pub(crate) observer: RecordingObserver,
    pub(crate) health: FakeGate,
    pub(crate) guard: FakeGate,
    pub(crate) smoke: FakeGate,
    pub(crate) public: FakeGate,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_routers(1)
    }

    pub(crate) fn with_routers(count: usize) -> Self {
        let log = CallLog::new(Arc::new(SystemClock::starting_at(Timestamp::from_millis(
            1_700_000_000_000,
        ))));
        let memory = MemoryStore::new();
        let router = |n| FakeRouter::new(format!("edge-{n}"), &log).with_split(Split::all(Slot::Blue));
        Self {
            store: FakeStore::new("memory", &log, Arc::new(memory.clone())),
            memory,
            routers: (1..=count).map(router).collect(),
            host: FakeHost::new("host", &log).with_release(Slot::Blue, version("1.0.0")),
            migrator: FakeMigrator::new("migrator", &log),
            workers: FakeWorkers::new("workers", &log).with_claiming([Slot::Blue]),
            notifier: FakeNotifier::new("chat", &log),
            observer: RecordingObserver::new(),
            health: FakeGate::new("up", &log),
            guard: FakeGate::new("errors", &log),
            smoke: FakeGate::new("login", &log),
            public: FakeGate::new("front", &log),
            log,
        }
    }

    pub(crate) fn router(&self) -> &FakeRouter {
        &self.routers[0]
    }

    pub(crate) fn builder(&self) -> DeployerBuilder {
        let builder = Deployer::builder(ServiceName::new("shop").unwrap())
            .clock(self.log.clock())
            .store(self.store.clone())
            .host(self.host.clone())
            .migrator(self.migrator.clone())
            .workers(self.workers.clone())
            .notifier(self.notifier.clone())
            .observer(self.observer.clone())
            .gate(self.health.clone())
            .gate(self.guard.clone())
            .gate(self.smoke.clone())
            .gate(self.public.clone());
        self.routers
            .iter()
            .fold(builder, |builder, router| builder.router(router.clone()))
    }

    /// Another process: it shares the store and the world, nothing else.
    pub(crate) fn deployer(&self) -> Deployer {
        self.builder().build().unwrap()
    }

    pub(crate) async fn deploy(&self, plan: &Plan, release: &str) -> Result<Report, DeployError> {
        self.deployer().deploy(plan, version(release), somebody()).await
    }

    /// Lets time go by.
    pub(crate) async fn pass(&self, time: Duration) {
        self.log.clock().sleep(time).await;
    }

    /// What runs where, and who gets the traffic: for comparing two worlds.
    pub(crate) fn picture(&self) -> String {
        let routers: Vec<_> = self
            .routers
            .iter()
            .map(|router| router.live().to_string())
            .collect();
        let releases = Slot::BOTH.map(|slot| self.host.release(slot).map(|release| release.to_string()));
        format!(
            "routers {routers:?}, releases {releases:?}, claiming {:?}, migrations {:?}",
            self.workers.claiming(),
            self.migrator.applied()
        )
    }
}

/// A plan with everything in it: two steps, migrations, workers, gates of each kind.
pub(crate) fn full_plan() -> PlanBuilder {
    Plan::builder(ServiceName::new("shop").unwrap())
        .step(Step::new(percent(25), secs(60)))
        .step(Step::new(percent(100), secs(60)))
        .health(GateSpec::code("up").period(secs(10)))
        .guard(GateSpec::code("errors").period(secs(10)).thresholds(1, 2, 5))
        .smoke(GateSpec::code("login"))
        .public(GateSpec::code("front"))
        .migrations(Migrations {
            backfill: true,
            ..Migrations::default()
        })
        .workers(WorkersPlan::default())
        .soak(secs(60))
        .lease(LeasePlan {
            ttl: secs(30),
            poll: secs(1),
            call: secs(10),
        })
}

pub(crate) fn plan() -> Plan {
    full_plan().build().unwrap()
}

pub(crate) fn approved(weight: u8, default: ApprovalDefault) -> Step {
    let mut step = Step::new(percent(weight), secs(30));
    step.approval = Some(ApprovalPlan {
        expires: secs(600),
        default,
    });
    step
}

pub(crate) fn lenient() -> Preflight {
    Preflight {
        allow_unhealthy_live: true,
        ..Preflight::default()
    }
}

pub(crate) fn always() -> Window {
    Window::new("Europe/Berlin".parse().unwrap())
}
