//! Many deployments open at once in one process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bluegreen_core::{Clock, SystemClock, Timestamp};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::ports::Counts;
use crate::process::{resident_mib, timed};
use crate::rate::{deploy, float, runtime};
use crate::{Failure, plan};

/// What the open deployments hold.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) open: usize,
    pub(crate) before_mib: f64,
    pub(crate) after_mib: f64,
    pub(crate) each_kib: f64,
}

/// What twice as many cost.
#[derive(Debug, Serialize)]
pub(crate) struct Growth {
    pub(crate) few: usize,
    pub(crate) few_cpu_seconds: f64,
    pub(crate) many: usize,
    pub(crate) many_cpu_seconds: f64,
    pub(crate) ratio: f64,
}

/// In the middle of the first bake, which is of 30 s.
const IN_THE_BAKE: Duration = Duration::from_secs(20);

pub(crate) fn memory(open: usize) -> Result<Memory, Failure> {
    let before_mib = resident_mib()?;
    let after_mib = runtime()?.block_on(async {
        let counts = Arc::new(Counts::default());
        let (deployments, clock) = begin(open, &counts)?;
        clock.sleep(IN_THE_BAKE).await;
        let baking = counts.shifts.load(Ordering::Relaxed);
        if usize::try_from(baking)? != open {
            return Err(format!("{baking} of {open} deployments bake").into());
        }
        let resident = resident_mib()?;
        drop(deployments);
        Ok::<_, Failure>(resident)
    })?;
    let each_kib = (after_mib - before_mib) * 1024.0 / float(open);
    Ok(Memory {
        open,
        before_mib,
        after_mib,
        each_kib,
    })
}

pub(crate) fn growth(few: usize) -> Result<Growth, Failure> {
    let many = few * 2;
    let (few_cpu_seconds, many_cpu_seconds) = (at_once(few)?, at_once(many)?);
    let ratio = many_cpu_seconds / few_cpu_seconds;
    Ok(Growth {
        few,
        few_cpu_seconds,
        many,
        many_cpu_seconds,
        ratio,
    })
}

/// The processor's time for so many deployments that are all open at once, from beginning to end.
fn at_once(open: usize) -> Result<f64, Failure> {
    let (done, took) = timed(|| {
        runtime()?.block_on(async {
            let (mut deployments, _) = begin(open, &Arc::default())?;
            while let Some(ended) = deployments.join_next().await {
                ended??;
            }
            Ok::<_, Failure>(())
        })
    })?;
    done?;
    Ok(took.cpu_seconds)
}

type Deployments = JoinSet<Result<(), String>>;

fn begin(open: usize, counts: &Arc<Counts>) -> Result<(Deployments, Arc<dyn Clock>), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_millis(
        1_800_000_000_000,
    )));
    let plan = Arc::new(plan::with_bakes()?);
    let mut deployments = JoinSet::new();
    for _ in 0..open {
        let (plan, counts, clock) = (plan.clone(), counts.clone(), clock.clone());
        deployments.spawn(async move { deploy(&plan, &counts, clock).await });
    }
    Ok((deployments, clock))
}
