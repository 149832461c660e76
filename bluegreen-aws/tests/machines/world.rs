//! A service on two groups of machines, in the fake.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_aws::autoscaling::AutoScalingHost;
use bluegreen_aws::codedeploy::{CodeDeployHost, WhenRetired};
use bluegreen_aws::ssm::{Fleet, RemoteCommand, RemoteMigrator, RemoteWorkers, Tag};
use bluegreen_aws::{Account, PerSlot, Rate};
use bluegreen_core::command::CommandSpec;
use bluegreen_core::{
    Assignment, DeploymentId, Op, Release, ServiceName, Slot, SystemClock, Timestamp, Token, Version,
};
use bluegreen_testkit::aws::{CommandOutput, DeploymentGroup, FakeAws, FakeConfig, RunCommand};

/// The application of both groups.
pub(crate) const APPLICATION: &str = "fixit-api";

pub(crate) struct World {
    pub(crate) aws: Arc<FakeAws>,
    pub(crate) account: Account,
    pub(crate) machine: Arc<Mutex<Machine>>,
    /// Between two looks at a command: virtual time passes by itself, in as many looks as fit.
    poll: Duration,
}

/// What commands have done.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) applied: BTreeSet<String>,
    pub(crate) runs: Vec<String>,
    pub(crate) claiming: BTreeSet<String>,
    pub(crate) waiting: String,
    pub(crate) next: Option<CommandOutput>,
}

impl World {
    /// Over a socket, so that connections break and dropped requests arrive.
    pub(crate) async fn start(config: FakeConfig) -> Self {
        Self::of(FakeAws::start(config).await.unwrap(), Duration::from_millis(5))
    }

    /// In memory: for tests in virtual time.
    pub(crate) fn in_memory(config: FakeConfig) -> Self {
        let clock = Arc::new(SystemClock::new());
        Self::of(FakeAws::in_memory(config, clock), Duration::from_millis(500))
    }

    fn of(aws: FakeAws, poll: Duration) -> Self {
        let quick = Rate::a_second(100_000);
        let account = ["autoscaling", "codedeploy", "ecr", "rds", "ssm"]
            .into_iter()
            .fold(Account::new(&aws.sdk_config()), |account, service| {
                account.rate(service, quick)
            });
        let machine: Arc<Mutex<Machine>> = Arc::default();
        machine.lock().unwrap().claiming.insert("blue".to_owned());
        let runs = machine.clone();
        aws.on_command(move |run| runs.lock().unwrap().carry_out(run));
        Self {
            aws: Arc::new(aws),
            account,
            machine,
            poll,
        }
    }

    /// Three machines that stay, in each slot.
    pub(crate) fn with_machines(self) -> Self {
        for slot in Slot::BOTH {
            for _ in 0..3 {
                let _ = self.aws.add_instance([("slot", slot.as_str())]);
            }
            let group = DeploymentGroup::tagged("slot", slot.as_str());
            self.aws.add_deployment_group(APPLICATION, slot.as_str(), group);
        }
        self
    }

    /// Groups of Auto Scaling of these sizes.
    pub(crate) fn with_groups(self, blue: usize, green: usize) -> Self {
        for (slot, size) in [(Slot::Blue, blue), (Slot::Green, green)] {
            let name = format!("fixit-{slot}");
            self.aws.add_auto_scaling_group(&name, 0, 10, size);
            let group = DeploymentGroup::auto_scaling(&name);
            self.aws.add_deployment_group(APPLICATION, slot.as_str(), group);
        }
        self
    }

    pub(crate) fn code_deploy(&self) -> CodeDeployHost {
        let groups = PerSlot::new("blue".to_owned(), "green".to_owned());
        let bundles = "s3://fixit-artifacts/api/{version}.zip".parse().unwrap();
        CodeDeployHost::new(&self.account, APPLICATION, groups, bundles)
            .when_retired(WhenRetired::Deploys(
                "s3://fixit-artifacts/stop.zip".parse().unwrap(),
            ))
            .settle_time(Duration::from_millis(100))
            .poll(Duration::from_millis(5))
    }

