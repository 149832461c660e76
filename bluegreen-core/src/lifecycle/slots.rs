//! What each slot is used for, and what runs in it.

use serde::{Deserialize, Serialize};

use crate::{Release, Role, Slot, Timestamp};

/// What is known of one slot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SlotState {
    /// What it is used for.
    pub role: Role,
    /// What was deployed there last. `None` where it was not this library that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Since when it has this role.
    pub since: Timestamp,
    /// Until when a standby is kept for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retained_until: Option<Timestamp>,
    /// Whether it lost its traffic without being kept, and requests may still be in flight there: it is
    /// drained before it is used again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undrained: bool,
}

impl SlotState {
    /// Whether requests may be in flight there although it is not live.
    pub(super) fn may_have_requests(&self) -> bool {
        self.role == Role::Standby || self.undrained
    }
}

/// Both slots.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Slots {
    /// The blue one.
    pub blue: SlotState,
    /// The green one.
    pub green: SlotState,
}

impl Slots {
    /// One of them.
    #[must_use]
    pub const fn get(&self, slot: Slot) -> &SlotState {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    const fn get_mut(&mut self, slot: Slot) -> &mut SlotState {
        match slot {
            Slot::Blue => &mut self.blue,
            Slot::Green => &mut self.green,
        }
    }

    /// The slot with a role, if one has it.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Option<Slot> {
        Slot::BOTH.into_iter().find(|slot| self.get(*slot).role == role)
    }

    /// The slot that takes the traffic, as far as is known.
    #[must_use]
    pub fn live(&self) -> Option<Slot> {
        self.with_role(Role::Live)
    }

    /// The slot that is kept for a rollback.
    #[must_use]
    pub fn standby(&self) -> Option<Slot> {
        self.with_role(Role::Standby)
    }

    /// Gives a slot a role; what runs there stays.
    pub(super) fn assign(&mut self, slot: Slot, role: Role, at: Timestamp) {
        let state = self.get_mut(slot);
        state.role = role;
        state.since = at;
        state.retained_until = None;
        state.undrained = false;
    }

    /// Puts a release into a slot, as the candidate.
    pub(super) fn occupy(&mut self, slot: Slot, release: Option<Release>, at: Timestamp) {
        self.assign(slot, Role::Candidate, at);
        self.get_mut(slot).release = release;
    }

    /// Keeps a slot for a rollback.
    pub(super) fn retain(&mut self, slot: Slot, at: Timestamp, until: Timestamp) {
        self.assign(slot, Role::Standby, at);
        self.get_mut(slot).retained_until = Some(until);
    }

    /// What becomes of both when `live` has all traffic and nothing is to go back to.
    pub(super) fn only(&mut self, live: Slot, at: Timestamp) {
        self.assign(live, Role::Live, at);
        self.assign(live.other(), Role::Empty, at);
    }

    /// The same where the other slot had traffic until now.
    pub(super) fn only_after_both(&mut self, live: Slot, at: Timestamp) {
        self.only(live, at);
        self.get_mut(live.other()).undrained = true;
    }
}
