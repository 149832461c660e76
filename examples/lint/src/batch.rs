//! Many small cases in one run: a JSON line in, a JSON line out.

use std::io::{BufRead, Write};

use bluegreen_core::MigrationPhase;
use bluegreen_core::migration::{Engine, Finding, Linter, Server, Verdict};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// A case. What is not known of it may be left out or null; more fields than these are let pass.
#[derive(Debug, Deserialize)]
struct Case {
    #[serde(default)]
    id: serde_json::Value,
    #[serde(default)]
    dialect: Option<String>,
    sql: String,
    #[serde(default)]
    setup: Option<String>,
    #[serde(default)]
    server_version: Option<serde_json::Value>,
    #[serde(default)]
    in_transaction: Option<bool>,
}

/// What is said of it.
#[derive(Debug, Serialize)]
struct Answer {
    id: serde_json::Value,
    verdict: Verdict,
    phase: Option<MigrationPhase>,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(
    input: impl BufRead,
    mut output: impl Write,
    configure: &dyn Fn(Linter) -> Linter,
) -> Result<(), Failure> {
    for line in input.split(b'\n') {
        let line = line.map_err(Failure::Input)?;
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() {
            continue;
        }
        let answer = answer(&line, configure);
        serde_json::to_writer(&mut output, &answer).map_err(|error| Failure::Output(error.into()))?;
        output.write_all(b"\n").map_err(Failure::Output)?;
    }
    output.flush().map_err(Failure::Output)
}

fn answer(line: &str, configure: &dyn Fn(Linter) -> Linter) -> Answer {
    let refused = |id, error: String| Answer {
        id,
        verdict: Verdict::Unknown,
        phase: None,
        findings: Vec::new(),
        error: Some(error),
    };
    let case: Case = match serde_json::from_str(line) {
        Ok(case) => case,
        Err(error) => return refused(serde_json::Value::Null, error.to_string()),
    };
    match server(&case) {
        Ok(server) => {
            let mut linter =
                configure(Linter::new(server).in_transaction(case.in_transaction.unwrap_or_default()));
            linter.replay(case.setup.as_deref().unwrap_or_default());
            let report = linter.check_next(&case.sql);
            Answer {
                id: case.id,
                verdict: report.verdict,
                phase: report.phase,
                findings: report.findings,
                error: None,
            }
        }
        Err(error) => refused(case.id, error),
    }
}

fn server(case: &Case) -> Result<Server, String> {
    let engine: Engine = match &case.dialect {
        Some(name) => name.parse().map_err(|error| format!("{error}"))?,
        None => Engine::Postgres,
    };
    let version = match &case.server_version {
        None | Some(serde_json::Value::Null) => return Ok(Server::newest(engine)),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    version
        .parse()
        .map(|version| Server::new(engine, version))
        .map_err(|error| format!("{error}"))
}