    pub(crate) fn scaled(&self) -> AutoScalingHost<CodeDeployHost> {
        let groups = PerSlot::new("fixit-blue".to_owned(), "fixit-green".to_owned());
        AutoScalingHost::new(
            &self.account,
            groups,
            self.code_deploy().when_retired(WhenRetired::GoesOn),
        )
        .least(2)
        .settle_time(Duration::from_millis(100))
        .poll(Duration::from_millis(5))
    }

    pub(crate) fn fleet(&self) -> Fleet {
        let tags = PerSlot::new(Tag::new("slot", "blue"), Tag::new("slot", "green"));
        Fleet::new(&self.account, ServiceName::new("shop").unwrap(), tags)
            .settle_time(Duration::from_millis(150))
            .poll(self.poll)
    }

    pub(crate) fn migrator(&self) -> RemoteMigrator {
        RemoteMigrator::new(self.fleet())
            .expand(run(["migrate", "expand"]))
            .backfill(run(["migrate", "backfill"]))
            .contract(run(["migrate", "contract"]))
    }

    pub(crate) fn workers(&self) -> RemoteWorkers {
        RemoteWorkers::new(
            self.fleet(),
            run(["workers", "quiesce", "{slot}"]).on_all(),
            run(["workers", "start", "{slot}"]).on_all(),
        )
        .counting(run(["workers", "depth"]))
    }

    /// What was run on machines, in its order.
    pub(crate) fn runs(&self) -> Vec<String> {
        self.aws.catch_up();
        self.machine.lock().unwrap().runs.clone()
    }

    /// How many deployments of releases have begun, without those that stop a slot.
    pub(crate) fn begun(&self) -> usize {
        let begun = |slot: Slot| {
            let all = self.aws.deployments(APPLICATION, slot.as_str());
            all.into_iter()
                .filter(|seen| !seen.key.starts_with("stop"))
                .count()
        };
        begun(Slot::Blue) + begun(Slot::Green)
    }

    /// The version that runs in a slot.
    pub(crate) fn running(&self, slot: Slot) -> Option<Version> {
        let all = self.aws.deployments(APPLICATION, slot.as_str());
        let good = all.into_iter().rfind(|seen| seen.status == "Succeeded")?;
        let version = good.key.strip_prefix("api/")?.strip_suffix(".zip")?;
        Some(Version::new(version).unwrap())
    }
}

impl Machine {
    /// What `migrate` and `workers` do, wherever they run.
    fn carry_out(&mut self, run: &RunCommand) -> CommandOutput {
        let line = run
            .parameters
            .get("commands")
            .map(|lines| lines.join("\n"))
            .unwrap_or_default();
        self.runs.push(line.clone());
        if let Some(output) = self.next.take() {
            return output;
        }
        let words: Vec<_> = line.split(' ').map(|word| word.trim_matches('\'')).collect();
        match words[..] {
            ["migrate", phase] => {
                if self.applied.insert(phase.to_owned()) {
                    CommandOutput::ok(format!("applied {phase}\n"))
                } else {
                    CommandOutput::ok("nothing to migrate\n")
                }
            }
            ["workers", "quiesce", slot] => {
                self.claiming.remove(slot);
                CommandOutput::default()
            }
            ["workers", "start", slot] => {
                self.claiming.insert(slot.to_owned());
                CommandOutput::default()
            }
            ["workers", "depth"] => CommandOutput::ok(format!("jobs:\n{}\n", self.waiting)),
            _ => CommandOutput::default(),
        }
    }
}

pub(crate) fn run<const N: usize>(words: [&str; N]) -> RemoteCommand {
    RemoteCommand::run(CommandSpec::new(words))
}

pub(crate) fn op(id: &str) -> Op {
    op_within(id, Duration::from_secs(10))
}

pub(crate) fn op_within(id: &str, budget: Duration) -> Op {
    Op::new(Token { epoch: 1, seq: 1 }, id, budget)
}

pub(crate) fn release(version: &str) -> Release {
    Release::new(Version::new(version).unwrap())
}

/// A release for green.
pub(crate) fn assignment(number: u64, version: &str) -> Assignment {
    Assignment {
        slot: Slot::Green,
        release: release(version),
        deployment: DeploymentId::new(number, Timestamp::from_millis(1_700_000_000_000)),
    }
}
