//! Metrics: the contract, and what CloudWatch does to the careless.

use std::time::Duration;

use bluegreen_aws::cloudwatch::{CloudWatch, Measure, RequestCounts, Stat, TargetGroups};
use bluegreen_core::{Fault, FaultKind, Metrics, Slot, Timestamp};
use bluegreen_testkit::aws::FakeConfig;
use bluegreen_testkit::conformance::metrics::MetricsSubject;

use super::{World, op};

const ALB: &str = "AWS/ApplicationELB";
const BALANCER: (&str, &str) = ("LoadBalancer", "app/shop/50dc6c495c0c9188");
const GREEN: (&str, &str) = ("TargetGroup", "targetgroup/shop-green/6d0ecf831eec9f09");

fn groups() -> TargetGroups {
    let arn = |rest: &str| format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:{rest}");
    TargetGroups::new(
        &arn("loadbalancer/app/shop/50dc6c495c0c9188"),
        &arn("targetgroup/shop-blue/943f017f100becff"),
        &arn("targetgroup/shop-green/6d0ecf831eec9f09"),
    )
    .unwrap()
}

fn jobs(stat: Stat) -> Measure {
    Measure::metric("Shop", "Jobs", [("Fleet", "blue", "green")], stat).unwrap()
}

async fn read(world: &World, measure: Measure) -> Result<Option<f64>, Fault> {
    let source = CloudWatch::new(&world.account()).metric("it", measure);
    source.read(&op(), "it", Slot::Green).await
}

bluegreen_testkit::metrics_conformance! {
    #[tokio::test(start_paused = true)]
    async fn subject() -> MetricsSubject {
        let world = World::new(FakeConfig::default());
        let source = CloudWatch::new(&world.account()).metric("jobs", jobs(Stat::Average));
        let (aws, at) = (world.aws.clone(), world.minute(1));
        MetricsSubject::new(source, "jobs")
            .secret("no secret")
            .values(async move |slot, value| {
                let fleet = [("Fleet", slot.as_str())];
                aws.clear_metric("Shop", "Jobs", &fleet);
                if let Some(value) = value {
                    aws.put_metric("Shop", "Jobs", &fleet, at, &[value]);
                }
                // It is refused by CloudWatch itself.
                !value.is_some_and(f64::is_nan)
            })
            .faults(async move |fault| world.aws.disturb(fault).await.is_ok())
    }
}

#[tokio::test(start_paused = true)]
async fn the_minute_that_is_not_over_is_not_asked_for_and_the_window_begins_on_a_whole_one() {
    let world = World::new(FakeConfig::default());
    let fleet = [("Fleet", "green")];
    for (ago, value) in [(0, 1_000.0), (1, 1.0), (5, 20.0), (6, 300.0)] {
        world
            .aws
            .put_metric("Shop", "Jobs", &fleet, world.minute(ago), &[value]);
    }
    assert_eq!(
        read(&world, jobs(Stat::Sum)).await.unwrap(),
        Some(21.0),
        "five whole minutes"
    );
    assert_eq!(
        read(&world, jobs(Stat::Maximum)).await.unwrap(),
        Some(1.0),
        "the newest of them"
    );
    let ten = jobs(Stat::Sum).window(Duration::from_mins(10)).unwrap();
    assert_eq!(read(&world, ten).await.unwrap(), Some(321.0));
}

