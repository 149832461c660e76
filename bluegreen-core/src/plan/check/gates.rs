//! Rules for gates.

use std::time::Duration;

use serde_json::Value;

use super::Check;
use super::commands::is_secret_by_name;
use crate::plan::{GateSpec, HttpCheck, MetricCheck, humane, placeholders};

pub(super) const POINTER_REMEDY: &str =
    "begin with \"/\": \"/status\", \"/checks/0/name\"; \"\" is the whole body; ~ is written ~0, / ~1";

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Check<'_> {
    pub(super) fn gate_lists(&mut self) {
        let plan = self.plan;
        let lists = [
            (
                "preflight.checks",
                &plan.preflight.checks,
                Some(("preflight", plan.deadlines.preflight)),
            ),
            ("health", &plan.health, Some(("verify", plan.deadlines.verify))),
            ("smoke", &plan.smoke, Some(("verify", plan.deadlines.verify))),
            ("guards", &plan.guards, None),
            ("public", &plan.public, None),
        ];
        for (path, gates, deadline) in lists {
            self.gates(path, gates);
            // A gate that cannot pass in its time fails every deployment, after all the work is done.
            for (index, gate) in gates.iter().enumerate() {
                let rounds = gate
                    .period
                    .saturating_mul(gate.success_threshold.saturating_sub(1));
                let least = gate.initial_delay.saturating_add(rounds);
                if let Some((phase, limit)) = deadline
                    && least >= limit
                    && !self.stand_ins.touch(&format!("deadlines.{phase}"))
                {
                    let message = format!(
                        "it passes after {} at the earliest, and deadlines.{phase} is {}",
                        humane::format(least),
                        humane::format(limit)
                    );
                    self.note(
                        format!("{path}[{index}]"),
                        message,
                        "ask for less, or allow more time",
                    );
                }
            }
        }
        self.names(
            "thresholds",
            plan.thresholds.gates().iter().map(|gate| gate.name.as_str()),
        );
        for gate in plan.thresholds.gates() {
            let path = format!("thresholds.{}", gate.name);
            self.pace(&path, gate);
            if let Some(metric) = &gate.metric {
                self.metric(&path, metric);
            }
        }
        for (index, step) in plan.steps.iter().enumerate() {
            self.gates(&format!("steps[{index}].gates"), &step.gates);
        }
    }

    fn gates(&mut self, list: &str, gates: &[GateSpec]) {
        self.names(list, gates.iter().map(|gate| gate.name.as_str()));
        for (index, gate) in gates.iter().enumerate() {
            self.gate(&format!("{list}[{index}]"), gate);
        }
    }

    fn gate(&mut self, path: &str, gate: &GateSpec) {
        let kinds = [
            ("http", !gate.http.is_empty()),
            ("scenario", gate.scenario.is_some()),
            ("command", gate.command.is_some()),
            ("metric", gate.metric.is_some()),
            ("code", gate.code),
        ];
        let given: Vec<_> = kinds
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(kind, _)| kind)
            .collect();
        let unknown = kinds
            .iter()
            .any(|(kind, _)| self.stand_ins.hold(&format!("{path}.{kind}")));
        match given.as_slice() {
            [_] => {}
            [] if unknown => {}
            [] => self.note(
                path,
                "it measures nothing",
                "give one of http, scenario, command, metric or code = true",
            ),
            several => {
                let message = format!("it measures several things: {}", several.join(", "));
                self.note(path, message, "make a gate of each");
            }
        }
        self.pace(path, gate);
        for (index, check) in gate.http.iter().enumerate() {
            self.http(&format!("{path}.http[{index}]"), check);
        }
        if let Some(scenario) = &gate.scenario {
            let timeout = (!self.stand_ins.touch(&format!("{path}.timeout"))).then_some(gate.timeout);
            self.scenario(&format!("{path}.scenario"), timeout, scenario);
        }
        if let Some(command) = &gate.command {
            self.command(&format!("{path}.command"), command);
            if !self.stand_ins.touch(&format!("{path}.timeout")) {
                self.cut_short(&format!("{path}.command.timeout"), gate, command.timeout);
            }
        }
        if let Some(metric) = &gate.metric {
            self.metric(&format!("{path}.metric"), metric);
        }
    }

    /// How often it is asked, and how many answers decide.
    fn pace(&mut self, path: &str, gate: &GateSpec) {
        self.duration_above_zero(format!("{path}.period"), gate.period);
        self.duration_above_zero(format!("{path}.timeout"), gate.timeout);
        self.duration_bounded(format!("{path}.initial_delay"), gate.initial_delay);
        for (name, threshold) in [
            ("success_threshold", gate.success_threshold),
            ("failure_threshold", gate.failure_threshold),
            ("error_threshold", gate.error_threshold),
        ] {
            if threshold == 0 {
                self.note(
                    format!("{path}.{name}"),
                    "0 answers decide nothing",
                    "write 1 or more",
                );
            }
        }
    }

    /// A part of a gate that may take longer than the gate is never given its time.
    fn cut_short(&mut self, path: &str, gate: &GateSpec, part: Option<Duration>) {
        if let Some(part) = part.filter(|part| *part > gate.timeout) {
            let (gate, part) = (humane::format(gate.timeout), humane::format(part));
            let message = format!("the gate's own timeout ends it after {gate}");
            self.note(
                path,
                message,
                format!("give the gate the time: timeout = \"{part}\""),
            );
        }
    }

    pub(super) fn http(&mut self, path: &str, check: &HttpCheck) {
        self.url(&format!("{path}.url"), &check.url);
        if !METHODS.contains(&check.method.as_str()) {
            let message = format!("{:?} is no method", check.method);
            self.note(
                format!("{path}.method"),
                message,
                format!("write one of {}", METHODS.join(", ")),
            );
        }
        self.headers(&format!("{path}.headers"), &check.headers);
        self.bodies(path, check);
        for (name, value) in &check.answer_headers {
            let path = format!("{path}.answer_headers.{name}");
            self.header_name(&path, name);
            self.text(&path, value);
        }
        for (index, status) in check.status.iter().enumerate() {
            if !(100..=599).contains(status) {
                let message = format!("{status} is no status");
                self.note(
                    format!("{path}.status[{index}]"),
                    message,
                    "write a number from 100 to 599",
                );
            }
        }
        for (pointer, value) in &check.json {
            if let serde_json::Value::String(text) = value {
                self.text(&format!("{path}.json.{pointer}"), text);
            }
            if !is_json_pointer(pointer) {
                let message = format!("{pointer:?} is no JSON pointer");
                self.note(format!("{path}.json.{pointer}"), message, POINTER_REMEDY);
            }
        }
        for (key, texts) in [("contains", &check.contains), ("lacks", &check.lacks)] {
            for (index, text) in texts.iter().enumerate() {
                let path = format!("{path}.{key}[{index}]");
                if text.is_empty() {
                    let message = "every body contains the empty text";
                    self.note(&path, message, "write the text that is meant");
                }
                self.text(&path, text);
            }
        }
        for (index, text) in check.matches.iter().enumerate() {
            self.pattern(&format!("{path}.matches[{index}]"), text);
        }
        if let Some(latency) = check.max_latency {
            self.duration_above_zero(format!("{path}.max_latency"), latency);
        }
    }

    /// What is sent. A field that is secret by its name must not be written out.
    fn bodies(&mut self, path: &str, check: &HttpCheck) {
        let given = [
            ("body", check.body.is_some()),
            ("body_json", check.body_json.is_some()),
            ("body_form", !check.body_form.is_empty()),
        ];
        if given.iter().filter(|(_, given)| *given).count() > 1 {
            let named: Vec<_> = given
                .into_iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .collect();
            let message = format!("it sends several bodies: {}", named.join(", "));
            self.note(path, message, "send one of them");
        }
        if let Some(body) = &check.body {
            self.text(&format!("{path}.body"), body);
        }
        if let Some(body) = &check.body_json {
            self.body_json(&format!("{path}.body_json"), "", body);
        }
        for (name, value) in &check.body_form {
            self.written(
                &format!("{path}.body_form.{name}"),
                value,
                is_secret_by_name(name),
            );
        }
    }

    fn body_json(&mut self, path: &str, key: &str, value: &Value) {
        match value {
            Value::String(text) => self.written(path, text, is_secret_by_name(key)),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.body_json(&format!("{path}[{index}]"), key, item);
                }
            }
            Value::Object(table) => {
                for (key, item) in table {
                    self.body_json(&format!("{path}.{key}"), key, item);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub(super) fn url(&mut self, path: &str, url: &str) {
        let after = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let placeholder = url.starts_with('{') && !url.starts_with("{{");
        let first = after
            .unwrap_or(url)
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default();
        let is_of_scenario = |name: &&str| self.scope.now.contains(*name);
        if let Some(name) = placeholders(first)
            .unwrap_or_default()
            .into_iter()
            .find(is_of_scenario)
        {
            let message = format!("{{{name}}} would choose where the request goes");
            return self.note(
                path,
                message,
                "begin with a host, or with a placeholder of [slots.blue] and [slots.green]",
            );
        }
        let host = after.map(|after| after.split(['/', '?', '#']).next().unwrap_or_default());
        if url.contains(char::is_whitespace) || (host.is_none_or(str::is_empty) && !placeholder) {
            // The address is not shown: it may hold a password.
            let remedy = "begin with http:// or https:// and a host, or with a placeholder: \"{url}/health\"";
            self.note(path, "it is no address", remedy);
        } else if host.is_some_and(|host| host.contains('@')) {
            let remedy = "leave it out, and send it as a header: Authorization = { secret = \"name\" }";
            self.note(path, "the address holds a name or a password", remedy);
        }
        self.text(path, url);
    }

    fn metric(&mut self, path: &str, metric: &MetricCheck) {
        if metric.name.trim().is_empty() {
            self.note(
                format!("{path}.name"),
                "the metric has no name",
                "write the name that the source of metrics knows",
            );
        }
        for (name, limit) in [("max", metric.max), ("min", metric.min)] {
            if limit.is_some_and(|limit| !limit.is_finite()) {
                self.note(
                    format!("{path}.{name}"),
                    "no value is beyond this limit",
                    "write a number",
                );
            }
        }
        let limits = ["max", "min", "warning", "critical"];
        let unknown = limits
            .iter()
            .any(|limit| self.stand_ins.hold(&format!("{path}.{limit}")));
        match (metric.min, metric.max) {
            (None, None) if !unknown && metric.warning.is_none() && metric.critical.is_none() => {
                self.note(
                    path,
                    "the metric has no limit",
                    "write max or min: max = 0.01, or warning and critical: critical = \"5%\"",
                );
            }
            (Some(min), Some(max)) if min > max => {
                let message = format!("no value is at least {min} and at most {max}");
                self.note(path, message, "let min be at most max");
            }
            _ => {}
        }
        self.levels(path, metric);
    }

    fn levels(&mut self, path: &str, metric: &MetricCheck) {
        let levels = [
            ("normal", metric.normal),
            ("warning", metric.warning),
            ("critical", metric.critical),
        ];
        let given: Vec<_> = levels
            .into_iter()
            .filter_map(|(name, level)| Some((name, level?)))
            .collect();
        for (name, level) in &given {
            if !level.is_finite() {
                self.note(
                    format!("{path}.{name}"),
                    "no value is beyond this level",
                    "write a number",
                );
            }
            if metric.of_live && level.is_time() && *name != "normal" {
                let remedy = "write a multiple of live's: 2 or \"200%\"";
                self.note(
                    format!("{path}.{name}"),
                    "it is compared with live's number",
                    remedy,
                );
            }
        }
        let (order, remedy) = if metric.below {
            (
                "not above",
                "let them fall: with `below` low numbers are the bad ones",
            )
        } else {
            (
                "not below",
                "let normal, warning and critical rise; write below = true where low numbers are bad",
            )
        };
        if self.stand_ins.touch(path) {
            return;
        }
        // With `of_live` what is normal is no multiple.
        let comparable: Vec<_> = given
            .iter()
            .filter(|(name, _)| !metric.of_live || *name != "normal")
            .collect();
        for pair in comparable.windows(2) {
            let [(low_name, low), (high_name, high)] = pair else {
                continue;
            };
            let fine = if metric.below {
                low.value() > high.value()
            } else {
                low.value() < high.value()
            };
            if !fine {
                let message = format!("{low_name} ({low}) is {order} {high_name} ({high})");
                self.note(format!("{path}.{low_name}"), message, remedy);
            }
        }
    }
}

/// RFC 6901: empty, or parts that begin with `/`, in which `~` stands only before `0` and `1`.
pub(super) fn is_json_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes
}
