//! An index goes before the one that takes its place is there.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "index-gap",
    Kind::Blocking,
    Severity::Warning,
    "An index is dropped before the one that replaces it is built",
)
.why("Between the two, the queries that use it read the whole table, under the load of production. Build the new one under another name first; drop the old one after it.")
.source("PostgreSQL manual, CREATE INDEX, building indexes concurrently")
.servers(POSTGRES)
.examples(&[
    Example::bad("DROP INDEX CONCURRENTLY days; CREATE INDEX CONCURRENTLY days_2 ON orders (day, id);").after("CREATE TABLE orders (id int, day date); CREATE INDEX days ON orders (day)"),
    Example::good("CREATE INDEX CONCURRENTLY days_2 ON orders (day, id); DROP INDEX CONCURRENTLY days;").after("CREATE TABLE orders (id int, day date); CREATE INDEX days ON orders (day)"),
    Example::good("DROP INDEX CONCURRENTLY days; CREATE INDEX CONCURRENTLY ids ON orders (id);").after("CREATE TABLE orders (id int, day date); CREATE INDEX days ON orders (day)"),
]);

/// Further statements are not looked at.
const NEAR: usize = 16;

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::DropIndex { index, .. } = &located.change else {
        return;
    };
    let Some(old) = site.schema.index(index).filter(|old| site.is_used(&old.table)) else {
        return;
    };
    let near = site
        .following()
        .take(NEAR)
        .flat_map(|statement| &statement.changes);
    let replaced = near.filter_map(|located| match &located.change {
        Change::CreateIndex(new) => Some(new),
        _ => None,
    });
    let leads = |columns: &[Name]| {
        columns
            .first()
            .is_some_and(|first| old.columns.first() == Some(first))
    };
    if let Some(new) = replaced
        .into_iter()
        .find(|new| site.same(&new.table, &old.table) && leads(&new.columns))
    {
        let name = new
            .name
            .as_ref()
            .map_or_else(|| "the new one".to_owned(), ToString::to_string);
        findings.report(
            located.span,
            format!(
                "until {name} is built, what {index} served reads all of {}: build first, drop then",
                old.table
            ),
        );
    }
}
