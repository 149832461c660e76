//! What a source was told to look for, by name.

use std::collections::BTreeMap;

use crate::{Buckets, Fault, Readings};

/// What kind of numbers a metric has.
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "commands have no histograms")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Counter,
    Gauge,
    Histogram,
}

/// Metrics by their names, and how each is found: by a selector, a query or a command.
#[derive(Debug, Clone)]
pub(super) struct Named<T> {
    provider: &'static str,
    by_name: BTreeMap<String, (Shape, T)>,
}

/// What a metric is now.
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "commands have no histograms")
)]
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    Number(f64),
    Buckets(Buckets),
}

/// Why a source of metrics cannot be set up. Told before anything is touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
#[non_exhaustive]
pub struct SourceBuildError {
    /// What it is about: a metric, the address.
    pub what: String,
    /// What is wrong with it and what to do.
    pub problem: String,
}

impl SourceBuildError {
    pub(super) fn new(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            problem: problem.into(),
        }
    }

    pub(super) fn metric(name: &str, problem: impl Into<String>) -> Self {
        Self::new(format!("the metric {name:?}"), problem)
    }
}

impl<T> Named<T> {
    pub(super) const fn new(provider: &'static str) -> Self {
        let by_name = BTreeMap::new();
        Self { provider, by_name }
    }

    pub(super) fn add(&mut self, name: String, shape: Shape, found_by: T) -> Result<(), SourceBuildError> {
        if self.by_name.contains_key(&name) {
            return Err(SourceBuildError::metric(&name, "it is there already"));
        }
        self.by_name.insert(name, (shape, found_by));
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Shape, &T)> {
        let by_name = self.by_name.iter();
        by_name.map(|(name, (shape, found_by))| (name.as_str(), *shape, found_by))
    }

    /// The one that is a single number.
    pub(super) fn number(&self, name: &str) -> Result<(Shape, &T), Fault> {
        match self.by_name.get(name) {
            Some((Shape::Histogram, _)) => {
                let problem = "it is a histogram, and a histogram is not one number";
                Err(Fault::rejected(self.provider, "read", problem).on(name))
            }
            Some((shape, found_by)) => Ok((*shape, found_by)),
            None => {
                let known = self.by_name.keys().map(|name| format!("{name:?}"));
                let known: Vec<_> = known.take(20).collect();
                let problem = format!(
                    "this source was told of no such metric; it knows {}",
                    known.join(", ")
                );
                Err(Fault::rejected(self.provider, "read", problem).on(name))
            }
        }
    }
}

impl Readings {
    /// Puts in what a metric is now. What is no data is left out.
    pub(super) fn put(&mut self, name: &str, shape: Shape, reading: Option<Reading>) {
        let name = name.to_owned();
        match (shape, reading) {
            (Shape::Counter, Some(Reading::Number(number))) => drop(self.counters.insert(name, number)),
            (Shape::Gauge, Some(Reading::Number(number))) => drop(self.gauges.insert(name, number)),
            (Shape::Histogram, Some(Reading::Buckets(buckets))) => {
                self.histograms.insert(name, buckets);
            }
            _ => {}
        }
    }
}

impl Shape {
    /// The number, if it is one of this kind: a counter is finite and not negative, and nothing is NaN.
    pub(super) fn check(self, number: f64) -> Option<f64> {
        let fits = match self {
            Self::Counter => number >= 0.0 && number.is_finite(),
            Self::Gauge | Self::Histogram => !number.is_nan(),
        };
        fits.then_some(number)
    }
}
