//! A column that `ActiveRecord` takes for the name of a class.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "type-column",
    Kind::Backward,
    Severity::Warning,
    "ActiveRecord takes a column called type for the name of a class",
)
.why("As soon as a row has a value there that the new release has written, the old one fails to read it: it looks for a class of that name. Where no release is written with Rails, nothing happens. Deploy a release first that sets inheritance_column to something else, or call the column otherwise.")
.source("Ruby on Rails, ActiveRecord::Inheritance, inheritance_column")
.examples(&[
    Example::bad("ALTER TABLE users ADD COLUMN type text"),
    Example::good("ALTER TABLE users ADD COLUMN kind text"),
    Example::good("CREATE TABLE users (id int); ALTER TABLE users ADD COLUMN type text"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddColumn { column, .. },
    } = &located.change
    else {
        return;
    };
    let text = matches!(column.kind.name.as_str(), "text" | "varchar" | "char" | "citext");
    if column.name.as_str() == "type" && text && site.is_used(table) {
        findings.report(
            located.span,
            format!(
                "with Rails, the old release cannot read rows of {table} in which the new one fills type"
            ),
        );
    }
}
