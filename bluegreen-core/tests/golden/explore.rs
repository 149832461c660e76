//! Every state that can be reached from a beginning, and what each event makes of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use bluegreen_core::lifecycle::{Command, Lifecycle, Moment, Run};
use bluegreen_core::plan::HookMoment;
use bluegreen_core::{Phase, Role, Slot};

use super::happenings::{self, AT};
use super::scenarios::Scenario;

/// One state and what follows, as the table shows it.
pub(crate) struct Row {
    pub(crate) phase: Phase,
    pub(crate) state: String,
    pub(crate) command: String,
    /// The state after, its phase, and the events that lead there.
    pub(crate) moves: Vec<(String, Phase, Vec<&'static str>)>,
}

/// What makes a state the same as another: all that decides. Texts for people say why and decide
/// nothing; the plan is the same in all states.
fn key(lifecycle: &Lifecycle) -> String {
    let run = lifecycle.run().map(|run| {
        (
            (
                run.operation,
                run.origin,
                run.target,
                run.phase,
                run.moment,
                run.step,
            ),
            (tries(run), watched_ms(run), pause(run), run.exposed, run.occupied),
            (run.workers_moved, run.backfilled, run.abort.is_some(), run.end),
            (run.approvals.clone(), run.notices.clone()),
        )
    });
    format!(
        "{run:?} {:?} {:?}",
        lifecycle.slots(),
        lifecycle.stale_backfills()
    )
}

/// A watch that is long enough is not longer than one that is much longer.
fn watched_ms(run: &Run) -> u64 {
    run.watched_ms
        .min(u64::try_from(run.watch_time().as_millis()).unwrap())
}

/// Where no number of tries is too many they are not counted.
fn tries(run: &Run) -> u32 {
    match run.phase {
        Phase::Halted | Phase::Ended | Phase::Finish | Phase::Recover => 0,
        _ => run.attempt,
    }
}

/// Which kind of wait, not how long.
fn pause(run: &Run) -> Option<&'static str> {
    run.pause
        .map(|pause| if pause.settle_ms > 0 { "settles" } else { "pauses" })
}

/// Explores everything, in the order in which it is first reached.
pub(crate) fn explore(scenario: &Scenario) -> Vec<Row> {
    let mut labels = BTreeMap::from([(key(&scenario.begun), label(&scenario.begun))]);
    let mut queue = VecDeque::from([scenario.begun.clone()]);
    let mut rows = Vec::new();
    while let Some(lifecycle) = queue.pop_front() {
        let run = lifecycle.run().unwrap().clone();
        let here = key(&lifecycle);
        let mut row = Row {
            phase: run.phase,
            state: label(&lifecycle),
            command: command(&lifecycle),
            moves: Vec::new(),
        };
        for (name, event) in happenings::all(&lifecycle, &run, scenario.detail) {
            let after = lifecycle.clone().apply(AT, &event);
            let there = key(&after);
            if there == here {
                continue;
            }
            let (state, phase) = (label(&after), after.run().unwrap().phase);
            if labels.insert(there, state.clone()).is_none() {
                queue.push_back(after);
            }
            match row.moves.iter_mut().find(|(known, ..)| *known == state) {
                Some((.., names)) => names.push(name),
                None => row.moves.push((state, phase, vec![name])),
            }
        }
        rows.push(row);
        assert!(
            rows.len() < 5000,
            "{} has no end: {}",
            scenario.name,
            label(&lifecycle)
        );
    }
    let mut distinct: Vec<_> = labels.into_values().collect();
    distinct.sort();
    let count = distinct.len();
    distinct.dedup();
    assert_eq!(
        count,
        distinct.len(),
        "two states of the table would look the same"
    );
    rows
}

fn command(lifecycle: &Lifecycle) -> String {
    match lifecycle.command() {
        Command::Wait(time) if time.as_secs() == 45 => "wait until nothing can act".to_owned(),
        Command::Wait(_) => "wait between two tries".to_owned(),
        Command::RunHooks(at) => {
            let moment = match at.moment {
                HookMoment::Before => "before",
                HookMoment::After => "after",
            };
            format!("hooks {moment} {}", at.phase)
        }
        Command::Shift(split) => format!("shift to {split}"),
        Command::Confirm(split) => format!("confirm {split}"),
        other => format!("{other:?}"),
    }
}

/// A state in words: where it is, then what it carries along.
fn label(lifecycle: &Lifecycle) -> String {
    let Some(run) = lifecycle.run() else {
        return "nothing".to_owned();
    };
    let mut text = String::new();
    match run.moment {
        Moment::Before => text.push_str("before "),
        Moment::Act => {}
        Moment::After => text.push_str("after "),
    }
    let _ = write!(text, "{}", run.phase);
    if let Some(end) = run.end {
        let _ = write!(text, ": {end:?}");
    }
    if run.plan.steps.len() > 1 && (run.step > 0 || run.phase.belongs_to_a_step()) {
        let _ = write!(text, " (step {})", run.step + 1);
    }
    let _ = write!(text, "{}", carried(run));
    for slot in Slot::BOTH {
        let state = lifecycle.slots().get(slot);
        if state.role != Role::Empty || state.release.is_some() {
            let release = state
                .release
                .as_ref()
                .map_or_else(String::new, |r| format!(" {r}"));
            let _ = write!(text, " | {slot} {}{release}", state.role);
        }
    }
    if !lifecycle.stale_backfills().is_empty() {
        text.push_str(" | stale backfill");
    }
    text
}

fn carried(run: &Run) -> String {
    let flag = |set: bool, name: &str| set.then(|| name.to_owned());
    let notices = run.notices.iter().map(|notice| format!("to tell {notice:?}"));
    let approvals = run.approvals.iter().map(|(step, _)| format!("approved {step}"));
    let parts = [
        (tries(run) > 0).then(|| format!("tries {}", tries(run))),
        (watched_ms(run) > 0).then(|| format!("watched {}s", watched_ms(run) / 1000)),
        pause(run).map(str::to_owned),
        flag(run.exposed, "exposed"),
        flag(run.occupied, "occupied"),
        flag(run.workers_moved, "workers moved"),
        flag(run.backfilled, "backfilled"),
        flag(run.abort.is_some(), "abort noted"),
    ];
    parts
        .into_iter()
        .flatten()
        .chain(approvals)
        .chain(notices)
        .fold(String::new(), |text, part| text + ", " + &part)
}
