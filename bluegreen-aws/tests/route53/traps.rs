//! What Route 53 does to the careless, each with the test that the router is not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_aws::route53::{RecordKind, Route53Router, WeightedRecords};
use bluegreen_core::{
    Clock, Decides, Fault, FaultKind, Fencing, Granularity, InFlight, Metrics, Op, Router, Slot, Split,
    Verification,
};
use bluegreen_testkit::aws::{DnsRecord, FakeConfig};
use bluegreen_testkit::conformance::ProviderFault;

use super::{NAME, World, address, green, op, value};

const BLUE: Split = Split::all(Slot::Blue);
const GREEN: Split = Split::all(Slot::Green);

/// As Route 53 is: 60 seconds until all servers follow.
fn slow() -> FakeConfig {
    FakeConfig::default().insync_after(Duration::from_mins(1))
}

#[tokio::test(start_paused = true)]
async fn both_records_and_the_note_change_in_one_batch() {
    let world = World::new(FakeConfig::default());
    world.router().shift(&op(1), green(25)).await.unwrap();
    assert_eq!(world.weights(), (75, 25));
    let batches = world.batches();
    assert_eq!(batches.len(), 1);
    let body = &batches[0].0;
    assert_eq!(body.matches("<Action>DELETE</Action>").count(), 2);
    assert_eq!(body.matches("<Action>CREATE</Action>").count(), 3);
    assert!(
        !body.contains("UPSERT"),
        "it counts double, and writes over what nobody has read"
    );
}

#[tokio::test(start_paused = true)]
async fn the_ttl_is_lowered_first_and_the_old_one_is_waited_out_also_by_the_next_process() {
    let world = World::new(slow());
    // All resolvers have just asked, and keep the answer for five minutes.
    assert_eq!(world.led_to(Slot::Blue, 0..200), 200);
    let begun = world.clock.monotonic();
    let wait = |answer: Result<(), Fault>| match answer.unwrap_err() {
        Fault {
            kind: FaultKind::Unavailable {
                retry_after: Some(wait),
            },
            message,
            ..
        } => {
            assert!(message.contains("deadlines.stage"), "{message}");
            wait
        }
        fault => panic!("{fault}"),
    };
    let first = wait(world.router().stage(&op(1), Slot::Green).await);
    assert_eq!(
        first,
        Duration::from_mins(6),
        "a minute for the servers, five for the resolvers"
    );
    world.pass(100).await;
    // This process has died. The next one knows, and neither forgets it nor waits anew.
    let second = wait(world.router().stage(&op(1), Slot::Green).await);
    assert_eq!(second + Duration::from_secs(100), first);
    assert_eq!(world.batches().len(), 1, "staged once");
    world.clock.sleep(second).await;
    world.router().stage(&op(1), Slot::Green).await.unwrap();
    assert!(world.clock.monotonic().since(begun) >= Duration::from_mins(6));
    // Now no resolver keeps anything for longer than a minute.
    for number in 0..200 {
        let answer = world
            .aws
            .resolve(NAME, "A", &format!("resolver-{number}"))
            .unwrap();
        assert!(answer.keeps_for <= Duration::from_mins(1), "{answer:?}");
        assert_eq!(answer.value, value(Slot::Blue), "staging moves nobody");
    }
}

