//! A schema or a database goes.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "drop-schema",
    Kind::DataLoss,
    Severity::Unsafe,
    "A schema or a whole database is dropped",
)
.why("Everything in it is lost for both releases.")
.source("PostgreSQL manual, DROP SCHEMA, DROP DATABASE")
.right_in(&[Contract])
.examples(&[
    Example::bad("DROP DATABASE shop").on(Engine::Postgres),
    Example::bad("DROP SCHEMA archive CASCADE").on(Engine::Postgres),
    Example::bad("DROP DATABASE shop").on(Engine::Mysql),
    Example::bad("DROP OWNED BY app").on(Engine::Postgres),
    Example::good("CREATE SCHEMA archive").on(Engine::Postgres),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Drop {
        kind: ObjectKind::Schema | ObjectKind::Database | ObjectKind::Owned,
        name,
        ..
    } = &located.change
    else {
        return;
    };
    if !site.schema.is_new_object(name) {
        findings.report(located.span, format!("everything in {name} is lost"));
    }
}
