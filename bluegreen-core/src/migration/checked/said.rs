//! What is told of the migrations of a release.

use std::fmt;

use crate::Verdict;
use crate::migration::{Finding, Report, Severity};

/// What is found, the first thing in full.
pub(super) fn said(reports: &[(String, Report)], good: &str) -> Verdict {
    let found = || {
        reports
            .iter()
            .flat_map(|(name, report)| report.findings.iter().map(move |finding| (name, finding)))
    };
    let mut refused = found().filter(|(_, finding)| finding.counts());
    if let Some((name, finding)) = refused.next() {
        let more = match refused.count() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let unknown = if finding.severity == Severity::Unknown {
            "not understood, so refused: "
        } else {
            ""
        };
        let Finding {
            line, rule, message, ..
        } = finding;
        return Verdict::fail(format!("{name}:{line}: {unknown}{message} ({rule}){more}"));
    }
    let count = match reports.len() {
        0 => "no new migration".to_owned(),
        1 => "1 new migration".to_owned(),
        many => format!("{many} new migrations"),
    };
    let allowed: Vec<String> = found()
        .filter_map(|(name, finding)| {
            Some(format!(
                "; {} in {name} is let through: {}",
                finding.rule,
                finding.allowed.as_ref()?
            ))
        })
        .collect();
    Verdict::pass(format!("{count}, {good}{}", allowed.concat()))
}

pub(super) fn listed<T: fmt::Display>(things: &[T], between: &str) -> String {
    let things: Vec<String> = things.iter().map(T::to_string).collect();
    things.join(between)
}
