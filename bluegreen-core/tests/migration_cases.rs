//! Whole migrations with the verdict that is right for them, in `data/migrations`: plain SQL, so that a case is
//! added by writing it down.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::path::Path;

use bluegreen_core::migration::{Engine, Linter, Server, Severity, Verdict};

/// What begins a case.
const BEGINS: &str = "-- # ";
/// What says which schema is there before it.
const GIVEN: &str = "-- given: ";

struct Case {
    /// Where it stands and what it shows.
    name: String,
    verdict: Verdict,
    server: Server,
    wrapped: bool,
    given: String,
    sql: String,
}

/// `verdict[, engine [version]][, version V][, in a transaction]: what it shows`.
fn case(file: &str, text: &str) -> Case {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let (said, shows) = head.split_once(": ").expect("a verdict, and what the case shows");
    let mut parts = said.split(", ");
    let verdict = match parts.next() {
        Some("safe") => Verdict::Safe,
        Some("unsafe") => Verdict::Unsafe,
        Some("unknown") => Verdict::Unknown,
        other => panic!("{file}: {other:?} is no verdict"),
    };
    let mut server = Server::newest(Engine::Postgres);
    let mut wrapped = false;
    for part in parts {
        if part == "in a transaction" {
            wrapped = true;
        } else if let Some(version) = part.strip_prefix("version ") {
            server.version = version.parse().unwrap();
        } else {
            let (engine, version) = part.split_once(' ').unwrap_or((part, ""));
            server = Server::newest(engine.parse().unwrap());
            if !version.is_empty() {
                server.version = version.parse().unwrap();
            }
        }
    }
    let (given, sql): (Vec<&str>, Vec<&str>) = body.lines().partition(|line| line.starts_with(GIVEN));
    let given: Vec<_> = given.iter().map(|line| line.trim_start_matches(GIVEN)).collect();
    Case {
        name: format!("{file}: {shows}"),
        verdict,
        server,
        wrapped,
        given: given.join(";\n"),
        sql: sql.join("\n").trim().to_owned(),
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/migrations");
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = format!("\n{}", fs::read_to_string(&path).unwrap());
        let begins = format!("\n{BEGINS}");
        cases.extend(text.split(&begins).skip(1).map(|text| case(&file, text)));
    }
    cases
}

#[test]
fn each_migration_gets_the_verdict_that_is_right_for_it() {
    let cases = cases();
    assert!(cases.len() > 200, "the files were found: {}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let linter = Linter::new(case.server)
            .in_transaction(case.wrapped)
            .schema(&case.given);
        let report = linter.check(&case.sql);
        if report.verdict != case.verdict {
            let found: Vec<_> = report
                .findings
                .iter()
                .filter(|finding| finding.severity > Severity::Warning)
                .map(|finding| format!("\n    {}: {}", finding.rule, finding.message))
                .collect();
            wrong.push(format!(
                "{} is {}, not {}{}",
                case.name,
                case.verdict,
                report.verdict,
                found.concat()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
