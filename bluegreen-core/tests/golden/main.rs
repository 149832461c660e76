//! Every state of the lifecycle that can be reached, with what each event makes of it, in a file that
//! people review: a change of the lifecycle shows there as what it is. `UPDATE_GOLDEN=1` rewrites it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod diagram;
mod explore;
mod happenings;
mod scenarios;

use std::fmt::Write as _;
use std::path::Path;

use explore::{Row, explore};

const TABLE: &str = "tests/golden/lifecycle.txt";
const DIAGRAM: &str = "docs/lifecycle.md";

const HEAD: &str = "\
Every state of the lifecycle that can be reached, and what follows from it.

Made by the test `golden`; after a change that is meant: UPDATE_GOLDEN=1 cargo test -p bluegreen-core --test golden
A state is shown with what it carries along, and after `=>` with the command that the deployer carries out
in it. Under it: the states that follow, each with the events that lead there. An event that is not
named changes nothing: all of `happenings.rs` are tried in each state; what only waits, in the first plan
only. Texts for people, and times, are left out.
";

fn table(explored: &[(&'static str, Vec<Row>)]) -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n\n## what may begin\n");
    let mut before = "";
    for (name, line) in scenarios::refused() {
        if name != before {
            let _ = write!(text, "\n{name}\n");
            before = name;
        }
        let _ = writeln!(text, "    {line}");
    }
    for (name, rows) in explored {
        let _ = write!(text, "\n\n## {name}\n");
        for row in rows {
            let _ = write!(text, "\n{}  => {}\n", row.state, row.command);
            for (state, _, names) in &row.moves {
                let _ = writeln!(text, "    {} -> {state}", names.join("; "));
            }
        }
    }
    text
}

fn compare(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if kept == made {
        return;
    }
    let line = kept.lines().zip(made.lines()).take_while(|(a, b)| a == b).count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
    panic!(
        "{file} is not what the lifecycle does, from line {}:\n  kept: {}\n  now:  {}\nIf the change is meant: \
         UPDATE_GOLDEN=1 cargo test -p bluegreen-core --test golden, and review the difference.",
        line + 1,
        at(&kept),
        at(made),
    );
}

#[test]
fn the_lifecycle_does_what_the_table_and_the_diagram_say() {
    let explored: Vec<_> = scenarios::all()
        .iter()
        .map(|scenario| {
            let rows = explore(scenario);
            println!("{:5} states: {}", rows.len(), scenario.name);
            (scenario.name, rows)
        })
        .collect();
    compare(TABLE, &table(&explored));
    compare(DIAGRAM, &diagram::markdown(&explored));
}

#[test]
fn what_is_over_has_an_end() {
    for scenario in scenarios::all() {
        for row in explore(&scenario) {
            assert_eq!(
                row.phase == bluegreen_core::Phase::Ended,
                row.state.contains("ended: "),
                "{}: {}",
                scenario.name,
                row.state
            );
        }
    }
}
