//! Systems Manager: commands on machines.
//!
//! Written from the [API reference](https://docs.aws.amazon.com/systems-manager/latest/APIReference/Welcome.html).
//! How long it is until a command that was sent can be seen is not documented, only that it is not at once: here
//! it is [`FakeConfig::command_appears`](super::FakeConfig::command_appears), for all ways of asking.

mod api;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Monotonic, Timestamp};

use super::FakeAws;
use super::cloud::Cloud;
use super::instances::Instances;
use crate::lock::held;

pub(super) use api::answer;

/// All commands in the order of their sending, and what they do.
#[derive(Default)]
pub(super) struct State {
    commands: Vec<Command>,
    /// The documents beside `AWS-RunShellScript`, each with the names of its parameters.
    documents: BTreeMap<String, BTreeSet<String>>,
    machine: Option<Machine>,
}

type Machine = Arc<dyn Fn(&RunCommand) -> CommandOutput + Send + Sync>;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Command {
    id: String,
    comment: String,
    document: String,
    parameters: BTreeMap<String, Vec<String>>,
    sent: Monotonic,
    at: Timestamp,
    deliver_within: Duration,
    /// The `executionTimeout` of `AWS-RunShellScript`.
    runs_at_most: Option<Duration>,
    invocations: Vec<Invocation>,
}

#[derive(Debug)]
struct Invocation {
    instance: String,
    state: Progress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// Not yet delivered.
    Pending,
    Running {
        until: Monotonic,
    },
    Ended {
        status: &'static str,
        details: &'static str,
        output: CommandOutput,
    },
}

/// A command as a machine gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunCommand {
    /// The machine.
    pub instance: String,
    /// `AWS-RunShellScript`, or a document of the account.
    pub document: String,
    /// The parameters: of `AWS-RunShellScript` the lines of the script in `commands`.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// What whoever sent it wrote.
    pub comment: String,
}

/// What a command came to on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandOutput {
    /// The exit code; 0 is success.
    pub code: i32,
    /// What it wrote.
    pub stdout: String,
    /// What it wrote of errors.
    pub stderr: String,
}

impl CommandOutput {
    /// It went well, and wrote this.
    pub fn ok(stdout: impl Into<String>) -> Self {
        Self {
            stdout: stdout.into(),
            ..Self::default()
        }
    }

    /// It failed with a code, and wrote this of errors.
    pub fn failed(code: i32, stderr: impl Into<String>) -> Self {
        Self {
            code,
            stderr: stderr.into(),
            ..Self::default()
        }
    }
}

/// A command as it stands, for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenCommand {
    /// Its id.
    pub id: String,
    /// What whoever sent it wrote.
    pub comment: String,
    /// The document.
    pub document: String,
    /// The parameters.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// The machines that it was sent to, each with how it stands there: `Pending`, `InProgress`, `Success`, ….
    pub invocations: Vec<(String, String)>,
}

impl Command {
    /// Whether whoever asks can see it yet.
    fn is_visible(&self, cloud: &Cloud) -> bool {
        cloud.clock.monotonic().since(self.sent) >= cloud.config.command_appears
    }

    /// How all of it stands: `(Status, StatusDetails)`.
    fn status(&self) -> (&'static str, &'static str) {
        let states = || {
            self.invocations
                .iter()
                .map(|invocation| invocation.state.status())
        };
        let ended = |status: &str| !matches!(status, "Pending" | "InProgress");
        if states().all(|(status, _)| status == "Pending") {
            return ("Pending", "Pending");
        }
        if !states().all(|(status, _)| ended(status)) {
            return ("InProgress", "InProgress");
        }
        states()
            .find(|(status, _)| *status != "Success")
            .unwrap_or(("Success", "Success"))
    }
}

impl Progress {
    const fn status(&self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("Pending", "Pending"),
            Self::Running { .. } => ("InProgress", "InProgress"),
            Self::Ended { status, details, .. } => (status, details),
        }
    }
}

impl State {
    /// Delivers and ends what is due, in the order of time.
    pub(super) fn advance(&mut self, cloud: &Cloud, instances: &Instances) {
        let now = cloud.clock.monotonic();
        let mut ends = Vec::new();
        for (number, command) in self.commands.iter_mut().enumerate() {
            let delivered = Monotonic(command.sent.0 + cloud.config.command_delivered);
            for (place, invocation) in command.invocations.iter_mut().enumerate() {
                let online = instances
                    .get(&invocation.instance)
                    .is_some_and(|instance| instance.online);
                if invocation.state == Progress::Pending && delivered <= now {
                    if online {
                        let longest = command.runs_at_most.unwrap_or(Duration::MAX);
                        let until = Monotonic(delivered.0 + cloud.config.command_takes.min(longest));
                        invocation.state = Progress::Running { until };
                    } else if now.since(command.sent) >= command.deliver_within {
                        invocation.state = ended("TimedOut", "DeliveryTimedOut", CommandOutput::default());
                    }
                }
                if let Progress::Running { until } = invocation.state
                    && until <= now
                {
                    ends.push((until, number, place));
                }
            }
        }
        ends.sort_unstable();
        for (_, number, place) in ends {
            self.end(number, place, cloud.config.command_takes);
        }
    }

    /// A command has its effect when it ends; one that takes too long is ended in the middle.
    fn end(&mut self, number: usize, place: usize, takes: Duration) {
        let Some(command) = self.commands.get_mut(number) else {
            return;
        };
        let Some(invocation) = command.invocations.get_mut(place) else {
            return;
        };
        if command.runs_at_most.is_some_and(|longest| longest < takes) {
            invocation.state = ended("TimedOut", "ExecutionTimedOut", CommandOutput::default());
            return;
        }
        let run = RunCommand {
            instance: invocation.instance.clone(),
            document: command.document.clone(),
            parameters: command.parameters.clone(),
            comment: command.comment.clone(),
        };
        let output = self
            .machine
            .as_ref()
            .map_or_else(CommandOutput::default, |machine| machine(&run));
        let status = if output.code == 0 { "Success" } else { "Failed" };
        invocation.state = ended(status, status, output);
    }
}

const fn ended(status: &'static str, details: &'static str, output: CommandOutput) -> Progress {
    Progress::Ended {
        status,
        details,
        output,
    }
}

impl FakeAws {
    /// Says what commands do on machines, and what they write: called when one ends, at the moment that is due by
    /// the clock, and not before somebody asks. It may not use this account. Without it all go well and write nothing.
    pub fn on_command(&self, machine: impl Fn(&RunCommand) -> CommandOutput + Send + Sync + 'static) {
        held(&self.cloud.state).ssm.machine = Some(Arc::new(machine));
    }

    /// Adds a document with parameters of these names.
    pub fn add_document<const N: usize>(&self, name: &str, parameters: [&str; N]) {
        let parameters = parameters.map(str::to_owned).into();
        held(&self.cloud.state)
            .ssm
            .documents
            .insert(name.to_owned(), parameters);
    }

    /// All commands that were sent, in their order.
    #[must_use]
    pub fn commands(&self) -> Vec<SeenCommand> {
        let mut state = held(&self.cloud.state);
        self.cloud.catch_up(&mut state);
        let seen = |command: &Command| SeenCommand {
            id: command.id.clone(),
            comment: command.comment.clone(),
            document: command.document.clone(),
            parameters: command.parameters.clone(),
            invocations: command
                .invocations
                .iter()
                .map(|invocation| {
                    (
                        invocation.instance.clone(),
                        invocation.state.status().0.to_owned(),
                    )
                })
                .collect(),
        };
        state.ssm.commands.iter().map(seen).collect()
    }
}
