//! Commands as parts, with real processes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bluegreen_core::command::{
    CommandContext, CommandHook, CommandHost, CommandHostSpec, CommandMigrator, CommandMigratorSpec,
    CommandNotifier, CommandSpec, CommandWorkers, CommandWorkersSpec, Secrets,
};
use bluegreen_core::{
    Assignment, DeploymentId, Fault, FaultKind, Host, MigrationPhase, Migrator, Notice, NoticeKind, Notifier,
    Op, ReadyState, Release, ServiceName, Slot, Timestamp, Token, Version, Workers,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn context() -> CommandContext {
    CommandContext::new(ServiceName::new("shop").unwrap())
}

fn op() -> Op {
    op_within(Duration::from_secs(20))
}

fn op_within(budget: Duration) -> Op {
    Op::new(Token { epoch: 1, seq: 1 }, "17-1.1", budget)
}

fn deployment() -> DeploymentId {
    DeploymentId::new(17, Timestamp::from_millis(1_700_000_000_000))
}

fn assignment() -> Assignment {
    let release = Release::new(Version::new("1.4.0").unwrap()).artifact("registry/shop:1.4.0");
    Assignment {
        slot: Slot::Green,
        release,
        deployment: deployment(),
    }
}

/// A command that a shell reads: only tests do that.
fn sh(script: impl Into<String>) -> CommandSpec {
    CommandSpec::new(["sh".to_owned(), "-c".to_owned(), script.into()])
}

async fn hook(context: CommandContext, spec: &CommandSpec) -> Result<String, Fault> {
    hook_within(context, spec, Duration::from_secs(20)).await
}

async fn hook_within(context: CommandContext, spec: &CommandSpec, budget: Duration) -> Result<String, Fault> {
    let values = context.of_assignment(&assignment());
    CommandHook::new(context).run("test", spec, &values, budget).await
}

#[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
fn now() -> Instant {
    Instant::now()
}

/// Waits for something that another process does.
async fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let began = now();
    while !check() {
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{what} did not come about"
        );
        #[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_running(pid: i32) -> bool {
    // A zombie is not running any more.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn pid_in(file: &Path) -> Option<i32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[tokio::test]
async fn a_value_with_shell_characters_stays_one_argument() {
    let dir = tempfile::tempdir().unwrap();
    let touched = dir.path().join("x");
    let evil = format!(
        "\"; touch {} #$(touch {0}) `touch {0}` ' * {{slot}}",
        touched.display()
    );
    let variables = BTreeMap::from([("url".to_owned(), evil.clone())]);
    let context = context().slots(BTreeMap::from([(Slot::Green, variables)]));
    let spec = CommandSpec::new([
        "printf",
        "[%s]",
        "{url}",
        "{slot} {other} {version} {artifact} {deployment}",
    ]);
    let evidence = hook(context, &spec).await.unwrap();
    assert!(evidence.contains(&format!("[{evil}]")), "{evidence}");
    assert!(
        evidence.contains("[green blue 1.4.0 registry/shop:1.4.0 17-20231114T221320Z]"),
        "{evidence}"
    );
    assert!(!touched.exists(), "a shell read it");
}

#[tokio::test]
async fn how_a_command_ended_says_what_is_known_of_its_effect() {
    let unavailable = FaultKind::Unavailable { retry_after: None };
    for (spec, kind, part) in [
        (
            CommandSpec::new(["/nonexistent/program"]),
            FaultKind::Rejected,
            "/nonexistent/program",
        ),
        (CommandSpec::new(["/"]), FaultKind::Rejected, "ermission"),
        (
            CommandSpec::new(["true"]).dir("/nonexistent"),
            FaultKind::Rejected,
            "in /nonexistent",
        ),
        (CommandSpec::new(["{nothing}"]), FaultKind::Rejected, "{nothing}"),
        (
            CommandSpec::new(Vec::<String>::new()),
            FaultKind::Rejected,
            "no program",
        ),
        (
            CommandSpec::new(["true"]).secret_env("A", "absent"),
            FaultKind::Rejected,
            "no secret \"absent\"",
        ),
        (
            sh("echo told; echo why >&2; exit 7"),
            FaultKind::Rejected,
            "ended with 7: told\nwhy",
        ),
        (sh("echo locked; exit 75"), unavailable, "locked"),
        (sh("echo half; kill -9 $$"), FaultKind::Unknown, "signal 9: half"),
        (
            sh("echo begun; sleep 60").timeout(Duration::from_millis(200)),
            FaultKind::Unknown,
            "200ms: begun",
        ),
    ] {
        let fault = hook(context(), &spec).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.to_string().contains(part), "{part:?} is not in: {fault}");
    }
    assert_eq!(
        hook(context(), &sh("echo fine")).await.unwrap(),
        "ended with 0: fine"
    );
}

