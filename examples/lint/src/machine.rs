//! For machines: JSON, SARIF, and GitHub's workflow commands.

use std::io::{self, Write};

use bluegreen_core::migration::{Finding, Report, Severity};
use serde_json::{Value, json};

use crate::files::File;

pub(crate) fn json(checked: &[(&File, Report)], output: &mut impl Write) -> io::Result<()> {
    let files: Vec<Value> = checked
        .iter()
        .map(|(file, report)| {
            json!({
                "file": file.name,
                "verdict": report.verdict,
                "phase": report.phase,
                "statements": report.statements,
                "findings": report.findings,
                "deployments": report.deployments,
            })
        })
        .collect();
    let verdict = checked.iter().map(|(_, report)| report.verdict).max();
    write(&json!({ "verdict": verdict, "files": files }), output)
}

pub(crate) fn sarif(checked: &[(&File, Report)], output: &mut impl Write) -> io::Result<()> {
    let mut results = Vec::new();
    for (file, report) in checked {
        for finding in &report.findings {
            let suppressions: Vec<Value> = finding
                .allowed
                .iter()
                .map(|reason| json!({ "kind": "inSource", "justification": reason }))
                .collect();
            results.push(json!({
                "ruleId": finding.rule,
                "level": level(finding),
                "message": { "text": told(finding) },
                "suppressions": suppressions,
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": file.name },
                    "region": {
                        "startLine": finding.line,
                        "byteOffset": finding.span.start,
                        "byteLength": finding.span.end - finding.span.start,
                    },
                } }],
            }));
        }
    }
    write(
        &json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "bluegreen-lint", "version": env!("CARGO_PKG_VERSION") } },
                "results": results,
            }],
        }),
        output,
    )
}

pub(crate) fn github(checked: &[(&File, Report)], output: &mut impl Write) -> io::Result<()> {
    for (file, report) in checked {
        for finding in report.findings.iter().filter(|finding| finding.allowed.is_none()) {
            let level = if level(finding) == "error" {
                "error"
            } else {
                "warning"
            };
            let (path, title, text) = (
                property(&file.name),
                property(&finding.rule),
                data(&told(finding)),
            );
            writeln!(
                output,
                "::{level} file={path},line={},title={title}::{text}",
                finding.line
            )?;
        }
    }
    Ok(())
}

fn write(document: &Value, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *output, document)?;
    writeln!(output)
}

const fn level(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Unsafe | Severity::Unknown => "error",
        Severity::Warning => "warning",
        Severity::Off => "note",
    }
}

/// The message with the lock and the rewrite.
fn told(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    if let Some(lock) = &finding.lock {
        text.push_str("\nlock: ");
        text.push_str(&lock.to_string());
    }
    if let Some(rewrite) = &finding.rewrite {
        text.push_str("\ninstead:\n");
        text.push_str(rewrite);
    }
    text
}

/// As GitHub wants the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As GitHub wants the properties of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
