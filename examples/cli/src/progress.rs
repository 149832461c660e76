//! The progress of an operation in lines: phases, splits, gates with their evidence, why it waits.

use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::lifecycle::{CheckResult, Hold, Run};
use bluegreen_core::plan::{ApprovalDefault, Plan};
use bluegreen_core::{Entry, Event, Outcome, Phase, Status, Timestamp, Verification};

use crate::operate::Seen;
use crate::screen::Screen;
use crate::words::{clock, millis, time};

/// Nothing is repeated sooner than this.
const QUIET: Duration = Duration::from_secs(8);

/// What this process has to do with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing yet: another may be at work.
    Waiting,
    /// It has asked whoever is at work for something, and that is stored.
    Asked,
    /// It is at work itself.
    AtWork,
}

/// What was said of an operation so far.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The plan by which it goes, as far as is known.
    plan: Plan,
    stage: Stage,
    holder: Option<String>,
    phase: Option<(Phase, Option<usize>)>,
    answers: BTreeMap<String, Outcome>,
    routers: BTreeMap<String, &'static str>,
    last: Timestamp,
}

impl Progress {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            stage: Stage::Waiting,
            holder: None,
            phase: None,
            answers: BTreeMap::new(),
            routers: BTreeMap::new(),
            last: Timestamp::default(),
        }
    }

    /// What this process has to do with the operation.
    pub(crate) const fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) fn tell(&mut self, screen: Screen, seen: &Seen) {
        let (at, lines) = match seen {
            Seen::Entry(entry) => (entry.at, self.entry(entry)),
            Seen::Standing(status) => (status.at, self.standing(status)),
        };
        if !lines.is_empty() {
            self.last = at;
        }
        for line in lines {
            // What has several lines, as a scenario's steps have, stays below its first one.
            let line = line.replace('\n', "\n                           ");
            screen.say(&format!("{}  {line}", clock(at)));
        }
    }

    fn entry(&mut self, entry: &Entry) -> Vec<String> {
        match entry.event {
            Event::Started { .. } | Event::Claimed { .. } => self.stage = Stage::AtWork,
            _ if self.stage == Stage::Waiting => self.stage = Stage::Asked,
            _ => {}
        }
        let phase = (entry.phase, entry.step);
        let changed = self.phase != Some(phase);
        // What a check found belongs to the phase that asked for it.
        let mut lines = self.event(&entry.event);
        if changed {
            self.phase = Some(phase);
            self.answers.clear();
            self.routers.clear();
            lines.extend(self.heading(entry.phase, entry.step));
        }
        lines
    }

    fn heading(&self, phase: Phase, step: Option<usize>) -> Option<String> {
        if phase == Phase::Ended {
            return None;
        }
        let steps = &self.plan.steps;
        let at = step.and_then(|step| steps.get(step.checked_sub(1)?));
        let place = match (step, at) {
            (Some(step), Some(at)) => format!(" (step {step} of {}: {})", steps.len(), at.weight),
            _ => String::new(),
        };
        let watched = match phase {
            Phase::Bake => at.map(|step| step.bake),
            Phase::Soak => Some(self.plan.soak.time),
            _ => None,
        };
        let watched = watched.map_or_else(String::new, |span| format!(", watched for {}", time(span)));
        Some(format!("{phase}{place}{watched}"))
    }

    fn event(&mut self, event: &Event) -> Vec<String> {
        let one = |line: String| vec![format!("    {line}")];
        match event {
            Event::Started {
                operation,
                release,
                by,
            } => {
                let release = release
                    .as_ref()
                    .map(|release| format!(" {release}"))
                    .unwrap_or_default();
                vec![format!("{operation}{release}, begun by {}: {}", by.by, by.reason)]
            }
            Event::Claimed {
                takeover: true,
                settle_ms,
                epoch,
                ..
            } => vec![format!(
                "taking over what is open (epoch {epoch}); nothing new is sent for {} until nothing of the predecessor can act",
                millis(*settle_ms)
            )],
            Event::Reconciled { routers } => routers
                .iter()
                .map(|(name, split)| format!("    {name}: {split}"))
                .collect(),
            Event::Checked { results } => results.iter().map(result).collect(),
            Event::Watched { results, .. } => self.news(results),
            Event::Done { evidence } => one(evidence.clone()),
            Event::Verified { routers, .. } => self.verified(routers),
            Event::Assessed {
                origin,
                target,
                evidence,
            } => one(format!(
                "the slot that was live: {origin:?}, the candidate: {target:?}; {evidence}"
            )),
            Event::Deferred { reason, .. } => one(format!("not yet: {reason}")),
            Event::Unknown { reason, settle_ms } => one(format!(
                "outcome unknown: {reason}; nothing new is sent for {}",
                millis(*settle_ms)
            )),
            Event::Failed { reason } => one(format!("failed: {reason}")),
            Event::Expired => one("its time is over".to_owned()),
            Event::HooksRun { at, failures, .. } => match failures.as_slice() {
                [] => one(format!("hooks {at}: done")),
                failures => one(format!("hooks {at}: {}", failures.join("; "))),
            },
            Event::Notified { notice, failure } => match failure {
                None => one(format!("told: {}", notice_word(*notice))),
                Some(failure) => one(format!("could not be told to everybody: {failure}")),
            },
            Event::Approved { by, step } => one(format!("{by} approved step {step}")),
            Event::AbortRequested { by } => one(format!("{} asks to stop: {}", by.by, by.reason)),
            Event::ReturnRequested { by } => one(format!("{} asks for the way back: {}", by.by, by.reason)),
            Event::Resolved { by, live } => one(format!(
                "{} says that {live} has the traffic: {}",
                by.by, by.reason
            )),
            _ => Vec::new(),
        }
    }

    /// The gates whose answer is another than before.
    fn news(&mut self, results: &[CheckResult]) -> Vec<String> {
        results
            .iter()
            .filter(|result| {
                let before = self
                    .answers
                    .insert(format!("{} {}", result.name, result.slot), result.outcome);
                before != Some(result.outcome)
                    && !(before.is_none() && result.outcome == Outcome::Inconclusive)
            })
            .map(result)
            .collect()
    }

    fn verified(&mut self, routers: &[(String, Verification)]) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, answer) in routers {
            let (word, why) = match answer {
                Verification::Live { evidence } => ("live", evidence),
                Verification::NotYet { why } => ("not yet live", why),
                Verification::Unknown { why } => ("cannot be told", why),
            };
            if self.routers.insert(name.clone(), word) != Some(word) {
                lines.push(format!("    {name}: {word}: {why}"));
            }
        }
        lines
    }

    fn standing(&mut self, status: &Status) -> Vec<String> {
        let open = status.lifecycle.open();
        if let Some(run) = open {
            self.plan.clone_from(&run.plan);
        }
        if self.stage != Stage::AtWork
            && let Some((holder, since)) = &status.holder
            && self.holder.as_ref() != Some(holder)
        {
            self.holder = Some(holder.clone());
            let at = open.map_or_else(String::new, |run| {
                format!(", on {} in phase {}", run.id, run.phase)
            });
            return vec![format!(
                "waiting: held by {holder} since {since}{at}; if it is dead its lease runs out in at most {}",
                time(self.plan.lease.ttl)
            )];
        }
        match open {
            Some(run) if status.at.since(self.last) >= QUIET => vec![still(run, status.at)],
            _ => Vec::new(),
        }
    }
}

