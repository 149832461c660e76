//! What the worlds of a run have come to.

use std::collections::{BTreeMap, BTreeSet};

use bluegreen_core::Phase;
use serde::Serialize;

use super::history::{History, What};
use super::script::Mishap;

/// What the worlds of a run have come to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// Worlds that were played.
    pub worlds: u64,
    /// Deployments that were begun in them.
    pub deployments: u64,
    /// Operations of any kind that were begun.
    pub operations: u64,
    /// Processes that died.
    pub deaths: u64,
    /// Records that were stored, by phase and moment.
    pub states: BTreeMap<String, u64>,
    /// What followed what.
    #[serde(serialize_with = "by_name")]
    pub transitions: BTreeMap<(Phase, Phase), u64>,
    /// What went wrong, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Where processes died: before and after which call.
    pub crash_points: BTreeMap<String, u64>,
    /// How operations ended.
    pub outcomes: BTreeMap<String, u64>,
}

fn by_name<S: serde::Serializer>(
    transitions: &BTreeMap<(Phase, Phase), u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        transitions
            .iter()
            .map(|((from, to), count)| (format!("{from} -> {to}"), count)),
    )
}

impl Coverage {
    /// Takes a world in.
    pub(crate) fn take(&mut self, history: &History, tally: &mut Tally) {
        self.worlds += 1;
        for turn in history.turns() {
            let Some(run) = turn.after.run else { continue };
            *tally.states.entry((run.phase, run.moment as u8)).or_default() += 1;
            if turn.same_before().is_none() {
                self.operations += 1;
                self.deployments += u64::from(run.operation == bluegreen_core::Operation::Deploy);
            }
            if let Some((_, end)) = turn.ended() {
                *tally
                    .outcomes
                    .entry((run.operation as u8, end as u8))
                    .or_insert((run.operation, end, 0)) = {
                    let count = tally
                        .outcomes
                        .get(&(run.operation as u8, end as u8))
                        .map_or(0, |(.., count)| *count);
                    (run.operation, end, count + 1)
                };
            }
        }
        let mut open = (0, Phase::Reconcile);
        for fact in &history.facts {
            match fact.what {
                What::Passed { number, phase } => {
                    if number == open.0 && phase != open.1 {
                        *self.transitions.entry((open.1, phase)).or_default() += 1;
                    }
                    open = (number, phase);
                }
                What::Died => self.deaths += 1,
                What::ByHand { .. } => *self.faults.entry("changed by hand").or_default() += 1,
                What::Sick(_, true) => *self.faults.entry("a slot gets sick").or_default() += 1,
                What::Froze(_) => *self.faults.entry("suspended").or_default() += 1,
                What::Mishap(site, mishap) => {
                    *self.faults.entry(mishap.name()).or_default() += 1;
                    if mishap.is_crash() {
                        *tally
                            .crashes
                            .entry((site.call, mishap == Mishap::CrashAfter))
                            .or_default() += 1;
                    }
                }
                _ => {}
            }
        }
    }

    /// Both together.
    pub(crate) fn add(&mut self, other: &Self) {
        fn sum<K: Ord + Clone>(all: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
            for (key, count) in more {
                *all.entry(key.clone()).or_default() += count;
            }
        }
        self.worlds += other.worlds;
        self.deployments += other.deployments;
        self.operations += other.operations;
        self.deaths += other.deaths;
        sum(&mut self.states, &other.states);
        sum(&mut self.transitions, &other.transitions);
        sum(&mut self.faults, &other.faults);
        sum(&mut self.crash_points, &other.crash_points);
        sum(&mut self.outcomes, &other.outcomes);
    }

    /// The transitions of the lifecycle that no world has made.
    #[must_use]
    pub fn missing(&self) -> Vec<(Phase, Phase)> {
        transitions()
            .into_iter()
            .filter(|pair| !self.transitions.contains_key(pair))
            .collect()
    }
}

/// Counts by what is cheap to compare; named at the end of a part.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    states: BTreeMap<(Phase, u8), u64>,
    crashes: BTreeMap<(super::script::Call, bool), u64>,
    outcomes: BTreeMap<(u8, u8), (bluegreen_core::Operation, bluegreen_core::lifecycle::End, u64)>,
}