#[tokio::test(start_paused = true)]
async fn partial_data_is_read_to_its_end_or_said_to_be_partial() {
    let world = World::new(FakeConfig::default().page_most(2));
    for ago in 1..=5 {
        world
            .aws
            .put_metric("Shop", "Jobs", &[("Fleet", "green")], world.minute(ago), &[1.0]);
    }
    assert_eq!(read(&world, jobs(Stat::Sum)).await.unwrap(), Some(5.0));
    assert_eq!(world.aws.requests().len(), 3, "as many pages as there are");
    for (status, kind) in [
        ("PartialData", FaultKind::Unavailable { retry_after: None }),
        ("InternalError", FaultKind::Unavailable { retry_after: None }),
        ("SomethingNew", FaultKind::Unavailable { retry_after: None }),
        ("Forbidden", FaultKind::Rejected),
    ] {
        world.aws.set_metric_status(Some(status));
        let fault = read(&world, jobs(Stat::Sum)).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{status}: {fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn percentiles_need_single_values() {
    let world = World::new(FakeConfig::default());
    let fleet = [("Fleet", "green")];
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    world
        .aws
        .put_metric("Shop", "Jobs", &fleet, world.minute(1), &values);
    let p95 = || jobs(Stat::Percentile(95));
    assert_eq!(read(&world, p95()).await.unwrap(), Some(95.0));
    world
        .aws
        .put_metric_set("Shop", "Jobs", &fleet, world.minute(1), (100.0, 5_050.0));
    assert_eq!(read(&world, p95()).await.unwrap(), None, "no data, and not 0");
    assert_eq!(read(&world, jobs(Stat::Average)).await.unwrap(), Some(50.5));
}

#[test]
fn periods_windows_and_percentiles_that_cloudwatch_refuses_are_refused_here() {
    for secs in [1, 5, 10, 20, 30, 60, 300] {
        assert!(jobs(Stat::Sum).period(secs).is_ok(), "{secs}");
    }
    for secs in [0, 2, 15, 45, 61, 90, 600] {
        assert!(jobs(Stat::Sum).period(secs).is_err(), "{secs}");
    }
    for secs in [0, 59, 61, 4 * 3_600] {
        assert!(
            jobs(Stat::Sum).window(Duration::from_secs(secs)).is_err(),
            "{secs}"
        );
    }
    for part in [0, 100] {
        let none: [(&str, &str, &str); 0] = [];
        assert!(
            Measure::metric("Shop", "Jobs", none, Stat::Percentile(part)).is_err(),
            "{part}"
        );
    }
    assert!(Measure::metric("Shop", "Jobs", [("Fleet", "blue", "")], Stat::Sum).is_err());
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/1";
    assert!(
        TargetGroups::new(arn, arn, arn).is_err(),
        "a group is no balancer"
    );
    assert!(TargetGroups::new("app/shop/1", arn, arn).is_err());
}

#[tokio::test(start_paused = true)]
async fn failed_requests_are_0_only_where_there_were_requests() {
    let world = World::new(FakeConfig::default());
    let put = |name: &str, value: f64| {
        let at = world.minute(2);
        world.aws.put_metric(ALB, name, &[BALANCER, GREEN], at, &[value]);
    };
    let all = |world| async move {
        (
            read(world, Measure::failed(&groups())).await.unwrap(),
            read(world, Measure::failed_share(&groups())).await.unwrap(),
        )
    };
    assert_eq!(
        all(&world).await,
        (None, None),
        "nothing is measured: nothing is known"
    );
    put("RequestCount", 200.0);
    assert_eq!(
        all(&world).await,
        (Some(0.0), Some(0.0)),
        "left out because it is zero"
    );
    put("HTTPCode_Target_5XX_Count", 5.0);
    assert_eq!(all(&world).await, (Some(5.0), Some(0.025)));
}

#[tokio::test(start_paused = true)]
async fn a_group_without_requests_has_0_only_where_its_balancer_had_some() {
    let world = World::new(FakeConfig::default());
    let requests = || Measure::requests(&groups());
    assert_eq!(read(&world, requests()).await.unwrap(), None);
    world
        .aws
        .put_metric(ALB, "RequestCount", &[BALANCER], world.minute(1), &[900.0]);
    assert_eq!(read(&world, requests()).await.unwrap(), Some(0.0));
    world
        .aws
        .put_metric(ALB, "RequestCount", &[BALANCER, GREEN], world.minute(1), &[30.0]);
    assert_eq!(read(&world, requests()).await.unwrap(), Some(30.0));
    world.aws.put_metric(
        ALB,
        "TargetResponseTime",
        &[BALANCER, GREEN],
        world.minute(1),
        &[0.1, 0.2, 3.0],
    );
    assert_eq!(read(&world, Measure::p95(&groups())).await.unwrap(), Some(3.0));
}

#[tokio::test(start_paused = true)]
async fn an_expression_gives_one_series_or_is_refused() {
    let world = World::new(FakeConfig::default());
    let query = |text: &str| Measure::expression("blue", text);
    world.aws.set_expression("one", vec![("a".to_owned(), 7.5)]);
    world
        .aws
        .set_expression("two", vec![("a".to_owned(), 1.0), ("b".to_owned(), 2.0)]);
    assert_eq!(read(&world, query("one")).await.unwrap(), Some(7.5));
    for (text, expected) in [
        ("two", "several series"),
        ("SELECT nonsense", "Error in expression"),
    ] {
        let fault = read(&world, query(text)).await.unwrap_err();
        assert!(
            fault.kind == FaultKind::Rejected && fault.message.contains(expected),
            "{fault}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn requests_since_a_moment_are_known_up_to_the_last_minute_that_the_balancer_has() {
    let world = World::new(FakeConfig::default());
    let arn = |rest: &str| format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:{rest}");
    let counts = RequestCounts::new(&world.account(), arn("loadbalancer/app/shop/50dc6c495c0c9188"));
    let green = arn("targetgroup/shop-green/6d0ecf831eec9f09");
    let since = async |ago: i64| {
        let from = world.minute(ago);
        counts.requests_since(&op(), &green, from).await.unwrap()
    };
    assert_eq!(since(0).await, None, "no whole minute yet");
    assert_eq!(
        since(3).await,
        None,
        "nothing is published yet, which is not zero"
    );
    world
        .aws
        .put_metric(ALB, "RequestCount", &[BALANCER], world.minute(3), &[50.0]);
    world
        .aws
        .put_metric(ALB, "RequestCount", &[BALANCER], world.minute(2), &[60.0]);
    assert_eq!(
        since(3).await,
        Some((0, world.minute(1))),
        "the newest minute is missing"
    );
    world
        .aws
        .put_metric(ALB, "RequestCount", &[BALANCER, GREEN], world.minute(2), &[7.0]);
    assert_eq!(since(3).await, Some((7, world.minute(1))));
    // A minute that had begun before is not counted.
    let from = Timestamp::from_millis(world.minute(3).as_millis() + 1);
    assert_eq!(
        counts.requests_since(&op(), &green, from).await.unwrap(),
        Some((7, world.minute(1)))
    );
}
