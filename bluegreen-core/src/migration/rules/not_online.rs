//! A change that MySQL or MariaDB cannot do while others write.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "not-online",
    Kind::Blocking,
    Severity::Unsafe,
    "Writers wait until the table is copied",
)
.why("What InnoDB can do neither in the dictionary nor in place is done by copying the table row by row, and writers wait all the time: another type, a shorter one, a CHECK, a foreign key with its checks on, another character set. Tools that copy in the background (gh-ost, pt-online-schema-change, spirit) do it while others write.")
.source("MySQL manual, Online DDL Operations; MariaDB, InnoDB Online DDL; MariaDB 10.11 asked for its best algorithm")
.servers(MYSQL)
.examples(&[
    Example::bad("ALTER TABLE orders MODIFY id bigint").after("CREATE TABLE orders (id int)"),
    Example::bad("ALTER TABLE orders MODIFY id bigint"),
    Example::bad("ALTER TABLE orders ADD CONSTRAINT c CHECK (a <> '')"),
    Example::bad("ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (id)"),
    Example::bad("ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4"),
    Example::bad("ALTER TABLE orders ADD FULLTEXT INDEX f (note)"),
    Example::bad("ALTER TABLE orders ADD token varchar(36) DEFAULT (uuid())"),
    Example::bad("ALTER TABLE orders ADD day date DEFAULT (curdate())").on(Engine::Mysql),
    Example::good("ALTER TABLE orders ADD day date DEFAULT (curdate())").on(Engine::Mariadb),
    Example::bad("ALTER TABLE orders ADD total int AS (price * amount) VIRTUAL, ADD INDEX totals (total)"),
    Example::good("ALTER TABLE orders ADD total int AS (price * amount) VIRTUAL; ALTER TABLE orders ADD INDEX totals (total)"),
    Example::bad("ALTER TABLE orders MODIFY kind enum('a','c')").after("CREATE TABLE orders (kind enum('a','b'))"),
    Example::good("ALTER TABLE orders MODIFY kind enum('a','b','c')").after("CREATE TABLE orders (kind enum('a','b'))"),
    Example::good("ALTER TABLE orders MODIFY note varchar(60)").after("CREATE TABLE orders (note varchar(20))"),
    Example::bad("ALTER TABLE orders MODIFY note varchar(100)").after("CREATE TABLE orders (note varchar(20))").on(Engine::Mysql),
    Example::good("ALTER TABLE orders MODIFY note varchar(100)").after("CREATE TABLE orders (note varchar(20))").on(Engine::Mariadb),
    Example::good("SET foreign_key_checks = 0; ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (id)"),
    Example::good("ALTER TABLE orders ADD INDEX days (day), ADD COLUMN note text"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (Change::Table { table, .. } | Change::CreateIndex(CreateIndex { table, .. })) = &located.change
    else {
        return;
    };
    if !site.is_used(table) {
        return;
    }
    let Some((best, lock)) = algorithm(&located.change, site.schema, site.server) else {
        return;
    };
    if !lock.blocks_writers() {
        together_only(located, table, site, findings);
        return;
    }
    let assumed = match &located.change {
        Change::Table {
            action: TableAction::Redefine { old, .. },
            ..
        } => site
            .schema
            .column(table, old)
            .and_then(|column| column.kind.as_ref())
            .is_none(),
        _ => false,
    };
    let how = if best == Algorithm::Copy {
        "copied row by row"
    } else {
        "built anew"
    };
    let assumed = if assumed {
        " (the type that the column has now is not known here, so another one is assumed)"
    } else {
        ""
    };
    findings
        .report(
            located.span,
            format!("writers of {table} wait while it is {how}{assumed}"),
        )
        .hold(site.holds(&located.change).into_iter().next());
}

/// What each action lets writers pass, and all of them in one statement do not: asked at the first of them, on
/// the schema before the statement.
fn together_only(located: &Located, table: &ObjectName, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Some(statement) = site.statement() else { return };
    if statement.changes.len() < 2 || statement.changes.first() != Some(located) {
        return;
    }
    let blocks = |best: Option<(Algorithm, Lock)>| best.is_some_and(|(_, lock)| lock.blocks_writers());
    let changes: Vec<&Change> = statement.changes.iter().map(|located| &located.change).collect();
    let one_does = changes
        .iter()
        .any(|change| blocks(algorithm(change, site.schema, site.server)));
    if !one_does && blocks(together(&changes, site.schema, site.server)) {
        findings.report(
            statement.span,
            format!("writers of {table} wait, because these actions are asked for in one statement: write one for each"),
        );
    }
}
