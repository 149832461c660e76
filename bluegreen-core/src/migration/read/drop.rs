//! Reading DROP and TRUNCATE.

use super::at;
use super::cursor::{Cursor, Read};
use crate::migration::source::Span;
use crate::migration::statement::{Change, Located, ObjectKind, ObjectName};

const KINDS: &[(&str, ObjectKind)] = &[
    ("materialized view", ObjectKind::MaterializedView),
    ("foreign table", ObjectKind::Table),
    ("table", ObjectKind::Table),
    ("view", ObjectKind::View),
    ("index", ObjectKind::Index),
    ("sequence", ObjectKind::Sequence),
    ("type", ObjectKind::Type),
    ("domain", ObjectKind::Domain),
    ("function", ObjectKind::Routine),
    ("procedure", ObjectKind::Routine),
    ("routine", ObjectKind::Routine),
    ("aggregate", ObjectKind::Routine),
    ("event trigger", ObjectKind::Other),
    ("trigger", ObjectKind::Trigger),
    ("policy", ObjectKind::Policy),
    ("rule", ObjectKind::Rule),
    ("schema", ObjectKind::Schema),
    ("database", ObjectKind::Database),
    ("extension", ObjectKind::Extension),
    ("role", ObjectKind::Role),
    ("user mapping", ObjectKind::Other),
    ("user", ObjectKind::Role),
    ("group", ObjectKind::Role),
];

pub(super) fn kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    KINDS
        .iter()
        .find(|(words, _)| cursor.eat_all(words))
        .map(|(_, kind)| *kind)
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of thing")]
pub(super) fn read(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    cursor.require("drop")?;
    cursor.eat("temporary");
    let Some(kind) = kind(cursor) else {
        let other = cursor.eat_any(&[
            "collation",
            "publication",
            "subscription",
            "server",
            "statistics",
            "operator",
            "cast",
            "conversion",
            "language",
            "text",
            "access",
            "event",
            "tablespace",
            "transform",
            "owned",
            "foreign",
            "prepare",
            "procedural",
            "partition",
        ]);
        if other.is_none() {
            return cursor.fail("something that can be dropped");
        }
        let harmless = matches!(other, Some("statistics" | "prepare" | "partition" | "tablespace"));
        let owned = other == Some("owned") && cursor.eat("by");
        let cascade = cursor.last_is("cascade");
        if cursor.is_any(&["class", "family", "search", "data", "method", "mapping"]) {
            cursor.next();
        }
        cursor.eat_any(&[
            "configuration",
            "dictionary",
            "parser",
            "template",
            "wrapper",
            "for",
        ]);
        let if_exists = cursor.if_exists();
        // Operators and casts have no plain name.
        let name = cursor.object_name().unwrap_or_else(|_| ObjectName {
            schema: None,
            name: crate::migration::statement::Name::new("?"),
            span: cursor.span(),
        });
        while cursor.next().is_some() {}
        return Ok(vec![at(
            span,
            Change::Drop {
                kind: match (harmless, owned) {
                    (true, _) => ObjectKind::Other,
                    (_, true) => ObjectKind::Owned,
                    _ => ObjectKind::Support,
                },
                name,
                if_exists,
                cascade,
            },
        )]);
    };
    let kind = match kind {
        // MySQL has no schemas within a database.
        ObjectKind::Schema if cursor.is_mysql() => ObjectKind::Database,
        kind => kind,
    };
    let concurrently = kind == ObjectKind::Index && cursor.is_postgres() && cursor.eat("concurrently");
    let if_exists = cursor.if_exists();
    cursor.eat("for");
    let names = cursor.list(|cursor| {
        let start = cursor.span();
        let name = cursor.object_name()?;
        // The arguments of a function.
        if cursor.is_symbol(b'(') {
            cursor.parentheses()?;
        }
        if cursor.symbol(b'@') {
            cursor.next();
        }
        Ok((name, cursor.since(start)))
    })?;
    let mut table = None;
    if matches!(
        kind,
        ObjectKind::Index | ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule
    ) && cursor.eat("on")
    {
        table = Some(cursor.object_name()?);
    }
    let cascade = cursor.eat("cascade");
    cursor.eat("restrict");
    let mut changes = Vec::with_capacity(names.len());
    let single = names.len() == 1;
    for (name, name_span) in names {
        let span = if single { span } else { name_span };
        // MySQL: the primary key by the name of its index.
        if cursor.is_mysql()
            && kind == ObjectKind::Index
            && name.name.as_str() == "primary"
            && let Some(table) = table.clone()
        {
            let action = crate::migration::statement::TableAction::DropPrimaryKey;
            changes.push(at(span, Change::Table { table, action }));
            continue;
        }
        changes.push(at(
            span,
            drop(kind, name, table.clone(), if_exists, cascade, concurrently),
        ));
    }
    // MySQL: `DROP INDEX a ON b ALGORITHM=INPLACE LOCK=NONE`.
    if kind == ObjectKind::Index
        && let Some(table) = table
    {
        while let Some(option) = super::mysql::online(cursor)? {
            let action = crate::migration::statement::TableAction::Online(option);
            changes.push(at(
                span,
                Change::Table {
                    table: table.clone(),
                    action,
                },
            ));
        }
    }
    if matches!(kind, ObjectKind::Role | ObjectKind::Other) {
        // Hosts of users, servers of mappings.
        while cursor.next().is_some() {}
    }
    if kind == ObjectKind::Database {
        cursor.eat_all("with (force)");
        while cursor.next().is_some() {}
    }
    Ok(changes)
}

fn drop(
    kind: ObjectKind,
    name: ObjectName,
    table: Option<ObjectName>,
    if_exists: bool,
    cascade: bool,
    concurrently: bool,
) -> Change {
    match kind {
        ObjectKind::Table => Change::DropTable {
            table: name,
            if_exists,
            cascade,
        },
        ObjectKind::Index => Change::DropIndex {
            index: name,
            table,
            concurrently,
            if_exists,
        },
        _ => Change::Drop {
            kind,
            name,
            if_exists,
            cascade,
        },
    }
}

pub(super) fn truncate(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    cursor.require("truncate")?;
    cursor.eat("table");
    cursor.eat("only");
    let tables = cursor.list(|cursor| {
        let table = cursor.object_name()?;
        cursor.symbol(b'*');
        Ok(table)
    })?;
    cursor.eat_all("restart identity");
    cursor.eat_all("continue identity");
    let cascade = cursor.eat("cascade");
    cursor.eat("restrict");
    Ok(tables
        .into_iter()
        .map(|table| at(span, Change::Truncate { table, cascade }))
        .collect())
}
