//! The plans that worlds take: a fixed list, drawn once, with everything in it that a plan can ask for.

#![expect(
    clippy::indexing_slicing,
    reason = "each place is drawn below the length of its list"
)]

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::command::CommandSpec;
use bluegreen_core::plan::{
    ApprovalDefault, ApprovalPlan, BothUnhealthy, Deadlines, Disposal, ExpandWhen, GateSpec, Hook,
    HookFailure, HookPoint, LeasePlan, MetricCheck, Migrations, Preflight, Retention, Step, Undrained,
    WorkersOrder, WorkersPlan,
};
use bluegreen_core::{Phase, Plan, RetryPolicy, ServiceName, Share};

/// So many plans there are.
pub(crate) const PLANS: usize = 100;

/// The plans from this number on warm up: they start processes, so they are taken seldom.
pub(crate) const WARM: usize = PLANS - 2;

/// What warm-up commands are given: its name, and what must be seen nowhere.
pub(crate) const SECRET_NAME: &str = "token";
pub(crate) const SECRET: &str = "correct-horse-battery-staple";

/// What a plan asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for or not by itself")]
pub(crate) struct Features {
    pub(crate) steps: usize,
    /// The step that waits for an approval, and whether silence is a yes.
    pub(crate) approval: Option<(usize, bool)>,
    pub(crate) expand: Option<bool>,
    pub(crate) backfill: bool,
    pub(crate) workers: Option<(bool, bool)>,
    /// Before (or after) which phase a hook runs, and whether its failure counts.
    pub(crate) hook: Option<(Phase, bool, bool)>,
    pub(crate) soak_ms: u64,
    pub(crate) bake_ms: u64,
    pub(crate) metric: bool,
    pub(crate) step_gate: bool,
    pub(crate) both_unhealthy_halts: bool,
    pub(crate) notify: bool,
    pub(crate) keep_ms: u64,
    pub(crate) then_standby: bool,
    pub(crate) cut: bool,
    pub(crate) period_ms: u64,
    /// So many failures in a row are a failure.
    pub(crate) failures: u32,
    pub(crate) public: bool,
}

/// The phases that a hook may stand at.
const HOOKS: [Phase; 25] = [
    Phase::Reconcile,
    Phase::Preflight,
    Phase::Stage,
    Phase::Migrate,
    Phase::Prepare,
    Phase::AwaitReady,
    Phase::Verify,
    Phase::Approval,
    Phase::Ready,
    Phase::Shift,
    Phase::Confirm,
    Phase::Bake,
    Phase::Quiesce,
    Phase::StartWorkers,
    Phase::QueueDepth,
    Phase::Soak,
    Phase::Backfill,
    Phase::Finish,
    Phase::ConfirmReturn,
    Phase::VerifyReturn,
    Phase::ReturnWorkers,
    Phase::Recover,
    Phase::Drain,
    Phase::Retire,
    // Once more, in a plan that has a backfill before it.
    Phase::Finish,
];

/// What the plan of a number asks for: a function of the number.
pub(crate) fn features(number: usize) -> Features {
    let number = number % PLANS;
    let mut random = fastrand::Rng::with_seed(number as u64 * 7919 + 11);
    let hook = (number % 4 == 3 || number == WARM).then(|| {
        let phase = if number == WARM {
            Phase::Recover
        } else {
            HOOKS[number / 4 % HOOKS.len()]
        };
        let after = phase == Phase::ConfirmReturn || number % 8 == 7;
        (phase, after, random.bool())
    });
    let needs = |phases: &[Phase]| hook.is_some_and(|(phase, ..)| phases.contains(&phase));
    let steps = [1, 2, 2, 3, 4][random.usize(0..5)];
    let approval = (random.u8(0..4) == 0 || needs(&[Phase::Approval]))
        .then(|| (random.usize(0..steps), random.u8(0..3) == 0));
    let mut expand = (random.bool() || needs(&[Phase::Migrate, Phase::Backfill])).then(|| random.bool());
    if number >= WARM {
        expand = (number > WARM).then_some(true);
    }
    let workers = (random.u8(0..3) == 0
        || needs(&[
            Phase::Quiesce,
            Phase::StartWorkers,
            Phase::QueueDepth,
            Phase::ReturnWorkers,
        ]))
    .then(|| (random.bool(), random.bool() || needs(&[Phase::QueueDepth])));
    Features {
        steps,
        approval,
        expand,
        backfill: expand.is_some() && (random.bool() || needs(&[Phase::Backfill]) || number > WARM),
        workers,
        hook,
        soak_ms: [0, 1000, 3000][random.usize(0..3)],
        bake_ms: [0, 1000, 2000, 4000][random.usize(0..4)],
        metric: random.u8(0..4) == 0,
        step_gate: random.bool(),
        both_unhealthy_halts: random.u8(0..4) == 0,
        notify: random.u8(0..4) > 0,
        keep_ms: [4_000, 20_000][random.usize(0..2)],
        then_standby: random.u8(0..3) == 0,
        cut: random.bool(),
        period_ms: [1500, 3000][random.usize(0..2)],
        failures: [1, 1, 2][random.usize(0..3)],
        public: random.bool(),
    }
}

thread_local! {
    static KEPT: RefCell<Vec<Option<Arc<Plan>>>> = const { RefCell::new(Vec::new()) };
}

