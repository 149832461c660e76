//! Analysis: is the candidate as good as live, while both have traffic?

mod block;
mod check;
mod counters;
mod engine;
mod history;
mod interval;
mod metric;
mod mixture;
mod number;
mod planning;
mod report;
mod sight;
mod spec;
mod test;
mod tick;

pub use block::Counts;
pub use counters::Counters;
pub use engine::{Action, Analysis, State};
pub use planning::{Detection, Traffic, Visibility};
pub use report::{Evidence, Finding, Report, Standing, Why};
pub use sight::Gap;
pub use spec::{
    AnalysisSpec, ErrorsSpec, EventsSpec, LatencySpec, Limit, Margin, MetricSpec, OnInconclusive, OnMissing,
};
pub use test::Claim;
pub use tick::{Histogram, InvalidHistogram, Side, Tick};
