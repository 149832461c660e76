//! An index that a failed build has left behind is taken for the real one.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "invalid-index",
    Kind::Hygiene,
    Severity::Warning,
    "IF NOT EXISTS hides an invalid index",
)
.why("A concurrent build that fails leaves an invalid index under the name. IF NOT EXISTS finds the name taken, and says nothing: queries never use the index.")
.source("PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently")
.servers(POSTGRES)
.examples(&[
    Example::bad("CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_by_day ON orders (day)"),
    Example::good("DROP INDEX CONCURRENTLY IF EXISTS orders_by_day; CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_by_day ON orders (day)"),
    Example::good("CREATE INDEX CONCURRENTLY orders_by_day ON orders (day)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::CreateIndex(index) = &located.change else {
        return;
    };
    let (true, true, Some(name)) = (index.concurrently, index.if_not_exists, &index.name) else {
        return;
    };
    let before = site.at.checked_sub(1).and_then(|at| site.script.get(at));
    let dropped = before.is_some_and(|statement| {
        statement.changes.iter().any(
            |located| matches!(&located.change, Change::DropIndex { index, .. } if index.name == name.name),
        )
    });
    if !dropped {
        findings
            .report(
                located.span,
                format!("when a build of {name} failed before, this keeps the broken one"),
            )
            .rewrite(format!(
                "DROP INDEX CONCURRENTLY IF EXISTS {name};\n{};",
                site.source(located.span)
            ));
    }
}
