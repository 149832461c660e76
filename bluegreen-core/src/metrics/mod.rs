//! Sources of metrics: scraping, Prometheus, commands.
//!
//! | source | what it asks | several instances of a slot |
//! |---|---|---|
//! | [`ScrapeMetrics`] | the `/metrics` pages of the slot's own processes | each has its address |
//! | [`PrometheusMetrics`] | a Prometheus server, in PromQL | the label `instance` tells them apart |
//! | [`CommandMetrics`] | a command for each number | the command sums |
//!
//! Each is told what to look for under which name: counters, gauges and histograms. A gate on a number asks
//! for one of them with [`read`](crate::Metrics::read), an analysis takes all that there is of a slot with
//! [`sample`](crate::Metrics::sample) and counts itself what has come in between: what Prometheus' `increase()`
//! says is extrapolated, and is no count.
//!
//! # What is no data, and what is a fault
//! | what is met | it is |
//! |---|---|
//! | no series, NaN, a counter that is negative or infinite | no data |
//! | a metric that has series, but none with the labels that are asked for | of a counter: 0; else no data |
//! | no answer, an answer too late, 5xx, a page that is damaged where it matters, data that is too old | unavailable |
//! | a name that the source was not told, a query that is none, a label that no series has, a metric of another kind, 4xx, HTML | rejected |
//!
//! A process shows some metrics only when something has happened, so a name that is nowhere on a page may
//! still be right: it is no data. None of these is ever a number.

mod build;
mod command;
mod exposition;
#[cfg(feature = "http")]
mod fetch;
mod named;
#[cfg(feature = "http")]
mod prometheus;
mod scan;
#[cfg(feature = "http")]
mod scrape;
#[cfg(feature = "http")]
mod selector;
mod sources;

pub use build::SourceParts;
pub use command::CommandMetrics;
pub use exposition::{BadLine, Exposition, InvalidExposition, Kind, Series};
pub use named::SourceBuildError;
#[cfg(feature = "http")]
pub use prometheus::PrometheusMetrics;
#[cfg(feature = "http")]
pub use scrape::ScrapeMetrics;
#[cfg(feature = "http")]
pub use selector::{InvalidSelector, Selector};
pub use sources::Sources;
