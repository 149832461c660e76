//! Commands on machines.

use std::time::Duration;

use bluegreen_aws::ssm::{RemoteCommand, RemoteHook, RemoteMigrator};
use bluegreen_core::plan::HookPoint;
use bluegreen_core::{
    FaultKind, HookAction, HookContext, MigrationPhase, Migrator, Phase, ServiceName, Slot, Workers,
};
use bluegreen_testkit::aws::{CommandOutput, FakeConfig};

use super::world::{World, assignment, op, op_within, release, run};

fn world() -> World {
    World::in_memory(FakeConfig::default().page_most(2)).with_machines()
}

#[tokio::test(start_paused = true)]
async fn a_resumed_deployer_finds_its_command_again_and_takes_its_result() {
    let slow = FakeConfig::default().command_takes(Duration::from_secs(30));
    let world = World::in_memory(slow).with_machines();
    let long = op_within("migrate", Duration::from_mins(2));
    let ours = assignment(1, "1.4.0");
    // It dies in the middle.
    let migrator = world.migrator();
    let died = migrator.migrate(&long, MigrationPhase::Expand, &ours);
    tokio::time::timeout(Duration::from_secs(5), died)
        .await
        .unwrap_err();
    // Another process, which knows of nothing.
    let told = world
        .migrator()
        .migrate(&long, MigrationPhase::Expand, &ours)
        .await
        .unwrap();
    assert!(told.contains("applied expand"), "{told}");
    assert_eq!(world.runs(), ["'migrate' 'expand'"]);
    // And once it is over, it is still known.
    let told = world
        .migrator()
        .migrate(&long, MigrationPhase::Expand, &ours)
        .await
        .unwrap();
    assert!(told.contains("applied expand"), "{told}");
    assert_eq!(world.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn migrations_of_two_deployments_never_run_at_once() {
    let slow = FakeConfig::default().command_takes(Duration::from_secs(30));
    let world = World::in_memory(slow).with_machines();
    let (first, ours) = (world.migrator(), assignment(1, "1.4.0"));
    let long = op_within("migrate", Duration::from_mins(2));
    let died = first.migrate(&long, MigrationPhase::Expand, &ours);
    tokio::time::timeout(Duration::from_secs(5), died)
        .await
        .unwrap_err();
    let brief = op_within("migrate", Duration::from_secs(5));
    let second = world
        .migrator()
        .migrate(&brief, MigrationPhase::Expand, &assignment(2, "1.5.0"))
        .await;
    let second = second.unwrap_err();
    assert!(matches!(second.kind, FaultKind::Unavailable { .. }), "{second}");
    assert!(second.to_string().contains("still at work"), "{second}");
    assert_eq!(world.aws.commands().len(), 1);
    world
        .migrator()
        .migrate(&long, MigrationPhase::Expand, &assignment(2, "1.5.0"))
        .await
        .unwrap();
    assert_eq!(world.runs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn right_after_sending_nothing_is_found_and_that_is_normal() {
    let late = FakeConfig::default().command_appears(Duration::from_secs(8));
    let world = World::in_memory(late).with_machines();
    let long = op_within("migrate", Duration::from_mins(1));
    let did = world
        .migrator()
        .migrate(&long, MigrationPhase::Expand, &assignment(1, "1.4.0"))
        .await
        .unwrap();
    assert!(did.contains("applied expand"), "{did}");
    assert_eq!(world.aws.commands().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_command_says_what_is_known_of_its_effect() {
    let unavailable = FaultKind::Unavailable { retry_after: None };
    for (code, kind) in [
        (1, FaultKind::Rejected),
        (75, unavailable),
        (255, FaultKind::Rejected),
    ] {
        let world = world();
        let failed = CommandOutput::failed(code, "SQLSTATE[42S01]: table exists\n");
        world.machine.lock().unwrap().next = Some(failed);
        let migrator = world.migrator();
        let ours = assignment(1, "1.4.0");
        let fault = migrator
            .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
            .await
            .unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.to_string().contains("SQLSTATE[42S01]"), "{fault}");
        // Only what was not done is done again.
        let again = migrator
            .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
            .await;
        assert_eq!(again.is_ok(), kind == unavailable, "{again:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn output_that_was_cut_is_told() {
    let world = world();
    world.machine.lock().unwrap().next = Some(CommandOutput::ok("ü".repeat(30_000)));
    let did = world
        .migrator()
        .migrate(&op("migrate"), MigrationPhase::Expand, &assignment(1, "1.4.0"))
        .await
        .unwrap();
    assert!(did.contains("cut after 24,000 characters"), "{did}");
    assert!(did.len() < 2_000, "{}", did.len());
    // A number that may have lost its end is no number.
    world.machine.lock().unwrap().next = Some(CommandOutput::ok("7".repeat(24_000)));
    world.workers().depth(&op("depth")).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn values_never_become_part_of_a_script() {
    let world = world();
    let command = run(["echo", "{artifact}", "{version}"]);
    let migrator = RemoteMigrator::new(world.fleet()).expand(command);
    let mut ours = assignment(1, "1.4.0");
    ours.release = ours.release.artifact("'; rm -rf / #\n$(id)");
    migrator
        .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
        .await
        .unwrap();
    assert_eq!(world.runs(), ["'echo' ''\\''; rm -rf / #\n$(id)' '1.4.0'"]);
    let mut ours = assignment(2, "1.4.0");
    ours.release = ours.release.artifact("{{ssm:database-password}}");
    let fault = migrator
        .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert_eq!(world.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn documents_get_their_parameters() {
    let world = world();
    world.aws.add_document("fixit-migrate", ["version"]);
    let command = RemoteCommand::document("fixit-migrate").parameter("version", "{version}");
    let migrator = RemoteMigrator::new(world.fleet()).expand(command);
    migrator
        .migrate(&op("migrate"), MigrationPhase::Expand, &assignment(1, "1.4.0"))
        .await
        .unwrap();
    let sent = &world.aws.commands()[0];
    assert_eq!(sent.document, "fixit-migrate");
    assert_eq!(sent.parameters["version"], ["1.4.0"]);
}

#[tokio::test(start_paused = true)]
async fn no_machine_is_not_a_success() {
    let world = World::in_memory(FakeConfig::default());
    let fault = world
        .workers()
        .quiesce(&op("quiesce"), Slot::Blue)
        .await
        .unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(fault.to_string().contains("no machine answers"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn workers_of_a_machine_that_does_not_answer_are_not_taken_for_quiet() {
    let world = world();
    let lost = world.aws.add_instance([("slot", "blue")]);
    world.aws.set_online(&lost, false);
    let fault = world
        .workers()
        .quiesce(&op("quiesce"), Slot::Blue)
        .await
        .unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(fault.to_string().contains(&lost), "{fault}");
    assert!(world.aws.commands().is_empty());
    world.aws.end_instance(&lost);
    world.workers().quiesce(&op("quiesce"), Slot::Blue).await.unwrap();
    assert_eq!(world.runs().len(), 3, "on all machines of the slot");
}

#[tokio::test(start_paused = true)]
async fn caches_are_cleared_in_both_slots() {
    let world = world();
    let hook = RemoteHook::new(world.fleet(), run(["cache", "clear", "{slot}"])).in_both_slots();
    let service = ServiceName::new("shop").unwrap();
    let ours = assignment(1, "1.4.0");
    let at = HookPoint::after(Phase::ConfirmReturn);
    let context = HookContext::new(service, ours.deployment, at, Slot::Green, Some(release("1.4.0")));
    hook.run(&op("purge"), &context).await.unwrap();
    assert_eq!(
        world.runs(),
        ["'cache' 'clear' 'green'", "'cache' 'clear' 'blue'"]
    );
}

#[tokio::test(start_paused = true)]
async fn commands_of_other_services_are_not_ours() {
    let slow = FakeConfig::default().command_takes(Duration::from_secs(30));
    let world = World::in_memory(slow).with_machines();
    let other = bluegreen_aws::ssm::Fleet::new(
        &world.account,
        ServiceName::new("shop-2").unwrap(),
        bluegreen_aws::PerSlot::new(
            bluegreen_aws::ssm::Tag::new("slot", "blue"),
            bluegreen_aws::ssm::Tag::new("slot", "green"),
        ),
    );
    let brief = op_within("migrate", Duration::from_secs(5));
    let theirs = RemoteMigrator::new(other).expand(run(["migrate", "theirs"]));
    theirs
        .migrate(&brief, MigrationPhase::Expand, &assignment(1, "1.4.0"))
        .await
        .unwrap_err();
    let long = op_within("migrate", Duration::from_mins(2));
    world
        .migrator()
        .migrate(&long, MigrationPhase::Expand, &assignment(1, "1.4.0"))
        .await
        .unwrap();
    assert_eq!(world.aws.commands().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_takes_too_long_is_ended_on_its_machine_and_can_be_sent_again() {
    let slow = FakeConfig::default().command_takes(Duration::from_secs(30));
    let world = World::in_memory(slow).with_machines();
    let ours = assignment(1, "1.4.0");
    let brief = op_within("migrate", Duration::from_secs(5));
    let fault = world
        .migrator()
        .migrate(&brief, MigrationPhase::Expand, &ours)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    let long = op_within("migrate", Duration::from_mins(2));
    let did = world
        .migrator()
        .migrate(&long, MigrationPhase::Expand, &ours)
        .await
        .unwrap();
    assert!(did.contains("applied expand"), "{did}");
    assert_eq!(
        world.runs().len(),
        1,
        "the first was ended before it had an effect"
    );
}
