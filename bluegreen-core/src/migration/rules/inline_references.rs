//! A foreign key that MySQL reads and forgets.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "inline-references",
    Kind::DataLoss,
    Severity::Warning,
    "REFERENCES beside a column is ignored",
)
.why("Until version 9, MySQL reads REFERENCES in the definition of a column and makes no foreign key of it: rows that point nowhere are taken. Write FOREIGN KEY after the columns.")
.source("MySQL 8.4 manual, FOREIGN KEY constraints; release notes of 9.0")
.servers(&[Range::all(Engine::Mysql).before(ServerVersion::new(9, 0, 0))])
.examples(&[
    Example::bad("CREATE TABLE lines (id int, orders int REFERENCES orders (id))"),
    Example::bad("ALTER TABLE lines ADD COLUMN orders int REFERENCES orders (id)"),
    Example::good("CREATE TABLE lines (id int, orders int, FOREIGN KEY (orders) REFERENCES orders (id))"),
]);

pub(super) fn change(located: &Located, _: &Site<'_>, findings: &mut Findings<'_>) {
    let columns = match &located.change {
        Change::CreateTable(table) => table.columns.as_slice(),
        Change::Table {
            action: TableAction::AddColumn { column, .. } | TableAction::Redefine { column, .. },
            ..
        } => std::slice::from_ref(column),
        _ => return,
    };
    let ignored = columns.iter().find(|column| {
        let mut constraints = column.constraints.iter();
        constraints.any(|constraint| matches!(constraint.kind, ConstraintKind::ForeignKey { .. }))
    });
    if let Some(column) = ignored {
        findings.report(
            located.span,
            format!(
                "no foreign key is made for {}: write FOREIGN KEY ({0}) REFERENCES …",
                column.name
            ),
        );
    }
}