#[tokio::test]
async fn secrets_reach_the_command_and_nothing_else() {
    let context = context().secrets(Secrets::new().with("password", "hunter2"));
    let spec = sh("test \"$PW\" = hunter2 && echo \"it is $PW\"; exit $1").secret_env("PW", "password");
    let evidence = hook(context.clone(), &spec).await.unwrap();
    assert_eq!(evidence, "ended with 0: it is ***");
    assert!(!format!("{context:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_flood_of_output_neither_stops_the_command_nor_is_kept() {
    let spec =
        sh("echo first; head -c 20000000 /dev/zero | tr '\\0' 'x'; head -c 3000000 /dev/zero >&2; echo last");
    let evidence = hook(context(), &spec).await.unwrap();
    assert!(evidence.len() < 1_000, "{} bytes", evidence.len());
}

#[tokio::test]
async fn a_command_that_reads_its_input_finds_nothing_there() {
    let dir = tempfile::tempdir().unwrap();
    for context in [context(), context().locks(dir.path())] {
        hook(context, &CommandSpec::new(["cat"])).await.unwrap();
    }
}

#[tokio::test]
async fn at_its_limit_the_whole_group_is_ended_and_may_clean_up_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let script = format!(
        "trap 'echo cleaned; exit 1' TERM; sleep 600 & echo $! > {}; echo ready; wait",
        path("grandchild").display()
    );
    let began = now();
    let fault = hook(context(), &sh(script).timeout(Duration::from_millis(500)))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown);
    assert!(fault.message.contains("cleaned"), "{fault}");
    assert!(began.elapsed() < Duration::from_secs(4), "SIGTERM was enough");
    let grandchild = pid_in(&path("grandchild")).unwrap();
    assert!(!is_running(grandchild), "a process of the group is left");
}

#[tokio::test]
async fn a_command_that_ignores_the_request_to_end_is_killed_within_its_budget() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!(
        "trap '' TERM; echo $$ > {}; while :; do sleep 0.05; done",
        pid.display()
    );
    let budget = Duration::from_millis(1_500);
    let began = now();
    let fault = hook_within(context(), &sh(script), budget).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown);
    assert!(
        began.elapsed() < budget + Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    assert!(!is_running(pid_in(&pid).unwrap()));
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_any_more_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (parent, child) = (dir.path().join("parent"), dir.path().join("child"));
    let script = format!(
        "sleep 600 & echo $! > {}; echo $$ > {}; wait",
        child.display(),
        parent.display()
    );
    let waiting = tokio::spawn(async move { hook(context(), &sh(script)).await });
    eventually("the start", || pid_in(&parent).is_some()).await;
    waiting.abort();
    for file in [parent, child] {
        let pid = pid_in(&file).unwrap();
        eventually("the end", || !is_running(pid)).await;
    }
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_neither_waited_for_nor_killed() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let began = now();
    let evidence = hook(context(), &sh(format!("sleep 30 & echo $! > {}", pid.display())))
        .await
        .unwrap();
    let pid = pid_in(&pid).unwrap();
    let running = is_running(pid);
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    assert!(running, "it was killed");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(evidence.contains("still holds its output"), "{evidence}");
}

/// The other side of the test below: a deployer that is in the middle of a migration.
#[tokio::test]
async fn deployer_in_another_process() {
    let Ok(dir) = std::env::var("BLUEGREEN_TEST_DEPLOYER") else {
        return;
    };
    let dir = PathBuf::from(dir);
    let script = format!(
        "echo $$ > {0}/pid.new; mv {0}/pid.new {0}/pid; sleep 2; echo done > {0}/done",
        dir.display()
    );
    let spec = CommandMigratorSpec {
        expand: Some(sh(script)),
        ..Default::default()
    };
    let migrator = CommandMigrator::new(spec, context().locks(dir.join("locks")));
    migrator
        .migrate(&op(), MigrationPhase::Expand, &assignment())
        .await
        .unwrap();
}

/// A process of a test; killed when the test ends, however that is.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn deployer(dir: &Path) -> Guarded {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["deployer_in_another_process", "--exact", "--nocapture"])
        .env("BLUEGREEN_TEST_DEPLOYER", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn();
    Guarded(child.unwrap())
}

#[tokio::test]
async fn a_migration_of_a_killed_deployer_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut predecessor = deployer(dir.path());
    eventually("the migration", || pid_in(&path("pid")).is_some()).await;
    predecessor.0.kill().unwrap();
    predecessor.0.wait().unwrap();
    let orphan = pid_in(&path("pid")).unwrap();
    assert!(is_running(orphan), "the migration goes on without its deployer");

    let spec = CommandMigratorSpec {
        expand: Some(sh(format!("test -e {}", path("done").display()))),
        ..Default::default()
    };
    let migrator = CommandMigrator::new(spec, context().locks(path("locks")));
    // Too little time to wait for it: nothing was done, and it is said who is in the way.
    let hasty = op_within(Duration::from_millis(400));
    let fault = migrator
        .migrate(&hasty, MigrationPhase::Expand, &assignment())
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable { retry_after: None });
    assert!(fault.message.contains(&format!("pid {orphan}, sh")), "{fault}");
    // Enough time: it runs after the other, which has left its mark.
    migrator
        .migrate(&op(), MigrationPhase::Expand, &assignment())
        .await
        .unwrap();
    assert!(!is_running(orphan));
}

