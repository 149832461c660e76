//! How many deployments a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bluegreen_core::lifecycle::End;
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{Clock, Deployer, Plan, Release, Signed, SystemClock, Timestamp, Version};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::Failure;
use crate::ports::{CountedStore, Counts, PlainGate, PlainHost, PlainRouter};
use crate::process::timed;

/// One row of the result.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) deployments: usize,
    pub(crate) interleaved: usize,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    /// By the processor's time: the rate of a core that has nothing else to do.
    pub(crate) per_cpu_second: f64,
    pub(crate) each: Each,
}

/// What one deployment needs of its ports.
#[derive(Debug, Serialize)]
pub(crate) struct Each {
    pub(crate) writes: f64,
    pub(crate) reads: f64,
    pub(crate) objects: f64,
    pub(crate) router: f64,
    pub(crate) host: f64,
    pub(crate) gate: f64,
    pub(crate) record_bytes_max: f64,
}

/// A runtime on this thread in which waits take no time.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
}

/// One whole deployment of a service of its own.
pub(crate) async fn deploy(plan: &Plan, counts: &Arc<Counts>, clock: Arc<dyn Clock>) -> Result<(), String> {
    let gate = |name| PlainGate {
        name,
        counts: counts.clone(),
    };
    let store = CountedStore {
        store: MemoryStore::new(),
        counts: counts.clone(),
    };
    let deployer = Deployer::builder(plan.service.clone())
        .store(store)
        .router(PlainRouter::new(counts.clone()))
        .host(PlainHost(counts.clone()))
        .gate(gate("health"))
        .gate(gate("errors"))
        .clock(clock)
        .holder("bench")
        .build()
        .map_err(|error| error.to_string())?;
    let release = Release::new(Version::new("1.1").map_err(|error| error.to_string())?);
    let report = deployer
        .deploy(plan, release, Signed::new("bench", "measuring"))
        .await;
    let report = report.map_err(|error| error.to_string())?;
    if report.end == Some(End::Promoted) {
        Ok(())
    } else {
        Err(format!("it was not promoted: {report:?}"))
    }
}

pub(crate) fn measure(
    name: &'static str,
    plan: &Plan,
    deployments: usize,
    interleaved: usize,
) -> Result<Rate, Failure> {
    let counts = Arc::new(Counts::default());
    let (done, took) = timed(|| {
        runtime()
            .map_err(|error| error.to_string())?
            .block_on(all(plan, &counts, deployments, interleaved))
    })?;
    done?;
    let total = float(deployments);
    let each = |counter: &AtomicU64| {
        float(usize::try_from(counter.load(Ordering::Relaxed)).unwrap_or(usize::MAX)) / total
    };
    Ok(Rate {
        name,
        deployments,
        interleaved,
        seconds: took.seconds,
        per_second: total / took.seconds,
        per_cpu_second: total / took.cpu_seconds,
        each: Each {
            writes: each(&counts.writes),
            reads: each(&counts.reads),
            objects: each(&counts.objects),
            router: each(&counts.router),
            host: each(&counts.host),
            gate: each(&counts.gate),
            record_bytes_max: each(&counts.record_bytes_max) * total,
        },
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are far below 2^52"
)]
pub(crate) const fn float(count: usize) -> f64 {
    count as f64
}

/// So many workers, each with one deployment after the other.
async fn all(
    plan: &Plan,
    counts: &Arc<Counts>,
    deployments: usize,
    interleaved: usize,
) -> Result<(), String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_millis(
        1_800_000_000_000,
    )));
    let (begun, plan) = (Arc::new(AtomicUsize::new(0)), Arc::new(plan.clone()));
    let mut workers: JoinSet<Result<(), String>> = JoinSet::new();
    for _ in 0..interleaved {
        let (begun, plan, counts, clock) = (begun.clone(), plan.clone(), counts.clone(), clock.clone());
        workers.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < deployments {
                deploy(&plan, &counts, clock.clone()).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(())
}
