//! The runbook of a Laravel shop, carried out on this machine: two groups of machines, a balancer that forwards, and
//! every other service of AWS in a fake.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_aws::alb::{AlbHealthGate, AlbRouter, Groups, Marker, SlotProbe};
use bluegreen_aws::autoscaling::AutoScalingHost;
use bluegreen_aws::codedeploy::CodeDeployHost;
use bluegreen_aws::ecr::ImageGate;
use bluegreen_aws::rds::{Database, SnapshotFirst, WayBackNotifier};
use bluegreen_aws::ssm::{Fleet, RemoteCommand, RemoteHook, RemoteMigrator, RemoteWorkers, Tag};
use bluegreen_aws::{Account, PerSlot, Rate};
use bluegreen_core::command::CommandSpec;
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{
    Disposal, ExpandWhen, GateSpec, Hook, HookPoint, LeasePlan, Migrations, Step, WorkersPlan,
};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Assignment, Deployer, Fault, Gate, GateContext, HookAction, HookContext, Host, Notice, Notifier, Op,
    Phase, Plan, Readiness, Release, Report, ServiceName, Signed, Slot, Verdict, Version,
};
use bluegreen_testkit::aws::{CommandOutput, DeploymentGroup, FakeAws, FakeConfig, FakeTarget};
use bluegreen_testkit::load::{Kind, Load, RunningLoad};
use bluegreen_testkit::loopback::LoopbackHost;
use serde_json::json;

type Shown<T> = Result<T, Box<dyn Error>>;

/// Shows it. 0 when it went as it is told, 1 when not.
pub(crate) async fn run() -> ExitCode {
    match show().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("The demo could not go on: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the demo is for people who look at it")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "as every program does")]
fn complain(text: &str) {
    eprintln!("{text}");
}

async fn show() -> Shown<bool> {
    let shop = Shop::open().await?;
    say(&format!(
        "A fake of AWS at {}, with a balancer at http://{}/. Blue has three machines and runs 1.3.0;\n\
         green has none. All times of the runbook are shortened: 15 minutes are 3 seconds here.",
        shop.aws.url(),
        shop.entry
    ));
    let plan = plan()?;

    say("\nA release whose image was never pushed is refused, before anything is touched:");
    let deployer = shop.deployer("1.5.0")?;
    let refused = deployer.deploy(&plan, release("1.5.0")?, somebody()).await?;
    say(&format!(
        "  {}",
        refused.reason.as_deref().unwrap_or("(no reason)")
    ));

    say("\nThe runbook, under 100 requests a second:");
    let load = shop.load();
    let deployer = shop.deployer("1.4.0")?;
    let there = deployer.deploy(&plan, release("1.4.0")?, somebody()).await?;
    tell(&there);
    say("\nSomebody finds that orders are missing, and goes back:");
    let back = deployer.rollback(somebody()).await?;
    tell(&back);
    let seen = load.stop().await;
    say(&format!(
        "\n{} requests were answered, {} failed.",
        seen.answered,
        seen.failed()
    ));

    say("\nWhat was run on machines, in its order:");
    for (times, line) in shop.commands() {
        say(&format!("  {times} x {line}"));
    }
    say("\nSnapshots of the database:");
    for name in shop.aws.snapshots() {
        say(&format!("  {name}"));
    }
    let is_good = there.end == Some(End::Promoted) && back.end == Some(End::RolledBack);
    Ok(refused.cutover_ms.is_none() && is_good && seen.failed() == 0)
}

fn tell(report: &Report) {
    let mut phases: Vec<String> = Vec::new();
    for time in &report.phases {
        let step = time.step.map_or_else(String::new, |step| format!(" {step}"));
        phases.push(format!("{}{step} {} ms", time.phase, time.ms));
    }
    say(&format!("  {}: {}", report.operation, phases.join(", ")));
    let end = match report.end {
        Some(End::Promoted) => "promoted",
        Some(End::RolledBack) => "rolled back",
        _ => "not as it was meant to",
    };
    let reason = report
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    say(&format!("  {end}{reason}"));
}

