//! What happened, in one line for people.

use bluegreen_core::lifecycle::CheckResult;
use bluegreen_core::{Entry, Event, Outcome, Phase, Verification};

use crate::scene::{News, Scene};

/// What is to be said of it after what was before; nothing where it changes nothing.
pub(crate) fn line(news: &News, before: &Scene) -> Option<(String, String)> {
    let entry = match news {
        News::Event(entry) => entry,
        News::Killed { after } => {
            let text = format!(
                "the deployer's process is killed, {:.1} s after its first step",
                after.as_secs_f64()
            );
            return Some(("kill -9".to_owned(), text));
        }
        News::Restarted => {
            let text = "the same command again: it waits until the lease of the dead one is over";
            return Some(("restart".to_owned(), text.to_owned()));
        }
        News::Ended { why } => return Some(("ended".to_owned(), why.clone())),
    };
    Some((before.stage.name(), of_event(entry, before)?))
}

/// Whether it is to be seen at the end too, where the progress is drawn over.
pub(crate) fn is_memorable(news: &News) -> bool {
    let News::Event(entry) = news else { return true };
    match &entry.event {
        Event::Checked { results } | Event::Watched { results, .. } => {
            results.iter().any(|result| result.outcome == Outcome::Fail)
        }
        Event::Claimed { .. } | Event::Failed { .. } | Event::Expired => true,
        _ => false,
    }
}

fn of_event(entry: &Entry, before: &Scene) -> Option<String> {
    let phase = before.at.0;
    Some(match &entry.event {
        Event::Started { release, by, .. } => {
            let release = release.as_ref().map(ToString::to_string).unwrap_or_default();
            format!(
                "deployment of release {release} begins, for {}: {}",
                by.by, by.reason
            )
        }
        Event::Claimed { epoch, settle_ms, .. } => format!(
            "resumed in phase {}, epoch {epoch}; first waits {settle_ms} ms, until no call of the dead one can act",
            entry.phase
        ),
        Event::Reconciled { routers } => {
            let each: Vec<_> = routers
                .iter()
                .map(|(name, split)| format!("{name} says {split}"))
                .collect();
            each.join("; ")
        }
        Event::Checked { results } => answers(phase, results),
        Event::Watched { results, .. } => {
            if (entry.phase, entry.step) == before.at {
                return None;
            }
            answers(phase, results)
        }
        Event::Verified { routers, .. } => {
            let is_live = |answer: &Verification| matches!(answer, Verification::Live { .. });
            if !routers.iter().all(|(_, answer)| is_live(answer)) {
                return None;
            }
            "the split is live on every router".to_owned()
        }
        Event::Assessed { origin, target, .. } => {
            format!("blue is {origin:?}, green is {target:?}: all traffic goes back").to_lowercase()
        }
        Event::Done { evidence } => format!("{phase}: {evidence}"),
        Event::Deferred { reason, .. } => format!("{phase} is tried again: {reason}"),
        Event::Unknown { reason, .. } => format!("{phase}: it is not known what became of it: {reason}"),
        Event::Failed { reason } => format!("{phase} failed: {reason}"),
        Event::Expired => format!("{phase} took too long"),
        _ => return None,
    })
}

fn answers(phase: Phase, results: &[CheckResult]) -> String {
    let bad: Vec<_> = results
        .iter()
        .filter(|result| result.outcome == Outcome::Fail)
        .map(|result| format!("{} failed: {}", result.name, result.evidence))
        .collect();
    if !bad.is_empty() {
        return bad.join("; ");
    }
    // What the analysis will be able to see, told before the start; of the first step it is enough here.
    let is_foretold = |result: &&CheckResult| result.name.starts_with("analysis ");
    let (foretold, passed): (Vec<_>, Vec<_>) = results.iter().partition(is_foretold);
    let names: Vec<_> = passed.iter().map(|result| result.name.as_str()).collect();
    let sight = foretold.first().map_or_else(String::new, |result| {
        format!(". {}: {}", result.name, result.evidence)
    });
    format!("{phase} passed: {}{sight}", names.join(", "))
}
