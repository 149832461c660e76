//! Every rule finds what its documentation says that it finds, and nothing in what it calls good.

#![expect(clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::HashSet;

use bluegreen_core::migration::{Engine, Example, Linter, MigrationRule, Server, Severity};

fn server(rule: &dyn MigrationRule, example: &Example) -> Server {
    let engine = example.engine.unwrap_or_else(|| {
        let is_for = |engine: &&Engine| rule.about().is_for(Server::newest(**engine));
        *Engine::ALL
            .iter()
            .find(is_for)
            .expect("a rule is for one engine at least")
    });
    Server::new(engine, example.version.unwrap_or_else(|| engine.newest()))
}

#[test]
fn every_example_of_every_rule_holds() {
    let mut wrong = Vec::new();
    for rule in Linter::new(Server::newest(Engine::Postgres)).rules() {
        let about = rule.about();
        for example in about.examples {
            // What is off by default is looked at here as well.
            let linter = Linter::new(server(rule, example)).schema(example.setup);
            let linter = if about.severity == Severity::Off {
                linter.severity(about.id, Severity::Warning)
            } else {
                linter
            };
            let report = linter.check(example.sql);
            let found = report.findings.iter().any(|finding| finding.rule == about.id);
            if found != example.found {
                wrong.push(format!(
                    "{}: {} (after: {}) gives {:#?}",
                    about.id, example.sql, example.setup, report.findings
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_says_what_it_knows_and_shows_both_sides() {
    let mut ids = HashSet::new();
    for rule in Linter::new(Server::newest(Engine::Postgres)).rules() {
        let about = rule.about();
        assert!(ids.insert(about.id), "two rules are called {}", about.id);
        assert!(
            !about.why.is_empty() && !about.source.is_empty(),
            "{} does not say why",
            about.id
        );
        assert!(
            about.examples.iter().any(|example| !example.found),
            "{} has no good SQL",
            about.id
        );
        let only_with_history = about.id == "instant-budget";
        assert!(
            only_with_history || about.examples.iter().any(|example| example.found),
            "{} has no bad SQL",
            about.id
        );
    }
}

#[test]
fn the_table_of_hazards_names_every_rule_and_no_other() {
    let table = include_str!("../docs/migration-rules.md");
    let linter = Linter::new(Server::newest(Engine::Postgres));
    let rules: HashSet<_> = linter.rules().map(|rule| rule.about().id).collect();
    // Words in backquotes with nothing but letters and hyphens, in the last column.
    let cells = table.lines().filter_map(|line| line.rsplit('|').nth(1));
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let named: HashSet<_> = words
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .filter(|word| *word != "postgres")
        .collect();
    let unknown: Vec<_> = named.difference(&rules).collect();
    assert!(unknown.is_empty(), "no such rules: {unknown:?}");
    let mut left_out: Vec<_> = rules.difference(&named).collect();
    left_out.sort();
    assert_eq!(
        left_out,
        [&"drop-constraint", &"drop-unique-index", &"unknown-statement"]
    );
}
