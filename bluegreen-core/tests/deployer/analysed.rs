//! An analysis from the first traffic to the end: what passes, what goes back, what waits for a person, and what a
//! deployer that dies in the middle of it leaves behind.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::analysis::{AnalysisSpec, ErrorsSpec, MetricSpec, OnInconclusive, OnMissing};
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{PlanBuilder, Step};
use bluegreen_core::{
    Clock, Event, Fault, Metrics, Monotonic, NoticeKind, Op, Outcome, Phase, Plan, Report, Sample,
    ServiceName, Slot, Split,
};
use bluegreen_testkit::fakes::FakeRouter;

use crate::world::{World, percent, secs, somebody, version};

/// What clients see, as a router of our own would count it: requests by the split that is live, errors by a
/// seeded draw.
#[derive(Clone)]
struct Traffic(Arc<Mutex<State>>);

struct State {
    clock: Arc<dyn Clock>,
    router: FakeRouter,
    rng: u64,
    last: Monotonic,
    rate: f64,
    error_rates: [f64; 2],
    requests: [f64; 2],
    errors: [f64; 2],
    /// What the source does wrong.
    trouble: Trouble,
}

#[derive(Clone, Copy, PartialEq)]
enum Trouble {
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

const BLUE: usize = 0;
const GREEN: usize = 1;

impl Traffic {
    fn new(world: &World, rate: f64, live: f64, candidate: f64) -> Self {
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

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
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

fn spec() -> AnalysisSpec {
    AnalysisSpec::new([MetricSpec::errors("errors", ErrorsSpec::default())])
}

fn planned(spec: AnalysisSpec) -> PlanBuilder {
    Plan::builder(ServiceName::new("shop").unwrap())
        .step(Step::new(percent(10), secs(600)))
        .step(Step::new(percent(100), secs(60)))
        .soak(secs(60))
        .analysis(spec)
}

async fn deploy(world: &World, traffic: &Traffic, plan: &Plan) -> Report {
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    deployer.deploy(plan, version("2.0.0"), somebody()).await.unwrap()
}

/// What the analysis said last.
fn last_word(world: &World) -> (Outcome, String) {
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

fn seconds_in(report: &Report, phase: Phase) -> u64 {
    let times = report.phases.iter().filter(|time| time.phase == phase);
    times.map(|time| time.ms / 1000).sum()
}

#[tokio::test(start_paused = true)]
async fn a_good_release_passes_in_the_time_of_its_bakes() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let report = deploy(&world, &traffic, &planned(spec()).build().unwrap()).await;
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    assert_eq!(
        seconds_in(&report, Phase::Bake),
        660,
        "nothing had to wait for it"
    );
    let (outcome, evidence) = last_word(&world);
    assert_eq!(outcome, Outcome::Pass);
    assert!(
        evidence.contains("nothing is left to compare it with"),
        "{evidence}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_release_is_found_and_led_back_with_its_evidence() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.02);
    let report = deploy(&world, &traffic, &planned(spec()).build().unwrap()).await;
    assert_eq!(report.end, Some(End::RolledBack));
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
    assert!(seconds_in(&report, Phase::Bake) < 180, "{:?}", report.phases);
    let reason = report.reason.unwrap();
    for part in [
        "errors has failed",
        "worse than live",
        "Candidate",
        "live",
        "Evidence",
        "ticks used",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_gets_bad_while_an_approval_is_waited_for_is_led_back() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let plan = planned(spec())
        .steps([
            Step::new(percent(10), secs(300)),
            crate::world::approved(50, bluegreen_core::plan::ApprovalDefault::Abort),
            Step::new(percent(100), secs(0)),
        ])
        .build();
    // The second step's bake is too short to be analysed.
    assert!(plan.unwrap_err().to_string().contains("steps[1].bake"));
    let mut second = crate::world::approved(50, bluegreen_core::plan::ApprovalDefault::Abort);
    second.bake = secs(300);
    let plan = planned(spec())
        .steps([
            Step::new(percent(10), secs(600)),
            second,
            Step::new(percent(100), secs(0)),
        ])
        .build()
        .unwrap();
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Approval).await;
    traffic.with(|state| state.error_rates[GREEN] = 0.05);
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().starts_with("approval: analysis"));
}

#[tokio::test(start_paused = true)]
async fn after_the_cutover_limits_are_watched_on() {
    for (critical, end) in [(None, End::Promoted), (Some(0.05), End::RolledBack)] {
        let world = World::new();
        let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
        let errors = errors(critical);
        let plan = planned(AnalysisSpec::new([MetricSpec::errors("errors", errors)]));
        let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
        let plan = plan.soak(secs(300)).build().unwrap();
        let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
        world.observer.first(|entry| entry.phase == Phase::Soak).await;
        traffic.with(|state| state.error_rates[GREEN] = 0.3);
        let report = running.await.unwrap().unwrap();
        assert_eq!(
            report.end,
            Some(end),
            "{critical:?}: {:?}, {:?}",
            report.reason,
            last_word(&world)
        );
    }
}

fn errors(critical: Option<f64>) -> ErrorsSpec {
    let mut errors = ErrorsSpec::default();
    errors.critical = critical;
    errors
}

#[tokio::test(start_paused = true)]
async fn missing_data_never_passes() {
    for trouble in [
        Trouble::Fault,
        Trouble::Empty,
        Trouble::Hangs,
        Trouble::NotANumber,
        Trouble::Infinite,
        Trouble::Negative,
        Trouble::TooMany,
        Trouble::NoErrors,
        Trouble::LiveIdle,
        Trouble::Falls,
        Trouble::NoCandidate,
        Trouble::Stale,
    ] {
        for on_missing in [OnMissing::Hold, OnMissing::Rollback] {
            let world = World::new();
            let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
            let mut spec = spec();
            spec.on_missing = on_missing;
            spec.hold = secs(60);
            spec.on_inconclusive = OnInconclusive::BakeSuffices;
            let plan = planned(spec).build().unwrap();
            let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
            let running =
                tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
            world.observer.first(|entry| entry.phase == Phase::Confirm).await;
            traffic.with(|state| state.trouble = trouble);
            let report = running.await.unwrap().unwrap();
            let name = format!("{} {on_missing:?}: {:?}", trouble as u8, report.reason);
            assert_eq!(report.end, Some(End::RolledBack), "{name}");
            let waited = seconds_in(&report, Phase::Bake);
            if on_missing == OnMissing::Hold {
                assert!(waited >= 600 + 900, "held for a person first: {name} {waited}");
            } else if trouble != Trouble::Hangs {
                assert!(waited < 600, "{name} {waited}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_waits_for_a_person_and_goes_on_with_their_yes() {
    let world = World::new();
    // A request every five seconds: no bake of ten minutes can tell.
    let traffic = Traffic::new(&world, 2.0, 0.001, 0.001);
    let plan = planned(spec()).build().unwrap();
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let other = deployer.clone();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    while !world.notifier.kinds().contains(&NoticeKind::ApprovalNeeded) {
        world.pass(secs(10)).await;
    }
    let notice = world.notifier.notices().pop().unwrap();
    assert!(notice.message.contains("is held at 10%"), "{}", notice.message);
    assert!(notice.message.contains("To pass"), "{}", notice.message);
    world.pass(secs(600)).await;
    assert_eq!(world.router().live(), Split::with(Slot::Green, percent(10)));
    other.approve("grace").await.unwrap();
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    assert_eq!(report.approvals, [(1, "grace".to_owned())]);
    let asked = world
        .notifier
        .kinds()
        .into_iter()
        .filter(|kind| *kind == NoticeKind::ApprovalNeeded);
    assert_eq!(asked.count(), 1, "people are asked once");
}

#[tokio::test(start_paused = true)]
async fn a_yes_does_not_keep_what_is_shown_to_be_bad() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let plan = planned(spec()).build().unwrap();
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let other = deployer.clone();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    other.approve("grace").await.unwrap();
    assert!(other.approve("grace").await.is_err(), "once is enough");
    traffic.with(|state| state.error_rates[GREEN] = 0.05);
    assert_eq!(running.await.unwrap().unwrap().end, Some(End::RolledBack));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_decides_goes_back_or_on_as_the_plan_says() {
    for (policy, end, at_least) in [
        (OnInconclusive::Hold, End::RolledBack, 600 + 1200),
        (OnInconclusive::Extend, End::RolledBack, 600 + 300 + 1200),
        (OnInconclusive::Rollback, End::RolledBack, 590),
        (OnInconclusive::BakeSuffices, End::Promoted, 600),
    ] {
        let world = World::new();
        let traffic = Traffic::new(&world, 2.0, 0.001, 0.001);
        let mut spec = spec();
        spec.on_inconclusive = policy;
        spec.extend_by = secs(300);
        spec.hold = secs(1200);
        let report = deploy(&world, &traffic, &planned(spec).build().unwrap()).await;
        assert_eq!(report.end, Some(end), "{policy:?}: {:?}", report.reason);
        let bake = seconds_in(&report, Phase::Bake);
        assert!((at_least..at_least + 120).contains(&bake), "{policy:?}: {bake}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_both_slots_are_critical_it_holds() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.3, 0.3);
    let errors = errors(Some(0.05));
    let plan = planned(AnalysisSpec::new([MetricSpec::errors("errors", errors)]));
    let report = deploy(&world, &traffic, &plan.build().unwrap()).await;
    let reason = report.reason.clone().unwrap();
    assert!(reason.contains("critical on live too"), "{reason}");
    assert!(seconds_in(&report, Phase::Bake) >= 4200);
}

/// The ticks that were used, as the evidence says.
fn ticks_used(evidence: &str) -> u32 {
    let (before, _) = evidence.split_once(" ticks used").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_deployer_that_dies_leaves_what_was_learned_to_the_next() {
    for death in [120, 300, 450] {
        let world = World::new();
        // Bad enough to be found, with all that is seen before and after the death.
        let traffic = Traffic::new(&world, 100.0, 0.001, 0.006);
        let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
        let plan = planned(spec()).steps([
            Step::new(percent(10), secs(3600)),
            Step::new(percent(100), secs(0)),
        ]);
        let plan = plan.build().unwrap();
        let undisturbed = {
            let world = World::new();
            let traffic = Traffic::new(&world, 100.0, 0.001, 0.006);
            let report = deploy(&world, &traffic, &plan).await;
            assert_eq!(report.end, Some(End::RolledBack));
            ticks_used(&report.reason.unwrap())
        };
        let again = plan.clone();
        let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
        world.observer.first(|entry| entry.phase == Phase::Bake).await;
        world.pass(secs(death)).await;
        running.abort();
        let _ = running.await;
        let report = deploy(&world, &traffic, &again).await;
        assert_eq!(report.end, Some(End::RolledBack), "{death}: {:?}", report.reason);
        let reason = report.reason.unwrap();
        let used = ticks_used(&reason);
        assert!(
            used > undisturbed / 2,
            "{death}: it has not begun anew: {undisturbed}, {reason}"
        );
        assert!(reason.contains("bake: analysis"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_stays_small_and_what_was_learned_leaves_it_at_the_end() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let plan = planned(spec()).build().unwrap();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    let record = || async {
        use bluegreen_core::Store;
        let found = world.memory.load("shop/record").await.unwrap().unwrap();
        String::from_utf8(found.body.to_vec()).unwrap()
    };
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    world.pass(secs(300)).await;
    let body = record().await;
    assert!(body.contains("\"learned\":{"), "{body}");
    assert!(body.len() < 24 * 1024, "{} bytes", body.len());
    running.await.unwrap().unwrap();
    assert!(!record().await.contains("\"learned\""));
}

#[tokio::test(start_paused = true)]
async fn what_a_bake_can_see_is_told_before_anything_is_touched() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let deployer = world.builder().metrics(traffic).build().unwrap();
    let plan = planned(spec()).build().unwrap();
    let checks = deployer
        .check(&plan, &version("2.0.0"), somebody())
        .await
        .unwrap();
    let told = |name: &str| {
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.outcome, Outcome::Pass, "{check:?}");
        check.evidence.clone()
    };
    assert!(
        told("analysis").contains("held for up to 1h for somebody to approve"),
        "{}",
        told("analysis")
    );
    let sight = told("analysis 10%");
    assert!(
        sight.contains("a bake of 10m can see a rise of") && sight.contains("but not of"),
        "{sight}"
    );
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_metric_that_nobody_counts_is_found_before_anything_is_touched() {
    for (bad, of, part) in [
        ("erors", "requests", "did you mean \"errors\"?"),
        ("errors", "hits", "live shows errors, requests"),
    ] {
        let world = World::new();
        let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
        let mut misnamed = errors(None);
        (misnamed.bad, misnamed.of) = (bad.to_owned(), of.to_owned());
        let plan = planned(AnalysisSpec::new([MetricSpec::errors("errors", misnamed)]))
            .build()
            .unwrap();
        let report = deploy(&world, &traffic, &plan).await;
        assert_eq!(report.end, Some(End::Failed));
        let reason = report.reason.unwrap();
        assert!(reason.contains(part), "{reason}");
    }
    // No source at all, and one that cannot be read.
    let world = World::new();
    let plan = planned(spec()).build().unwrap();
    let report = world.deploy(&plan, "2.0.0").await.unwrap();
    assert!(report.reason.unwrap().contains("no source of metrics"));
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    traffic.with(|state| state.trouble = Trouble::Fault);
    let report = deploy(&world, &traffic, &plan).await;
    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("500"));
}

#[tokio::test(start_paused = true)]
async fn thresholds_are_watched_like_guards() {
    use bluegreen_core::plan::Threshold;
    use bluegreen_testkit::fakes::FakeMetrics;

    for (cpu, end) in [(0.5, End::Promoted), (0.95, End::RolledBack)] {
        let world = World::new();
        let metrics = FakeMetrics::new("numbers", &world.log);
        metrics.set("cpu", Slot::Blue, 0.4);
        metrics.set("cpu", Slot::Green, cpu);
        let plan = Plan::builder(ServiceName::new("shop").unwrap())
            .step(Step::new(percent(10), secs(60)))
            .step(Step::new(percent(100), secs(0)))
            .soak(secs(30))
            .threshold(
                "cpu",
                Threshold::critical(bluegreen_core::plan::Level::percent(90.0)).warning(0.75),
            )
            .build()
            .unwrap();
        let deployer = world.builder().metrics(metrics).build().unwrap();
        let report = deployer
            .deploy(&plan, version("2.0.0"), somebody())
            .await
            .unwrap();
        assert_eq!(report.end, Some(end), "{:?}", report.reason);
        if end == End::RolledBack {
            assert!(
                report
                    .reason
                    .unwrap()
                    .contains("threshold/cpu (green): cpu = 95%, above critical (90%)")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_answers_nothing_is_led_back_and_not_called_missing() {
    let world = World::new();
    let traffic = Traffic::new(&world, 20.0, 0.001, 1.0);
    let report = deploy(&world, &traffic, &planned(spec()).build().unwrap()).await;
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().contains("errors has failed"));
}

#[tokio::test(start_paused = true)]
async fn an_approver_is_asked_whether_a_step_that_is_held_may_go_on() {
    use bluegreen_core::{Answer, ApprovalRequest, Approver};

    /// Says yes to everything, and remembers to what.
    #[derive(Debug, Clone, Default)]
    struct Yes(Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl Approver for Yes {
        async fn ask(&self, _: &Op, request: &ApprovalRequest) -> Result<Answer, Fault> {
            self.0.lock().unwrap().push(request.share.to_string());
            Ok(Answer::Approved {
                by: "chat".to_owned(),
            })
        }
    }

    let world = World::new();
    let traffic = Traffic::new(&world, 2.0, 0.001, 0.001);
    let yes = Yes::default();
    let deployer = world
        .builder()
        .metrics(traffic)
        .approver(yes.clone())
        .build()
        .unwrap();
    let plan = planned(spec()).build().unwrap();
    let report = deployer
        .deploy(&plan, version("2.0.0"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    // What it says yes to is the next share; a yes to the step itself, given before, is no answer.
    assert_eq!(*yes.0.lock().unwrap(), ["100%"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_ends_early_only_where_the_plan_says_so_and_all_is_shown() {
    let world = World::new();
    let traffic = Traffic::new(&world, 2_000.0, 0.01, 0.01);
    let mut spec = spec();
    spec.early_pass = true;
    let report = deploy(&world, &traffic, &planned(spec).build().unwrap()).await;
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    let first = report
        .phases
        .iter()
        .find(|time| time.phase == Phase::Bake)
        .unwrap();
    assert!((40_000..500_000).contains(&first.ms), "{first:?}");
    let last = report
        .phases
        .iter()
        .rfind(|time| time.phase == Phase::Bake)
        .unwrap();
    assert!(last.ms >= 60_000, "{last:?}");
}
