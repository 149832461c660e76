//! The section `[nginx]`: one nginx, or several that change together, each with what is different there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bluegreen_core::plan::Problem;
use bluegreen_nginx::{CommandTransport, LocalTransport, NginxConfig, NginxError, Transport, Upstream};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

const HOSTS: &str = "hosts";

/// What the section says.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    /// What holds for each nginx.
    common: NginxConfig,
    /// Where they are; none: one, on this machine.
    hosts: Vec<Host>,
}

/// One of several: how it is reached, and what is different there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    name: String,
    /// A command that joins its arguments for a shell on the other side.
    ssh: Option<Vec<String>>,
    /// A command that passes its arguments on as they are.
    exec: Option<Vec<String>>,
    directory: Option<PathBuf>,
    control: Option<SocketAddr>,
    http_include: Option<PathBuf>,
    server_include: Option<PathBuf>,
    nginx: Option<Vec<String>>,
    pid_file: Option<PathBuf>,
    upstreams: Option<Vec<Upstream>>,
}

impl Host {
    /// What holds for this one.
    fn config(&self, common: &NginxConfig) -> NginxConfig {
        let mut config = common.clone();
        replace(&mut config.directory, self.directory.as_ref());
        replace(&mut config.control, self.control.as_ref());
        replace(&mut config.http_include, self.http_include.as_ref());
        replace(&mut config.server_include, self.server_include.as_ref());
        replace(&mut config.nginx, self.nginx.as_ref());
        replace(&mut config.pid_file, self.pid_file.as_ref());
        replace(&mut config.upstreams, self.upstreams.as_ref());
        config
    }

    fn has(&self, field: &str) -> bool {
        match field {
            "directory" => self.directory.is_some(),
            "control" => self.control.is_some(),
            "http_include" => self.http_include.is_some(),
            "server_include" => self.server_include.is_some(),
            "nginx" => self.nginx.is_some(),
            "pid_file" => self.pid_file.is_some(),
            "upstreams" => self.upstreams.is_some(),
            _ => false,
        }
    }

    fn transport(&self) -> Result<Arc<dyn Transport>, NginxError> {
        Ok(match (&self.ssh, &self.exec) {
            (Some(command), _) => Arc::new(CommandTransport::ssh(command)),
            (None, Some(command)) => Arc::new(CommandTransport::exec(command)),
            (None, None) => Arc::new(LocalTransport::new()?),
        })
    }

    fn problems(&self, at: &str, others: &[Self]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |field: &str, message: &str, remedy: &str| {
            problems.push(Problem {
                path: format!("{at}.{field}"),
                message: message.to_owned(),
                remedy: remedy.to_owned(),
            });
        };
        if self.name.trim().is_empty() {
            add(
                "name",
                "a host without a name cannot be told from another",
                "write its name, such as web1",
            );
        }
        if others.iter().any(|other| other.name == self.name) {
            add("name", "another host has this name", "give each its own");
        }
        if self.ssh.is_some() && self.exec.is_some() {
            add(
                "exec",
                "the host is reached by ssh already",
                "leave one of the two out",
            );
        }
        for (field, command) in [("ssh", &self.ssh), ("exec", &self.exec)] {
            if command.as_ref().is_some_and(Vec::is_empty) {
                add(
                    field,
                    "there is no program in it",
                    "write the command, such as [\"ssh\", \"-o\", \"BatchMode=yes\", \"web1\"]",
                );
            }
        }
        problems
    }
}

fn replace<T: Clone>(value: &mut T, with: Option<&T>) {
    if let Some(with) = with {
        value.clone_from(with);
    }
}

/// One nginx that is to be switched.
pub(crate) struct Site {
    /// The name of its router; none: what the library calls it.
    pub(crate) name: Option<String>,
    pub(crate) config: NginxConfig,
    pub(crate) transport: Arc<dyn Transport>,
}

impl Hosts {
    /// Each nginx, at least one.
    pub(crate) fn sites(&self) -> Result<Vec<Site>, NginxError> {
        if self.hosts.is_empty() {
            return Ok(vec![Site {
                name: None,
                config: self.common.clone(),
                transport: Arc::new(LocalTransport::new()?),
            }]);
        }
        let site = |host: &Host| {
            Ok(Site {
                name: Some(host.name.clone()),
                config: host.config(&self.common),
                transport: host.transport()?,
            })
        };
        self.hosts.iter().map(site).collect()
    }

    /// What is wrong with it, each thing once.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        if self.hosts.is_empty() {
            return of(&self.common, str::to_owned);
        }
        let mut problems: Vec<Problem> = Vec::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let at = format!("{HOSTS}[{index}]");
            let before = self.hosts.get(..index).unwrap_or_default();
            problems.extend(host.problems(&at, before));
            // What all hosts have in common is told once, where it stands.
            let place = |field: &str| {
                let key = field.split(['.', '[']).next().unwrap_or(field);
                if host.has(key) {
                    format!("{at}.{field}")
                } else {
                    field.to_owned()
                }
            };
            for problem in of(&host.config(&self.common), place) {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        problems
    }
}

fn of(config: &NginxConfig, place: impl Fn(&str) -> String) -> Vec<Problem> {
    let problems = config
        .check()
        .err()
        .map(|invalid| invalid.problems)
        .unwrap_or_default();
    let problems = problems.into_iter().map(|problem| Problem {
        path: place(&problem.field),
        message: "what stands there cannot be used".to_owned(),
        remedy: format!("write {}", problem.remedy),
    });
    problems.collect()
}

/// The library's keys and `hosts` stand in one table, and each is read by the type that knows it, so
/// that unknown keys are refused and mistakes are told with their places.
impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Section)
    }
}

struct Section;

impl<'de> Visitor<'de> for Section {
    type Value = Hosts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Hosts, A::Error> {
        let mut hosts = Vec::new();
        let rest = WithoutHosts {
            map,
            hosts: &mut hosts,
        };
        let common = NginxConfig::deserialize(MapAccessDeserializer::new(rest))?;
        Ok(Hosts { common, hosts })
    }
}

/// A table without `hosts`, which are read on the way.
struct WithoutHosts<'a, A> {
    map: A,
    hosts: &'a mut Vec<Host>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutHosts<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if key != HOSTS {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            *self.hosts = self.map.next_value()?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