/// The account, and the services that answer in place of machines.
struct Shop {
    aws: FakeAws,
    account: Account,
    services: LoopbackHost,
    groups: Groups,
    entry: std::net::SocketAddr,
    ran: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    async fn open() -> Shown<Self> {
        let aws = FakeAws::start(FakeConfig::default().propagation(Duration::from_millis(300))).await?;
        let services = LoopbackHost::start().await?;
        services.run(Slot::Blue, release("1.3.0")?).await?;
        let addresses = services.addresses();
        let mut arns = Vec::new();
        for (slot, size) in [(Slot::Blue, 3), (Slot::Green, 0)] {
            let name = format!("fixit-{slot}");
            let arn = aws.add_target_group(&name);
            aws.register(&arn, FakeTarget::at(*addresses.get(slot)));
            arns.push(arn);
            aws.add_auto_scaling_group(&name, 0, 6, size);
            aws.add_deployment_group("fixit-api", slot.as_str(), DeploymentGroup::auto_scaling(&name));
        }
        let (Some(blue), Some(green)) = (arns.first(), arns.get(1)) else {
            return Err("there are no target groups".into());
        };
        let balancer = aws.add_load_balancer("fixit");
        let listener = aws
            .add_listener(
                &balancer,
                443,
                &json!([{"Type": "forward", "TargetGroupArn": blue}]),
            )
            .await?;
        let entry = aws.entry(&listener).ok_or("the balancer has no entry")?;
        aws.deploy_by_hand("fixit-api", "blue", "api/1.3.0.zip", "user");
        aws.add_database("fixit");
        aws.add_image("fixit/api", "1.4.0");
        let ran: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = ran.clone();
        aws.on_command(move |run| {
            let line = run
                .parameters
                .get("commands")
                .map(|lines| lines.join("; "))
                .unwrap_or_default();
            let is_depth = line.contains("Queue::size");
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line.replace('\'', ""));
            CommandOutput::ok(if is_depth { "0\n" } else { "done\n" })
        });
        Ok(Self {
            account: in_a_hurry(&aws),
            groups: Groups::new(blue, green)?,
            aws,
            services,
            entry,
            ran,
        })
    }

    fn deployer(&self, version: &str) -> Shown<Deployer> {
        let account = &self.account;
        let probe = SlotProbe::new(
            &format!("http://{}/", self.entry),
            Marker::Header("x-slot".to_owned()),
        )?;
        let router = AlbRouter::between(account, self.groups.clone())
            .probe(probe)
            .settle(Duration::from_secs(1))
            .propagation(Duration::from_secs(1))
            .build();
        let names = |name: fn(Slot) -> String| PerSlot::new(name(Slot::Blue), name(Slot::Green));
        let bundles = "s3://fixit-artifacts/api/{version}.zip".parse()?;
        let host = CodeDeployHost::new(account, "fixit-api", names(|slot| slot.to_string()), bundles)
            .settle_time(Duration::from_secs(1))
            .poll(POLL);
        let host = AutoScalingHost::new(account, names(|slot| format!("fixit-{slot}")), host)
            .settle_time(Duration::from_secs(1))
            .poll(POLL);
        let host = OnLoopback {
            host,
            services: self.services.clone(),
        };
        let tags = PerSlot::new(
            Tag::of_auto_scaling("fixit-blue"),
            Tag::of_auto_scaling("fixit-green"),
        );
        let fleet = Fleet::new(account, ServiceName::new("fixit")?, tags)
            .settle_time(Duration::from_secs(1))
            .poll(POLL);
        let database = || {
            Database::new(account, "fixit")
                .poll(POLL)
                .settle_time(Duration::from_secs(1))
        };
        let migrator = RemoteMigrator::new(fleet.clone()).expand(artisan(["migrate", "--force"]));
        let horizon = |what: &str| {
            RemoteCommand::run(CommandSpec::new(["supervisorctl", what, "horizon", "scheduler"])).on_all()
        };
        let workers = RemoteWorkers::new(fleet.clone(), horizon("stop"), horizon("start"))
            .counting(artisan(["tinker", "--execute", "echo Queue::size();"]));
        Ok(Deployer::builder(ServiceName::new("fixit")?)
            .store(MemoryStore::new())
            .router(router)
            .host(host)
            .migrator(SnapshotFirst::new(database(), migrator))
            .workers(workers)
            .gate(AlbHealthGate::new(account, self.groups.clone()).reads(2, Duration::from_millis(50)))
            .gate(ImageGate::new(account, "image", "fixit/api").version(Version::new(version)?))
            .gate(Smoke(self.services.clone()))
            .hook(
                "warm-caches",
                RemoteHook::new(fleet.clone(), artisan(["config:cache"]).on_all()),
            )
            .hook(
                "purge-caches",
                RemoteHook::new(fleet, artisan(["cache:clear"])).in_both_slots(),
            )
            .hook("feature-flags", Flags)
            .notifier(WayBackNotifier::new(database(), Screen))
            .build()?)
    }

    fn load(&self) -> RunningLoad {
        Load::new(self.entry)
            .rate(100)
            .connections(8)
            .kinds([Kind::KeepAlive, Kind::Fresh, Kind::Post])
            .duration(Duration::from_mins(2))
            .start()
    }

    /// Each line with how many machines it was run on in a row.
    fn commands(&self) -> Vec<(usize, String)> {
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counted: Vec<(usize, String)> = Vec::new();
        for line in ran.iter() {
            match counted.last_mut() {
                Some((times, last)) if last == line => *times += 1,
                _ => counted.push((1, line.clone())),
            }
        }
        counted
    }
}

