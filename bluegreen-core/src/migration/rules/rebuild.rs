//! The table is built anew in place.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("rebuild", Kind::Blocking, Severity::Warning, "The table is built anew, while others work")
    .why("Nobody waits on this server, but it takes as long as the table is large, needs as much room, and a replica applies it only afterwards: it falls behind by as much.")
    .source("MySQL manual, Online DDL Operations and their space requirements")
    .servers(MYSQL)
    .examples(&[
        Example::bad("ALTER TABLE orders ENGINE=InnoDB"),
        Example::bad("ALTER TABLE orders ADD COLUMN note text").on(Engine::Mysql).version(5, 7, 0),
        Example::good("ALTER TABLE orders ADD COLUMN note text").on(Engine::Mysql).version(8, 0, 29),
        Example::good("ALTER TABLE orders ADD COLUMN note text").on(Engine::Mysql).version(8, 0, 12),
        Example::bad("ALTER TABLE orders ADD COLUMN note text FIRST").on(Engine::Mysql).version(8, 0, 12),
        Example::bad("OPTIMIZE TABLE orders"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let hold = site
        .holds(&located.change)
        .into_iter()
        .find(|hold| hold.work == Work::Rewrite && hold.lock == Lock::None);
    let (Change::Table { table, .. }
    | Change::Vacuum {
        table: Some(table), ..
    }) = &located.change
    else {
        return;
    };
    if hold.is_some() && site.is_used(table) {
        findings
            .report(
                located.span,
                format!("{table} is built anew; replicas fall behind by as long as it takes"),
            )
            .hold(hold);
    }
}