fn result(result: &CheckResult) -> String {
    format!(
        "    {:<12} {} ({}): {}",
        result.outcome, result.name, result.slot, result.evidence
    )
}

/// Why it goes on, and for how long at most.
pub(crate) fn still(run: &Run, at: Timestamp) -> String {
    let spent = at.since(run.since);
    let left = run.time_limit().map(|limit| limit.saturating_sub(spent));
    let left = left.map_or_else(String::new, |left| format!(", at most {} left", time(left)));
    let what = match run.phase {
        Phase::Bake | Phase::Soak => {
            format!("watched {} of {}", millis(run.watched_ms), time(run.watch_time()))
        }
        Phase::Approval => {
            let default = run
                .plan
                .steps
                .get(run.step)
                .and_then(|step| step.approval.as_ref())
                .map_or("", |approval| match approval.default {
                    ApprovalDefault::Abort => ", then it is aborted",
                    ApprovalDefault::Proceed => ", then it goes on",
                });
            return format!("    waiting for an approval (`approve`){left}{default}");
        }
        _ => format!("for {}", time(spent)),
    };
    let what = match run.hold {
        Some(Hold::Asked) => format!("{what}, held until `approve`, `abort` or enough data"),
        _ => what,
    };
    let why = run
        .waiting_for
        .as_ref()
        .map_or_else(String::new, |why| format!(": {why}"));
    format!("    still in {}, {what}{left}{why}", run.phase)
}

