//! A statement that cannot be run twice.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("repeatable", Kind::Hygiene, Severity::Off, "It fails when it is run twice")
    .why("A migration that was interrupted between two statements is run again from its beginning. IF NOT EXISTS and IF EXISTS let it pass what it has done. Off by default: inside a transaction nothing is left half done, and IF NOT EXISTS hides a thing that is there and different.")
    .source("PostgreSQL manual, CREATE TABLE, IF NOT EXISTS")
    .examples(&[
        Example::bad("CREATE TABLE orders (id int)"),
        Example::good("CREATE TABLE IF NOT EXISTS orders (id int)"),
        Example::bad("DROP TABLE orders"),
    ]);

pub(super) fn change(located: &Located, _: &Site<'_>, findings: &mut Findings<'_>) {
    let once = match &located.change {
        Change::CreateTable(table) => !table.if_not_exists,
        Change::CreateIndex(index) => !index.if_not_exists,
        Change::DropTable { if_exists, .. }
        | Change::DropIndex { if_exists, .. }
        | Change::Drop { if_exists, .. }
        | Change::Table {
            action: TableAction::DropColumn { if_exists, .. },
            ..
        } => !if_exists,
        Change::Table {
            action: TableAction::AddColumn { if_not_exists, .. },
            ..
        } => !if_not_exists,
        _ => false,
    };
    if once {
        findings.report(located.span, "a second run fails here");
    }
}
