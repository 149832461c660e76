//! The order of the phases as a diagram, from the same exploration as the table.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bluegreen_core::Phase;

use super::explore::Row;

const HEAD: &str = "\
# The order of the phases

Made by the test `golden` of bluegreen-core from every state that can be reached; what follows from which event is
in its table, `tests/golden/lifecycle.txt`. Every phase on the way forward can also go to `assess` (once traffic may have
moved) or to `ended` by way of `recover` (before); those lines are left out. So are phases that a plan does not ask for:
they are passed over.

```mermaid
stateDiagram-v2
";

/// All lines between two phases that the table shows.
pub(crate) fn markdown(explored: &[(&'static str, Vec<Row>)]) -> String {
    let rows = explored.iter().flat_map(|(_, rows)| rows);
    let lines: BTreeSet<(Phase, Phase)> = rows
        .flat_map(|row| row.moves.iter().map(|(_, to, _)| (row.phase, *to)))
        .filter(|(from, to)| from != to && !is_failure(*from, *to))
        .collect();
    let mut text = HEAD.to_owned();
    text.push_str("    [*] --> reconcile\n    [*] --> assess: rollback\n");
    for (from, to) in lines {
        let _ = writeln!(text, "    {from} --> {to}");
    }
    text.push_str("    ended --> [*]\n```\n");
    text
}

/// A failure on the way forward. What ends well ends after `finish`, which has no work of its own: its
/// predecessors are seen to end.
fn is_failure(from: Phase, to: Phase) -> bool {
    let ends_well = matches!(
        from,
        Phase::Reconcile | Phase::Soak | Phase::Backfill | Phase::Retire | Phase::Contract | Phase::Finish
    );
    from.is_forward() && (matches!(to, Phase::Assess | Phase::Recover) || (to == Phase::Ended && !ends_well))
}
