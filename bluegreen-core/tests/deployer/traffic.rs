//! A source of metrics that counts what clients see, and deployments that are analysed by it.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::analysis::{AnalysisSpec, ErrorsSpec, MetricSpec};
use bluegreen_core::plan::{PlanBuilder, Step};
use bluegreen_core::{
    Clock, Event, Fault, Metrics, Monotonic, Op, Outcome, Phase, Plan, Report, Sample, ServiceName, Slot,
};
use bluegreen_testkit::fakes::FakeRouter;

use crate::world::{World, percent, secs, somebody, version};

/// What clients see, as a router of our own would count it: requests by the split that is live, errors by a
/// seeded draw.
#[derive(Clone)]
pub(crate) struct Traffic(Arc<Mutex<State>>);

pub(crate) struct State {
    clock: Arc<dyn Clock>,
    router: FakeRouter,
    rng: u64,
    last: Monotonic,
    pub(crate) rate: f64,
    pub(crate) error_rates: [f64; 2],
    requests: [f64; 2],
    errors: [f64; 2],
    /// What the source does wrong.
    pub(crate) trouble: Trouble,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Trouble {
    None,
    Fault,
    Empty,
    Hangs,
    NotANumber,
    Infinite,
    Negative,
    /// More errors than there are requests.
    TooMany,
    /// One of the two counters is not there.
    NoErrors,
    /// Nothing reaches live.
    LiveIdle,
    /// Counters that fall with every sample.
    Falls,
    /// The candidate's series are not there.
    NoCandidate,
    /// Samples that never get newer.
    Stale,
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Traffic")
    }
}

pub(crate) const BLUE: usize = 0;
pub(crate) const GREEN: usize = 1;

impl Traffic {
    pub(crate) fn new(world: &World, rate: f64, live: f64, candidate: f64) -> Self {
        let clock = world.log.clock();
        Self(Arc::new(Mutex::new(State {
            last: clock.monotonic(),
            clock,
            router: world.router().clone(),
            rng: 7,
            rate,
            error_rates: [live, candidate],
            requests: [1e6, 0.0],
            errors: [1e3, 0.0],
            trouble: Trouble::None,
        })))
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

impl State {
    fn uniform(&mut self) -> f64 {
        self.rng = self
            .rng
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.rng >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn go_on(&mut self) {
        let now = self.clock.monotonic();
        let seconds = now.since(self.last).as_secs_f64();
        self.last = now;
        let share = f64::from(self.router.live().share(Slot::Green).basis_points()) / 10_000.0;
        for (side, share) in [(BLUE, 1.0 - share), (GREEN, share)] {
            let requests = (self.rate * share * seconds).floor();
            self.requests[side] += requests;
            let mut left = requests;
            while left >= 1.0 {
                left -= 1.0;
                if self.uniform() < self.error_rates[side] {
                    self.errors[side] += 1.0;
                }
            }
        }
    }
}

#[async_trait]
impl Metrics for Traffic {
    async fn read(&self, _: &Op, metric: &str, _: Slot) -> Result<Option<f64>, Fault> {
        Err(Fault::rejected("traffic", "read", format!("no gauge {metric}")))
    }

    async fn sample(&self, _: &Op, slot: Slot) -> Result<Sample, Fault> {
        let trouble = self.with(|state| state.trouble);
        if trouble == Trouble::Hangs {
            std::future::pending::<()>().await;
        }
        self.with(|state| {
            state.go_on();
            let mut sample = Sample::new(match trouble {
                Trouble::Stale => bluegreen_core::Timestamp::from_millis(0),
                _ => state.clock.now(),
            });
            let side = usize::from(slot == Slot::Green);
            let (mut requests, mut errors) = (state.requests[side], state.errors[side]);
            match trouble {
                Trouble::Fault => return Err(Fault::unavailable("traffic", "sample", "500")),
                Trouble::Empty => return Ok(sample),
                Trouble::NoCandidate if slot == Slot::Green => return Ok(sample),
                Trouble::NotANumber => errors = f64::NAN,
                Trouble::Infinite => requests = f64::INFINITY,
                Trouble::Negative => errors = -errors - 1.0,
                Trouble::TooMany => errors = requests * 3.0,
                Trouble::LiveIdle if slot == Slot::Blue => (requests, errors) = (1e6, 1e3),
                Trouble::Falls => {
                    requests = 1e9 - requests - 1e3 * state.clock.monotonic().0.as_secs_f64();
                }
                _ => {}
            }
            let counters = &mut sample.instance("edge").counters;
            counters.insert("requests".to_owned(), requests);
            if trouble != Trouble::NoErrors {
                counters.insert("errors".to_owned(), errors);
            }
            Ok(sample)
        })
    }
}

pub(crate) fn spec() -> AnalysisSpec {
    AnalysisSpec::new([MetricSpec::errors("errors", ErrorsSpec::default())])
}

pub(crate) fn planned(spec: AnalysisSpec) -> PlanBuilder {
    Plan::builder(ServiceName::new("shop").unwrap())
        .step(Step::new(percent(10), secs(600)))
        .step(Step::new(percent(100), secs(60)))
        .soak(secs(60))
        .analysis(spec)
}

pub(crate) async fn deploy(world: &World, traffic: &Traffic, plan: &Plan) -> Report {
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    deployer.deploy(plan, version("2.0.0"), somebody()).await.unwrap()
}

/// What the analysis said last.
pub(crate) fn last_word(world: &World) -> (Outcome, String) {
    let said = world
        .observer
        .events()
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::Watched { results, .. } => results.into_iter().find(|result| result.name == "analysis"),
            _ => None,
        });
    let result = said.unwrap();
    (result.outcome, result.evidence)
}

pub(crate) fn seconds_in(report: &Report, phase: Phase) -> u64 {
    let times = report.phases.iter().filter(|time| time.phase == phase);
    times.map(|time| time.ms / 1000).sum()
}

pub(crate) fn errors(critical: Option<f64>) -> ErrorsSpec {
    let mut errors = ErrorsSpec::default();
    errors.critical = critical;
    errors
}
