//! The deployment itself: a plan, a deployer, and the call. This is the file to copy from; everything
//! else in this folder is there to have something to deploy, and to watch it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::analysis::{AnalysisSpec, ErrorsSpec, Margin, MetricSpec};
use bluegreen_core::lifecycle::End;
use bluegreen_core::migration::{CheckedMigrator, Engine, Folder, Linter, Server};
use bluegreen_core::plan::{GateSpec, HttpCheck, Migrations, SourceSpec, Step, WorkersPlan};
use bluegreen_core::store::FileStore;
use bluegreen_core::{
    Deployer, Host, Observer, Plan, Release, Report, Router, ServiceName, Share, Signed, Slot, Version,
};
use bluegreen_testkit::loopback::{LoopbackProxy, PerSlot};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::parts::{ClaimFile, NoDatabase};

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

/// The migrations of the new release. The first was there before it; the last one waits until nobody needs
/// what it takes away.
pub(crate) const MIGRATIONS: [(&str, &str); 3] = [
    (
        "1_orders.sql",
        "CREATE TABLE orders (id bigint PRIMARY KEY, note text);",
    ),
    ("2_remark.sql", "ALTER TABLE orders ADD COLUMN remark text;"),
    ("3_note.contract.sql", "ALTER TABLE orders DROP COLUMN note;"),
];

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
        // What the proxy counts of each slot's answers.
        .source(
            SourceSpec::scrape("proxy", LoopbackProxy::metrics_url(places.public, "{slot}"))
                .counter("requests", "proxy_answers_total")
                .counter("errors", "proxy_errors_total"),
        )
        // Does the candidate fail more often than what is live? It is led back as soon as that is shown.
        .analysis(analysis())
        // And the way that they take.
        .public(
            GateSpec::http(
                "front",
                [HttpCheck::get(format!("http://{}/health", places.public))],
            )
            .period(Duration::from_millis(500)),
        )
        // The SQL that comes with the release is read before anything is touched: does the old release go on
        // working on the new schema, and is nobody kept waiting?
        .migrations(Migrations::default())
        // Queues and schedules: blue's workers stop taking jobs before green's begin.
        .workers(WorkersPlan::default())
        .soak(SOAK);
    for percent in STEPS {
        plan = plan.step(Step::new(Share::from_percent(percent)?, BAKE));
    }
    Ok(plan.build()?)
}

/// How both slots are compared. Everything here is for a deployment of seconds: leave it out for one of
/// minutes, where the defaults tell finer differences.
fn analysis() -> AnalysisSpec {
    let mut errors = ErrorsSpec::default();
    // Some dozens of requests cannot show more than that there are not 10 % more errors.
    let mut pass = Margin::default();
    pass.slack = 0.1;
    errors.pass = Some(pass);
    let mut analysis = AnalysisSpec::new([MetricSpec::errors("errors", errors)]);
    analysis.tick = Duration::from_millis(200);
    analysis.min_evidence_ticks = 3;
    analysis.warm_up = Duration::from_millis(200);
    analysis.min_requests = 30;
    analysis.max_missing = 50;
    analysis
}

/// Who does it, with what.
pub(crate) fn deployer(
    folder: &Path,
    router: Arc<dyn Router>,
    host: impl Host + 'static,
    observer: impl Observer + 'static,
) -> Result<Deployer, Failure> {
    let store = FileStore::open(folder.join("records"))?;
    let migrator = CheckedMigrator::new(
        service()?,
        NoDatabase,
        Folder::at(format!("{}/migrations/{{version}}", folder.display())),
        Linter::new(Server::newest(Engine::Postgres)).in_transaction(true),
        store.clone(),
    );
    Ok(Deployer::builder(service()?)
        .store(store)
        .migrator(migrator.baseline(MIGRATIONS[0].0))
        .shared_router(router)
        .host(host)
        .workers(ClaimFile::new(folder))
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

/// Takes away what only the old release uses. It is refused, as long as that may get traffic again.
pub(crate) async fn contract(deployer: &Deployer, report: &Report) -> Option<String> {
    if report.end != Some(End::Promoted) {
        return None;
    }
    let by = Signed::new("you", "the new release no longer uses the note");
    let refused = deployer.contract(by).await.err()?;
    Some(refused.to_string())
}

fn service() -> Result<ServiceName, bluegreen_core::InvalidName> {
    ServiceName::new("shop")
}
