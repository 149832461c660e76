//! Nothing that a record says is lost in reading it: what is read says, written again, the same.
//!
//! A field that got another name would be left out, or would get its default, and the operation would go
//! on as if nobody had ever approved, exposed or aborted it.

use bluegreen_core::{Entry, Plan, Report, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kept::{self, lifecycle, world_of};
use crate::moments;
use crate::world::World;

/// What a type keeps of a text that was written.
fn kept_by<T: DeserializeOwned + Serialize>(written: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_str::<T>(&written.to_string())?)
}

/// The fields of what was written that are not there any more, or say something else. What is new beside
/// them is none of them.
fn lost(written: &Value, read: &Value, at: &str) -> Vec<String> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => written
            .iter()
            .flat_map(|(key, value)| {
                lost(
                    value,
                    read.get(key).unwrap_or(&Value::Null),
                    &format!("{at}.{key}"),
                )
            })
            .collect(),
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => written
            .iter()
            .zip(read)
            .flat_map(|(written, read)| lost(written, read, &format!("{at}[]")))
            .collect(),
        (written, read) if written == read => Vec::new(),
        (written, read) => vec![format!("{at} was {written} and is read as {read}")],
    }
}

#[tokio::test]
async fn nothing_of_a_record_is_lost_in_reading_it() {
    let mut all = Vec::new();
    for kept in kept::all().await {
        let record: Value = serde_json::from_slice(&kept.body).unwrap();
        let read = serde_json::to_value(lifecycle(&kept.body)).unwrap();
        all.extend(lost(&record["lifecycle"], &read, "lifecycle"));
        let plan = &record["lifecycle"]["run"]["plan"];
        all.extend(lost(plan, &kept_by::<Plan>(plan).unwrap(), "plan"));
        for entry in record["tail"].as_array().unwrap() {
            match kept_by::<Entry>(entry) {
                Ok(read) => all.extend(lost(entry, &read, "entry")),
                Err(error) => all.push(format!("{entry}: {error}")),
            }
        }
    }
    all.sort();
    all.dedup();
    assert!(all.is_empty(), "{all:#?}");
}

/// The part of a record that only a deployer reads: who acts, and how much of the journal it holds.
#[tokio::test(start_paused = true)]
async fn who_holds_a_record_and_what_its_journal_says_are_known_from_it() {
    for kept in kept::all().await {
        let record: Value = serde_json::from_slice(&kept.body).unwrap();
        let world = world_of(&kept.body, &kept.known).await;
        let deployer = world.deployer();
        let status = deployer.status().await.unwrap();
        let lease = &record["lease"];
        assert_eq!(
            status.holder.as_ref().map(|(holder, _)| holder.as_str()),
            lease["holder"].as_str(),
            "{}",
            kept.name
        );
        assert_eq!(
            status.entries.len(),
            record["tail"].as_array().unwrap().len(),
            "{}",
            kept.name
        );
    }
}

/// What an ended operation came to, as the history of the service keeps it.
#[tokio::test(start_paused = true)]
async fn nothing_of_a_report_is_lost_in_reading_it() {
    let file = kept::folder().join("report.json");
    if std::env::var_os("BLUEGREEN_WRITE_RECORDS").is_some() && !file.exists() {
        let world = World::new();
        moments::deploy(&world, "2.0.0").await.unwrap();
        let keys = world.memory.list("shop/history/", None, 1).await.unwrap();
        std::fs::write(&file, world.memory.get(&keys[0]).await.unwrap().unwrap()).unwrap();
    }
    let report: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let all = lost(&report, &kept_by::<Report>(&report).unwrap(), "report");
    assert!(all.is_empty(), "{all:#?}");
}