#[tokio::test(start_paused = true)]
async fn insync_is_not_live_because_resolvers_follow_after_the_old_ttl() {
    let world = World::new(slow());
    let router = world.router();
    assert_eq!(world.led_to(Slot::Blue, 0..300), 300);
    router.shift(&op(1), GREEN).await.unwrap();
    // What a careless client takes for live: the answer of the call, and INSYNC.
    assert_eq!(world.led_to(Slot::Blue, 0..300), 300);
    let answer = router.verify(&op(1), GREEN).await.unwrap();
    assert!(
        matches!(&answer, Verification::NotYet { why } if why.contains("pending")),
        "{answer:?}"
    );
    world.pass(30).await;
    let pending = world.led_to(Slot::Blue, 1_000..1_300);
    assert!(
        (1..300).contains(&pending),
        "servers follow one by one: {pending}"
    );
    world.pass(31).await;
    assert_eq!(
        world.led_to(Slot::Blue, 0..300),
        300,
        "INSYNC, and nobody has followed"
    );
    let answer = router.verify(&op(1), GREEN).await.unwrap();
    assert!(
        matches!(&answer, Verification::NotYet { why } if why.contains("resolvers")),
        "{answer:?}"
    );
    let took = world.live(&router, GREEN).await;
    assert!(took >= Duration::from_mins(5), "the old time to live: {took:?}");
    assert_eq!(world.led_to(Slot::Blue, 0..300), 0);
    let capabilities = router.capabilities();
    assert_eq!(capabilities.decides, Decides::PerResolver);
    assert!(capabilities.cost.contains("not instant"));
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_first_after_a_restart_does_not_call_it_live_too_early() {
    let world = World::new(slow());
    world.router().shift(&op(1), GREEN).await.unwrap();
    assert_eq!(
        world.led_to(Slot::Green, 5_000..5_001) + world.led_to(Slot::Blue, 5_000..5_001),
        1
    );
    world.pass(10).await;
    let took = world.live(&world.router(), GREEN).await;
    assert!(took >= Duration::from_secs(350), "of 360 s 10 are over: {took:?}");
    // Where somebody else has written, nothing is known: a minute and the whole time to live.
    for (slot, weight) in [(Slot::Blue, 100), (Slot::Green, 0)] {
        world.aws.set_dns_record(&world.zone, address(slot, weight));
    }
    let took = world.live(&world.router(), BLUE).await;
    assert!(took >= Duration::from_mins(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn weight_0_is_never_answered_and_both_at_0_are_equal_shares_so_they_are_never_written() {
    let world = World::new(FakeConfig::default());
    assert_eq!(world.led_to(Slot::Green, 0..500), 0);
    for (slot, weight) in [(Slot::Blue, 0), (Slot::Green, 0)] {
        world.aws.set_dns_record(&world.zone, address(slot, weight));
    }
    let to_green = world.led_to(Slot::Green, 500..1_500);
    assert!((400..600).contains(&to_green), "equal shares: {to_green}");
    let router = world.router();
    let seen = router.observe(&op(1)).await.unwrap();
    assert_eq!(seen.split, green(50));
    assert!(seen.evidence.contains("equal shares"), "{}", seen.evidence);
    let fault = router.stage(&op(1), Slot::Green).await.unwrap_err();
    assert!(
        fault.kind == FaultKind::Rejected && fault.message.contains("equal shares"),
        "{fault}"
    );
    for percent in [0, 5, 50, 95, 100] {
        router.shift(&op(2), green(percent)).await.unwrap();
        assert_ne!(world.weights(), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_health_check_would_give_the_candidate_everything_at_weight_0_so_it_is_refused_in_stage() {
    let world = World::new(FakeConfig::default());
    let check = world.aws.add_health_check();
    world
        .aws
        .set_dns_record(&world.zone, address(Slot::Blue, 100).health_check(&check));
    world.aws.set_health_check(&check, false);
    // This is the trap: nobody has looked at the candidate yet.
    assert_eq!(world.led_to(Slot::Green, 0..100), 100);
    let fault = world.router().stage(&op(1), Slot::Green).await.unwrap_err();
    assert!(
        fault.kind == FaultKind::Rejected && fault.message.contains("weight 0"),
        "{fault}"
    );
    assert!(world.batches().is_empty());
    // Who accepts it is still not let through while a check is unhealthy.
    let told = || world.router().takes_failover().ttl(300);
    let fault = told().stage(&op(1), Slot::Green).await.unwrap_err();
    assert!(fault.message.contains("unhealthy"), "{fault}");
    world.aws.set_health_check(&check, true);
    told().stage(&op(1), Slot::Green).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn when_all_are_unhealthy_all_count_as_healthy() {
    let world = World::new(FakeConfig::default());
    let check = world.aws.add_health_check();
    for (slot, weight) in [(Slot::Blue, 100), (Slot::Green, 100)] {
        world
            .aws
            .set_dns_record(&world.zone, address(slot, weight).health_check(&check));
    }
    world.aws.set_health_check(&check, false);
    let to_green = world.led_to(Slot::Green, 0..1_000);
    assert!((400..600).contains(&to_green), "{to_green}");
    let fault = world
        .router()
        .takes_failover()
        .stage(&op(1), Slot::Green)
        .await
        .unwrap_err();
    assert!(
        fault.message.contains("does not divide by the weights"),
        "{fault}"
    );
}

fn alias(slot: Slot, weight: i64, evaluate: bool) -> DnsRecord {
    DnsRecord::new(NAME, "A").weighted(slot.as_str(), weight).alias(
        "Z215JYRZR1TBD5",
        &format!("dualstack.{slot}.eu-central-1.elb.amazonaws.com"),
        evaluate,
    )
}

#[tokio::test(start_paused = true)]
async fn an_alias_keeps_its_three_fields_and_gets_no_ttl() {
    let world = World::empty(FakeConfig::default());
    for (slot, weight) in [(Slot::Blue, 100), (Slot::Green, 0)] {
        world.aws.set_dns_record(&world.zone, alias(slot, weight, false));
    }
    let router = world.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), green(5)).await.unwrap();
    for (slot, weight) in [(Slot::Blue, 95), (Slot::Green, 5)] {
        let expected = alias(slot, weight, false);
        assert!(world.aws.dns_records(&world.zone).contains(&expected), "{slot}");
    }
    for field in ["HostedZoneId", "DNSName", "EvaluateTargetHealth"] {
        let sent = world.batches()[1].0.matches(&format!("<{field}>")).count();
        assert_eq!(sent, 4, "{field}: two deletions, two creations");
    }
    // Evaluated targets are health checks by another name.
    world.aws.set_dns_record(&world.zone, alias(Slot::Blue, 95, true));
    let fault = router.stage(&op(3), Slot::Green).await.unwrap_err();
    assert!(fault.message.contains("EvaluateTargetHealth"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn records_of_every_type_are_switched_under_names_as_route_53_shows_them() {
    for (kind, named, name, values) in [
        (
            RecordKind::Aaaa,
            "AAAA",
            "shop.example.com",
            ["2001:db8::1", "2001:db8::2"],
        ),
        (
            RecordKind::Cname,
            "CNAME",
            "Shop.Example.com.",
            ["blue.example.net", "green.example.net"],
        ),
        (RecordKind::A, "A", "*.example.com", ["10.0.0.1", "10.0.0.2"]),
    ] {
        let world = World::empty(FakeConfig::default());
        for (slot, weight, value) in [("one", 255, values[0]), ("two", 0, values[1])] {
            let record = DnsRecord::new(name, named)
                .weighted(slot, weight)
                .ttl(30)
                .value(value);
            world.aws.set_dns_record(&world.zone, record);
        }
        let zone = format!("/hostedzone/{}", world.zone);
        let records = WeightedRecords::new(&zone, name, kind).unwrap();
        let router = Route53Router::new(&world.account(), records.identifiers("one", "two").unwrap());
        assert_eq!(router.observe(&op(1)).await.unwrap().split, BLUE, "{name}");
        router.stage(&op(1), Slot::Green).await.unwrap();
        router.shift(&op(2), GREEN).await.unwrap();
        assert_eq!(router.observe(&op(3)).await.unwrap().split, GREEN, "{name}");
        assert_eq!(
            world.aws.dns_records(&world.zone)[0].ttl,
            Some(30),
            "a lower one is kept"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_changed_between_reading_and_writing_stays() {
    let world = World::new(FakeConfig::default().call_takes(Duration::from_millis(100)));
    let router = world.router();
    let shift = tokio::spawn(async move { router.shift(&op(1), green(50)).await });
    world.clock.sleep(Duration::from_millis(50)).await;
    // The records have been read, the batch is not sent yet.
    let moved = DnsRecord::new(NAME, "A")
        .weighted("blue", 100)
        .ttl(300)
        .value("10.0.0.7");
    world.aws.set_dns_record(&world.zone, moved.clone());
    shift.await.unwrap().unwrap();
    let statuses: Vec<u16> = world.batches().iter().map(|(_, status)| *status).collect();
    assert_eq!(
        statuses,
        [400, 200],
        "refused whole, then built on what is there now"
    );
    assert_eq!(world.weights(), (50, 50));
    let blue = world.aws.dns_records(&world.zone).remove(0);
    assert_eq!(blue.values, moved.values, "the other one's change is not lost");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_lands_late_changes_nothing_so_there_is_no_settle_time() {
    let world = World::new(FakeConfig::default());
    let router = world.router();
    assert_eq!(router.capabilities().fencing, Fencing::Token);
    let late = ProviderFault::LandsLate {
        by: Duration::from_secs(5),
    };
    world.aws.disturb(Some(late)).await.unwrap();
    let fault = router.shift(&op(1), GREEN).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    // It stays with blue: nothing has to be changed, and all the same the late one is fenced off.
    router.shift(&op(2), BLUE).await.unwrap();
    world.pass(10).await;
    assert_eq!(world.weights(), (100, 0));
    let statuses: Vec<u16> = world.batches().iter().map(|(_, status)| *status).collect();
    assert_eq!(statuses, [200, 400], "the late one was refused");
}

#[tokio::test(start_paused = true)]
async fn a_prior_request_that_is_not_complete_is_waited_for_and_no_refusal() {
    let world = World::new(FakeConfig::default().zone_busy_for(Duration::from_secs(2)));
    let router = world.router();
    router.shift(&op(1), green(5)).await.unwrap();
    let fault = router.shift(&op(2), GREEN).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(fault.message.contains("PriorRequestNotComplete"), "{fault}");
    assert_eq!(world.weights(), (95, 5));
    world.pass(2).await;
    router.shift(&op(2), GREEN).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_than_five_requests_a_second_are_sent_and_going_back_has_its_share() {
    let world = World::new(FakeConfig::default().requests_a_second(5));
    let router = world.router();
    for round in 0..8 {
        router
            .shift(&op(round), green(if round % 2 == 0 { 5 } else { 10 }))
            .await
            .unwrap();
        router.observe(&op(round)).await.unwrap();
    }
    assert!(world.aws.requests().iter().all(|asked| asked.status == 200));
}

#[tokio::test(start_paused = true)]
async fn small_shares_are_refused_unless_told() {
    let world = World::new(FakeConfig::default());
    let router = world.router();
    assert_eq!(router.capabilities().granularity, Granularity::Steps(20));
    let fault = router.shift(&op(1), green(1)).await.unwrap_err();
    assert!(
        fault.kind == FaultKind::Rejected && fault.message.contains("lumpy"),
        "{fault}"
    );
    assert!(
        router.capabilities().instead.contains("lumpy"),
        "said in preflight"
    );
    router.small_shares().shift(&op(1), green(1)).await.unwrap();
    assert_eq!(world.weights(), (99, 1));
}

#[tokio::test(start_paused = true)]
async fn records_that_are_not_as_they_should_be_are_refused_with_what_to_do() {
    let simple = DnsRecord::new(NAME, "A").ttl(60).value("10.0.0.1");
    let theirs = DnsRecord::new("_bluegreen-a.shop.example.com", "TXT")
        .ttl(60)
        .value("\"v=1\"");
    let blue = address(Slot::Blue, 100);
    for (records, expected) in [
        (vec![], "create both"),
        (vec![simple], "not weighted"),
        (vec![blue.clone()], "«green»"),
        (
            vec![blue.clone(), address(Slot::Green, 0), theirs],
            "somebody else's",
        ),
        (
            vec![blue.clone(), address(Slot::Green, 0), blue.weighted("third", 1)],
            "«third»",
        ),
    ] {
        let world = World::empty(FakeConfig::default());
        for record in records {
            world.aws.set_dns_record(&world.zone, record);
        }
        for answer in [
            world.router().observe(&op(1)).await.map(drop),
            world.router().stage(&op(1), Slot::Green).await,
            world.router().shift(&op(1), GREEN).await,
        ] {
            let fault = answer.unwrap_err();
            assert_eq!(fault.kind, FaultKind::Rejected);
            assert!(fault.message.contains(expected), "{fault}");
        }
        assert!(world.batches().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn every_page_is_read() {
    let world = World::new(FakeConfig::default().page_most(1));
    for number in 0..5 {
        let name = format!("{number}.shop.example.com");
        let record = DnsRecord::new(&name, "A").ttl(60).value("10.0.0.7");
        world.aws.set_dns_record(&world.zone, record);
    }
    let router = world.router();
    router.shift(&op(1), green(25)).await.unwrap();
    let seen = router.observe(&op(2)).await.unwrap();
    assert_eq!((seen.split, seen.token), (green(25), Some(op(1).token)));
}

#[test]
fn names_that_are_none_are_refused_before_anything_is_asked() {
    let long = "x".repeat(231);
    for (zone, name) in [
        ("", NAME),
        ("Z1/../Z2", NAME),
        ("Z1", ""),
        ("Z1", "."),
        ("Z1", "shop..example.com"),
        ("Z1", "shop example.com"),
        ("Z1", &long),
    ] {
        assert!(
            WeightedRecords::new(zone, name, RecordKind::A).is_err(),
            "{zone} {name}"
        );
    }
    let records = WeightedRecords::new("Z1", NAME, RecordKind::A).unwrap();
    let long = "x".repeat(129);
    for (blue, green) in [("a", "a"), ("", "b"), ("a", &long)] {
        assert!(
            records.clone().identifiers(blue, green).is_err(),
            "{blue} {green}"
        );
    }
}

/// Requests of the last minute.
#[derive(Debug)]
struct Requests(Option<f64>);

#[async_trait]
impl Metrics for Requests {
    async fn read(&self, _: &Op, _: &str, _: Slot) -> Result<Option<f64>, Fault> {
        Ok(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn the_traffic_of_the_old_slot_is_watched_because_some_clients_follow_later() {
    let world = World::new(FakeConfig::default());
    for (count, expected) in [
        (Some(3.0), InFlight::AtLeast(1)),
        (Some(0.0), InFlight::None),
        (None, InFlight::Unknown),
    ] {
        let router = world.router().traffic(Arc::new(Requests(count)), "requests");
        assert_eq!(router.in_flight(&op(1), Slot::Blue).await.unwrap(), expected);
    }
}
