//! Rules for commands, and for texts with placeholders.

use std::collections::BTreeMap;

use super::{BUILT_IN_PLACEHOLDERS, Check};
use crate::command::CommandSpec;
use crate::plan::nearest::nearest;
use crate::plan::{HeaderValue, placeholders};

/// Endings of the names of environment variables that hold secrets.
const SECRET_ENDINGS: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY"];

const NAME_IT: &str =
    "name it as a secret, { secret = \"name\" }, and give it to the deployer: a plan is stored and shown";

pub(super) fn is_secret_by_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

impl Check<'_> {
    /// The commands that stand in no gate.
    pub(super) fn commands(&mut self) {
        let plan = self.plan;
        for (index, command) in plan.warm_up.iter().enumerate() {
            self.command(&format!("warm_up[{index}]"), command);
        }
        for (index, hook) in plan.hooks.iter().enumerate() {
            if let Some(command) = &hook.command {
                self.command(&format!("hooks[{index}].command"), command);
            }
        }
    }

    pub(super) fn command(&mut self, path: &str, command: &CommandSpec) {
        let run = format!("{path}.run");
        match command.run.first() {
            None => self.note(
                &run,
                "there is nothing to run",
                "write the program and its arguments",
            ),
            Some(program) if program.trim().is_empty() => {
                self.note(
                    format!("{run}[0]"),
                    "the program has no name",
                    "write the program first, then its arguments",
                );
            }
            // A mistake that everybody makes once: there is no shell that would part it.
            Some(program) if command.run.len() == 1 && program.contains(' ') => {
                let remedy =
                    "write each argument by itself: run = [\"program\", \"argument\"]; there is no shell";
                self.note(format!("{run}[0]"), "the program's name has spaces", remedy);
            }
            Some(_) => {}
        }
        for (index, argument) in command.run.iter().enumerate() {
            self.text(&format!("{run}[{index}]"), argument);
        }
        if let Some(dir) = &command.dir {
            self.text(&format!("{path}.dir"), dir);
        }
        for (name, value) in &command.env {
            let path = format!("{path}.env.{name}");
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fits) {
                let remedy = "use letters, digits and _, and do not begin with a digit";
                self.note(&path, format!("{name:?} is no name of a variable"), remedy);
            }
            self.value(&path, value, is_secret_by_name(name));
        }
        if let Some(timeout) = command.timeout {
            self.duration_above_zero(format!("{path}.timeout"), timeout);
        }
    }

    /// Values to send or to set. Those that are secret by their name must not be written out.
    pub(super) fn headers(&mut self, path: &str, headers: &BTreeMap<String, HeaderValue>) {
        for (name, value) in headers {
            let path = format!("{path}.{name}");
            self.header_name(&path, name);
            // What follows a line break would be a header of its own.
            if matches!(value, HeaderValue::Text(text) if text.contains(['\r', '\n'])) {
                self.note(&path, "it holds a line break", "write it in one line");
            }
            let secret = [
                "authorization",
                "proxy-authorization",
                "cookie",
                "x-api-key",
                "x-auth-token",
            ];
            self.value(&path, value, secret.contains(&name.to_ascii_lowercase().as_str()));
        }
    }

    pub(super) fn header_name(&mut self, path: &str, name: &str) {
        // The characters of a token: RFC 9110, section 5.6.2.
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(fits) {
            self.note(
                path,
                format!("{name:?} is no name of a header"),
                "use letters, digits and -",
            );
        }
    }

    pub(super) fn value(&mut self, path: &str, value: &HeaderValue, secret_by_name: bool) {
        match value {
            HeaderValue::Text(text) => self.written(path, text, secret_by_name),
            HeaderValue::Secret { secret } if secret.trim().is_empty() => {
                self.note(
                    format!("{path}.secret"),
                    "the secret has no name",
                    "write { secret = \"name\" }",
                );
            }
            HeaderValue::Secret { .. } => {}
        }
    }

    /// A text that is sent or set. One that is secret by its name has to come from elsewhere.
    pub(super) fn written(&mut self, path: &str, text: &str, secret_by_name: bool) {
        let names = placeholders(text).unwrap_or_default();
        let comes_from_elsewhere =
            self.scope.is_blurred || names.iter().any(|name| self.scope.now.contains(*name));
        if secret_by_name && !text.is_empty() && !comes_from_elsewhere {
            self.note(path, "a secret seems to be written out", NAME_IT);
        } else {
            self.text(path, text);
        }
    }

    /// A text with placeholders: each must be known, in whichever slot it is filled in.
    pub(super) fn text(&mut self, path: &str, text: &str) {
        if text.contains('\0') {
            self.note(
                path,
                "it holds a NUL",
                "leave the NUL out: nothing behind it would arrive",
            );
        }
        let names = match placeholders(text) {
            Ok(names) => names,
            Err(error) => {
                return self.note(
                    path,
                    error.to_string(),
                    "write placeholders as {name}, and braces twice",
                );
            }
        };
        for name in names {
            let is_known = BUILT_IN_PLACEHOLDERS.contains(&name) || self.scope.now.contains(name);
            if is_known || self.scope.is_blurred || self.stand_ins.touch("slots") {
                continue;
            }
            if let Some(step) = self.scope.later.get(name) {
                let message =
                    format!("{{{name}}} is taken by {step:?} only, which has not been answered by then");
                self.note(
                    path,
                    message,
                    "use it in a later step, or take it in an earlier one",
                );
                continue;
            }
            match self.lacking(name).as_slice() {
                [] => {}
                [slot] => {
                    let message = format!("{{{name}}} has a value in one slot only");
                    self.note(
                        path,
                        message,
                        format!("add it to the other: [slots.{slot}] {name} = \"...\""),
                    );
                }
                _ => {
                    let own = self
                        .plan
                        .slots
                        .values()
                        .flat_map(BTreeMap::keys)
                        .map(String::as_str);
                    let scope = self.scope.now.iter().map(String::as_str);
                    let mut known: Vec<&str> = BUILT_IN_PLACEHOLDERS
                        .into_iter()
                        .chain(own)
                        .chain(scope)
                        .collect();
                    known.dedup();
                    let meant = nearest(name, &known)
                        .map(|meant| format!("did you mean {{{meant}}}? "))
                        .unwrap_or_default();
                    let remedy = format!(
                        "{meant}The placeholders are {}; add others to [slots.blue] and [slots.green]",
                        known.join(", ")
                    );
                    self.note(path, format!("there is no placeholder {{{name}}}"), remedy);
                }
            }
        }
    }
}
