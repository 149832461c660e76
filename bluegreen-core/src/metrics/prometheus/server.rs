//! One request to the API, and what its answer says of itself.

use reqwest::{StatusCode, Url};

use super::answer::{Answer, Data};
use crate::command::CommandContext;
use crate::gate::shown;
use crate::metrics::SourceBuildError;
use crate::metrics::fetch::{Fetch, address};
use crate::{Fault, Op};

pub(super) const PROVIDER: &str = "prometheus";

/// How much of an answer is read.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A server that speaks the API.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) fetch: Fetch,
    /// What comes before `/api/v1`.
    base: Url,
}

impl Server {
    pub(super) fn new(context: CommandContext, base: &str) -> Result<Self, SourceBuildError> {
        let error = |problem: String| SourceBuildError::new("the address", problem);
        let base = address(base).map_err(error)?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(error(
                "give name and password as a secret header instead".to_owned(),
            ));
        }
        let fetch = Fetch::new(PROVIDER, context)?;
        Ok(Self { fetch, base })
    }

    /// What `query` or `query_range` gives for a query.
    pub(super) async fn ask(
        &self,
        op: &Op,
        path: &str,
        query: &str,
        more: &[(&str, String)],
    ) -> Result<Data, Fault> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1", path]);
        }
        let timeout = format!("{}ms", self.fetch.timeout.min(op.budget).as_millis().max(1));
        url.query_pairs_mut()
            .append_pair("query", query)
            .append_pair("timeout", &timeout)
            .extend_pairs(more);
        let answer = self.fetch.get(op, url, MOST_BYTES).await?;
        let read = serde_json::from_slice::<Answer>(&answer.body);
        if answer.status != StatusCode::OK {
            let told = read.map(|read| read.error).unwrap_or_default();
            return Err(self.fetch.refused(&answer, &told));
        }
        let other =
            |problem: String| self.rejected(format!("it does not answer as Prometheus does: {problem}"));
        let read = read.map_err(|problem| {
            if problem.is_eof() {
                self.unavailable("the answer was cut off")
            } else {
                other(problem.to_string())
            }
        })?;
        if let Some(warning) = read.warning() {
            return Err(self.unavailable(format!("the answer is not whole: {warning}")));
        }
        read.data
            .ok_or_else(|| other(format!("no data, {:?}", read.error)))
    }

    pub(super) fn rejected(&self, problem: impl AsRef<str>) -> Fault {
        self.fetch.rejected(&shown(&self.base), problem)
    }

    pub(super) fn unavailable(&self, problem: impl AsRef<str>) -> Fault {
        self.fetch.unavailable(&shown(&self.base), problem)
    }
}
