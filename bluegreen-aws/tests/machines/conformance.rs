//! The plugins keep the contracts of their ports, over the fake: the suites of the test kit.

use std::time::Duration;

use bluegreen_core::{Host, MigrationPhase, Slot};
use bluegreen_testkit::aws::FakeConfig;
use bluegreen_testkit::conformance::host::HostSubject;
use bluegreen_testkit::conformance::migrator::MigratorSubject;
use bluegreen_testkit::conformance::workers::WorkersSubject;

use super::world::World;

/// Small pages, and a list of commands that lags behind.
fn config() -> FakeConfig {
    FakeConfig::default()
        .page_most(2)
        .deployment_phase(Duration::from_millis(8))
}

const SECRET: &str = "no secret";

fn host(world: World, host: impl Host + 'static) -> HostSubject {
    let world = std::sync::Arc::new(world);
    let (running, begun, faults) = (world.clone(), world.clone(), world.clone());
    HostSubject::new(host)
        .secret(SECRET)
        .ready_within(Duration::from_secs(5))
        .running(async move |slot| {
            if has_machines(&running, slot) {
                running.running(slot)
            } else {
                None
            }
        })
        .begun(async move || u32::try_from(begun.begun()).unwrap())
        .faults(async move |fault| faults.aws.disturb(fault).await.is_ok())
        .guard(world)
}

fn has_machines(world: &World, slot: Slot) -> bool {
    let group = world.aws.auto_scaling_group(&format!("fixit-{slot}"));
    group.is_none_or(|group| group.in_service > 0)
}

mod machines_that_stay {
    use super::*;
    bluegreen_testkit::host_conformance!(async || {
        let world = World::start(config()).await.with_machines();
        let plugin = world.code_deploy();
        host(world, plugin)
    });
}

mod machines_that_scale {
    use super::*;
    bluegreen_testkit::host_conformance!(async || {
        let world = World::start(config()).await.with_groups(0, 0);
        let plugin = world.scaled();
        host(world, plugin)
    });
}

mod migrations {
    use super::*;
    bluegreen_testkit::migrator_conformance!(async || {
        let world = std::sync::Arc::new(World::start(config()).await.with_machines());
        let (applied, overlaps, faults) = (world.clone(), world.clone(), world.clone());
        MigratorSubject::new(world.migrator())
            .secret(SECRET)
            .applied(async move |phase: MigrationPhase| {
                applied.aws.catch_up();
                u32::from(
                    applied
                        .machine
                        .lock()
                        .unwrap()
                        .applied
                        .contains(&phase.to_string()),
                )
            })
            .overlaps(async move || {
                // Of one lane at most one is not over.
                let open = overlaps.aws.commands();
                let open = open.iter().filter(|seen| {
                    let is_open =
                        |(_, status): &(String, String)| status == "Pending" || status == "InProgress";
                    seen.invocations.iter().any(is_open)
                });
                u32::try_from(open.count().saturating_sub(1)).unwrap()
            })
            .faults(async move |fault| faults.aws.disturb(fault).await.is_ok())
            .guard(world)
    });
}

mod workers {
    use super::*;
    bluegreen_testkit::workers_conformance!(async || {
        let world = std::sync::Arc::new(World::start(config()).await.with_machines());
        let (claiming, waiting) = (world.clone(), world.clone());
        let (uncountable, faults) = (world.clone(), world.clone());
        WorkersSubject::new(world.workers())
            .secret(SECRET)
            .claiming(async move || {
                claiming.aws.catch_up();
                let machine = claiming.machine.lock().unwrap();
                let mut slots: Vec<Slot> = machine
                    .claiming
                    .iter()
                    .map(|slot| slot.parse().unwrap())
                    .collect();
                slots.sort_unstable();
                slots
            })
            .waiting(async move |jobs: u64| waiting.machine.lock().unwrap().waiting = jobs.to_string())
            .uncountable(async move || "many".clone_into(&mut uncountable.machine.lock().unwrap().waiting))
            .faults(async move |fault| faults.aws.disturb(fault).await.is_ok())
            .guard(world)
    });
}

mod hooks {
    use super::super::world::run;
    use super::*;
    use bluegreen_aws::ssm::RemoteHook;
    use bluegreen_testkit::conformance::hook::HookSubject;

    bluegreen_testkit::hook_conformance!(async || {
        let world = std::sync::Arc::new(World::start(config()).await.with_machines());
        let (ran, faults) = (world.clone(), world.clone());
        HookSubject::new(RemoteHook::new(world.fleet(), run(["cache", "clear"])))
            .secret(SECRET)
            .settle(Duration::from_millis(150))
            .ran(async move || u32::try_from(ran.runs().len()).unwrap())
            .faults(async move |fault| faults.aws.disturb(fault).await.is_ok())
            .guard(world)
    });
}

mod snapshots {
    use super::*;
    use bluegreen_aws::rds::{Database, SnapshotFirst};

    // Once with a database before it: the contract stays the same.
    bluegreen_testkit::migrator_conformance!(async || {
        let world = std::sync::Arc::new(World::start(config()).await.with_machines());
        world.aws.add_database("fixit");
        let database = Database::new(&world.account, "fixit")
            .poll(Duration::from_millis(5))
            .settle_time(Duration::from_millis(150));
        let (applied, faults) = (world.clone(), world.clone());
        MigratorSubject::new(SnapshotFirst::new(database, world.migrator()))
            .secret(SECRET)
            .applied(async move |phase: MigrationPhase| {
                applied.aws.catch_up();
                u32::from(
                    applied
                        .machine
                        .lock()
                        .unwrap()
                        .applied
                        .contains(&phase.to_string()),
                )
            })
            .faults(async move |fault| faults.aws.disturb(fault).await.is_ok())
            .guard(world)
    });
}
