//! All sources of a service together.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use crate::{Clock, Fault, Metrics, Op, Sample, Slot};

/// The sources that a plan describes, and the one of the embedding program. Each metric is known to one of them:
/// what no source of the plan was told of is asked of the program's.
#[derive(Clone, Default)]
pub struct Sources {
    described: Vec<Described>,
    code: Option<Arc<dyn Metrics>>,
}

#[derive(Clone)]
struct Described {
    name: String,
    metrics: BTreeSet<String>,
    source: Arc<dyn Metrics>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.described.iter().map(|described| &described.name);
        f.debug_struct("Sources")
            .field("described", &names.collect::<Vec<_>>())
            .field("code", &self.code)
            .finish()
    }
}

impl Sources {
    /// With the source of the embedding program, if it has one.
    #[must_use]
    pub fn new(code: Option<Arc<dyn Metrics>>) -> Self {
        Self {
            described: Vec::new(),
            code,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.described.is_empty() && self.code.is_none()
    }

    pub(super) fn describe(&mut self, name: String, metrics: BTreeSet<String>, source: Arc<dyn Metrics>) {
        self.described.push(Described {
            name,
            metrics,
            source,
        });
    }

    /// What each source tells of a slot now, always in the same order, with its name. Asked side by side; one
    /// that does not answer within the budget is unavailable.
    pub async fn sample_each(
        &self,
        op: &Op,
        slot: Slot,
        clock: &dyn Clock,
    ) -> Vec<(String, Result<Sample, Fault>)> {
        let described = self.described.iter().map(|one| (one.name.as_str(), &one.source));
        let all = described.chain(self.code.iter().map(|source| ("code", source)));
        let asked = all.map(|(name, source)| async move {
            (
                name.to_owned(),
                within(op.budget, clock, source.sample(op, slot)).await,
            )
        });
        join_all(asked).await
    }
}

async fn within(
    budget: Duration,
    clock: &dyn Clock,
    sample: impl Future<Output = Result<Sample, Fault>> + Send,
) -> Result<Sample, Fault> {
    tokio::select! {
        biased;
        sample = sample => sample,
        () = clock.sleep(budget) => {
            let budget = crate::plan::humane::format(budget);
            Err(Fault::unavailable("metrics", "sample", format!("no answer within {budget}")))
        }
    }
}

#[async_trait]
impl Metrics for Sources {
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let described = self.described.iter().find(|one| one.metrics.contains(metric));
        if let Some(source) = described.map(|one| &one.source).or(self.code.as_ref()) {
            return source.read(op, metric, slot).await;
        }
        let known = self.described.iter().flat_map(|one| &one.metrics);
        let known: Vec<_> = known.take(20).map(String::as_str).collect();
        let problem = format!(
            "no source was told of such a metric; known are {}",
            known.join(", ")
        );
        Err(Fault::rejected("metrics", "read", problem).on(metric))
    }
}
