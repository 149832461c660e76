//! Too many instant changes of one table.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "instant-budget",
    Kind::Blocking,
    Severity::Warning,
    "The table has used up its instant changes",
)
.why("Each column that comes or goes instantly makes another version of the row format. After 64 of them (255 since 9.1) the server refuses ALGORITHM=INSTANT, and builds the table anew when nothing is asked for.")
.source("MySQL manual, Online DDL Operations, INSTANT ADD and DROP COLUMN; INFORMATION_SCHEMA.INNODB_TABLES.TOTAL_ROW_VERSIONS")
.servers(&[Range::all(Engine::Mysql).from(ServerVersion::new(8, 0, 29))])
.examples(&[Example::good("ALTER TABLE orders ADD a int")]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddColumn { .. } | TableAction::DropColumn { .. },
    } = &located.change
    else {
        return;
    };
    let most = if site.server.at_least(Engine::Mysql, 9, 1, 0) {
        255
    } else {
        64
    };
    if site
        .schema
        .table(table)
        .is_some_and(|facts| facts.instant_versions >= most)
    {
        findings.report(
            located.span,
            format!("{table} has had {most} instant changes: the next one builds it anew"),
        );
    }
}
