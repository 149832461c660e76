//! When what may be done. Rollback and abort are no actions here: they are always legal.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The actions that a window can close. Going back is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Beginning a deployment.
    Deploy,
    /// Giving the candidate more traffic.
    Shift,
    /// Retiring the standby.
    Retire,
    /// Running contract migrations.
    Contract,
}

/// When what may be done.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Windows {}

impl Windows {
    /// Whether an action may be begun at a moment; if not, why and until when.
    ///
    /// # Errors
    /// The reason, for people, when it may not.
    pub fn permits(&self, action: Action, at: Timestamp) -> Result<(), String> {
        let _ = (action, at);
        Ok(())
    }
}
