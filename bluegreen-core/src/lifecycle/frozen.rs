//! A plan as it was when the operation began.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Plan;

/// A plan as it was when the operation began. It is part of the record, so that a resumed
/// deployment goes on by the plan with which it began; its text is made once and not with each write.
#[derive(Debug, Clone)]
pub struct FrozenPlan {
    plan: Arc<Plan>,
    json: Arc<RawValue>,
}

impl FrozenPlan {
    /// Freezes a plan.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no valid plan is guilty of.
    pub fn new(plan: Plan) -> Result<Self, serde_json::Error> {
        let json = serde_json::value::to_raw_value(&plan)?;
        Ok(Self {
            plan: Arc::new(plan),
            json: json.into(),
        })
    }

    /// The plan as JSON, as it stands in the record.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }
}

impl Deref for FrozenPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

impl PartialEq for FrozenPlan {
    fn eq(&self, other: &Self) -> bool {
        self.json.get() == other.json.get()
    }
}

impl Serialize for FrozenPlan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FrozenPlan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let plan = serde_json::from_str(json.get()).map_err(serde::de::Error::custom)?;
        Ok(Self {
            plan: Arc::new(plan),
            json: json.into(),
        })
    }
}
