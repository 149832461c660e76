//! Who watches the events.

use std::fmt;

use crate::lifecycle::Entry;

/// Sees every event, as it happens: a progress view, metrics, an audit log.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Observer: fmt::Debug + Send + Sync {
    /// Takes one event. Must return at once and must not panic: hand the event on to a channel.
    fn observe(&self, entry: &Entry);
}

/// An observer that takes nothing in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _: &Entry) {}
}
