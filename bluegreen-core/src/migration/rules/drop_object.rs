//! Something that the old release may use goes.

use super::prelude::*;

/// More changes of one statement are not looked at.
const LOOKED_AT: usize = 64;

pub(super) static ABOUT: About =
    About::new("drop-object", Kind::Backward, Severity::Unsafe, "Something that the old release may use is dropped")
        .why("Views, functions, types, sequences, triggers and policies are part of what a release runs on. What is dropped is missing for the old one.")
        .source("PostgreSQL manual, DROP …")
        .right_in(&[Contract])
        .examples(&[
            Example::bad("DROP VIEW days"),
            Example::bad("DROP FUNCTION total(int)").on(Engine::Postgres),
            Example::bad("DROP TRIGGER sync ON orders").on(Engine::Postgres),
            Example::bad("DROP TYPE mood").on(Engine::Postgres),
            Example::bad("DROP EXTENSION hstore").on(Engine::Postgres),
            Example::bad("DROP OPERATOR === (text, text)").on(Engine::Postgres),
            Example::bad("DROP PUBLICATION changes").on(Engine::Postgres),
            Example::good("DROP STATISTICS day_and_shop").on(Engine::Postgres),
            Example::good("CREATE VIEW days AS SELECT 1; DROP VIEW days"),
            Example::good("DROP TRIGGER IF EXISTS sync ON orders; CREATE TRIGGER sync BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()").on(Engine::Postgres),
        ]);

/// Statements after a drop among which the thing is looked for that takes its place.
const REPLACED_WITHIN: usize = 8;

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Drop { kind, name, .. } = &located.change else {
        return;
    };
    let harmless = matches!(
        kind,
        ObjectKind::Schema | ObjectKind::Database | ObjectKind::Owned | ObjectKind::Other
    );
    if harmless || site.schema.is_new_object(name) || !site.is_used(name) {
        return;
    }
    let replaced = site.following().take(REPLACED_WITHIN).any(|statement| {
        statement
            .changes
            .iter()
            .take(LOOKED_AT)
            .any(|located| match &located.change {
                Change::CreateView(view) => site.same(&view.name, name),
                Change::CreateRoutine { name: new, .. } => site.same(new, name),
                Change::CreateTrigger { name: Some(new), .. } | Change::Create { name: Some(new), .. } => {
                    new.name == name.name
                }
                _ => false,
            })
    });
    if !replaced {
        findings.report(located.span, format!("the old release may still use {name}"));
    }
}
