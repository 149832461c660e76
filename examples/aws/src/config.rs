//! What the section `[aws]` says.

use std::collections::BTreeMap;
use std::error::Error;

use bluegreen_aws::alb::{AlbRouter, AlbRouterBuilder, Groups, Marker, SlotProbe};
use bluegreen_aws::codedeploy::{Bundle, BundleTemplate};
use bluegreen_aws::route53::{RecordKind, WeightedRecords};
use bluegreen_aws::ssm::{RemoteCommand, Tag};
use bluegreen_aws::{Account, PerSlot};
use bluegreen_cli::Brings;
use bluegreen_core::command::CommandSpec;
use bluegreen_core::plan::Problem;
use serde::Deserialize;

/// One name for each slot.
type Names = PerSlot<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) alb: Option<Alb>,
    pub(crate) route53: Option<Records>,
    pub(crate) codedeploy: Option<Deploy>,
    pub(crate) auto_scaling: Option<Scaling>,
    pub(crate) ssm: Option<Ssm>,
    pub(crate) rds: Option<Rds>,
}

/// Two target groups, by their ARNs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alb {
    groups: Names,
    pub(crate) targets: Option<u32>,
    probe: Option<Probe>,
}

/// Which header of which address names the slot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    url: String,
    header: String,
}

/// Two weighted records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Records {
    zone: String,
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    identifiers: Option<Names>,
    #[serde(default = "a_minute")]
    pub(crate) ttl: u32,
    #[serde(default)]
    pub(crate) small_shares: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Kind {
    A,
    #[serde(rename = "AAAA")]
    Aaaa,
    #[serde(rename = "CNAME")]
    Cname,
}

/// An application with a deployment group for each slot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deploy {
    pub(crate) application: String,
    pub(crate) groups: Names,
    pub(crate) bundles: BundleTemplate,
    pub(crate) configuration: Option<String>,
    /// The bundle that stops a slot, where Auto Scaling does not.
    pub(crate) stops: Option<Bundle>,
}

/// A group of machines for each slot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scaling {
    pub(crate) groups: Names,
    #[serde(default = "one")]
    pub(crate) least: u32,
    #[serde(default = "one")]
    pub(crate) standby: u32,
}

/// Commands on machines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ssm {
    /// Under which name commands are found again: the service's.
    pub(crate) service: String,
    pub(crate) tags: PerSlot<Tag>,
    pub(crate) migrate: Option<Remote>,
    pub(crate) backfill: Option<Remote>,
    pub(crate) contract: Option<Remote>,
    pub(crate) workers: Option<Workers>,
    #[serde(default)]
    pub(crate) hooks: BTreeMap<String, RemoteHooks>,
}

