//! Whether every command and gate of the file can be filled in and everything that the plan needs is
//! there, before anything is touched.

use std::sync::Arc;

use bluegreen_core::command::{CommandContext, CommandSpec, Secrets, Values};
use bluegreen_core::gate::{self, GateParts};
use bluegreen_core::lifecycle::DeploymentId;
use bluegreen_core::metrics::{SourceParts, Sources};
use bluegreen_core::plan::{GateSpec, Plan, Problem};
use bluegreen_core::{Clock, Release, Slot, SystemClock, Timestamp, Version};

use super::Commands;
use crate::Brings;

/// What is known where a command runs, and so what its placeholders may be.
#[derive(Debug, Clone, Copy)]
enum Known {
    Service,
    Slot,
    Release,
    Notice,
}

/// The commands beside the plan.
pub(super) fn problems(commands: &Commands, context: &CommandContext) -> Vec<Problem> {
    let mut asked: Vec<(String, &CommandSpec, Known)> = Vec::new();
    if let Some(host) = &commands.host {
        asked.push(("host.deploy".to_owned(), &host.deploy, Known::Release));
        asked.push(("host.retire".to_owned(), &host.retire, Known::Slot));
        let optional = [("readiness", &host.readiness), ("standby", &host.standby)];
        for (name, spec) in optional {
            asked.extend(
                spec.iter()
                    .map(|spec| (format!("host.{name}"), spec, Known::Slot)),
            );
        }
    }
    if let Some(migrator) = &commands.migrator {
        let phases = [
            ("expand", &migrator.expand),
            ("backfill", &migrator.backfill),
            ("contract", &migrator.contract),
        ];
        for (name, spec) in phases {
            asked.extend(
                spec.iter()
                    .map(|spec| (format!("migrator.{name}"), spec, Known::Release)),
            );
        }
    }
    if let Some(workers) = &commands.workers {
        asked.push(("workers.quiesce".to_owned(), &workers.quiesce, Known::Slot));
        asked.push(("workers.start".to_owned(), &workers.start, Known::Slot));
        asked.extend(
            workers
                .depth
                .iter()
                .map(|spec| ("workers.depth".to_owned(), spec, Known::Service)),
        );
    }
    for (name, spec) in &commands.notify {
        asked.push((format!("notify.{name}"), spec, Known::Notice));
    }
    asked
        .into_iter()
        .filter_map(|(path, spec, known)| of_command(&path, spec, known, context))
        .collect()
}

