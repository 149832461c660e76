//! What somebody would have to do to take data back.

use std::fmt;

use async_trait::async_trait;
use bluegreen_core::{
    DeploymentId, Fault, MigrationPhase, Notice, NoticeKind, Notifier, Op, Phase, Report, Timestamp,
};

use super::snapshot::Database;

/// The commands that would take the data of a database back, with their times. Shown, never run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WayBack {
    /// The database.
    pub database: String,
    /// The deployment whose migrations are meant.
    pub deployment: DeploymentId,
    /// The moment before them.
    pub before: Timestamp,
    /// The latest moment that can be restored to at the time of asking; what is later has to be waited for.
    pub latest: Option<Timestamp>,
    /// The snapshot that was taken before them, if one was, and when.
    pub snapshot: Option<(String, Option<Timestamp>)>,
}

/// The snapshot first, then the point in time; both make a database of another name.
impl fmt::Display for WayBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = &self.database;
        let target = format!("{database}-before-{}", self.deployment).to_lowercase();
        writeln!(
            f,
            "Database {database} was left as it is: the releases on both sides of a rollback work on its schema. If data \
             has to be taken back all the same, these make a new database beside it, without what was written since:"
        )?;
        if let Some((snapshot, at)) = &self.snapshot {
            let at = at.map_or_else(String::new, |at| format!(" of {}", seconds(at)));
            writeln!(f, "  from the snapshot before the migrations{at}:")?;
            writeln!(
                f,
                "    aws rds restore-db-instance-from-db-snapshot --db-instance-identifier {target} \
                 --db-snapshot-identifier {snapshot}"
            )?;
        }
        let before = seconds(self.before);
        write!(f, "  for the moment before the migrations, {before}")?;
        match self.latest {
            Some(latest) if latest < self.before => {
                writeln!(
                    f,
                    " (not yet: the latest moment that can be restored is {}):",
                    seconds(latest)
                )?;
            }
            Some(latest) => writeln!(f, " (the latest that can be restored is {}):", seconds(latest))?,
            None => writeln!(f, ":")?,
        }
        write!(
            f,
            "    aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier {database} \
             --target-db-instance-identifier {target} --restore-time {before}"
        )
    }
}

/// As the command line takes it.
fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}Z", text.split('.').next().unwrap_or_default())
}

impl Database {
    /// What somebody would have to do to take the data of a deployment back, from its report. Reads only.
    ///
    /// # Errors
    /// When the database or its snapshots cannot be read.
    pub async fn way_back(&self, op: &Op, report: &Report) -> Result<WayBack, Fault> {
        let migrated = report.phases.iter().find(|time| time.phase == Phase::Migrate);
        let before = migrated.map_or(report.started, |time| time.began);
        self.way_back_to(op, report.deployment, before).await
    }

    async fn way_back_to(
        &self,
        op: &Op,
        deployment: DeploymentId,
        before: Timestamp,
    ) -> Result<WayBack, Fault> {
        let call = self.begin(op);
        let request = self
            .client
            .describe_db_instances()
            .db_instance_identifier(&self.name);
        let answer = call.read("DescribeDBInstances", request.send()).await?;
        let latest = answer
            .db_instances()
            .first()
            .and_then(|database| database.latest_restorable_time());
        let moment = |at: &aws_smithy_types::DateTime| at.to_millis().ok().map(Timestamp::from_millis);
        let name = self.snapshot_name(deployment, MigrationPhase::Expand);
        let snapshot = self.snapshot(&call, &name).await?;
        Ok(WayBack {
            database: self.name.clone(),
            deployment,
            before,
            latest: latest.and_then(moment),
            snapshot: snapshot.map(|snapshot| (name, snapshot.snapshot_create_time().and_then(moment))),
        })
    }
}

/// Adds the way back of the data to the messages that tell of a rollback. What cannot be read holds no message up.
#[derive(Debug, Clone)]
pub struct WayBackNotifier<N> {
    database: Database,
    inner: N,
}

impl<N: Notifier> WayBackNotifier<N> {
    /// Adds it to what this notifier sends.
    #[must_use]
    pub const fn new(database: Database, inner: N) -> Self {
        Self { database, inner }
    }
}

#[async_trait]
impl<N: Notifier> Notifier for WayBackNotifier<N> {
    async fn notify(&self, op: &Op, notice: &Notice) -> Result<(), Fault> {
        if !matches!(notice.kind, NoticeKind::RolledBack | NoticeKind::NeedsOperator) {
            return self.inner.notify(op, notice).await;
        }
        let began = notice.deployment.began();
        let half = Op::new(op.token, op.id.clone(), op.budget / 2);
        let told = match self.database.way_back_to(&half, notice.deployment, began).await {
            Ok(way) => way.to_string(),
            Err(fault) => format!("What would take the data back cannot be told: {fault}"),
        };
        let mut notice = notice.clone();
        notice.message = format!("{}\n{told}", notice.message);
        let rest = Op::new(op.token, op.id.clone(), op.budget / 2);
        self.inner.notify(&rest, &notice).await
    }
}