const POLL: Duration = Duration::from_millis(50);

/// Times are shortened, so requests come more often than any account would take.
fn in_a_hurry(aws: &FakeAws) -> Account {
    let services = [
        "autoscaling",
        "codedeploy",
        "ecr",
        "elasticloadbalancing",
        "rds",
        "ssm",
    ];
    let account = Account::new(&aws.sdk_config());
    let quick = |account: Account, service| account.rate(service, Rate::a_second(1_000));
    services.into_iter().fold(account, quick)
}

fn artisan<const N: usize>(words: [&str; N]) -> RemoteCommand {
    let words = ["php", "artisan"].into_iter().chain(words);
    RemoteCommand::run(CommandSpec::new(words).dir("/srv/fixit-api"))
}

fn release(version: &str) -> Shown<Release> {
    Ok(Release::new(Version::new(version)?))
}

fn somebody() -> Signed {
    Signed::new("demo", "to be seen")
}

/// The sequence of the runbook.
fn plan() -> Shown<Plan> {
    let second = Duration::from_secs(1);
    let mut plan = Plan::builder(ServiceName::new("fixit")?)
        .migrations(Migrations {
            expand: ExpandWhen::AfterPrepare,
            backfill: false,
        })
        .hook(Hook::code("warm-caches", HookPoint::before(Phase::Verify)))
        .health(GateSpec::code("targets").period(Duration::from_millis(200)))
        .smoke(GateSpec::code("smoke").period(Duration::from_millis(200)))
        .guard(GateSpec::code("targets").period(Duration::from_millis(500)))
        .step(Step::new("5%".parse()?, second * 2))
        .step(Step::new("100%".parse()?, second))
        .workers(WorkersPlan {
            max_depth: Some(0),
            ..WorkersPlan::default()
        })
        .soak(second * 3)
        .hook(Hook::code("feature-flags", HookPoint::before(Phase::Finish)))
        .hook(Hook::code("purge-caches", HookPoint::after(Phase::ConfirmReturn)))
        .lease(LeasePlan {
            ttl: second * 20,
            poll: Duration::from_millis(100),
            call: second * 4,
        })
        .build()?;
    plan.preflight.checks.push(GateSpec::code("image"));
    plan.retention.keep = Duration::from_hours(1);
    plan.retention.then = Disposal::Standby;
    Ok(plan)
}

/// What CodeDeploy deploys answers on this machine: one service in place of the machines of a slot.
#[derive(Debug)]
struct OnLoopback<H> {
    host: H,
    services: LoopbackHost,
}

#[async_trait]
impl<H: Host> Host for OnLoopback<H> {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        self.host.deploy(op, assignment).await?;
        let run = self
            .services
            .run(assignment.slot, assignment.release.clone())
            .await;
        run.map_err(|error| Fault::unknown("demo", "deploy", error.to_string()))
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        self.host.readiness(op, slot).await
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.host.standby(op, slot).await
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.host.retire(op, slot).await
    }

    fn settle(&self) -> Duration {
        self.host.settle()
    }
}

/// The smoke tests: the slot's own address answers, past the balancer.
#[derive(Debug)]
struct Smoke(LoopbackHost);

#[async_trait]
impl Gate for Smoke {
    fn name(&self) -> &'static str {
        "smoke"
    }

    async fn check(&self, _: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let url = format!("http://{}/", self.0.service(context.slot).address());
        Ok(match reqwest::get(url).await {
            Ok(answer) if answer.status().is_success() => Verdict::pass("it answers"),
            Ok(answer) => Verdict::fail(format!("it answers {}", answer.status())),
            Err(error) => Verdict::fail(error.to_string()),
        })
    }
}

/// Flags that are switched on gradually, by a service of their own.
#[derive(Debug)]
struct Flags;

#[async_trait]
impl HookAction for Flags {
    async fn run(&self, _: &Op, context: &HookContext) -> Result<String, Fault> {
        let version = context
            .release
            .as_ref()
            .map(|release| release.version.to_string());
        let version = version.unwrap_or_default();
        say(&format!(
            "  [flags] on for one customer in a hundred, with {version}"
        ));
        Ok("on for one customer in a hundred".to_owned())
    }
}

/// The channel of the team.
#[derive(Debug)]
struct Screen;

#[async_trait]
impl Notifier for Screen {
    async fn notify(&self, _: &Op, notice: &Notice) -> Result<(), Fault> {
        say(&format!(
            "  [#fixit-status] {}",
            notice.message.replace('\n', "\n    ")
        ));
        Ok(())
    }
}
