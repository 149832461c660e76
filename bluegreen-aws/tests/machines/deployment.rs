//! Whole deployments through the deployer, on groups of machines, with a router that is not of AWS.

use std::time::Duration;

use bluegreen_aws::rds::{Database, SnapshotFirst};
use bluegreen_aws::ssm::{RemoteMigrator, RemoteWorkers};
use bluegreen_aws::{PerSlot, ssm};
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{ExpandWhen, LeasePlan, Migrations, Step, WorkersPlan};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{Deployer, Plan, ServiceName, Signed, Slot};
use bluegreen_testkit::aws::{DeploymentGroup, Ending, FakeConfig};
use bluegreen_testkit::fakes::{CallLog, FakeRouter};

use super::world::{APPLICATION, World, release, run};

fn service() -> ServiceName {
    ServiceName::new("fixit").unwrap()
}

fn plan() -> Plan {
    let second = Duration::from_secs(1);
    Plan::builder(service())
        .migrations(Migrations {
            expand: ExpandWhen::AfterPrepare,
            backfill: false,
        })
        .workers(WorkersPlan {
            max_depth: Some(0),
            ..WorkersPlan::default()
        })
        .step(Step::new("5%".parse().unwrap(), second))
        .step(Step::new("100%".parse().unwrap(), second))
        .soak(second)
        .lease(LeasePlan {
            ttl: second * 20,
            poll: Duration::from_millis(100),
            call: second * 4,
        })
        .build()
        .unwrap()
}

fn world() -> World {
    let world = World::in_memory(FakeConfig::default()).with_groups(3, 0);
    world
        .aws
        .deploy_by_hand(APPLICATION, "blue", "api/1.3.0.zip", "user");
    world.aws.add_database("fixit");
    "0".clone_into(&mut world.machine.lock().unwrap().waiting);
    world
}

fn deployer(world: &World) -> Deployer {
    let tag = |slot: Slot| ssm::Tag::of_auto_scaling(format!("fixit-{slot}"));
    let fleet = ssm::Fleet::new(
        &world.account,
        service(),
        PerSlot::new(tag(Slot::Blue), tag(Slot::Green)),
    )
    .settle_time(Duration::from_millis(150))
    .poll(Duration::from_millis(5));
    let migrator = RemoteMigrator::new(fleet.clone()).expand(run(["migrate", "expand"]));
    let database = Database::new(&world.account, "fixit").poll(Duration::from_millis(5));
    let quiesce = run(["workers", "quiesce", "{slot}"]).on_all();
    let start = run(["workers", "start", "{slot}"]).on_all();
    let workers = RemoteWorkers::new(fleet, quiesce, start).counting(run(["workers", "depth"]));
    Deployer::builder(service())
        .store(MemoryStore::new())
        .router(FakeRouter::new("router", &CallLog::default()))
        .host(world.scaled())
        .migrator(SnapshotFirst::new(database, migrator))
        .workers(workers)
        .build()
        .unwrap()
}

fn somebody() -> Signed {
    Signed::new("ada", "ticket 81")
}

#[tokio::test(start_paused = true)]
async fn a_release_goes_through_all_of_it_and_the_snapshot_is_in_the_record() {
    let world = world();
    let deployer = deployer(&world);
    let report = deployer
        .deploy(&plan(), release("1.4.0"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{report:?}");
    let green = world.aws.auto_scaling_group("fixit-green").unwrap();
    assert_eq!(green.in_service, 3, "as many as the live slot");
    assert_eq!(
        world.machine.lock().unwrap().claiming,
        ["green".to_owned()].into()
    );
    let journal = deployer.journal(1).await.unwrap();
    let told = serde_json::to_string(&journal).unwrap();
    assert!(told.contains("snapshot fixit-bluegreen-1-"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_does_not_start_gets_no_traffic_and_says_why() {
    let world = world();
    let failing = Ending::Fails {
        event: "ApplicationStart".to_owned(),
        log: "PDOException\n".to_owned(),
    };
    world.aws.script_deployments([failing]);
    let deployer = deployer(&world);
    let report = deployer
        .deploy(&plan(), release("1.4.0"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Failed), "{report:?}");
    let reason = report.reason.unwrap();
    assert!(reason.contains("ApplicationStart failed"), "{reason}");
    assert!(
        world.aws.snapshots().is_empty(),
        "migrations come after the release"
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_that_moves_traffic_itself_is_refused_before_anything_is_touched() {
    for slot in Slot::BOTH {
        let world = world();
        let group = DeploymentGroup::auto_scaling(&format!("fixit-{slot}")).traffic_control();
        world.aws.add_deployment_group(APPLICATION, slot.as_str(), group);
        let report = deployer(&world)
            .deploy(&plan(), release("1.4.0"), somebody())
            .await
            .unwrap();
        assert_eq!(report.end, Some(End::Failed), "{report:?}");
        let reason = report.reason.unwrap();
        assert!(reason.contains("WITH_TRAFFIC_CONTROL"), "{slot}: {reason}");
        let sent = world.aws.requests();
        let changes = [
            "CreateDeployment",
            "UpdateAutoScalingGroup",
            "SendCommand",
            "CreateDBSnapshot",
        ];
        assert!(sent.iter().all(|asked| !changes.contains(&asked.action.as_str())));
    }
}
