//! Releases that reach the tables through views of their own.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "versioned-views",
    Kind::Backward,
    Severity::Warning,
    "A schema of views stands before the tables",
)
.why("Each release sets its search_path to a schema of views over the same tables, and triggers keep in step what the two see differently. Then a release needs what its views name, and not what its tables have. From here it cannot be seen which release uses which schema, nor whether the triggers fill every row: findings about the tables themselves stand as they are.")
.source("PostgreSQL manual, CREATE VIEW, updatable views; pgroll and reshape work so")
.servers(POSTGRES)
.examples(&[
    Example::bad("CREATE SCHEMA v2; CREATE VIEW v2.orders AS SELECT id, note AS remark FROM public.orders"),
    Example::good("CREATE VIEW v2.days AS SELECT day FROM public.orders"),
    Example::good("CREATE VIEW orders_of_today AS SELECT * FROM orders"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::CreateView(view) = &located.change else {
        return;
    };
    let [table] = view.reads.as_slice() else { return };
    if view.name.name == table.name && !view.materialized && !site.same(&view.name, table) {
        findings.report(
            located.span,
            format!("the release that uses the schema of {0} sees {table} through it: {0} has to name every column that this release uses", view.name),
        );
    }
}