/// What the plan needs and neither the file nor the provider has, and the other way round.
pub(super) fn of_plan(
    plan: &Plan,
    commands: &Commands,
    brings: &Brings,
    context: &CommandContext,
) -> Vec<Problem> {
    let mut problems = parts(plan, commands, brings);
    for (index, spec) in plan.warm_up.iter().enumerate() {
        problems.extend(of_command(
            &format!("plan.warm_up[{index}]"),
            spec,
            Known::Release,
            context,
        ));
    }
    for (index, hook) in plan.hooks.iter().enumerate() {
        let path = format!("plan.hooks[{index}]");
        match &hook.command {
            Some(spec) => problems.extend(of_command(&path, spec, Known::Release, context)),
            None if brings.hooks.contains(&hook.name) => {}
            None => problems.push(problem(
                &path,
                "it has no command, and this program has no hook in code of this name",
                "give it a command",
            )),
        }
    }
    let mut parts = GateParts::new(context.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    match Sources::build(&plan.sources, &SourceParts::new(context.clone(), clock)) {
        Ok(sources) if sources.is_empty() => {
            if plan.analysis.is_some() {
                let remedy = "write [[plan.sources]]";
                problems.push(problem("plan.analysis", "there is no source of metrics", remedy));
            }
        }
        Ok(sources) => parts = parts.metrics(Arc::new(sources)),
        // Its gates could not be built either: this is the one mistake.
        Err(error) => {
            problems.push(problem("plan.sources", &error.to_string(), ""));
            return problems;
        }
    }
    let theirs = |spec: &GateSpec| spec.code && brings.gates.contains(&spec.name);
    for (path, spec) in gates(plan).into_iter().filter(|(_, spec)| !theirs(spec)) {
        if let Err(error) = gate::build(spec, &parts) {
            problems.push(problem(&path, &error.to_string(), ""));
        }
    }
    problems
}

fn parts(plan: &Plan, commands: &Commands, brings: &Brings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut unless = |fine: bool, path: &str, message: &str, remedy: &str| {
        if !fine {
            problems.push(problem(path, message, remedy));
        }
    };
    let migrator = commands.migrator.clone().unwrap_or_default();
    match &plan.migrations {
        Some(migrations) => {
            unless(
                migrator.expand.is_some() || brings.migrations.0,
                "migrator.expand",
                "the plan has migrations, but no command runs them",
                "write the command, or take [plan.migrations] out",
            );
            unless(
                !migrations.backfill || migrator.backfill.is_some() || brings.migrations.1,
                "migrator.backfill",
                "the plan has a backfill, but no command runs it",
                "write the command, or take backfill out of [plan.migrations]",
            );
        }
        None => unless(
            migrator.expand.is_none() && migrator.backfill.is_none(),
            "migrator",
            "the plan has no migrations, so these commands would never run",
            "write [plan.migrations], or take the commands out",
        ),
    }
    match (&plan.workers, &commands.workers) {
        (Some(plan), None) if brings.workers.0 => unless(
            plan.max_depth.is_none() || brings.workers.1,
            "workers.depth",
            "the plan asks for the length of the queues, but nothing counts them",
            "say how they are counted, or take max_depth out of [plan.workers]",
        ),
        (Some(_), None) => unless(
            false,
            "workers",
            "the plan moves workers, but no command does",
            "write [workers], or take [plan.workers] out",
        ),
        (None, Some(_)) => unless(
            false,
            "workers",
            "the plan moves no workers, so these commands would never run",
            "write [plan.workers], or take [workers] out",
        ),
        (Some(plan), Some(workers)) => unless(
            plan.max_depth.is_none() || workers.depth.is_some(),
            "workers.depth",
            "the plan asks for the length of the queues, but no command counts them",
            "write the command, or take max_depth out of [plan.workers]",
        ),
        (None, None) => {}
    }
    problems
}

fn gates(plan: &Plan) -> Vec<(String, &GateSpec)> {
    let lists: [(&str, &[GateSpec]); 5] = [
        ("preflight.checks", &plan.preflight.checks),
        ("health", &plan.health),
        ("smoke", &plan.smoke),
        ("guards", &plan.guards),
        ("public", &plan.public),
    ];
    let of_steps = plan
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| (format!("steps[{index}].gates"), step.gates.as_slice()));
    let thresholds = plan.thresholds.gates().iter();
    let thresholds = thresholds.map(|spec| (format!("plan.thresholds.{}", spec.name), spec));
    lists
        .into_iter()
        .map(|(name, list)| (name.to_owned(), list))
        .chain(of_steps)
        .flat_map(|(name, list)| {
            list.iter()
                .enumerate()
                .map(move |(index, spec)| (format!("plan.{name}[{index}]"), spec))
        })
        .chain(thresholds)
        .collect()
}

fn of_command(path: &str, spec: &CommandSpec, known: Known, context: &CommandContext) -> Option<Problem> {
    Slot::BOTH.into_iter().find_map(|slot| {
        let values = values(known, slot, context)?;
        let error = values.expand(spec, &context.secrets).err()?;
        Some(problem(path, &format!("for {slot}: {error}"), ""))
    })
}

fn values(known: Known, slot: Slot, context: &CommandContext) -> Option<Values> {
    let release = || {
        let version = Version::new("0").ok()?;
        Some(
            context
                .of_slot(slot)
                .release(&Release::new(version))
                .deployment(DeploymentId::new(1, Timestamp::default())),
        )
    };
    match known {
        Known::Service => Some(Values::new(&context.service)),
        Known::Slot => Some(context.of_slot(slot)),
        Known::Release => release(),
        Known::Notice => Some(
            release()?
                .with("kind", "started")
                .with("message", "")
                .with("notice", "{}"),
        ),
    }
}

fn problem(path: &str, message: &str, remedy: &str) -> Problem {
    Problem {
        path: path.to_owned(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    }
}

/// What commands of a service share, with secrets that only stand for the real ones.
pub(super) fn stand_in_context(plan: &Plan, secrets: Secrets) -> CommandContext {
    CommandContext::new(plan.service.clone())
        .slots(plan.slots.clone())
        .secrets(secrets)
}
