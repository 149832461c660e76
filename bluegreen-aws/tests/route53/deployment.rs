//! Whole deployments by the deployer, in virtual time, while clients ask their resolvers.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{Deadlines, GateSpec, LeasePlan, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{Clock, Deployer, Plan, Release, Report, ServiceName, Signed, Slot, Verdict, Version};
use bluegreen_testkit::aws::{FakeAws, FakeConfig};
use bluegreen_testkit::fakes::{CallLog, FakeGate, FakeHost};

use super::{NAME, World};

const CLIENTS: u32 = 200;

fn plan() -> Plan {
    let mut plan = Plan::builder(ServiceName::new("shop").unwrap());
    for share in ["5%", "25%", "50%", "100%"] {
        plan = plan.step(Step::new(share.parse().unwrap(), Duration::from_mins(2)));
    }
    plan.guard(GateSpec::code("up"))
        .health(GateSpec::code("up"))
        .soak(Duration::from_mins(5))
        .lease(LeasePlan {
            ttl: Duration::from_mins(1),
            poll: Duration::from_secs(5),
            call: Duration::from_secs(20),
        })
        // The old time to live, and a minute for the servers.
        .deadlines(Deadlines {
            stage: Duration::from_mins(8),
            confirm: Duration::from_mins(8),
            rollback: Duration::from_mins(8),
            ..Deadlines::default()
        })
        .build()
        .unwrap()
}

fn release(version: &str) -> Release {
    Release::new(Version::new(version).unwrap())
}

/// Clients that ask their resolvers every ten seconds, for ever.
fn ask(aws: Arc<FakeAws>, clock: Arc<dyn Clock>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            for client in 0..CLIENTS {
                let _ = aws.resolve(NAME, "A", &format!("resolver-{client}"));
            }
            clock.sleep(Duration::from_secs(10)).await;
        }
    })
}

async fn deployed(world: &World, gate: impl FnOnce(&FakeGate)) -> Report {
    let log = CallLog::new(world.clock.clone());
    let up = FakeGate::new("up", &log);
    gate(&up);
    let deployer = Deployer::builder(ServiceName::new("shop").unwrap())
        .store(MemoryStore::new())
        .host(FakeHost::new("host", &log).with_release(Slot::Blue, release("1.0")))
        .router(world.router())
        .gate(up)
        .clock(world.clock.clone())
        .build()
        .unwrap();
    let clients = ask(world.aws.clone(), world.clock.clone());
    let report = deployer
        .deploy(&plan(), release("1.1"), Signed::new("ada", "a test"))
        .await
        .unwrap();
    clients.abort();
    report
}

/// As Route 53 is: a minute until all servers follow, five requests a second.
fn real() -> FakeConfig {
    FakeConfig::default()
        .insync_after(Duration::from_mins(1))
        .requests_a_second(5)
}

#[tokio::test(start_paused = true)]
async fn a_deployment_of_four_steps_leaves_no_resolver_behind_and_is_never_throttled() {
    let world = World::new(real());
    let report = deployed(&world, |_| {}).await;
    assert_eq!(report.end, Some(End::Promoted), "{report:#?}");
    assert_eq!(world.led_to(Slot::Blue, 0..CLIENTS), 0);
    let requests = world.aws.requests();
    assert!(requests.iter().all(|asked| asked.status == 200));
    let changes = world.batches().len();
    let (seconds, count) = (world.clock.monotonic().0.as_secs(), requests.len());
    println!("four steps over Route 53: {count} requests, {changes} of them changes, in {seconds} s");
    // One to lower the time to live and one when that is over; for each step one to be ready and one to move.
    assert!(changes <= 10, "{changes}");
    assert!(count < 700, "no storm of polls: {count}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_brings_every_resolver_back() {
    let world = World::new(real());
    let report = deployed(&world, |up| {
        up.judge(|context| {
            let has_traffic = context.split.share(Slot::Green).basis_points() >= 2_500;
            match context.slot {
                Slot::Green if has_traffic => Verdict::fail("5xx"),
                _ => Verdict::pass("answers"),
            }
        });
    })
    .await;
    assert_eq!(report.end, Some(End::RolledBack), "{report:#?}");
    assert_eq!(world.weights(), (100, 0));
    assert_eq!(world.led_to(Slot::Green, 0..CLIENTS), 0);
}
