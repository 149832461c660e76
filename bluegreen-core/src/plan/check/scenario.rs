//! Rules for smoke scenarios.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::gates::{POINTER_REMEDY, is_json_pointer};
use super::{BUILT_IN_PLACEHOLDERS, Check};
use crate::plan::template::is_placeholder_name;
use crate::plan::{Redirects, ScenarioSpec, ScenarioStep, Take, humane};

/// The placeholder that is another text in each run.
pub(crate) const RUN: &str = "run";

/// The placeholders of a scenario, where one of its steps is looked at.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Those that have a value by then.
    pub(super) now: BTreeSet<String>,
    /// Those that a later step takes: which.
    pub(super) later: BTreeMap<String, String>,
    /// What it names is not known: a part of the scenario is a stand-in.
    pub(super) is_blurred: bool,
}

impl Check<'_> {
    /// A scenario, in a gate whose limit for one measurement is this, where that is known.
    pub(super) fn scenario(&mut self, path: &str, timeout: Option<Duration>, scenario: &ScenarioSpec) {
        if scenario.steps.is_empty() {
            let remedy = "write at least one request: [[...scenario.steps]]";
            self.note(format!("{path}.steps"), "there is no step", remedy);
        }
        self.scenario_times(path, timeout, scenario);
        self.scenario_names(path, scenario);
        self.scope = Scope {
            now: BTreeSet::from([RUN.to_owned()]),
            later: takes(scenario)
                .map(|(name, step)| (name.clone(), step.to_owned()))
                .collect(),
            is_blurred: self.stand_ins.touch(path),
        };
        for (name, value) in &scenario.values {
            let path = format!("{path}.values.{name}");
            self.placeholder_name(&path, name);
            self.value(&path, value, super::commands::is_secret_by_name(name));
        }
        self.scope.now.extend(scenario.values.keys().cloned());
        self.headers(&format!("{path}.headers"), &scenario.headers);
        for (list, steps) in [("steps", &scenario.steps), ("clean_up", &scenario.clean_up)] {
            for (index, step) in steps.iter().enumerate() {
                self.scenario_step(&format!("{path}.{list}[{index}]"), step);
            }
        }
        self.scope = Scope::default();
    }

    fn scenario_step(&mut self, path: &str, step: &ScenarioStep) {
        self.http(&format!("{path}.http"), &step.http);
        if let Some(timeout) = step.timeout {
            self.duration_above_zero(format!("{path}.timeout"), timeout);
        }
        let asks_for_redirect = step.http.status.iter().any(|status| (300..400).contains(status));
        if asks_for_redirect && step.redirects != Redirects::None {
            let message = "redirects are followed, and a redirect is asked for";
            self.note(format!("{path}.redirects"), message, "leave `redirects` out");
        }
        for (name, take) in &step.take {
            let path = format!("{path}.take.{name}");
            self.placeholder_name(&path, name);
            self.take(&path, take);
            if self.scope.now.contains(name) {
                let remedy = "give it a name of its own";
                self.note(&path, format!("{{{name}}} has a value already"), remedy);
            }
            self.scope.later.remove(name);
            self.scope.now.insert(name.clone());
        }
    }

    fn take(&mut self, path: &str, take: &Take) {
        match (&take.json, &take.header, &take.regex) {
            (Some(_), Some(_), _) => {
                self.note(path, "it takes two things", "take each under a name of its own");
            }
            (None, None, None) if !self.stand_ins.touch(path) => {
                let remedy = "write json = \"/token\", header = \"location\" or regex = \"id=([0-9]+)\"";
                self.note(path, "it takes nothing", remedy);
            }
            _ => {}
        }
        if let Some(pointer) = take.json.as_ref().filter(|pointer| !is_json_pointer(pointer)) {
            let message = format!("{pointer:?} is no JSON pointer");
            self.note(format!("{path}.json"), message, POINTER_REMEDY);
        }
        if let Some(name) = &take.header {
            self.header_name(&format!("{path}.header"), name);
        }
        if let Some(regex) = &take.regex {
            self.pattern(&format!("{path}.regex"), regex);
        }
    }

    pub(super) fn pattern(&mut self, path: &str, text: &str) {
        // What is built without HTTP cannot ask such a gate, and says so.
        #[cfg(feature = "http")]
        if let Err(why) = crate::plan::pattern::pattern(text) {
            let remedy = "write one that the crate regex-lite reads, such as \"id=([0-9]+)\"";
            self.note(path, format!("it is no regular expression: {why}"), remedy);
        }
        if text.is_empty() {
            self.note(
                path,
                "the empty expression matches everything",
                "write what must be there",
            );
        }
    }

    /// The names of steps, in both lists.
    fn scenario_names(&mut self, path: &str, scenario: &ScenarioSpec) {
        let (steps, clean_up) = (format!("{path}.steps"), format!("{path}.clean_up"));
        self.names(&steps, scenario.steps.iter().map(|step| step.name.as_str()));
        self.names(&clean_up, scenario.clean_up.iter().map(|step| step.name.as_str()));
        for (index, step) in scenario.clean_up.iter().enumerate() {
            let path = format!("{clean_up}[{index}].name");
            let is_other = scenario.steps.iter().any(|other| other.name == step.name);
            if is_other && !self.stand_ins.touch(&steps) {
                let message = format!("a step is called {:?} too", step.name);
                self.note(path, message, "give each a name of its own");
            }
        }
    }

    fn scenario_times(&mut self, path: &str, timeout: Option<Duration>, scenario: &ScenarioSpec) {
        if let Some(time) = scenario.clean_up_time {
            let path = format!("{path}.clean_up_time");
            self.duration_above_zero(&path, time);
            if let Some(timeout) = timeout.filter(|timeout| time >= *timeout) {
                let message = format!(
                    "the gate's timeout is {}, which leaves no time for the steps",
                    humane::format(timeout)
                );
                self.note(&path, message, "write a longer `timeout` beside `scenario`");
            }
            if scenario.clean_up.is_empty() && !self.stand_ins.touch(path.trim_end_matches("_time")) {
                self.note(&path, "there is nothing to clean up", "leave it out");
            }
        }
    }

    /// A name that the texts of a scenario can use, and that means nothing else.
    fn placeholder_name(&mut self, path: &str, name: &str) {
        let plan = self.plan;
        if BUILT_IN_PLACEHOLDERS.contains(&name) || name == RUN {
            let message = format!("{{{name}}} has a meaning of its own");
            self.note(path, message, "give the value another name");
        } else if plan.slots.values().any(|values| values.contains_key(name)) {
            let message = format!("{{{name}}} is a value of [slots.blue] and [slots.green]");
            self.note(path, message, "give the value another name");
        } else if !is_placeholder_name(name) {
            let remedy = "use lower-case letters, digits and _, and begin with a letter";
            self.note(path, format!("{name:?} cannot be a placeholder"), remedy);
        }
    }
}

/// What is taken, and by which step.
fn takes(scenario: &ScenarioSpec) -> impl Iterator<Item = (&String, &str)> {
    let steps = scenario.steps.iter().chain(&scenario.clean_up).rev();
    steps.flat_map(|step| step.take.keys().map(|name| (name, step.name.as_str())))
}
