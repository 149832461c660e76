//! The values that a careful operator would choose. The table in the [module's docs](super) says why;
//! a test holds it to them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    ApprovalDefault, ApprovalPlan, Deadlines, Disposal, GateSpec, LeasePlan, Plan, Preflight, Retention,
    RollbackPlan, Soak, Step, Target, Thresholds, Undrained, Windows, WorkersOrder, WorkersPlan,
};
use crate::retry::RetryPolicy;
use crate::{ServiceName, Share};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

impl Plan {
    pub(super) fn with_defaults(service: ServiceName) -> Self {
        Self {
            service,
            target: Target::default(),
            slots: BTreeMap::new(),
            steps: Step::defaults(),
            windows: Windows::default(),
            preflight: Preflight::default(),
            health: Vec::new(),
            smoke: Vec::new(),
            sources: Vec::new(),
            guards: Vec::new(),
            thresholds: Thresholds::default(),
            analysis: None,
            public: Vec::new(),
            migrations: None,
            warm_up: Vec::new(),
            workers: None,
            soak: Soak::default(),
            retention: Retention::default(),
            hooks: Vec::new(),
            rollback: RollbackPlan::default(),
            notify: true,
            deadlines: Deadlines::default(),
            retry: RetryPolicy::default(),
            lease: LeasePlan::default(),
        }
    }
}

impl Step {
    /// A step of a weight, with a bake time.
    #[must_use]
    pub const fn new(weight: Share, bake: Duration) -> Self {
        Self {
            weight,
            bake,
            approval: None,
            gates: Vec::new(),
        }
    }

    /// With one more gate that is asked at the end of its bake.
    #[must_use]
    pub fn gate(mut self, gate: GateSpec) -> Self {
        self.gates.push(gate);
        self
    }

    /// With an approval before it.
    #[must_use]
    pub fn approval(mut self, approval: ApprovalPlan) -> Self {
        self.approval = Some(approval);
        self
    }

    /// 5, 25, 50 and 100 %, two minutes each.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        [5u8, 25, 50, 100]
            .into_iter()
            .filter_map(|percent| Share::from_percent(percent).ok())
            .map(|weight| Self::new(weight, secs(120)))
            .collect()
    }
}

impl ApprovalPlan {
    pub(super) const fn default_expiry() -> Duration {
        secs(3600)
    }
}

impl Default for ApprovalPlan {
    fn default() -> Self {
        Self {
            expires: Self::default_expiry(),
            default: ApprovalDefault::default(),
        }
    }
}

impl Default for Preflight {
    fn default() -> Self {
        Self {
            checks: Vec::new(),
            allow_unhealthy_live: false,
            capacity: Share::ALL,
        }
    }
}

impl Default for WorkersPlan {
    fn default() -> Self {
        Self {
            order: WorkersOrder::QuiesceFirst,
            max_depth: None,
        }
    }
}

impl Default for Soak {
    fn default() -> Self {
        Self { time: secs(300) }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            keep: secs(3600),
            then: Disposal::Stop,
            drain: secs(60),
            undrained: Undrained::Keep,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            reconcile: secs(60),
            preflight: secs(120),
            stage: secs(120),
            migrate: secs(1800),
            prepare: secs(900),
            warm_up: secs(300),
            verify: secs(600),
            shift: secs(120),
            confirm: secs(300),
            hold: secs(900),
            workers: secs(120),
            assess: secs(5),
            rollback: secs(300),
            drain: secs(600),
            retire: secs(300),
            hooks: secs(120),
        }
    }
}

impl Default for LeasePlan {
    fn default() -> Self {
        Self {
            ttl: secs(30),
            poll: secs(1),
            call: secs(20),
        }
    }
}
