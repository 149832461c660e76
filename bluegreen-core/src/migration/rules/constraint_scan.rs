//! A constraint that checks every row while others wait.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "constraint-scan",
    Kind::Blocking,
    Severity::Unsafe,
    "A constraint checks every row while others wait",
)
.why("ADD CHECK reads the table under ACCESS EXCLUSIVE, ADD FOREIGN KEY under SHARE ROW EXCLUSIVE on both tables. With NOT VALID it takes a moment; VALIDATE CONSTRAINT, in a transaction of its own, lets readers and writers pass.")
.source("PostgreSQL manual, ALTER TABLE, notes on NOT VALID")
.servers(POSTGRES)
.right_in(&[])
.examples(&[
    Example::bad("ALTER TABLE orders ADD CONSTRAINT paid CHECK (paid >= 0)"),
    Example::bad("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id)"),
    Example::bad("ALTER TABLE orders ADD CONSTRAINT note NOT NULL note"),
    Example::good("ALTER TABLE orders ADD CONSTRAINT paid CHECK (paid >= 0) NOT VALID"),
    Example::good("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID"),
    Example::good("ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (customer) REFERENCES customers (id) NOT ENFORCED"),
    Example::good("ALTER TABLE orders VALIDATE CONSTRAINT paid"),
    Example::good("CREATE TABLE orders (customer int); ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddConstraint(constraint),
    } = &located.change
    else {
        return;
    };
    let what = match &constraint.kind {
        ConstraintKind::Check(_) => "check",
        ConstraintKind::ForeignKey { .. } => "fk",
        ConstraintKind::NotNull(_) => "not_null",
        _ => return,
    };
    let Some(hold) = site.blocking(&located.change).filter(|_| site.is_used(table)) else {
        return;
    };
    let who = if hold.lock.blocks_readers() {
        "nobody reads or writes"
    } else {
        "nobody writes"
    };
    let name = constraint
        .name
        .clone()
        .unwrap_or_else(|| Name::new(format!("{}_{what}", table.name.as_str())));
    let body = site.source(located.span);
    let body = body.get(3..).unwrap_or_default().trim_start();
    let named = if constraint.name.is_some() {
        body.to_owned()
    } else {
        format!("CONSTRAINT {name} {body}")
    };
    findings
        .report(
            located.span,
            format!("{who} {table} until every row has been checked"),
        )
        .hold(Some(hold))
        .rewrite(format!(
            "ALTER TABLE {table} ADD {named} NOT VALID;\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
        ));
}
