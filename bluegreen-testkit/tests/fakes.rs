//! What each fake adds to the behaviours of its script: its own state, as its port's contract says.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{
    Answer, ApprovalRequest, Approver, Assignment, DeploymentId, Entry, Event, FaultKind, Gate, GateContext,
    Granularity, Host, Metrics, MigrationPhase, Migrator, Notice, NoticeKind, Notifier, Observer, Op, Phase,
    ReadyState, Release, Router, RouterCapabilities, ServiceName, Share, Slot, Split, Timestamp, Token,
    Verdict, Verification, Version, Workers,
};
use bluegreen_testkit::fakes::{
    Behaviour, CallLog, FakeApprover, FakeGate, FakeHost, FakeMetrics, FakeMigrator, FakeNotifier,
    FakeRouter, FakeWorkers, NotifierCall, RecordingObserver, WorkersCall,
};

const SPAN: Duration = Duration::from_secs(30);

fn op(seq: u64) -> Op {
    Op::new(
        Token { epoch: 2, seq },
        format!("2.{seq}"),
        Duration::from_secs(5),
    )
}

fn release(version: &str) -> Release {
    Release::new(Version::new(version).unwrap())
}

const fn deployment(number: u64) -> DeploymentId {
    DeploymentId::new(number, Timestamp::from_millis(0))
}

fn assignment(version: &str, number: u64) -> Assignment {
    Assignment {
        slot: Slot::Green,
        release: release(version),
        deployment: deployment(number),
    }
}

fn shop() -> ServiceName {
    ServiceName::new("shop").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_router_is_live_after_its_lag_and_shows_changes_by_hand() {
    let router = FakeRouter::new("dns", &CallLog::default()).with_lag(SPAN);
    let (blue, green) = (Split::all(Slot::Blue), Split::all(Slot::Green));
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), green).await.unwrap();
    assert_eq!((router.held(), router.live()), (green, blue));
    let early = router.verify(&op(2), green).await.unwrap();
    assert!(matches!(early, Verification::NotYet { .. }), "{early:?}");

    tokio::time::advance(SPAN).await;
    let late = router.verify(&op(2), green).await.unwrap();
    assert!(matches!(late, Verification::Live { .. }), "{late:?}");

    router.set_by_hand(blue);
    assert_eq!(router.observe(&op(3)).await.unwrap().split, blue);
    let splits: Vec<_> = router.history().into_iter().map(|(_, split)| split).collect();
    assert_eq!(splits, [blue, green, blue]);
}

#[tokio::test]
async fn a_router_refuses_what_it_cannot_hold_and_slots_that_were_not_staged() {
    let capabilities = RouterCapabilities::exact().granularity(Granularity::AllOrNothing);
    let router = FakeRouter::new("lb", &CallLog::default()).with_capabilities(capabilities);
    let unstaged = router.shift(&op(1), Split::all(Slot::Green)).await.unwrap_err();
    assert_eq!(unstaged.kind, FaultKind::Rejected);
    router.stage(&op(1), Slot::Green).await.unwrap();
    let half = Split::with(Slot::Green, "50%".parse().unwrap());
    assert_eq!(
        router.shift(&op(1), half).await.unwrap_err().kind,
        FaultKind::Rejected
    );
    router.shift(&op(1), Split::all(Slot::Green)).await.unwrap();
    assert_eq!(router.newest_token(), Some(op(1).token));
    assert!(router.is_staged(Slot::Green));
}

#[tokio::test(start_paused = true)]
async fn a_host_becomes_ready_fails_and_dies_as_it_is_told() {
    let host = FakeHost::new("vm", &CallLog::default()).with_release(Slot::Blue, release("1"));
    let state = async |slot| host.readiness(&op(1), slot).await.unwrap().state;
    assert_eq!(state(Slot::Blue).await, ReadyState::Ready);
    assert_eq!(state(Slot::Green).await, ReadyState::Stopped);

    host.set_ready_after(SPAN);
    host.set_ready_after_polls(2);
    host.deploy(&op(2), &assignment("2", 1)).await.unwrap();
    assert_eq!(state(Slot::Green).await, ReadyState::Starting);
    tokio::time::advance(SPAN).await;
    assert_eq!(state(Slot::Green).await, ReadyState::Starting);
    assert_eq!(state(Slot::Green).await, ReadyState::Ready);

    host.deploy(&op(3), &assignment("2", 1)).await.unwrap();
    assert_eq!((host.begun(), host.release(Slot::Green)), (1, Some(release("2"))));
    host.kill(Slot::Green);
    assert_eq!(state(Slot::Green).await, ReadyState::Failed);
    host.set_failing(Some("no such image"));
    host.deploy(&op(4), &assignment("3", 2)).await.unwrap();
    let readiness = host.readiness(&op(4), Slot::Green).await.unwrap();
    assert_eq!(
        (readiness.state, readiness.evidence.as_str()),
        (ReadyState::Failed, "no such image")
    );
    host.standby(&op(5), Slot::Blue).await.unwrap();
    host.retire(&op(6), Slot::Green).await.unwrap();
    assert!(host.is_standby(Slot::Blue));
    assert_eq!(host.release(Slot::Green), None);
}

