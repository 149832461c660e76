//! The deployer in a process of its own, which is killed.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_bench::{Failure, nginx};
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{GateSpec, HttpCheck, LeasePlan, Retention, Step};
use bluegreen_core::store::FileStore;
use bluegreen_core::{
    Deployer, Entry, Event, Fault, Gate, GateContext, Host, Observer, Op, Plan, Release, Report, RetryPolicy,
    Router, ServiceName, Share, Signed, Slot, Verdict, Version,
};
use bluegreen_nginx::{BucketRouter, Key, LocalTransport, NginxConfig};
use bluegreen_testkit::loopback::{PerSlot, RemoteHost};
use serde::{Deserialize, Serialize};

use crate::broken::{Break, Broken};
use crate::point::{Call, Point, Trigger};
use crate::ports::{MortalHost, MortalStore, MortalTransport};

/// The hidden command of this process.
pub(crate) const COMMAND: &str = "deployer-process";
/// Where the process reads what it is to do.
const ORDERS: &str = "orders.json";
/// Where its record is.
pub(crate) const RECORDS: &str = "records";
/// Releases whose version ends like this are found out under all traffic.
pub(crate) const BAD: &str = "-bad";

/// How long a death holds everything up. Plans that are read ask for 2 s at least.
pub(crate) const LEASE: Duration = Duration::from_millis(600);
const POLL: Duration = Duration::from_millis(50);
const BAKE: Duration = Duration::from_millis(100);
const PART_PERCENT: u8 = 30;

/// Where everything is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Places {
    pub(crate) folder: PathBuf,
    /// Where nginx takes the clients' requests.
    pub(crate) public: SocketAddr,
    /// Where nginx says what it does.
    pub(crate) control: SocketAddr,
    pub(crate) blue: SocketAddr,
    pub(crate) green: SocketAddr,
    /// Where the host takes its orders.
    pub(crate) host: SocketAddr,
}

/// What a process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) places: Places,
    pub(crate) task: Task,
    /// Tells this operation from all others in the record.
    pub(crate) mark: String,
    /// A predecessor was killed in the middle of it.
    pub(crate) is_again: bool,
    pub(crate) die_at: Option<Point>,
    pub(crate) broken: Option<Break>,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    Deploy(Version),
    Rollback,
}

/// What the process says, one in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// It goes on with what a dead predecessor had begun.
    TookOver,
    Ended(Ended),
}

/// The end of an operation, as the process tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) end: Option<End>,
    pub(crate) reason: Option<String>,
    /// A predecessor had ended it, and died before it gave its lease back: nobody waits for that.
    pub(crate) was_over: bool,
    /// The calls that this process made.
    pub(crate) trace: Vec<Call>,
}

impl Orders {
    pub(crate) fn write(&self) -> Result<(), Failure> {
        Ok(fs::write(
            self.places.folder.join(ORDERS),
            serde_json::to_vec_pretty(self)?,
        )?)
    }
}

impl Places {
    /// What a router has to know of nginx. Each request is decided for itself, so that both slots get
    /// their share from clients that all have one address.
    pub(crate) fn nginx(&self) -> NginxConfig {
        let sides = PerSlot {
            blue: self.blue,
            green: self.green,
        };
        let mut config = nginx::shop_config(&self.folder, self.control, sides);
        config.key = Key::RequestId;
        config
    }
}

pub(crate) fn service() -> Result<ServiceName, Failure> {
    Ok(ServiceName::new("shop")?)
}

fn plan(places: &Places) -> Result<Plan, Failure> {
    let url = |address: SocketAddr| format!("http://{address}");
    let mut plan = Plan::builder(service()?)
        .slot_value(Slot::Blue, "url", url(places.blue))
        .slot_value(Slot::Green, "url", url(places.green))
        .health(brisk(GateSpec::http("up", [HttpCheck::get("{url}/health")])))
        .guard(brisk(GateSpec::code("canary")))
        .public(brisk(GateSpec::http(
            "front",
            [HttpCheck::get(format!("{}/health", url(places.public)))],
        )))
        .step(Step::new(Share::from_percent(PART_PERCENT)?, BAKE))
        .step(Step::new(Share::ALL, BAKE))
        .soak(BAKE)
        .retention(Retention {
            keep: Duration::ZERO,
            ..Retention::default()
        })
        .retry(RetryPolicy {
            first: Duration::from_millis(20),
            max: Duration::from_millis(200),
            attempts: 20,
            ..RetryPolicy::default()
        })
        .notify(false)
        .build()?;
    plan.lease = LeasePlan {
        ttl: LEASE,
        poll: POLL,
        call: Duration::from_millis(400),
    };
    Ok(plan)
}