/// The plan of a number; made once for each thread.
pub(crate) fn plan(number: usize) -> Result<Arc<Plan>, String> {
    let number = number % PLANS;
    KEPT.with_borrow_mut(|kept| {
        kept.resize(PLANS, None);
        if let Some(Some(plan)) = kept.get(number) {
            return Ok(Arc::clone(plan));
        }
        let made = Arc::new(make(number)?);
        if let Some(place) = kept.get_mut(number) {
            *place = Some(Arc::clone(&made));
        }
        Ok(made)
    })
}

/// The name under which the service of every world goes.
pub(crate) const SERVICE: &str = "shop";

#[expect(clippy::too_many_lines, reason = "one list of what a plan has")]
fn make(number: usize) -> Result<Plan, String> {
    let features = features(number);
    let ms = Duration::from_millis;
    let gate = |spec: GateSpec| {
        spec.period(ms(features.period_ms))
            .timeout(ms(800))
            .thresholds(1, features.failures, 3)
    };
    let code = |name: &str| gate(GateSpec::code(name));
    let service = ServiceName::new(SERVICE).map_err(|error| error.to_string())?;
    let mut plan = Plan::builder(service)
        .health(code("up"))
        .guard(code("errors"))
        .smoke(code("login"))
        .soak(ms(features.soak_ms))
        .notify(features.notify)
        .deadlines(deadlines(ms))
        .retry(RetryPolicy {
            first: ms(100),
            max: ms(800),
            factor: 2.0,
            attempts: 4,
        })
        .lease(LeasePlan {
            ttl: ms(6000),
            poll: ms(1000),
            call: ms(2000),
        })
        .preflight(Preflight {
            allow_unhealthy_live: !number.is_multiple_of(3),
            ..Preflight::default()
        })
        .retention(Retention {
            keep: ms(features.keep_ms),
            then: if features.then_standby {
                Disposal::Standby
            } else {
                Disposal::Stop
            },
            drain: ms(1000),
            undrained: if features.cut {
                Undrained::Cut
            } else {
                Undrained::Keep
            },
        });
    if features.public {
        plan = plan.public(code("front"));
    }
    if features.metric {
        plan = plan.guard(gate(GateSpec::metric(
            "latency",
            MetricCheck::new("p95").max(0.5),
        )));
    }
    if features.both_unhealthy_halts {
        plan = plan.both_unhealthy(BothUnhealthy::Halt);
    }
    if let Some(after_prepare) = features.expand {
        plan = plan.migrations(Migrations {
            expand: if after_prepare {
                ExpandWhen::AfterPrepare
            } else {
                ExpandWhen::BeforePrepare
            },
            backfill: features.backfill,
        });
    }
    if let Some((start_first, counted)) = features.workers {
        plan = plan.workers(WorkersPlan {
            order: if start_first {
                WorkersOrder::StartFirst
            } else {
                WorkersOrder::QuiesceFirst
            },
            max_depth: counted.then_some(5),
        });
    }
    if let Some((phase, after, fatal)) = features.hook {
        let at = if after {
            HookPoint::after(phase)
        } else {
            HookPoint::before(phase)
        };
        let failure = if fatal {
            HookFailure::Fail
        } else {
            HookFailure::Warn
        };
        plan = plan.hook(Hook::code("hook", at).on_failure(failure));
    }
    if number >= WARM {
        plan = plan.warm_up(warm_up(number > WARM));
    }
    for index in 0..features.steps {
        let left = u16::try_from(features.steps - index - 1).unwrap_or(0);
        let weight = Share::from_basis_points(10_000 - left * 2500).unwrap_or(Share::ALL);
        let mut step = Step::new(weight, ms(features.bake_ms));
        if features.step_gate {
            step = step.gate(code("step"));
        }
        if let Some((at, proceed)) = features.approval
            && at == index
        {
            step = step.approval(ApprovalPlan {
                expires: ms(9000),
                default: if proceed {
                    ApprovalDefault::Proceed
                } else {
                    ApprovalDefault::Abort
                },
            });
        }
        plan = plan.step(step);
    }
    plan.build().map_err(|error| error.to_string())
}

/// Prints the secret that it is given; with the first release it fails as well, and why it failed is kept.
fn warm_up(fails: bool) -> CommandSpec {
    let script = if fails {
        "echo \"token: $TOKEN\" >&2; test \"$1\" != r1"
    } else {
        "echo \"token: $TOKEN\""
    };
    CommandSpec::new(["sh", "-c", script, "warm-up", "{version}"]).secret_env("TOKEN", SECRET_NAME)
}

fn deadlines(ms: fn(u64) -> Duration) -> Deadlines {
    let usual = ms(12_000);
    Deadlines {
        reconcile: usual,
        preflight: usual,
        stage: usual,
        migrate: usual,
        prepare: usual,
        warm_up: usual,
        verify: usual,
        shift: usual,
        confirm: usual,
        hold: usual,
        workers: usual,
        assess: ms(2000),
        rollback: usual,
        drain: ms(8000),
        retire: usual,
        hooks: ms(5000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_of_the_list_is_valid() {
        for number in 0..PLANS {
            assert_eq!(plan(number).err(), None, "{number}");
        }
    }
}
