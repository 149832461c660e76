//! How things stand, and what was done before.

use bluegreen_core::{Report, Status, WayBack};

use crate::progress::still;
use crate::report::{headline, slots};
use crate::words::table;

/// How things stand, for people.
pub(crate) fn text(status: &Status) -> String {
    let mut lines = vec![format!("{} at {}", status.service, status.at)];
    let run = status.lifecycle.run();
    match run {
        None => lines.push("  nothing has been deployed yet: there is no record".to_owned()),
        Some(_) => lines.push(format!("  slots: {}", slots(status.lifecycle.slots()))),
    }
    for (name, seen) in &status.routers {
        lines.push(match seen {
            Ok(seen) => format!("  router {name}: {} ({})", seen.split, seen.evidence),
            Err(why) => format!("  router {name}: cannot be asked: {why}"),
        });
    }
    if let Some(back) = &status.way_back {
        lines.push(way_back(back));
    }
    for change in &status.underway {
        lines.push(format!("  over several deployments: {change}"));
    }
    match status.lifecycle.open() {
        Some(run) => {
            let release = run.release.as_ref().map(|release| format!(" {release}"));
            lines.push(format!(
                "  open: {}{} ({}), begun by {}: {}",
                run.operation,
                release.unwrap_or_default(),
                run.id,
                run.by.by,
                run.by.reason
            ));
            lines.push(still(run, status.at));
            if let Some(reason) = &run.reason {
                lines.push(format!("    reason: {reason}"));
            }
        }
        None => lines.push("  nothing is open".to_owned()),
    }
    match &status.holder {
        Some((holder, since)) => lines.push(format!(
            "  held by {holder} since {since} (if it has died, its lease runs out by itself)"
        )),
        None if status.lifecycle.open().is_some() => {
            lines.push("  nobody is at work on it: `resume` carries it on".to_owned());
        }
        None => {}
    }
    lines.join("\n")
}

fn way_back(back: &WayBack) -> String {
    let release = back
        .release
        .as_ref()
        .map(|release| format!(" (release {release})"));
    let until = back.until.map(|until| format!(", kept until {until}"));
    let database = match &back.database {
        None => String::new(),
        Some(verdict) => format!(": {}", verdict.evidence),
    };
    format!(
        "  way back: {}{}{}{database}",
        back.slot,
        release.unwrap_or_default(),
        until.unwrap_or_default()
    )
}

/// What was done before, for people.
pub(crate) fn history(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "nothing has been done yet".to_owned();
    }
    let mut rows = vec![["began", "by", "what"].map(str::to_owned).to_vec()];
    for report in reports {
        rows.push(vec![
            report.started.to_string(),
            report.by.by.clone(),
            headline(report),
        ]);
    }
    table(&rows)
}
