//! For people: each finding with its SQL underlined, and a last line that says how it stands.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use bluegreen_core::migration::{Finding, Report, Severity, Verdict};

use crate::files::File;

/// What stands before a piece of SQL that is shown, and after it, at most. A migration may be one long line.
const CONTEXT_BYTES: usize = 2_000;

pub(crate) fn show(
    checked: &[(&File, Report)],
    (color, plans): (bool, bool),
    output: &mut impl Write,
) -> io::Result<()> {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    for (file, report) in checked {
        for finding in &report.findings {
            if finding.allowed.is_none() {
                let shown = renderer.render(&[group(file, finding)]);
                writeln!(output, "{shown}\n")?;
            }
        }
    }
    if plans {
        for deployments in checked.iter().flat_map(|(_, report)| &report.deployments) {
            writeln!(output, "{deployments}")?;
        }
    }
    let count = |verdict| {
        checked
            .iter()
            .filter(|(_, report)| report.verdict == verdict)
            .count()
    };
    let (safe, refused, unknown) = (
        count(Verdict::Safe),
        count(Verdict::Unsafe),
        count(Verdict::Unknown),
    );
    let allowed: usize = checked
        .iter()
        .map(|(_, report)| {
            report
                .findings
                .iter()
                .filter(|finding| finding.allowed.is_some())
                .count()
        })
        .sum();
    let statements: usize = checked.iter().map(|(_, report)| report.statements).sum();
    write!(
        output,
        "{} migrations, {statements} statements: {safe} safe, {refused} unsafe, {unknown} not understood",
        checked.len()
    )?;
    if allowed > 0 {
        write!(output, "; {allowed} findings allowed by comments")?;
    }
    writeln!(output)
}

fn group<'a>(file: &'a File, finding: &'a Finding) -> Group<'a> {
    let level = match finding.severity {
        Severity::Unsafe => Level::ERROR.with_name("unsafe"),
        Severity::Unknown => Level::ERROR.with_name("unknown"),
        Severity::Warning | Severity::Off => Level::WARNING,
    };
    let (start, end) = context(&file.text, finding);
    let shown = file.text.get(start..end).unwrap_or_default();
    let first_line = finding.line
        - file
            .text
            .get(start..finding.span.start)
            .unwrap_or_default()
            .matches('\n')
            .count();
    let length = shown.len();
    let span = (finding.span.start - start).min(length)..finding.span.end.saturating_sub(start).min(length);
    let snippet = Snippet::source(shown)
        .path(file.name.as_str())
        .line_start(first_line)
        .annotation(AnnotationKind::Primary.span(span).label(finding.message.as_str()));
    let mut group = level
        .primary_title(title(finding))
        .id(finding.rule.as_str())
        .element(snippet);
    if let Some(lock) = &finding.lock {
        group = group.element(Level::NOTE.with_name("lock").message(lock.to_string()));
    }
    if let Some(rewrite) = &finding.rewrite {
        group = group.element(Level::HELP.with_name("instead").message(rewrite.as_str()));
    }
    group
}

const fn title(finding: &Finding) -> &'static str {
    use bluegreen_core::migration::Kind;
    match finding.kind {
        Kind::Blocking => "it keeps others waiting",
        Kind::Backward => "the old release breaks",
        Kind::Forward => "the new release breaks",
        Kind::DataLoss => "data is lost",
        Kind::Hygiene => "it may not run as it is meant to",
        Kind::Style => "a matter of taste",
    }
}

/// The part of the text that is shown: whole lines, not too much of it.
fn context(text: &str, finding: &Finding) -> (usize, usize) {
    let start = finding.span.start.min(text.len());
    let line = text
        .get(..start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let mut begin = line.max(start.saturating_sub(CONTEXT_BYTES));
    while !text.is_char_boundary(begin) {
        begin += 1;
    }
    let end = finding
        .span
        .end
        .clamp(start, text.len())
        .min(start + CONTEXT_BYTES);
    let mut end = text
        .get(end..)
        .and_then(|after| after.find('\n'))
        .map_or(text.len(), |at| end + at)
        .min(end + CONTEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (begin, end)
}
