//! What is wrong with a configuration.

use std::fmt;
use std::path::{Component, Path};

use bluegreen_core::Slot;
use secrecy::ExposeSecret;

use super::{Key, NginxConfig, OverrideBy};

impl NginxConfig {
    /// Looks at everything and tells all problems at once. The routers' constructors call it.
    ///
    /// # Errors
    /// When there is a problem.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        let mut problems = Problems(Vec::new());
        problems.unless(
            is_name(&self.name, 20),
            "name",
            "a lower-case letter, then lower-case letters, digits and \"_\", at most 20",
        );
        for (field, path) in [
            ("directory", &self.directory),
            ("http_include", &self.http_include),
            ("server_include", &self.server_include),
            ("pid_file", &self.pid_file),
        ] {
            problems.unless(
                is_plain_path(path),
                field,
                "an absolute path of letters, digits and \"._-/\", without \"..\"",
            );
        }
        problems.unless(
            self.http_include != self.server_include,
            "server_include",
            "another file than http_include",
        );
        problems.unless(
            self.control.ip().is_loopback() && self.control.port() != 0,
            "control",
            "a loopback address with a port, such as \"127.0.0.1:9180\"",
        );
        problems.unless(
            self.nginx.first().is_some_and(|program| !program.is_empty()),
            "nginx",
            "a program and its arguments, such as [\"nginx\"]",
        );
        problems.unless(!self.upstreams.is_empty(), "upstreams", "one at least");
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let reserved = RESERVED.contains(&upstream.name.as_str());
            let twice = self
                .upstreams
                .iter()
                .take(at)
                .any(|earlier| earlier.name == upstream.name);
            problems.unless(
                is_name(&upstream.name, 12) && !reserved && !twice,
                &format!("upstreams[{at}].name"),
                &format!("a name of its own: a lower-case letter, then lower-case letters, digits and \"_\", at most 12, none of {RESERVED:?}"),
            );
            for slot in Slot::BOTH {
                let servers = upstream.servers(slot);
                problems.unless(
                    !servers.is_empty() && servers.iter().all(|server| is_address(server)),
                    &format!("upstreams[{at}].{slot}"),
                    "one address at least, such as \"127.0.0.1:8081\" or \"unix:/run/app.sock\"",
                );
            }
        }
        if let Key::Cookie { name, .. } = &self.key {
            problems.unless(
                is_word(name, "_"),
                "key.cookie.name",
                "letters, digits and \"_\": nginx cannot name another cookie",
            );
        }
        if let Key::Header { name, .. } = &self.key {
            problems.unless(
                is_word(name, "-_"),
                "key.header.name",
                "letters, digits and \"-\"",
            );
        }
        if let Some(key) = &self.override_ {
            match &key.by {
                OverrideBy::Header(name) => {
                    problems.unless(is_word(name, "-"), "override.header", "letters, digits and \"-\"");
                }
                OverrideBy::Cookie(name) => {
                    problems.unless(is_word(name, "_"), "override.cookie", "letters, digits and \"_\"");
                }
            }
            let secret = key.secret.expose_secret();
            problems.unless(
                (16..=128).contains(&secret.len()) && is_word(secret, "-_"),
                "override.secret",
                "16 to 128 letters, digits, \"-\" and \"_\"",
            );
        }
        problems.unless(
            !self.reload_timeout.is_zero(),
            "reload_timeout",
            "a time, such as \"15s\"",
        );
        if problems.0.is_empty() {
            Ok(())
        } else {
            Err(InvalidConfig { problems: problems.0 })
        }
    }
}

/// Names that the rendered variables use for themselves.
const RESERVED: [&str; 8] = [
    "slot", "key", "bucket", "override", "ready", "mark", "decided", "seen",
];

/// A configuration that cannot be used, with everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the nginx configuration cannot be used: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
#[non_exhaustive]
pub struct InvalidConfig {
    /// Each problem.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The field.
    pub field: String,
    /// What to write there.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: write {}", self.field, self.remedy)
    }
}

struct Problems(Vec<Problem>);

impl Problems {
    fn unless(&mut self, fine: bool, field: &str, remedy: &str) {
        if !fine {
            self.0.push(Problem {
                field: field.to_owned(),
                remedy: remedy.to_owned(),
            });
        }
    }
}

fn is_name(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_word(text: &str, also: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

// What nginx reads is text: nothing that could end a word, a string or a directive gets into it.
fn is_plain_path(path: &Path) -> bool {
    let plain = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
    };
    path.is_absolute()
        && path.to_str().is_some_and(plain)
        && path.components().all(|part| part != Component::ParentDir)
}

fn is_address(text: &str) -> bool {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._-:[]/".contains(c));
    let port = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    plain
        && (text
            .strip_prefix("unix:")
            .is_some_and(|path| path.starts_with('/') && path.len() > 1)
            || port.is_some_and(|(host, port)| !host.is_empty() && !host.contains('/') && port > 0))
}
