//! Reading ALTER, except for tables.

use super::cursor::{Cursor, Read};
use super::{alter_table, at, drop};
use crate::migration::source::{Span, TokenKind};
use crate::migration::statement::{Change, DomainAction, Located, ObjectKind, ObjectName, TypeAction};

pub(super) fn read(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    cursor.require("alter")?;
    cursor.eat_any(&["online", "ignore"]);
    if cursor.eat("table") || cursor.eat_all("foreign table") {
        return alter_table::read(cursor, span);
    }
    let one = |change: Change| vec![at(span, change)];
    if cursor.is("default") || cursor.is("large") || cursor.is("system") {
        let restricts = cursor.eat_all("default privileges") && has(cursor, "revoke");
        while cursor.next().is_some() {}
        return Ok(one(if restricts {
            Change::Revoke
        } else {
            Change::Alter {
                kind: ObjectKind::Other,
            }
        }));
    }
    if cursor.is_mysql() && cursor.is_any(&["definer", "algorithm", "sql"]) {
        // `ALTER DEFINER=… VIEW`: the view is defined anew.
        while cursor.next().is_some() {}
        return Ok(one(Change::Alter {
            kind: ObjectKind::View,
        }));
    }
    let Some(kind) = drop::kind(cursor) else {
        let other = cursor.eat_any(&[
            "collation",
            "publication",
            "subscription",
            "server",
            "statistics",
            "operator",
            "conversion",
            "language",
            "text",
            "event",
            "tablespace",
            "foreign",
            "procedural",
            "instance",
            "resource",
            "access",
        ]);
        if other.is_none() {
            return cursor.fail("something that can be altered");
        }
        while cursor.next().is_some() {}
        return Ok(one(Change::Alter {
            kind: ObjectKind::Other,
        }));
    };
    cursor.if_exists();
    if kind == ObjectKind::Role && !cursor.is_any(&["current_user", "all"]) {
        cursor.name()?;
        let renames = cursor.is("rename");
        let start = cursor.span();
        while cursor.next().is_some() {}
        let name = |text: &str| ObjectName {
            schema: None,
            name: crate::migration::statement::Name::new(text),
            span: start,
        };
        return Ok(one(if renames {
            Change::Rename {
                kind,
                from: name("role"),
                to: name("role"),
            }
        } else {
            Change::Alter { kind }
        }));
    }
    if kind == ObjectKind::Index && cursor.eat_all("all in tablespace") {
        while cursor.next().is_some() {}
        return Ok(one(Change::Alter { kind }));
    }
    let name = cursor.object_name()?;
    // The arguments of a function.
    if cursor.is_symbol(b'(') {
        cursor.parentheses()?;
    }
    if matches!(kind, ObjectKind::Policy | ObjectKind::Trigger | ObjectKind::Rule) && cursor.eat("on") {
        let table = cursor.object_name()?;
        if kind == ObjectKind::Policy && !cursor.is("rename") {
            cursor.rest()?;
            return Ok(one(Change::Policy {
                table,
                restrictive: true,
            }));
        }
    }
    Ok(one(action(cursor, kind, name)?))
}

fn has(cursor: &Cursor<'_>, word: &str) -> bool {
    let mut look = *cursor;
    while let Some(token) = look.next() {
        if token.is_word(look.text, word) {
            return true;
        }
    }
    false
}

fn action(cursor: &mut Cursor<'_>, kind: ObjectKind, name: ObjectName) -> Read<Change> {
    if cursor.eat_all("rename to") {
        let to = cursor.object_name()?;
        return Ok(Change::Rename { kind, from: name, to });
    }
    if cursor.eat_all("set schema") {
        cursor.name()?;
        return Ok(Change::SetSchema { kind, name });
    }
    if cursor.eat_all("owner to") {
        cursor.name()?;
        return Ok(Change::Alter { kind });
    }
    match kind {
        ObjectKind::Type => {
            let action = type_action(cursor)?;
            Ok(Change::Type { name, action })
        }
        ObjectKind::Domain => {
            let action = domain_action(cursor)?;
            Ok(Change::Domain { name, action })
        }
        ObjectKind::Index if cursor.eat_all("set tablespace") => {
            cursor.rest()?;
            Ok(Change::Table {
                table: name,
                action: crate::migration::statement::TableAction::SetTablespace,
            })
        }
        ObjectKind::Index => {
            cursor.rest()?;
            Ok(Change::AlterIndex { index: name })
        }
        ObjectKind::View | ObjectKind::MaterializedView if cursor.is("rename") => {
            cursor.require("rename")?;
            cursor.eat("column");
            let from = cursor.name()?;
            cursor.require("to")?;
            let to = cursor.name()?;
            Ok(Change::Table {
                table: name,
                action: crate::migration::statement::TableAction::RenameColumn { from, to },
            })
        }
        _ => {
            while cursor.next().is_some() {}
            Ok(Change::Alter { kind })
        }
    }
}

fn text(cursor: &mut Cursor<'_>) -> Read<String> {
    match cursor.next() {
        Some(token) if token.kind == TokenKind::Text => {
            Ok(token.span.of(cursor.text).trim_matches('\'').to_owned())
        }
        _ => cursor.fail("a text"),
    }
}

fn type_action(cursor: &mut Cursor<'_>) -> Read<TypeAction> {
    if cursor.eat_all("add value") {
        let if_not_exists = cursor.if_not_exists();
        let value = text(cursor)?;
        if cursor.eat_any(&["before", "after"]).is_some() {
            text(cursor)?;
        }
        return Ok(TypeAction::AddValue { value, if_not_exists });
    }
    if cursor.eat_all("rename value") {
        let from = text(cursor)?;
        cursor.require("to")?;
        text(cursor)?;
        return Ok(TypeAction::RenameValue { from });
    }
    let attribute = cursor.is_any(&["add", "drop", "alter", "rename"]) && cursor.ahead_is(1, "attribute");
    let mut adds_only = attribute;
    while let Some(token) = cursor.next() {
        let removes = ["drop", "alter", "rename"]
            .iter()
            .any(|word| token.is_word(cursor.text, word));
        if removes && cursor.is("attribute") {
            adds_only = false;
        }
    }
    Ok(if attribute {
        TypeAction::AlterAttribute { adds_only }
    } else {
        TypeAction::Other
    })
}

fn domain_action(cursor: &mut Cursor<'_>) -> Read<DomainAction> {
    if cursor.eat("add") {
        let not_valid = {
            let mut look = *cursor;
            let mut found = false;
            while look.next().is_some() {
                found |= look.is("not") && look.ahead_is(1, "valid");
            }
            found
        };
        cursor.rest()?;
        return Ok(DomainAction::AddConstraint { not_valid });
    }
    let action = if cursor.eat_all("set not null") {
        DomainAction::SetNotNull
    } else if cursor.eat("validate") {
        DomainAction::Validate
    } else if cursor.eat_all("drop default") {
        DomainAction::Other
    } else if cursor.eat("drop") {
        DomainAction::Loosen
    } else if cursor.is("set") || cursor.is("rename") {
        DomainAction::Other
    } else {
        return cursor.fail("something that can be done to a domain");
    };
    while cursor.next().is_some() {}
    Ok(action)
}
