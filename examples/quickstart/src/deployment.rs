//! The deployment itself: a plan, a deployer, and the call. This is the file to copy from; everything
//! else in this folder is there to have something to deploy, and to watch it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::plan::{GateSpec, HttpCheck, LeasePlan, MetricCheck, Step, WorkersPlan};
use bluegreen_core::store::FileStore;
use bluegreen_core::{
    Deployer, Host, Observer, Plan, Release, Report, Router, ServiceName, Share, Signed, Slot, Version,
};
use bluegreen_testkit::loopback::PerSlot;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::parts::{ClaimFile, ClientErrors};

/// What is live when the deployment begins.
pub(crate) const OLD: &str = "1.0";
/// What is released.
pub(crate) const NEW: &str = "1.1";
/// For how long each step is watched. In production: minutes.
pub(crate) const BAKE: Duration = Duration::from_secs(2);
/// For how long all traffic is watched at the end. In production: minutes.
pub(crate) const SOAK: Duration = Duration::from_secs(2);
/// The shares of the traffic that the candidate gets, in percent.
pub(crate) const STEPS: [u8; 4] = [5, 25, 50, 100];

/// Where everything is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Places {
    /// Where each slot answers by itself.
    pub(crate) slots: PerSlot<SocketAddr>,
    /// Where clients come in.
    pub(crate) public: SocketAddr,
    /// Where the record is kept, and the small files of this example.
    pub(crate) folder: PathBuf,
}

/// What is to happen.
pub(crate) fn plan(places: &Places) -> Result<Plan, Failure> {
    let mut plan = Plan::builder(service()?)
        // What differs between the slots; `{url}` below is the one of the slot that is asked.
        .slot_value(Slot::Blue, "url", format!("http://{}", places.slots.blue))
        .slot_value(Slot::Green, "url", format!("http://{}", places.slots.green))
        // Is the slot healthy? Asked before the start, before each step, and all the time between.
        .health(
            GateSpec::http("api", [HttpCheck::get("{url}/health").json("/status", "ok")])
                .period(Duration::from_millis(500)),
        )
        // Does the candidate do what it is for? Asked once, before it gets traffic.
        .smoke(GateSpec::http(
            "order",
            [HttpCheck::new("POST", "{url}/order")
                .body("2 apples")
                .answer_header("x-version", NEW)],
        ))
        // What the clients see. Two measurements in a row above the limit take everything back.
        .guard(
            GateSpec::metric("errors", MetricCheck::new(ClientErrors::METRIC).max(0.01))
                .period(Duration::from_millis(250))
                .thresholds(1, 2, 10),
        )
        // And the way that they take.
        .public(
            GateSpec::http(
                "front",
                [HttpCheck::get(format!("http://{}/health", places.public))],
            )
            .period(Duration::from_millis(500)),
        )
        .workers(WorkersPlan::default())
        .soak(SOAK)
        // How long a crash holds everything up: 30 s by default, here short enough to be watched.
        .lease(LeasePlan {
            ttl: Duration::from_secs(2),
            poll: Duration::from_millis(100),
            call: Duration::from_secs(1),
        });
    for percent in STEPS {
        plan = plan.step(Step::new(Share::from_percent(percent)?, BAKE));
    }
    Ok(plan.build()?)
}

/// Who does it, with what.
pub(crate) fn deployer(
    folder: &Path,
    router: Arc<dyn Router>,
    host: impl Host + 'static,
    observer: impl Observer + 'static,
) -> Result<Deployer, Failure> {
    Ok(Deployer::builder(service()?)
        .store(FileStore::open(folder.join("records"))?)
        .shared_router(router)
        .host(host)
        .workers(ClaimFile::new(folder))
        .metrics(ClientErrors::new(folder))
        .observer(observer)
        .holder(format!("quickstart, process {}", std::process::id()))
        .build()?)
}

/// Releases the new version. The same call resumes what a killed process has begun.
pub(crate) async fn deploy(deployer: &Deployer, plan: &Plan) -> Result<Report, Failure> {
    let release = Release::new(Version::new(NEW)?).label("commit", "2f1c9aa");
    let report = deployer
        .deploy(plan, release, Signed::new("you", "to see how it goes"))
        .await?;
    Ok(report)
}

fn service() -> Result<ServiceName, bluegreen_core::InvalidName> {
    ServiceName::new("shop")
}
