//! What `php artisan migrate --pretend` prints: one statement a line, with no `;`.

use super::Span;

const VERBS: [&str; 12] = [
    "create", "alter", "drop", "insert", "update", "delete", "select", "rename", "truncate", "comment",
    "set", "pragma",
];

/// The spans of the statements, when the text is such an output.
pub(super) fn statements(text: &str) -> Option<Vec<Span>> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    // Both forms are told by their first lines; whatever else it is, it is not looked at twice.
    let arrows = text
        .lines()
        .take(40)
        .any(|line| line.trim_start().starts_with('⇂'));
    if !arrows && named(first).is_none() {
        return None;
    }
    let mut spans = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let sql = line.trim().strip_prefix('⇂').or_else(|| named(line.trim()));
        if let Some(sql) = sql {
            let start = at + (line.find(sql).unwrap_or_default());
            spans.push(Span::new(start, start + sql.trim_end().len()));
        }
        at += line.len();
    }
    Some(spans)
}

/// `CreateUsersTable: create table …`, as older versions print it.
fn named(line: &str) -> Option<&str> {
    let (name, sql) = line.split_once(": ")?;
    let verb = sql.split_whitespace().next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && VERBS.contains(&verb)).then_some(sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_line_by_line() {
        let new = "  2014_10_12_000000_create_users_table ..........\n  ⇂ create table `users` (`id` int)  \n  ⇂ alter table `users` add `a` int\n";
        let old = "CreateUsersTable: create table `users` (`id` int)\nAddA: alter table `users` add `a` int";
        for text in [new, old] {
            let statements = statements(text).unwrap();
            let statements: Vec<_> = statements.iter().map(|span| span.of(text).trim()).collect();
            assert_eq!(
                statements,
                [
                    "create table `users` (`id` int)",
                    "alter table `users` add `a` int"
                ]
            );
        }
        assert_eq!(statements("create table a (b int);"), None);
    }
}
