//! Broken hosts, workers and migrators.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Assignment, DeploymentId, Fault, Host, MigrationPhase, Migrator, Op, Readiness, ReadyState, Slot,
    Timestamp, Workers,
};
use bluegreen_testkit::conformance::host::{self, HostSubject};
use bluegreen_testkit::conformance::migrator::{self, MigratorSubject};
use bluegreen_testkit::conformance::workers::{self, WorkersSubject};
use bluegreen_testkit::fakes::{CallLog, FakeHost, FakeMigrator, FakeWorkers};

use super::{caught, sound};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostDefect {
    None,
    BeginsAnewEachTime,
    IgnoresOtherDeployments,
    RetiresBothSlots,
    KeepsRetiredSlotsReady,
    StopsTheStandby,
    AlwaysReady,
    FailsToRetireTwice,
}

#[derive(Debug)]
struct BentHost(FakeHost, HostDefect);

#[async_trait]
impl Host for BentHost {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let mut assignment = assignment.clone();
        match self.1 {
            HostDefect::BeginsAnewEachTime => {
                let number = u64::from(self.0.begun()) + 1_000;
                assignment.deployment = DeploymentId::new(number, Timestamp::default());
            }
            HostDefect::IgnoresOtherDeployments if self.0.release(assignment.slot).is_some() => return Ok(()),
            _ => {}
        }
        self.0.deploy(op, &assignment).await
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        match self.1 {
            HostDefect::AlwaysReady => Ok(Readiness::new(ReadyState::Ready, "surely")),
            _ => self.0.readiness(op, slot).await,
        }
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        match self.1 {
            HostDefect::StopsTheStandby => self.0.retire(op, slot).await,
            _ => self.0.standby(op, slot).await,
        }
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        match self.1 {
            HostDefect::KeepsRetiredSlotsReady => Ok(()),
            HostDefect::FailsToRetireTwice if self.0.release(slot).is_none() => {
                Err(Fault::rejected("bent", "retire", "nothing runs there"))
            }
            HostDefect::RetiresBothSlots => {
                self.0.retire(op, slot.other()).await?;
                self.0.retire(op, slot).await
            }
            _ => self.0.retire(op, slot).await,
        }
    }

    fn settle(&self) -> Duration {
        self.0.settle()
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_a_host_is_caught() {
    let subject = |defect| {
        let fake = FakeHost::new("host", &CallLog::default());
        let (running, begun) = (fake.clone(), fake.clone());
        HostSubject::new(BentHost(fake, defect))
            .running(async move |slot| running.release(slot).map(|release| release.version))
            .begun(async move || begun.begun())
    };
    sound(&host::prove_all(async || subject(HostDefect::None)).await);
    for (defect, by) in [
        (
            HostDefect::BeginsAnewEachTime,
            &["a_deploy_sent_twice_is_one", "deploys_at_once_are_one"] as &[&str],
        ),
        (
            HostDefect::IgnoresOtherDeployments,
            &["another_deployment_replaces_what_is_there"],
        ),
        (HostDefect::RetiresBothSlots, &["the_other_slot_is_untouched"]),
        (
            HostDefect::KeepsRetiredSlotsReady,
            &["a_retired_slot_is_stopped_and_twice_is_once"],
        ),
        (
            HostDefect::StopsTheStandby,
            &["a_standby_slot_goes_on_running_and_twice_is_once"],
        ),
        (HostDefect::AlwaysReady, &["an_empty_slot_is_stopped"]),
        (
            HostDefect::FailsToRetireTwice,
            &["a_retired_slot_is_stopped_and_twice_is_once"],
        ),
    ] {
        caught(&host::prove_all(async || subject(defect)).await, defect, by);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkersDefect {
    None,
    StartsTheOtherSideWhenOneIsQuiesced,
    AnswersBeforeItIsDone,
    CountsUnknownAsZero,
}

#[derive(Debug)]
struct BentWorkers(FakeWorkers, WorkersDefect);

#[async_trait]
impl Workers for BentWorkers {
    async fn quiesce(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        match self.1 {
            WorkersDefect::StartsTheOtherSideWhenOneIsQuiesced => self.0.start(op, slot.other()).await?,
            WorkersDefect::AnswersBeforeItIsDone => return Ok(()),
            _ => {}
        }
        self.0.quiesce(op, slot).await
    }

    async fn start(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.0.start(op, slot).await
    }

    async fn depth(&self, op: &Op) -> Result<Option<u64>, Fault> {
        let depth = self.0.depth(op).await?;
        Ok(match self.1 {
            WorkersDefect::CountsUnknownAsZero => depth.or(Some(0)),
            _ => depth,
        })
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_workers_is_caught() {
    let subject = |defect| {
        let fake = FakeWorkers::new("workers", &CallLog::default());
        let (claiming, uncountable) = (fake.clone(), fake.clone());
        WorkersSubject::new(BentWorkers(fake, defect))
            .claiming(async move || claiming.claiming())
            .uncountable(async move || uncountable.set_depth(None))
    };
    sound(&workers::prove_all(async || subject(WorkersDefect::None)).await);
    for (defect, by) in [
        (
            WorkersDefect::StartsTheOtherSideWhenOneIsQuiesced,
            "both_never_claim_unless_both_were_started",
        ),
        (
            WorkersDefect::AnswersBeforeItIsDone,
            "quiesce_is_reversible_and_twice_is_once",
        ),
        (
            WorkersDefect::CountsUnknownAsZero,
            "what_cannot_be_counted_is_not_zero",
        ),
    ] {
        caught(&workers::prove_all(async || subject(defect)).await, defect, &[by]);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MigratorDefect {
    None,
    RunsEachTime,
    RunsExpandInEveryPhase,
    SaysNothing,
    SaysEverything,
}

#[derive(Debug)]
struct BentMigrator(FakeMigrator, MigratorDefect, std::sync::atomic::AtomicU32);

#[async_trait]
impl Migrator for BentMigrator {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let mut assignment = assignment.clone();
        if self.1 == MigratorDefect::RunsEachTime {
            let run = self.2.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assignment.release.version = bluegreen_core::Version::new(format!("1.{run}")).unwrap();
        }
        let phase = match self.1 {
            MigratorDefect::RunsExpandInEveryPhase => MigrationPhase::Expand,
            _ => phase,
        };
        let did = self.0.migrate(op, phase, &assignment).await?;
        Ok(match self.1 {
            MigratorDefect::SaysNothing => String::new(),
            MigratorDefect::SaysEverything => "x".repeat(1_000_000),
            _ => did,
        })
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_a_migrator_is_caught() {
    let subject = |defect| {
        let fake = FakeMigrator::new("migrator", &CallLog::default());
        let applied = fake.clone();
        MigratorSubject::new(BentMigrator(fake, defect, 0.into()))
            .applied(async move |phase| u32::try_from(applied.ran(phase)).unwrap())
    };
    sound(&migrator::prove_all(async || subject(MigratorDefect::None)).await);
    for (defect, by) in [
        (
            MigratorDefect::RunsEachTime,
            &[
                "twice_is_once_in_each_phase",
                "a_dropped_run_can_be_sent_again",
                "runs_at_once_are_one",
            ] as &[&str],
        ),
        (
            MigratorDefect::RunsExpandInEveryPhase,
            &["twice_is_once_in_each_phase"],
        ),
        (MigratorDefect::SaysNothing, &["what_it_did_is_told"]),
        (MigratorDefect::SaysEverything, &["what_it_did_is_told"]),
    ] {
        caught(&migrator::prove_all(async || subject(defect)).await, defect, by);
    }
}
