//! What has to hold when an operation is over.

use std::path::Path;

use bluegreen_bench::Failure;
use bluegreen_core::lifecycle::End;
use bluegreen_core::{Role, Slot, Split, Version};
use bluegreen_testkit::load::{Kind, Load};

use crate::deployer::{COMMAND, Ended};
use crate::world::World;

/// How many requests are sent to see who answers.
const PROBES: u64 = 20;

/// How things should stand.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) end: End,
    pub(crate) live: Slot,
    pub(crate) version: Version,
    /// Tells the operation in the record.
    pub(crate) mark: String,
}

/// Everything that is not as it should be.
pub(crate) async fn faults(world: &World, told: &Ended, expected: &Expected) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    let mut hold = |holds: bool, what: String| {
        if !holds {
            faults.push(what);
        }
    };
    let end = expected.end;
    hold(
        told.end == Some(end),
        format!(
            "the deployer said that it ended as {:?}, not as {end:?}",
            told.end
        ),
    );

    let status = world.watcher.status().await?;
    let slots = status.lifecycle.slots();
    let run = status.lifecycle.run().ok_or("the record is empty")?;
    hold(
        run.by.reason == expected.mark,
        format!("the record is about {}", run.by.reason),
    );
    hold(
        run.end == Some(end),
        format!("the record says that it ended as {:?}", run.end),
    );
    hold(
        told.was_over || status.holder.is_none(),
        format!("the lease is still held: {:?}", status.holder),
    );
    let live: Vec<Slot> = Slot::BOTH
        .into_iter()
        .filter(|slot| slots.get(*slot).role == Role::Live)
        .collect();
    hold(
        live == [expected.live],
        format!("the record says that {live:?} is live, not {}", expected.live),
    );
    for (router, seen) in &status.routers {
        let all = Split::all(expected.live);
        let is_all = seen.as_ref().is_ok_and(|seen| seen.split == all);
        hold(is_all, format!("{router} says {seen:?}, and not {all}"));
    }

    let running = world.host.release(expected.live).map(|release| release.version);
    hold(
        running.as_ref() == Some(&expected.version),
        format!("{running:?} runs in {}, not {}", expected.live, expected.version),
    );
    let probe = Load::new(world.places.public).kinds([Kind::Fresh]).connections(1);
    let report = probe.rate(1_000).at_most(PROBES).start().finished().await;
    let answering: Vec<Slot> = report.slots.keys().copied().collect();
    hold(
        answering == [expected.live] && report.answered == PROBES,
        format!(
            "{} of {PROBES} requests were answered, by {answering:?}",
            report.answered
        ),
    );

    let left = deployers(world.folder())?;
    hold(left.is_empty(), format!("deployers are still running: {left:?}"));
    let seen = world.seen();
    hold(
        seen.failed == 0,
        format!("{} client requests failed: {:?}", seen.failed, seen.examples),
    );
    Ok(faults)
}

/// Whether the history has one true report for each operation. That of the last one may be missing: a
/// death between its end and its report is made good by the next claim.
pub(crate) async fn history(world: &World, ended: &[End]) -> Result<Vec<String>, Failure> {
    let reports = world.watcher.history(None, ended.len() + 1).await?;
    let told: Vec<Option<End>> = reports.iter().map(|report| report.end).collect();
    let whole: Vec<Option<End>> = ended.iter().copied().map(Some).collect();
    let is_whole = told == whole || told == whole.get(..whole.len().saturating_sub(1)).unwrap_or_default();
    Ok(if is_whole {
        Vec::new()
    } else {
        vec![format!(
            "the history tells {told:?}, and these were done: {whole:?}"
        )]
    })
}

/// The deployers of a folder that run.
fn deployers(folder: &Path) -> std::io::Result<Vec<String>> {
    let folder = folder.display().to_string();
    Ok(processes()?
        .into_iter()
        .filter(|line| line.contains(COMMAND) && line.contains(&folder))
        .collect())
}

/// All processes that have to do with a folder.
pub(crate) fn left_of(folder: &Path) -> std::io::Result<Vec<String>> {
    let folder = folder.display().to_string();
    Ok(processes()?
        .into_iter()
        .filter(|line| line.contains(&folder))
        .collect())
}

/// What runs on this machine, as far as it can be seen.
fn processes() -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        // What ends meanwhile is gone, and so is what a zombie was started as.
        let line = entry.and_then(|entry| std::fs::read(entry.path().join("cmdline")));
        if let Ok(line) = line {
            found.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    Ok(found)
}
