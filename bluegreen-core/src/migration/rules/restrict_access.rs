//! The old release may no longer read or write.

use super::prelude::*;

pub(super) static ABOUT: About =
    About::new("restrict-access", Kind::Backward, Severity::Unsafe, "What the old release was allowed is taken away")
        .why("Row level security without a policy shows no row to anybody but the owner; a restrictive policy and REVOKE take away what worked.")
        .source("PostgreSQL manual, row security policies")
        .right_in(&[Contract])
        .examples(&[
            Example::bad("ALTER TABLE orders ENABLE ROW LEVEL SECURITY").on(Engine::Postgres),
            Example::bad("REVOKE INSERT ON orders FROM app"),
            Example::good("CREATE TABLE orders (id int); ALTER TABLE orders ENABLE ROW LEVEL SECURITY").on(Engine::Postgres),
            Example::good("GRANT SELECT ON orders TO app"),
        ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    match &located.change {
        Change::Table {
            table,
            action: TableAction::RowSecurity { on: true },
        } if site.is_used(table) => {
            findings.report(
                located.span,
                format!("a release that is not the owner of {table} sees only what a policy shows it"),
            );
        }
        Change::Policy {
            table,
            restrictive: true,
        } if site.is_used(table) => {
            findings.report(
                located.span,
                format!("rows of {table} that the old release could use may be out of its reach"),
            );
        }
        Change::Revoke => {
            let new = site.statement().is_some_and(|statement| {
                // `REVOKE … ON new_thing …`: the words after ON.
                let words: Vec<_> = site.source(statement.span).split_whitespace().collect();
                let on = words.iter().position(|word| word.eq_ignore_ascii_case("on"));
                let name = on
                    .and_then(|on| words.get(on + 1..))
                    .into_iter()
                    .flatten()
                    .find(|word| {
                        !["table", "function", "schema", "sequence"]
                            .iter()
                            .any(|kind| word.eq_ignore_ascii_case(kind))
                    });
                name.is_some_and(|name| {
                    let bare = name
                        .rsplit('.')
                        .next()
                        .unwrap_or_default()
                        .split('(')
                        .next()
                        .unwrap_or_default()
                        .trim_matches('"');
                    let object = ObjectName {
                        schema: None,
                        name: Name::new(bare.to_lowercase()),
                        span: statement.span,
                    };
                    !site.is_used(&object) || site.schema.is_new_object(&object)
                })
            });
            if !new {
                findings.report(located.span, "the old release may be refused what it was allowed");
            }
        }
        _ => {}
    }
}