/// One command: a program, or a document with its parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remote {
    #[serde(default)]
    run: Vec<String>,
    dir: Option<String>,
    document: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    on_all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workers {
    pub(crate) quiesce: Remote,
    pub(crate) start: Remote,
    pub(crate) depth: Option<Remote>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteHooks {
    pub(crate) command: Remote,
    #[serde(default)]
    pub(crate) in_both_slots: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rds {
    pub(crate) database: String,
}

const fn one() -> u32 {
    1
}

const fn a_minute() -> u32 {
    60
}

type Checked<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl Alb {
    pub(crate) fn groups(&self) -> Checked<Groups> {
        Ok(Groups::new(&self.groups.blue, &self.groups.green)?)
    }

    pub(crate) fn router(&self, account: &Account) -> Checked<AlbRouterBuilder> {
        let builder = AlbRouter::between(account, self.groups()?);
        Ok(match self.probe()? {
            Some(probe) => builder.probe(probe),
            None => builder,
        })
    }

    fn probe(&self) -> Checked<Option<SlotProbe>> {
        let made = |probe: &Probe| SlotProbe::new(&probe.url, Marker::Header(probe.header.clone()));
        Ok(self.probe.as_ref().map(made).transpose()?)
    }
}

impl Records {
    pub(crate) fn records(&self) -> Checked<WeightedRecords> {
        let kind = match self.kind {
            Kind::A => RecordKind::A,
            Kind::Aaaa => RecordKind::Aaaa,
            Kind::Cname => RecordKind::Cname,
        };
        let records = WeightedRecords::new(&self.zone, &self.name, kind)?;
        Ok(match &self.identifiers {
            Some(names) => records.identifiers(&names.blue, &names.green)?,
            None => records,
        })
    }
}

impl Remote {
    /// The command. What it lacks or has too much of is a problem of the section.
    pub(crate) fn command(&self) -> RemoteCommand {
        let command = if let Some(name) = &self.document {
            let named = RemoteCommand::document(name);
            let parameters = self.parameters.iter();
            parameters.fold(named, |command, (name, value)| command.parameter(name, value))
        } else {
            let spec = CommandSpec::new(self.run.iter().cloned());
            RemoteCommand::run(match &self.dir {
                Some(dir) => spec.dir(dir),
                None => spec,
            })
        };
        if self.on_all { command.on_all() } else { command }
    }

    const fn is_one_of_two(&self) -> bool {
        self.run.is_empty() == self.document.is_some()
    }
}

impl Ssm {
    fn commands(&self) -> Vec<(String, &Remote)> {
        let mut all = Vec::new();
        for (name, command) in [
            ("migrate", &self.migrate),
            ("backfill", &self.backfill),
            ("contract", &self.contract),
        ] {
            all.extend(command.iter().map(|command| (format!("ssm.{name}"), command)));
        }
        if let Some(workers) = &self.workers {
            all.push(("ssm.workers.quiesce".to_owned(), &workers.quiesce));
            all.push(("ssm.workers.start".to_owned(), &workers.start));
            all.extend(
                workers
                    .depth
                    .iter()
                    .map(|depth| ("ssm.workers.depth".to_owned(), depth)),
            );
        }
        let hooks = self.hooks.iter();
        all.extend(hooks.map(|(name, hook)| (format!("ssm.hooks.{name}.command"), &hook.command)));
        all
    }
}

impl Config {
    /// What a plan may ask for because of this section.
    pub(crate) fn brings(&self) -> Brings {
        let ssm = self.ssm.as_ref();
        let workers = ssm.and_then(|ssm| ssm.workers.as_ref());
        let gates = [self.alb.as_ref().map(|_| "targets")];
        Brings {
            migrations: (
                ssm.is_some_and(|ssm| ssm.migrate.is_some()),
                ssm.is_some_and(|ssm| ssm.backfill.is_some()),
            ),
            workers: (
                workers.is_some(),
                workers.is_some_and(|workers| workers.depth.is_some()),
            ),
            hooks: ssm
                .map(|ssm| ssm.hooks.keys().cloned().collect())
                .unwrap_or_default(),
            gates: gates.into_iter().flatten().map(str::to_owned).collect(),
        }
    }

    /// Everything that is wrong beyond its shape, at once.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut tell = |path: &str, message: &str, remedy: &str| {
            found.push(Problem {
                path: path.to_owned(),
                message: message.to_owned(),
                remedy: remedy.to_owned(),
            });
        };
        match (&self.alb, &self.route53) {
            (None, None) => tell("", "nothing holds the split", "write `alb` or `route53`"),
            (Some(_), Some(_)) => tell(
                "",
                "both hold the split, and only one can",
                "take `alb` or `route53` out",
            ),
            (Some(alb), None) => {
                if let Err(error) = alb.groups().and_then(|_| alb.probe().map(drop)) {
                    tell("alb", &error.to_string(), "write what it asks for");
                }
            }
            (None, Some(records)) => {
                if let Err(error) = records.records() {
                    tell("route53", &error.to_string(), "write what it asks for");
                }
            }
        }
        if self.auto_scaling.is_some() && self.codedeploy.is_none() {
            tell(
                "auto_scaling",
                "nothing deploys to the machines",
                "write `codedeploy`",
            );
        }
        if self.rds.is_some() && self.ssm.as_ref().is_none_or(|ssm| ssm.migrate.is_none()) {
            tell(
                "rds",
                "a snapshot is taken before migrations, and there are none",
                "write `ssm.migrate`",
            );
        }
        for (path, command) in self.ssm.iter().flat_map(Ssm::commands) {
            if !command.is_one_of_two() {
                tell(
                    &path,
                    "a command is a program or a document",
                    "write `run` or `document`",
                );
            }
        }
        found
    }
}