/// Asked often; a machine that is busy for a second fails no good release.
fn brisk(gate: GateSpec) -> GateSpec {
    let mut gate = gate.period(POLL).thresholds(1, 5, 20);
    gate.timeout = Duration::from_secs(2);
    gate
}

/// What the process does: the operation, or what is left of it.
pub(crate) async fn run(folder: &Path) -> Result<(), Failure> {
    std::thread::spawn(|| {
        // Nothing is ever sent: this returns when the parent is gone.
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let orders: Orders = serde_json::from_slice(&fs::read(folder.join(ORDERS))?)?;
    let trigger = Arc::new(Trigger::new(orders.die_at.clone()));
    let deployer = deployer(&orders, &trigger).await?;
    let mut ended = operate(&orders, &deployer).await?;
    ended.trace = trigger.trace();
    say(&Word::Ended(ended));
    Ok(())
}

async fn deployer(orders: &Orders, trigger: &Arc<Trigger>) -> Result<Deployer, Failure> {
    let places = &orders.places;
    let config = places.nginx();
    let nginx = config.nginx.clone();
    let transport = MortalTransport {
        local: LocalTransport::new()?,
        trigger: trigger.clone(),
    };
    let host: Arc<dyn Host> = Arc::new(RemoteHost::connect(places.host).await?);
    let mut router: Arc<dyn Router> = Arc::new(BucketRouter::new(config, Arc::new(transport))?);
    if let Some(how) = orders.broken {
        router = Arc::new(Broken {
            router,
            host,
            how,
            nginx,
            told: Mutex::default(),
        });
    }
    Ok(Deployer::builder(service()?)
        .store(MortalStore {
            files: FileStore::open(places.folder.join(RECORDS))?,
            trigger: trigger.clone(),
        })
        .host(MortalHost {
            remote: RemoteHost::connect(places.host).await?,
            trigger: trigger.clone(),
        })
        .shared_router(router)
        .gate(Canary)
        .observer(Aloud)
        .holder("kill-nginx")
        .build()?)
}

/// Does what is asked for, or what is left of it.
async fn operate(orders: &Orders, deployer: &Deployer) -> Result<Ended, Failure> {
    let by = Signed::new("kill-nginx", orders.mark.clone());
    if orders.is_again {
        if let Some(report) = deployer.resume().await? {
            return Ok(told(report));
        }
        let status = deployer.status().await?;
        if let Some(run) = status.lifecycle.run().filter(|run| *run.by == by) {
            return Ok(Ended {
                end: run.end,
                reason: run.reason.clone(),
                was_over: true,
                trace: Vec::new(),
            });
        }
    }
    Ok(told(match &orders.task {
        Task::Deploy(version) => {
            let plan = plan(&orders.places)?;
            deployer.deploy(&plan, Release::new(version.clone()), by).await?
        }
        Task::Rollback => deployer.rollback(by).await?,
    }))
}

fn told(report: Report) -> Ended {
    Ended {
        end: report.end,
        reason: report.reason,
        was_over: false,
        trace: Vec::new(),
    }
}

/// Finds a bad release out as soon as it has all traffic.
#[derive(Debug)]
struct Canary;

#[async_trait]
impl Gate for Canary {
    fn name(&self) -> &'static str {
        "canary"
    }

    async fn check(&self, _: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let is_bad = context
            .release
            .as_ref()
            .is_some_and(|release| release.version.as_str().ends_with(BAD));
        Ok(if is_bad && context.split.share(context.slot) == Share::ALL {
            Verdict::fail("it cannot carry all traffic")
        } else {
            Verdict::pass("as it should be")
        })
    }
}

#[derive(Debug)]
struct Aloud;

impl Observer for Aloud {
    fn observe(&self, entry: &Entry) {
        if let Event::Claimed { takeover: true, .. } = entry.event {
            say(&Word::TookOver);
        }
    }
}

fn say(word: &Word) {
    if let Ok(line) = serde_json::to_string(word) {
        // When the parent is gone, this process ends anyway.
        let _ = writeln!(io::stdout(), "{line}");
    }
}
