//! A snapshot before the migrations.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbSnapshot;
use bluegreen_core::lifecycle::Slots;
use bluegreen_core::{
    Assignment, DeploymentId, Fault, FaultKind, MigrationPhase, Migrator, Op, Outcome, Verdict, Version,
};

use super::SERVICE;
use crate::account::{Account, Call, SdkFailure, Urgency};

/// Between two looks at a snapshot.
const POLL: Duration = Duration::from_secs(10);
/// How long a request that was given up may still be on its way.
const SETTLE: Duration = Duration::from_secs(30);

/// A database instance of RDS. (Clusters of Aurora have snapshots of their own kind and are not done here.)
#[derive(Debug, Clone)]
pub struct Database {
    pub(super) account: Account,
    pub(super) client: Client,
    pub(super) name: String,
    poll: Duration,
    settle: Duration,
}

impl Database {
    /// The database of this identifier.
    pub fn new(account: &Account, name: impl Into<String>) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            name: name.into(),
            poll: POLL,
            settle: SETTLE,
        }
    }

    /// The time between two looks at a snapshot; ten seconds if nothing is said.
    #[must_use]
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// How long a request that was given up may still take effect; half a minute if nothing is said.
    #[must_use]
    pub const fn settle_time(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The name of the snapshot before a phase of a deployment: the same each time it is asked for, which is how it
    /// is found again.
    #[must_use]
    pub fn snapshot_name(&self, deployment: DeploymentId, phase: MigrationPhase) -> String {
        format!("{}-bluegreen-{deployment}-{phase}", self.name).to_lowercase()
    }

    pub(super) fn begin(&self, op: &Op) -> Call {
        let resource = format!("database {}", self.name);
        self.account.begin(op, Urgency::Routine, SERVICE, resource)
    }

    /// A snapshot, if there is one of this name.
    pub(super) async fn snapshot(&self, call: &Call, name: &str) -> Result<Option<DbSnapshot>, Fault> {
        let request = self.client.describe_db_snapshots().db_snapshot_identifier(name);
        let ask = async {
            match request.send().await {
                Err(error)
                    if matches!(
                        error.code(),
                        Some("DBSnapshotNotFound" | "DBSnapshotNotFoundFault")
                    ) =>
                {
                    Ok(None)
                }
                answer => answer.map(Some),
            }
        };
        let answer = call.read("DescribeDBSnapshots", ask).await?;
        Ok(answer.and_then(|answer| answer.db_snapshots().first().cloned()))
    }

    /// Makes sure that there is a snapshot of this name, and waits until it is available.
    async fn ensure_snapshot(&self, call: &Call, name: &str) -> Result<(), Fault> {
        const OPERATION: &str = "CreateDBSnapshot";
        loop {
            let snapshot = self.snapshot(call, name).await?;
            let what = match snapshot
                .as_ref()
                .map(|snapshot| snapshot.status().unwrap_or_default())
            {
                Some("available") => return Ok(()),
                Some("failed" | "incompatible-restore" | "incompatible-parameters") => {
                    let message = format!("snapshot {name} has failed: no migration was run");
                    return Err(call.unfit(OPERATION, message));
                }
                Some(status) => format!("snapshot {name} is {status}"),
                None => {
                    self.create(call, name).await?;
                    format!("snapshot {name} was asked for")
                }
            };
            if !call.pause(self.poll).await {
                let kind = FaultKind::Unavailable { retry_after: None };
                return Err(call.fault(kind, "DescribeDBSnapshots", what));
            }
        }
    }

    async fn create(&self, call: &Call, name: &str) -> Result<(), Fault> {
        let request = self
            .client
            .create_db_snapshot()
            .db_instance_identifier(&self.name)
            .db_snapshot_identifier(name);
        let create = async {
            match request.send().await {
                // A call before this one was quicker; or another snapshot is being made, and this one waits for it.
                Err(error)
                    if matches!(
                        error.code(),
                        Some(
                            "DBSnapshotAlreadyExists"
                                | "InvalidDBInstanceState"
                                | "InvalidDBInstanceStateFault"
                        )
                    ) =>
                {
                    Ok(())
                }
                answer => answer.map(drop),
            }
        };
        call.change("CreateDBSnapshot", create).await
    }

    /// Whether the database is there.
    async fn check(&self, op: &Op) -> Result<Verdict, Fault> {
        let call = self.begin(op);
        let request = self
            .client
            .describe_db_instances()
            .db_instance_identifier(&self.name);
        let ask = async {
            match request.send().await {
                Err(error)
                    if matches!(
                        error.code(),
                        Some("DBInstanceNotFound" | "DBInstanceNotFoundFault")
                    ) =>
                {
                    Ok(None)
                }
                answer => answer.map(Some),
            }
        };
        Ok(match call.read("DescribeDBInstances", ask).await? {
            Some(_) => Verdict::pass(format!("a snapshot of {} is taken first", self.name)),
            None => Verdict::fail(format!(
                "there is no database {} to take a snapshot of",
                self.name
            )),
        })
    }
}

/// Takes a snapshot before the migrations that another migrator runs.
///
/// Before expand and contract migrations; a backfill only fills in. The snapshot has a name that follows from the
/// deployment, so a call that is sent again takes no second one. Its name is in what the migration tells, and so in
/// the record. The deadline of the phase has to leave time for it.
#[derive(Debug, Clone)]
pub struct SnapshotFirst<M> {
    database: Database,
    inner: M,
}

impl<M: Migrator> SnapshotFirst<M> {
    /// A snapshot of this database before what this migrator does.
    #[must_use]
    pub const fn new(database: Database, inner: M) -> Self {
        Self { database, inner }
    }
}

const fn is_worth_it(phase: MigrationPhase) -> bool {
    !matches!(phase, MigrationPhase::Backfill)
}

#[async_trait]
impl<M: Migrator> Migrator for SnapshotFirst<M> {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        if !is_worth_it(phase) {
            return self.inner.migrate(op, phase, assignment).await;
        }
        let call = self.database.begin(op);
        let name = self.database.snapshot_name(assignment.deployment, phase);
        self.database.ensure_snapshot(&call, &name).await?;
        let rest = Op::new(op.token, op.id.clone(), call.left());
        let did = self.inner.migrate(&rest, phase, assignment).await?;
        Ok(format!("snapshot {name} is available; {did}"))
    }

    async fn review(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
        slots: &Slots,
    ) -> Result<Option<Verdict>, Fault> {
        let inner = self.inner.review(op, phase, assignment, slots).await?;
        if !is_worth_it(phase) {
            return Ok(inner);
        }
        let ours = self.database.check(op).await?;
        Ok(Some(match inner {
            Some(inner) if ours.outcome == Outcome::Pass => Verdict {
                evidence: format!("{}; {}", inner.evidence, ours.evidence),
                outcome: inner.outcome,
            },
            _ => ours,
        }))
    }

    async fn mark_stale(&self, op: &Op, releases: &[Version], assignment: &Assignment) -> Result<(), Fault> {
        self.inner.mark_stale(op, releases, assignment).await
    }

    fn settle(&self) -> Duration {
        self.database.settle.max(self.inner.settle())
    }
}
