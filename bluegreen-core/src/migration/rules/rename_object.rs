//! Something else gets another name.

use super::prelude::*;

pub(super) static ABOUT: About =
    About::new("rename-object", Kind::Backward, Severity::Unsafe, "Something that the old release names is renamed")
        .why("Functions, sequences, types, schemas and roles are named in statements of the old release. Constraints and indexes are named only by ON CONFLICT ON CONSTRAINT and by error messages.")
        .source("PostgreSQL manual, ALTER …, RENAME")
        .examples(&[
            Example::bad("ALTER SEQUENCE numbers RENAME TO counts").on(Engine::Postgres),
            Example::bad("ALTER SCHEMA shop RENAME TO store").on(Engine::Postgres),
            Example::bad("ALTER TYPE mood RENAME TO feeling").on(Engine::Postgres),
            Example::bad("ALTER FUNCTION total(int) SET SCHEMA old").on(Engine::Postgres),
            Example::good("CREATE SEQUENCE numbers; ALTER SEQUENCE numbers RENAME TO counts").on(Engine::Postgres),
        ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (kind, name, weak) = match &located.change {
        Change::Rename { kind, from, .. } => (*kind, from, false),
        Change::SetSchema { kind, name } => (*kind, name, false),
        Change::Table {
            table,
            action: TableAction::RenameConstraint { .. } | TableAction::RenameIndex { .. },
        } => (ObjectKind::Index, table, true),
        _ => return,
    };
    if matches!(kind, ObjectKind::View | ObjectKind::MaterializedView)
        || site.schema.is_new_object(name)
        || !site.is_used(name)
    {
        return;
    }
    let reported = findings.report(located.span, "statements of the old release that name it fail");
    if weak
        || matches!(
            kind,
            ObjectKind::Index
                | ObjectKind::Trigger
                | ObjectKind::Policy
                | ObjectKind::Rule
                | ObjectKind::Other
        )
    {
        reported.warning();
    }
}