#[tokio::test]
async fn a_migrator_without_the_command_that_is_asked_for_says_what_to_do() {
    let spec = CommandMigratorSpec {
        backfill: Some(sh("echo {version}")),
        ..Default::default()
    };
    let migrator = CommandMigrator::new(spec, context());
    let done = migrator
        .migrate(&op(), MigrationPhase::Backfill, &assignment())
        .await
        .unwrap();
    assert_eq!(done, "ended with 0: 1.4.0");
    for phase in [MigrationPhase::Expand, MigrationPhase::Contract] {
        let fault = migrator.migrate(&op(), phase, &assignment()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Rejected);
        assert!(
            fault
                .message
                .contains(&format!("no command for {phase}: give it one")),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn the_exit_code_of_a_readiness_command_says_how_far_a_slot_is() {
    for (script, state, instances) in [
        ("exit 0", ReadyState::Ready, None),
        ("echo starting; exit 1", ReadyState::Starting, None),
        ("exit 75", ReadyState::Starting, None),
        ("exit 3", ReadyState::Stopped, None),
        ("exit 70", ReadyState::Failed, None),
        (
            "echo '{{\"instances\": 3, \"of\": 4}}'",
            ReadyState::Ready,
            Some(3),
        ),
        (
            "echo checking; echo '{{\"instances\": 2}}'; exit 1",
            ReadyState::Starting,
            Some(2),
        ),
        ("echo '{{\"instances\": -2}}'", ReadyState::Ready, None),
    ] {
        let spec = CommandHostSpec::new(sh("exit 1"), sh("exit 1")).readiness(sh(script));
        let readiness = CommandHost::new(spec, context())
            .readiness(&op(), Slot::Blue)
            .await
            .unwrap();
        assert_eq!(
            (readiness.state, readiness.instances),
            (state, instances),
            "{script}"
        );
    }
    let slow = sh("sleep 60").timeout(Duration::from_millis(100));
    let spec = CommandHostSpec::new(sh("exit 1"), sh("exit 1")).readiness(slow);
    let fault = CommandHost::new(spec, context())
        .readiness(&op(), Slot::Blue)
        .await
        .unwrap_err();
    assert_eq!(
        fault.kind,
        FaultKind::Unavailable { retry_after: None },
        "nothing was changed"
    );
}

#[tokio::test]
async fn a_host_runs_the_command_of_each_call() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let say = |text: &str| sh(format!("echo {text} >> {}", log.display()));
    let spec = CommandHostSpec::new(say("deploy {version} to {slot}"), say("retire {slot}"));
    let host = CommandHost::new(spec.clone(), context().locks(dir.path()));
    host.deploy(&op(), &assignment()).await.unwrap();
    assert_eq!(
        host.readiness(&op(), Slot::Green).await.unwrap().state,
        ReadyState::Ready
    );
    host.standby(&op(), Slot::Blue).await.unwrap();
    let host = CommandHost::new(spec.standby(say("standby {slot}")), context());
    host.standby(&op(), Slot::Blue).await.unwrap();
    host.retire(&op(), Slot::Blue).await.unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log, "deploy 1.4.0 to green\nstandby blue\nretire blue\n");
}

#[tokio::test]
async fn workers_are_moved_and_counted_by_commands() {
    let spec = CommandWorkersSpec::new(sh("test {slot} = blue"), sh("test {slot} = green"));
    let workers = CommandWorkers::new(spec.clone(), context());
    workers.quiesce(&op(), Slot::Blue).await.unwrap();
    workers.start(&op(), Slot::Green).await.unwrap();
    assert!(workers.start(&op(), Slot::Blue).await.is_err());
    assert_eq!(workers.depth(&op()).await.unwrap(), None);
    for (script, expected) in [
        ("echo 42", Some(42)),
        ("echo many", None),
        ("echo 1; exit 1", None),
        ("true", None),
    ] {
        let workers = CommandWorkers::new(spec.clone().depth(sh(script)), context());
        assert_eq!(workers.depth(&op()).await.ok().flatten(), expected, "{script}");
    }
}

#[tokio::test]
async fn a_notice_reaches_its_command_whole() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notice");
    let script = format!(
        "printf '%s|%s|%s' \"$BLUEGREEN_NOTICE\" \"$1\" \"$2\" > {}",
        file.display()
    );
    let spec = CommandSpec::new(["sh", "-c", script.as_str(), "sh", "{kind}", "{message}"]);
    let assignment = assignment();
    let notice = Notice::new(
        NoticeKind::RollingBack,
        ServiceName::new("shop").unwrap(),
        assignment.deployment,
        assignment.release,
        assignment.slot,
        "5 % errors; \"back\" to {blue}\n$(id)".to_owned(),
    );
    CommandNotifier::new(spec, context())
        .notify(&op(), &notice)
        .await
        .unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let mut parts = text.splitn(3, '|');
    assert_eq!(
        serde_json::from_str::<Notice>(parts.next().unwrap()).unwrap(),
        notice
    );
    assert_eq!(parts.next(), Some("rolling_back"));
    assert_eq!(parts.next(), Some(notice.message.as_str()));
}