#[tokio::test]
async fn a_gate_gives_its_next_verdicts_then_judges_by_its_rule() {
    let gate = FakeGate::new("errors", &CallLog::default());
    let check = async |slot| {
        let context = GateContext::new(shop(), slot, None, Split::all(Slot::Blue));
        gate.check(&op(1), &context).await.unwrap()
    };
    assert_eq!(check(Slot::Green).await, Verdict::pass("as it is told"));
    gate.always(Slot::Green, Verdict::fail("2 % errors"));
    gate.answer(
        Slot::Green,
        [Verdict::inconclusive("no data"), Verdict::pass("fine")],
    );
    assert_eq!(check(Slot::Green).await, Verdict::inconclusive("no data"));
    assert_eq!(check(Slot::Green).await, Verdict::pass("fine"));
    assert_eq!(check(Slot::Green).await, Verdict::fail("2 % errors"));
    assert_eq!(check(Slot::Blue).await, Verdict::pass("as it is told"));
}

#[tokio::test]
async fn a_metric_has_a_value_or_no_data_or_is_not_known() {
    let metrics = FakeMetrics::new("prometheus", &CallLog::default());
    metrics.set("error_rate", Slot::Blue, 0.01);
    assert_eq!(
        metrics.read(&op(1), "error_rate", Slot::Blue).await.unwrap(),
        Some(0.01)
    );
    assert_eq!(
        metrics.read(&op(1), "error_rate", Slot::Green).await.unwrap(),
        None
    );
    let misnamed = metrics.read(&op(1), "eror_rate", Slot::Blue).await.unwrap_err();
    assert_eq!(misnamed.kind, FaultKind::Rejected);
    metrics.set("error_rate", Slot::Blue, None);
    assert_eq!(
        metrics.read(&op(1), "error_rate", Slot::Blue).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_migration_is_applied_once() {
    let migrator = FakeMigrator::new("flyway", &CallLog::default());
    for _ in 0..2 {
        migrator
            .migrate(&op(1), MigrationPhase::Expand, &assignment("2", 1))
            .await
            .unwrap();
    }
    migrator
        .migrate(&op(2), MigrationPhase::Expand, &assignment("3", 2))
        .await
        .unwrap();
    assert_eq!(migrator.ran(MigrationPhase::Expand), 2);
    assert_eq!(migrator.ran(MigrationPhase::Contract), 0);
    assert_eq!(migrator.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn workers_of_both_slots_that_claim_at_once_are_remembered() {
    let workers = FakeWorkers::new("queue", &CallLog::default());
    workers.quiesce(&op(1), Slot::Blue).await.unwrap();
    workers.start(&op(2), Slot::Green).await.unwrap();
    workers.start(&op(2), Slot::Green).await.unwrap();
    assert_eq!(
        (workers.claiming(), workers.overlaps().len()),
        (vec![Slot::Green], 0)
    );

    workers.script(WorkersCall::Start, [Behaviour::LandLate(SPAN)]);
    workers.start(&op(3), Slot::Blue).await.unwrap_err();
    assert_eq!(workers.overlaps().len(), 0);
    tokio::time::advance(SPAN).await;
    assert_eq!(workers.overlaps().len(), 1);
    workers.set_depth(7);
    assert_eq!(workers.depth(&op(4)).await.unwrap(), Some(7));
}

#[tokio::test]
async fn a_notifier_keeps_what_arrived_and_an_approver_answers_after_a_while() {
    let log = CallLog::default();
    let notifier = FakeNotifier::new("chat", &log);
    let unavailable = FaultKind::Unavailable { retry_after: None };
    notifier.script(NotifierCall::Notify, [Behaviour::Fault(unavailable)]);
    for kind in [NoticeKind::Started, NoticeKind::Succeeded] {
        let notice = Notice::new(
            kind,
            shop(),
            deployment(1),
            release("2"),
            Slot::Green,
            "so".to_owned(),
        );
        let _ = notifier.notify(&op(1), &notice).await;
    }
    assert_eq!(notifier.kinds(), [NoticeKind::Succeeded]);
    assert_eq!(notifier.notices().len(), 1);

    let approver = FakeApprover::new("ticket", &log);
    let yes = Answer::Approved { by: "ada".to_owned() };
    approver.answer_after(2, yes.clone());
    let question = ApprovalRequest::new(
        shop(),
        deployment(1),
        release("2"),
        Share::ALL,
        Timestamp::default(),
    );
    for expected in [Answer::Pending, Answer::Pending, yes.clone(), yes] {
        assert_eq!(approver.ask(&op(2), &question).await.unwrap(), expected);
    }
    assert_eq!(approver.questions(), 1);
    assert_eq!(log.lines().len(), 6);
}

#[tokio::test]
async fn an_observer_hands_on_what_it_saw_before_and_what_it_sees_later() {
    let observer = RecordingObserver::new();
    let entry = |at| -> Entry {
        serde_json::from_value(serde_json::json!({
            "deployment": deployment(1), "at": Timestamp::from_millis(at), "phase": Phase::Shift,
            "event": "expired",
        }))
        .unwrap()
    };
    observer.observe(&entry(1));
    let mut channel = observer.subscribe();
    let waiting = tokio::spawn({
        let observer = observer.clone();
        async move {
            observer
                .first(|entry| entry.at == Timestamp::from_millis(2))
                .await
        }
    });
    let port: Arc<dyn Observer> = Arc::new(observer.clone());
    port.observe(&entry(2));
    assert_eq!(waiting.await.unwrap(), entry(2));
    assert_eq!(
        (channel.recv().await, channel.recv().await),
        (Some(entry(1)), Some(entry(2)))
    );
    assert_eq!(observer.events(), [Event::Expired, Event::Expired]);
    assert_eq!(observer.entries().len(), 2);
}
