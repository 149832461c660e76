//! A domain is tightened.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "domain-constraint",
    Kind::Blocking,
    Severity::Unsafe,
    "Every table that uses a domain is read while its writers wait",
)
.why("ADD CONSTRAINT, VALIDATE CONSTRAINT and SET NOT NULL of a domain read each table with a column of it, under SHARE, still so in PostgreSQL 18. NOT VALID puts the reading off, and binds the old release all the same.")
.source("PostgreSQL's source, validateDomainCheckConstraint; measured on 10 to 18")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER DOMAIN email ADD CONSTRAINT at CHECK (VALUE LIKE '%@%')"),
    Example::bad("ALTER DOMAIN email VALIDATE CONSTRAINT at"),
    Example::bad("ALTER DOMAIN email SET NOT NULL"),
    Example::good("ALTER DOMAIN email ADD CONSTRAINT at CHECK (VALUE LIKE '%@%') NOT VALID"),
    Example::good("CREATE DOMAIN email AS text; ALTER DOMAIN email ADD CONSTRAINT at CHECK (VALUE LIKE '%@%')"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Domain { name, action } = &located.change else {
        return;
    };
    let scans = matches!(
        action,
        DomainAction::AddConstraint { not_valid: false } | DomainAction::Validate | DomainAction::SetNotNull
    );
    if scans && !site.schema.is_new_object(name) {
        findings
            .report(
                located.span,
                format!(
                    "writers of every table with a column of {name} wait until all its rows have been read"
                ),
            )
            .hold(site.blocking(&located.change));
    }
}
