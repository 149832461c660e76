//! Rules for times: deadlines, lease, retries, windows.

use std::time::Duration;

use super::Check;
use crate::plan::humane;

/// The longest time that a plan may ask for: what waits longer has been forgotten.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// The shortest lease: below it the delay of one store write is enough to lose it.
const SHORTEST_LEASE: Duration = Duration::from_secs(2);

impl Check<'_> {
    pub(super) fn times(&mut self) {
        let plan = self.plan;
        for (index, step) in plan.steps.iter().enumerate() {
            self.duration_bounded(format!("steps[{index}].bake"), step.bake);
            if let Some(approval) = &step.approval {
                self.duration_above_zero(format!("steps[{index}].approval.expires"), approval.expires);
            }
        }
        self.duration_bounded("soak.time", plan.soak.time);
        self.duration_bounded("retention.keep", plan.retention.keep);
        self.duration_bounded("retention.drain", plan.retention.drain);
        self.deadlines();
        self.lease();
        self.retry();
    }

    fn deadlines(&mut self) {
        let deadlines = &self.plan.deadlines;
        for (name, deadline) in deadlines.named() {
            self.duration_above_zero(format!("deadlines.{name}"), deadline);
        }
        let drain = self.plan.retention.drain;
        if drain >= deadlines.drain && !self.stand_ins.touch("deadlines.drain") {
            let message = format!(
                "requests are waited for {}, and deadlines.drain is {}",
                humane::format(drain),
                humane::format(deadlines.drain)
            );
            self.note("retention.drain", message, "let deadlines.drain be longer");
        }
    }

    fn lease(&mut self) {
        let lease = &self.plan.lease;
        self.duration_bounded("lease.ttl", lease.ttl);
        self.duration_above_zero("lease.poll", lease.poll);
        self.duration_above_zero("lease.call", lease.call);
        if lease.ttl < SHORTEST_LEASE {
            let message = format!("{} is over before it can be renewed", humane::format(lease.ttl));
            self.note("lease.ttl", message, "write at least \"2s\"");
        }
        if self.stand_ins.touch("lease.ttl") {
            return;
        }
        if lease.poll > lease.ttl / 3 {
            let remedy = format!(
                "write at most a third of lease.ttl, \"{}\", so that two can fail",
                humane::format(lease.ttl / 3)
            );
            self.note("lease.poll", "the lease may be over before it is renewed", remedy);
        }
        if lease.call > lease.ttl {
            let remedy = format!("write at most lease.ttl, \"{}\"", humane::format(lease.ttl));
            self.note(
                "lease.call",
                "a call is begun only if its end fits into the lease, and this one never does",
                remedy,
            );
        }
    }

    fn retry(&mut self) {
        let retry = &self.plan.retry;
        if !retry.factor.is_finite() || retry.factor < 1.0 {
            self.note(
                "retry.factor",
                format!("{} is no factor by which waits grow", retry.factor),
                "write 1 or more",
            );
        }
        if !(1..=100).contains(&retry.attempts) {
            let message = format!("{} attempts", retry.attempts);
            self.note("retry.attempts", message, "write 1 (no repetition) to 100");
        }
        self.duration_bounded("retry.max", retry.max);
        if retry.first > retry.max && !self.stand_ins.touch("retry.max") {
            let message = format!(
                "the first wait is longer than the longest, {}",
                humane::format(retry.max)
            );
            self.note("retry.first", message, "let retry.first be at most retry.max");
        }
    }

    pub(super) fn windows(&mut self) {
        let windows = &self.plan.windows;
        for (list, windows) in [("allow", &windows.allow), ("freeze", &windows.freeze)] {
            for (index, window) in windows.iter().enumerate() {
                let path = format!("windows.{list}[{index}]");
                if window.actions.is_empty() {
                    let remedy =
                        "write actions = [\"deploy\"], or leave them out for deploy, retire and contract";
                    self.note(format!("{path}.actions"), "the window is about no action", remedy);
                }
                if window.from == window.to && !self.stand_ins.hold(&format!("{path}.from")) {
                    let message = format!("the window ends when it begins, at {}", window.from);
                    self.note(
                        format!("{path}.to"),
                        message,
                        "leave from and to out for the whole day",
                    );
                }
                let begin = window
                    .since
                    .and_then(|since| since.local(crate::plan::zone::Edge::Begin));
                let end = window
                    .until
                    .and_then(|until| until.local(crate::plan::zone::Edge::End));
                if let (Some(begin), Some(end)) = (begin, end)
                    && begin >= end
                {
                    self.note(
                        format!("{path}.until"),
                        "it is not after `since`",
                        "let `until` be later than `since`",
                    );
                }
            }
        }
    }

    pub(super) fn duration_above_zero(&mut self, path: impl Into<String>, span: Duration) {
        let path = path.into();
        if span.is_zero() {
            self.note(path, "no time is not enough", "write more than \"0s\"");
        } else {
            self.duration_bounded(path, span);
        }
    }

    pub(super) fn duration_bounded(&mut self, path: impl Into<String>, span: Duration) {
        if span > LONGEST {
            let message = format!("{} is longer than anything should wait", humane::format(span));
            self.note(path, message, "write at most \"30d\"");
        }
    }
}