impl Tally {
    /// Names what was counted.
    pub(crate) fn name(self, coverage: &mut Coverage) {
        const MOMENTS: [&str; 3] = ["before ", "", "after "];
        for ((phase, moment), count) in self.states {
            let moment = MOMENTS.get(usize::from(moment)).copied().unwrap_or_default();
            *coverage.states.entry(format!("{moment}{phase}")).or_default() += count;
        }
        for ((call, after), count) in self.crashes {
            let when = if after { "after" } else { "before" };
            *coverage.crash_points.entry(format!("{when} {call}")).or_default() += count;
        }
        for (operation, end, count) in self.outcomes.into_values() {
            *coverage
                .outcomes
                .entry(format!("{operation}: {end:?}"))
                .or_default() += count;
        }
    }
}

/// Every transition that the lifecycle has: what follows what on the way forward, and from where it
/// goes back. Phases in which nothing but hooks is done are passed at once where there are none, so
/// what leads to them leads to the end as well.
pub(crate) fn transitions() -> BTreeSet<(Phase, Phase)> {
    use Phase::{
        Approval, Assess, AwaitReady, Backfill, Bake, Confirm, ConfirmReturn, Contract, Drain, Ended, Finish,
        Halted, Migrate, Preflight, Prepare, QueueDepth, Quiesce, Ready, Reconcile, Recover, Retire, Return,
        ReturnWorkers, Shift, Soak, Stage, StartWorkers, Verify, VerifyReturn, WarmUp,
    };
    let forward: &[(Phase, &[Phase])] = &[
        (Reconcile, &[Preflight, Finish]),
        (Preflight, &[Drain, Stage, Contract]),
        (Drain, &[Retire]),
        (Retire, &[Stage, Finish]),
        (Stage, &[Migrate, Prepare]),
        (Migrate, &[Prepare, WarmUp, Verify]),
        (Prepare, &[AwaitReady]),
        (AwaitReady, &[Migrate, WarmUp, Verify]),
        (WarmUp, &[Verify]),
        (Verify, &[Approval, Ready]),
        (Approval, &[Ready]),
        (Ready, &[Shift]),
        (Shift, &[Confirm]),
        (Confirm, &[Bake]),
        (Bake, &[Approval, Ready, Quiesce, StartWorkers, Soak]),
        (Quiesce, &[StartWorkers, QueueDepth, Soak]),
        (StartWorkers, &[Quiesce, QueueDepth, Soak]),
        (QueueDepth, &[Soak]),
        (Soak, &[Backfill, Finish]),
        (Backfill, &[Finish]),
        (Contract, &[Finish]),
        (Assess, &[Return, Halted]),
        (Return, &[ConfirmReturn, Halted]),
        (ConfirmReturn, &[VerifyReturn, Halted]),
        (VerifyReturn, &[ReturnWorkers, Recover]),
        (ReturnWorkers, &[Recover, Halted]),
        (Halted, &[Return]),
    ];
    let before_traffic = [
        Reconcile, Preflight, Drain, Retire, Stage, Migrate, Prepare, AwaitReady, WarmUp, Verify, Approval,
        Ready, Contract, Finish,
    ];
    let under_traffic = [
        Approval,
        Ready,
        Shift,
        Confirm,
        Bake,
        Quiesce,
        StartWorkers,
        QueueDepth,
        Soak,
        Backfill,
        Finish,
    ];
    let mut all: BTreeSet<_> = forward
        .iter()
        .flat_map(|(from, to)| to.iter().map(|to| (*from, *to)))
        .collect();
    all.extend(before_traffic.map(|from| (from, Recover)));
    all.extend(under_traffic.map(|from| (from, Assess)));
    let passed: Vec<_> = all
        .iter()
        .filter(|(_, to)| matches!(to, Finish | Recover))
        .map(|(from, _)| (*from, Ended))
        .collect();
    all.extend(passed);
    all.extend([(Finish, Ended), (Recover, Ended), (Halted, Ended)]);
    all
}