fn notice_word(kind: bluegreen_core::NoticeKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|word| word.as_str().map(|word| word.replace('_', " ")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn plan() -> Plan {
        let steps = json!([{"weight": "5%", "bake": "2m"}, {"weight": "100%"}]);
        Plan::from_value(json!({"service": "shop", "steps": steps})).unwrap()
    }

    fn told(progress: &mut Progress, phase: &str, step: Option<usize>, event: Value) -> Vec<String> {
        let mut entry = json!({
            "deployment": "1-20261121T083000Z", "at": "2026-11-21T08:30:00Z", "phase": phase, "step": step,
        });
        let (Some(entry_object), Value::Object(event)) = (entry.as_object_mut(), event) else {
            panic!("an event is a table")
        };
        entry_object.extend(event);
        progress.entry(&serde_json::from_value(entry).unwrap())
    }

    fn watched(outcome: &str, evidence: &str) -> Value {
        let result =
            json!({"name": "guard/errors", "slot": "green", "outcome": outcome, "evidence": evidence});
        json!({"event": "watched", "watched_ms": 1000, "results": [result]})
    }

    #[test]
    fn a_phase_is_told_when_it_begins_with_its_step_and_its_time() {
        let mut progress = Progress::new(&plan());
        let live = json!({"event": "verified", "settle_ms": 0, "routers": [["nginx", {"state": "live", "evidence": "seen"}]]});
        let lines = told(&mut progress, "bake", Some(1), live);
        assert_eq!(
            lines,
            ["    nginx: live: seen", "bake (step 1 of 2: 5%), watched for 2m"]
        );
        let lines = told(&mut progress, "bake", Some(1), json!({"event": "waited"}));
        assert!(lines.is_empty(), "{lines:?}");
    }

    #[test]
    fn a_gate_is_told_when_its_answer_is_another() {
        let mut progress = Progress::new(&plan());
        told(&mut progress, "bake", Some(1), json!({"event": "waited"}));
        for (outcome, evidence, is_told) in [
            ("inconclusive", "not asked yet", false),
            ("pass", "0.1%", true),
            ("pass", "0.2%", false),
            ("fail", "9%", true),
            ("pass", "0.1%", true),
        ] {
            let lines = told(&mut progress, "bake", Some(1), watched(outcome, evidence));
            assert_eq!(
                lines.len(),
                usize::from(is_told),
                "{outcome} {evidence}: {lines:?}"
            );
            assert!(lines.iter().all(|line| line.contains(evidence)), "{lines:?}");
        }
    }

    #[test]
    fn who_is_at_work_shows_in_the_events() {
        let mut progress = Progress::new(&plan());
        assert_eq!(progress.stage(), Stage::Waiting);
        let by = json!({"by": "boss", "reason": "it smells"});
        told(
            &mut progress,
            "bake",
            Some(1),
            json!({"event": "abort_requested", "by": by}),
        );
        assert_eq!(progress.stage(), Stage::Asked);
        let claimed =
            json!({"event": "claimed", "holder": "me", "epoch": 2, "takeover": true, "settle_ms": 0});
        told(&mut progress, "bake", Some(1), claimed);
        assert_eq!(progress.stage(), Stage::AtWork);
    }
}
