//! What a plan must be beyond its shape: the rules that bind its parts together.

mod analysis;
mod commands;
mod gates;
mod scenario;
mod sources;
mod times;

use std::collections::BTreeSet;

use super::load::StandIns;
use super::template::is_placeholder_name;
use super::{Hook, Plan, Problem};
use crate::lifecycle::Phase;
use crate::{Share, Slot};

/// A record holds the plan, and has to stay below 64 KiB whatever happens.
const LARGEST_PLAN_BYTES: usize = 32 * 1024;

/// The placeholders that every text of a plan may hold.
const BUILT_IN_PLACEHOLDERS: [&str; 6] = ["service", "slot", "other", "version", "artifact", "deployment"];

impl Plan {
    /// Everything that is wrong with a plan, beyond what its types refuse. A plan that was read with
    /// [`from_toml`](Self::from_toml) and its like, or built, has no problems.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        problems(self, &StandIns::default())
    }
}

/// The problems of a plan some parts of which are only stand-ins.
pub(super) fn problems(plan: &Plan, stand_ins: &StandIns) -> Vec<Problem> {
    let mut check = Check {
        plan,
        stand_ins,
        scope: scenario::Scope::default(),
        problems: Vec::new(),
    };
    check.slots();
    check.steps();
    check.windows();
    check.gate_lists();
    check.sources();
    check.analysis();
    check.commands();
    check.hooks();
    check.times();
    check.size();
    check.problems
}

/// A plan and what was found so far.
struct Check<'a> {
    plan: &'a Plan,
    stand_ins: &'a StandIns,
    /// The placeholders of the scenario that is looked at, beside those of the plan.
    scope: scenario::Scope,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// Notes a problem, unless nobody wrote what it is about.
    fn note(&mut self, path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = Problem::new(path, message, remedy);
        if !self.stand_ins.hold(&problem.path) {
            self.problems.push(problem);
        }
    }

    /// The names of slot variables: placeholders.
    fn slots(&mut self) {
        for (slot, values) in &self.plan.slots {
            for name in values.keys() {
                let path = format!("slots.{slot}.{name}");
                if BUILT_IN_PLACEHOLDERS.contains(&name.as_str()) {
                    self.note(
                        path,
                        format!("{{{name}}} has a meaning of its own"),
                        "give the value another name",
                    );
                } else if !is_placeholder_name(name) {
                    let remedy = "use lower-case letters, digits and _, and begin with a letter";
                    self.note(path, format!("{name:?} cannot be a placeholder"), remedy);
                }
            }
        }
    }

    fn steps(&mut self) {
        let steps = &self.plan.steps;
        if steps.is_empty() {
            let remedy = "write at least the cutover: [[steps]] weight = \"100%\", or leave `steps` out";
            self.note("steps", "there is no step", remedy);
        }
        let mut before = None;
        for (index, step) in steps.iter().enumerate() {
            let path = format!("steps[{index}].weight");
            if self.stand_ins.hold(&path) {
                continue;
            }
            match before {
                _ if step.weight == Share::NONE => {
                    self.note(
                        path,
                        "a step of no traffic shows nothing",
                        "begin with more than 0%",
                    );
                }
                Some(before) if step.weight <= before => {
                    let message = format!("{} follows {before}", step.weight);
                    self.note(path, message, "let the weights rise from step to step");
                }
                _ => {}
            }
            before = Some(step.weight);
        }
        if let Some((index, last)) = steps.iter().enumerate().next_back()
            && last.weight != Share::ALL
        {
            let message = format!(
                "the last step gives the candidate {}, not all traffic",
                last.weight
            );
            self.note(
                format!("steps[{index}].weight"),
                message,
                "add a step with weight = \"100%\"",
            );
        }
    }

    fn hooks(&mut self) {
        self.names("hooks", self.plan.hooks.iter().map(|hook| hook.name.as_str()));
        for (index, hook) in self.plan.hooks.iter().enumerate() {
            let path = format!("hooks[{index}].at");
            if !hook.at.is_allowed() {
                let remedy = "going back waits for nothing: write \"after confirm_return\" or a later point";
                let remedy = if hook.at.phase.is_way_back() {
                    remedy
                } else {
                    "write \"after finish\" or \"after recover\""
                };
                self.note(path, format!("no hook runs {}", hook.at), remedy);
            } else if let Some((why, part)) = self.never_reached(hook)
                && !self.stand_ins.touch(part)
            {
                let remedy = format!("choose another point, or describe `{part}`");
                self.note(
                    path,
                    format!("the plan never comes to {}: {why}", hook.at.phase),
                    remedy,
                );
            }
        }
    }

    /// Why no operation under this plan stops where a hook waits, and the part of the plan that says so.
    fn never_reached(&self, hook: &Hook) -> Option<(&'static str, &'static str)> {
        let plan = self.plan;
        match hook.at.phase {
            Phase::WarmUp if plan.warm_up.is_empty() => Some(("nothing warms the candidate up", "warm_up")),
            Phase::Migrate | Phase::Contract if plan.migrations.is_none() => {
                Some(("it has no migrations", "migrations"))
            }
            Phase::Backfill
                if plan
                    .migrations
                    .as_ref()
                    .is_none_or(|migrations| !migrations.backfill) =>
            {
                Some(("it has no backfill", "migrations"))
            }
            Phase::Quiesce | Phase::StartWorkers | Phase::QueueDepth | Phase::ReturnWorkers
                if plan.workers.is_none() =>
            {
                Some(("it has no workers", "workers"))
            }
            Phase::QueueDepth
                if plan
                    .workers
                    .as_ref()
                    .is_none_or(|workers| workers.max_depth.is_none()) =>
            {
                Some(("it does not look at queues", "workers"))
            }
            Phase::Approval if plan.steps.iter().all(|step| step.approval.is_none()) => {
                Some(("no step asks for an approval", "steps"))
            }
            _ => None,
        }
    }

    /// The names of a list: fit for events and results, and each there once.
    fn names<'n>(&mut self, list: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            let path = format!("{list}[{index}].name");
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
            if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                let remedy = "use lower-case letters, digits, _ and -, at most 64 of them";
                self.note(path, format!("{name:?} is no name"), remedy);
            } else if self.stand_ins.hold(&path) {
                // Its name is not known.
            } else if !seen.insert(name) {
                self.note(
                    path,
                    format!("the list has another {name:?}"),
                    "give each a name of its own",
                );
            }
        }
    }

    fn size(&mut self) {
        let size = serde_json::to_vec(self.plan).map_or(usize::MAX, |json| json.len());
        if size > LARGEST_PLAN_BYTES {
            let message =
                format!("the plan has {size} bytes as JSON, and {LARGEST_PLAN_BYTES} fit into a record");
            self.note(
                "",
                message,
                "move long texts and lists of requests into a command or a gate in code",
            );
        }
    }

    /// Whether both slots have a value for a placeholder; if not, which lack it.
    fn lacking(&self, name: &str) -> Vec<Slot> {
        let has = |slot: &Slot| {
            self.plan
                .slots
                .get(slot)
                .is_some_and(|values| values.contains_key(name))
        };
        Slot::BOTH.into_iter().filter(|slot| !has(slot)).collect()
    }
}
