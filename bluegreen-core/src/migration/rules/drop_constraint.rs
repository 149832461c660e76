//! A constraint goes that the old release may rely on.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("drop-constraint", Kind::Backward, Severity::Warning, "A constraint is dropped")
    .why("The old release reads rows that it took for impossible, and ON CONFLICT needs the unique key that it names. A foreign key locks both tables.")
    .source("PostgreSQL manual, ALTER TABLE, DROP CONSTRAINT")
    .right_in(&[Contract])
    .examples(&[
        Example::bad("ALTER TABLE orders DROP CONSTRAINT positive").on(Engine::Postgres),
        Example::bad("ALTER TABLE orders DROP FOREIGN KEY customer").on(Engine::Mysql),
        Example::good("CREATE TABLE orders (id int, CONSTRAINT positive CHECK (id > 0)); ALTER TABLE orders DROP CONSTRAINT positive").on(Engine::Postgres),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::DropConstraint { name, .. } | TableAction::DropNamed { name },
    } = &located.change
    else {
        return;
    };
    if site.is_used(table) {
        findings
            .report(located.span, format!("the old release may rely on {name}"))
            .hold(site.holds(&located.change).into_iter().last());
    }
}
