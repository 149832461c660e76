//! One of something for each slot.

use bluegreen_core::Slot;
use serde::{Deserialize, Serialize};

/// One of something for each slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerSlot<T> {
    /// The one for blue.
    pub blue: T,
    /// The one for green.
    pub green: T,
}

impl<T> PerSlot<T> {
    /// The one for a slot.
    pub const fn get(&self, slot: Slot) -> &T {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    /// The one for a slot, to be changed.
    pub const fn get_mut(&mut self, slot: Slot) -> &mut T {
        match slot {
            Slot::Blue => &mut self.blue,
            Slot::Green => &mut self.green,
        }
    }
}
