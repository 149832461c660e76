//! One of something for each slot.

use bluegreen_core::Slot;
use serde::{Deserialize, Serialize};

/// One of something for each slot: a target group, a record, an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerSlot<T> {
    /// The one for blue.
    pub blue: T,
    /// The one for green.
    pub green: T,
}

impl<T> PerSlot<T> {
    /// One for blue, one for green.
    pub const fn new(blue: T, green: T) -> Self {
        Self { blue, green }
    }

    /// The one for a slot.
    pub const fn get(&self, slot: Slot) -> &T {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }
}
