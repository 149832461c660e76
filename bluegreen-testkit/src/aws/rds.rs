//! RDS: databases and their snapshots.
//!
//! Written from the [API reference](https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html).

use std::collections::BTreeMap;

use bluegreen_core::{Monotonic, Timestamp};
use hyper::StatusCode;

use super::FakeAws;
use super::cloud::{Cloud, State as Account};
use super::wire::{Answer, Answered, Asked, Form, Refusal, around, element};
use crate::lock::held;

/// All databases and snapshots, by their names.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Each with how far the latest time to restore to lies behind, in seconds.
    databases: BTreeMap<String, u64>,
    snapshots: BTreeMap<String, Snapshot>,
    is_spoiled: bool,
}

#[derive(Debug, Clone)]
struct Snapshot {
    database: String,
    asked: Monotonic,
    at: Timestamp,
    fails: bool,
}

pub(super) fn answer(cloud: &Cloud, account: &mut Account, asked: &Asked) -> Answered {
    let form = asked.form();
    match asked.action.as_str() {
        "CreateDBSnapshot" => create(cloud, account, &form),
        "DescribeDBSnapshots" => snapshots(cloud, account, &form),
        "DescribeDBInstances" => databases(cloud, account, &form),
        other => Err(Refusal::new(
            "InvalidAction",
            format!("Could not find operation {other}"),
        )),
    }
}

fn missing(code: &str, message: String) -> Refusal {
    Refusal::new(code, message).status(StatusCode::NOT_FOUND)
}

fn no_database(name: &str) -> Refusal {
    missing("DBInstanceNotFound", format!("DBInstance {name} not found."))
}

/// 1 to 255 letters, digits and hyphens, first a letter, no hyphen at the end and no two in a row.
fn is_identifier(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn create(cloud: &Cloud, account: &mut Account, form: &Form) -> Answered {
    let database = form
        .text("DBInstanceIdentifier")
        .unwrap_or_default()
        .to_lowercase();
    // Names are kept in lower case, whatever is asked for.
    let name = form
        .text("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_lowercase();
    if !is_identifier(&name) {
        let message = format!(
            "The parameter DBSnapshotIdentifier is not a valid identifier. Identifiers must begin with a letter; must \
             contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two \
             consecutive hyphens. ({name})"
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    if !account.rds.databases.contains_key(&database) {
        return Err(no_database(&database));
    }
    if account.rds.snapshots.contains_key(&name) {
        let message = format!(
            "Cannot create the snapshot because a snapshot with the identifier {name} already exists."
        );
        return Err(Refusal::new("DBSnapshotAlreadyExists", message));
    }
    let now = cloud.clock.monotonic();
    let being_made =
        |snapshot: &Snapshot| snapshot.database == database && status(cloud, snapshot) == "creating";
    if account.rds.snapshots.values().any(being_made) {
        let message = format!("Database instance is not in available state: {database} is backing-up.");
        return Err(Refusal::new("InvalidDBInstanceState", message));
    }
    let snapshot = Snapshot {
        database,
        asked: now,
        at: cloud.clock.now(),
        fails: std::mem::take(&mut account.rds.is_spoiled),
    };
    let shown = show_snapshot(cloud, &name, &snapshot);
    account.rds.snapshots.insert(name, snapshot);
    Ok(Answer::new(around("DBSnapshot", &shown)))
}

fn status(cloud: &Cloud, snapshot: &Snapshot) -> &'static str {
    let age = cloud.clock.monotonic().since(snapshot.asked);
    match (age < cloud.config.snapshot_takes, snapshot.fails) {
        (true, _) => "creating",
        (false, false) => "available",
        (false, true) => "failed",
    }
}

fn show_snapshot(cloud: &Cloud, name: &str, snapshot: &Snapshot) -> String {
    let status = status(cloud, snapshot);
    let made = if status == "available" {
        element("SnapshotCreateTime", &snapshot.at.to_string())
    } else {
        String::new()
    };
    let percent = if status == "available" { "100" } else { "0" };
    [
        element("DBSnapshotIdentifier", name),
        element("DBInstanceIdentifier", &snapshot.database),
        element("Engine", "mysql"),
        element("SnapshotType", "manual"),
        element("Status", status),
        element("PercentProgress", percent),
        made,
        element(
            "DBSnapshotArn",
            &format!(
                "arn:aws:rds:{}:{}:snapshot:{name}",
                cloud.config.region, cloud.config.account
            ),
        ),
    ]
    .concat()
}

fn snapshots(cloud: &Cloud, account: &Account, form: &Form) -> Answered {
    let name = form
        .text("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_lowercase();
    let snapshot = account
        .rds
        .snapshots
        .get(&name)
        .ok_or_else(|| missing("DBSnapshotNotFound", format!("DBSnapshot {name} not found.")))?;
    let shown = around("DBSnapshot", &show_snapshot(cloud, &name, snapshot));
    Ok(Answer::new(around("DBSnapshots", &shown)))
}

fn databases(cloud: &Cloud, account: &Account, form: &Form) -> Answered {
    let name = form
        .text("DBInstanceIdentifier")
        .unwrap_or_default()
        .to_lowercase();
    let behind = account
        .rds
        .databases
        .get(&name)
        .ok_or_else(|| no_database(&name))?;
    let millis = i64::try_from(behind.saturating_mul(1_000)).unwrap_or(0);
    let latest = Timestamp::from_millis(cloud.clock.now().as_millis().saturating_sub(millis));
    let shown = [
        element("DBInstanceIdentifier", &name),
        element("Engine", "mysql"),
        element("DBInstanceStatus", "available"),
        element("LatestRestorableTime", &latest.to_string()),
        element("BackupRetentionPeriod", "7"),
    ]
    .concat();
    Ok(Answer::new(around("DBInstances", &around("DBInstance", &shown))))
}

impl FakeAws {
    /// Adds a database. The latest time that it can be restored to lies five minutes behind.
    pub fn add_database(&self, name: &str) {
        held(&self.cloud.state).rds.databases.insert(name.to_owned(), 300);
    }

    /// Lets the next snapshot fail.
    pub fn spoil_snapshot(&self) {
        held(&self.cloud.state).rds.is_spoiled = true;
    }

    /// The names of all snapshots.
    #[must_use]
    pub fn snapshots(&self) -> Vec<String> {
        held(&self.cloud.state).rds.snapshots.keys().cloned().collect()
    }
}
