//! Reading columns and constraints.

use super::cursor::{Cursor, Read};
use super::types;
use crate::migration::Engine;
use crate::migration::source::TokenKind;
use crate::migration::statement::{
    Column, ConflictAction, Constraint, ConstraintKind, Expr, Generated, Name, ObjectName, SqlType,
};

/// What may follow the default of a column.
const AFTER_EXPR: &[&str] = &[
    "not",
    "null",
    "check",
    "unique",
    "primary",
    "references",
    "constraint",
    "collate",
    "generated",
    "deferrable",
    "initially",
    "comment",
    "auto_increment",
    "after",
    "first",
    "on",
    "storage",
    "compression",
    "key",
    "invisible",
    "visible",
    "stored",
    "virtual",
    "persistent",
    "as",
    "autoincrement",
    "using",
    "default",
];

/// A column with its name.
pub(super) fn column(cursor: &mut Cursor<'_>) -> Read<Column> {
    let name = cursor.name()?;
    after_name(cursor, name)
}

/// A column that may have its type from elsewhere: `a WITH OPTIONS NOT NULL`.
pub(super) fn perhaps_untyped(cursor: &mut Cursor<'_>) -> Read<Column> {
    let name = cursor.name()?;
    let options = cursor.eat_all("with options");
    if options || cursor.is_done() || cursor.is_symbol(b',') || cursor.is_any(AFTER_EXPR) {
        return with_type(cursor, name, SqlType::default());
    }
    after_name(cursor, name)
}

/// The type of a column, and what follows it.
pub(super) fn after_name(cursor: &mut Cursor<'_>, name: Name) -> Read<Column> {
    // SQLite needs no type.
    let untyped = cursor.engine == Engine::Sqlite
        && (cursor.is_done() || cursor.is_symbol(b',') || cursor.is_any(AFTER_EXPR));
    let kind = if untyped {
        SqlType::default()
    } else {
        types::read(cursor)?
    };
    with_type(cursor, name, kind)
}

fn with_type(cursor: &mut Cursor<'_>, name: Name, kind: SqlType) -> Read<Column> {
    let mut column = Column {
        name,
        kind,
        not_null: false,
        default: None,
        generated: None,
        constraints: Vec::new(),
        collation: None,
    };
    while option(cursor, &mut column)? {}
    Ok(column)
}

/// One thing that is said of a column after its type; false when there is none.
fn option(cursor: &mut Cursor<'_>, column: &mut Column) -> Read<bool> {
    let constraint_name = if cursor.eat("constraint") {
        Some(cursor.name()?)
    } else {
        None
    };
    let named = constraint_name.is_some();
    let mut constraint = |kind: ConstraintKind| {
        column.constraints.push(Constraint {
            name: constraint_name.clone(),
            kind,
            not_valid: false,
            not_enforced: false,
        });
    };
    let own = || vec![column.name.clone()];
    if cursor.eat_all("not null") {
        column.not_null = true;
        if cursor.eat("on") {
            cursor.require("conflict")?;
            cursor.next();
        }
        cursor.eat_all("no inherit");
    } else if cursor.eat("null") {
    } else if cursor.eat("default") {
        column.default = Some(cursor.expr(AFTER_EXPR)?);
    } else if cursor.eat("primary") {
        cursor.require("key")?;
        cursor.eat_any(&["asc", "desc"]);
        let columns = own();
        constraint(ConstraintKind::PrimaryKey {
            columns,
            using_index: None,
        });
        column.not_null = true;
        if cursor.eat("autoincrement") {
            column.generated = Some(Generated::Counted);
        }
        key_options(cursor)?;
    } else if cursor.eat("unique") {
        cursor.eat("key");
        cursor.eat_all("nulls not distinct");
        cursor.eat_all("nulls distinct");
        let columns = own();
        constraint(ConstraintKind::Unique {
            columns,
            using_index: None,
        });
        key_options(cursor)?;
    } else if cursor.eat("check") {
        let check = condition(cursor)?;
        constraint(ConstraintKind::Check(check));
        cursor.eat_all("no inherit");
    } else if cursor.eat("references") {
        let columns = own();
        constraint(references(cursor, columns)?);
    } else if cursor.eat("generated")
        || (!named && cursor.is("as") && cursor.ahead(1).is_some_and(|t| t.is_symbol(b'(')))
    {
        column.generated = Some(generated(cursor)?);
    } else if cursor.eat("collate") {
        column.collation = Some(cursor.object_name()?.name.as_str().to_owned());
    } else if deferral(cursor) || cursor.eat_all("not valid") {
    } else if let Some(word) = cursor.eat_any(&["not", ""]).filter(|_| cursor.eat("enforced")) {
        let _ = word;
    } else if cursor.eat("enforced") {
    } else if named {
        return cursor.fail("a constraint");
    } else if cursor.is_postgres() {
        if cursor.eat_any(&["storage", "compression"]).is_some() {
            cursor.name()?;
        } else if cursor.eat("options") {
            cursor.parentheses()?;
        } else {
            return Ok(false);
        }
    } else {
        return mysql_option(cursor, column);
    }
    Ok(true)
}

fn mysql_option(cursor: &mut Cursor<'_>, column: &mut Column) -> Read<bool> {
    if cursor.eat_any(&["auto_increment", "autoincrement"]).is_some() {
        column.generated = Some(Generated::Counted);
    } else if cursor.eat("key") {
        let columns = vec![column.name.clone()];
        column.constraints.push(Constraint {
            name: None,
            kind: ConstraintKind::PrimaryKey {
                columns,
                using_index: None,
            },
            not_valid: false,
            not_enforced: false,
        });
    } else if cursor.eat_all("on update") {
        cursor.expr(AFTER_EXPR)?;
    } else if cursor.eat("comment") {
        cursor.symbol(b'=');
        cursor.next();
    } else if cursor.eat_all("character set") || cursor.eat("charset") {
        cursor.symbol(b'=');
        column.collation = cursor.name().ok().map(|name| name.as_str().to_owned());
    } else if cursor
        .eat_any(&[
            "invisible",
            "visible",
            "binary",
            "ascii",
            "unicode",
            "stored",
            "virtual",
            "persistent",
        ])
        .is_some()
    {
    } else if cursor
        .eat_any(&["column_format", "storage", "srid", "engine_attribute"])
        .is_some()
    {
        cursor.symbol(b'=');
        cursor.next();
    } else if cursor.eat_all("on conflict") {
        cursor.next();
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `GENERATED ALWAYS AS (…) STORED`, `GENERATED BY DEFAULT AS IDENTITY`; GENERATED is read.
fn generated(cursor: &mut Cursor<'_>) -> Read<Generated> {
    cursor.eat("always");
    cursor.eat_all("by default");
    cursor.eat_all("on null");
    cursor.require("as")?;
    if cursor.eat("identity") {
        if cursor.is_symbol(b'(') {
            cursor.parentheses()?;
        }
        return Ok(Generated::Counted);
    }
    // MariaDB: when the row was written, as the server notes it.
    if cursor.is_mysql() && cursor.eat("row") {
        cursor.eat_any(&["start", "end"]);
        cursor.eat_any(&["invisible", "hidden"]);
        return Ok(Generated::Virtual(Expr::default()));
    }
    let expr = condition(cursor)?;
    let stored = cursor.eat_any(&["stored", "virtual", "persistent"]);
    // Before PostgreSQL 18 STORED must be written; MySQL and SQLite, and 18, make it virtual otherwise.
    Ok(if stored.is_none_or(|word| word == "virtual") {
        Generated::Virtual(expr)
    } else {
        Generated::Stored(expr)
    })
}

/// A condition in parentheses.
pub(super) fn condition(cursor: &mut Cursor<'_>) -> Read<Expr> {
    let mut inside = cursor.inside()?;
    let mut expr = inside.expr(&[]);
    // A comma at the top is legal in a row or a function only; take the whole then.
    if !inside.is_done()
        && let Ok(expr) = &mut expr
    {
        expr.not_null.clear();
    }
    expr
}

/// What may follow the columns of a key.
fn key_options(cursor: &mut Cursor<'_>) -> Read<()> {
    loop {
        if cursor.eat_all("on conflict") {
            cursor.next();
        } else if cursor.eat_any(&["include", "with"]).is_some() {
            cursor.parentheses()?;
        } else if cursor.eat_all("using index tablespace") || (cursor.is_mysql() && cursor.eat("using")) {
            cursor.name()?;
        } else if cursor.is_mysql() && cursor.eat("comment") {
            cursor.next();
        } else if !deferral(cursor) {
            return Ok(());
        }
    }
}

fn deferral(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat("deferrable")
        || cursor.eat_all("not deferrable")
        || cursor.eat_all("initially deferred")
        || cursor.eat_all("initially immediate")
}

/// What follows REFERENCES.
fn references(cursor: &mut Cursor<'_>, columns: Vec<Name>) -> Read<ConstraintKind> {
    let table: ObjectName = cursor.object_name()?;
    let referenced = if cursor.is_symbol(b'(') {
        cursor.names()?
    } else {
        Vec::new()
    };
    let mut on_delete = None;
    loop {
        if cursor.eat("match") {
            cursor.next();
        } else if cursor.is("on") && (cursor.ahead_is(1, "delete") || cursor.ahead_is(1, "update")) {
            cursor.next();
            let deletes = cursor.eat("delete") || !cursor.eat("update");
            let action = conflict_action(cursor)?;
            if deletes {
                on_delete = Some(action);
            }
        } else if !deferral(cursor) {
            return Ok(ConstraintKind::ForeignKey {
                columns,
                references: table,
                referenced,
                on_delete,
            });
        }
    }
}

fn conflict_action(cursor: &mut Cursor<'_>) -> Read<ConflictAction> {
    let action = if cursor.eat("cascade") {
        ConflictAction::Cascade
    } else if cursor.eat("restrict") || cursor.eat_all("no action") {
        ConflictAction::Refuse
    } else if cursor.eat_all("set null") {
        ConflictAction::SetNull
    } else if cursor.eat_all("set default") {
        ConflictAction::SetDefault
    } else {
        return cursor.fail("CASCADE, RESTRICT, NO ACTION, SET NULL or SET DEFAULT");
    };
    if matches!(action, ConflictAction::SetNull | ConflictAction::SetDefault) && cursor.is_symbol(b'(') {
        cursor.parentheses()?;
    }
    Ok(action)
}

/// Whether a constraint of a table begins here, and not a column.
pub(super) fn begins_constraint(cursor: &Cursor<'_>) -> bool {
    let follows = |symbol: u8| cursor.ahead(1).is_some_and(|token| token.is_symbol(symbol));
    cursor.is("constraint")
        || (cursor.is("primary") && cursor.ahead_is(1, "key"))
        || (cursor.is("foreign") && cursor.ahead_is(1, "key"))
        || (cursor.is("unique")
            && (follows(b'(')
                || cursor.ahead_is(1, "using")
                || cursor.ahead_is(1, "nulls")
                || (cursor.is_mysql() && (cursor.ahead_is(1, "key") || cursor.ahead_is(1, "index")))
                || (cursor.is_mysql() && cursor.ahead(2).is_some_and(|token| token.is_symbol(b'(')))))
        || (cursor.is("check") && follows(b'('))
        || (cursor.is("exclude") && (follows(b'(') || cursor.ahead_is(1, "using")))
        || (cursor.is_postgres() && cursor.is("not") && cursor.ahead_is(1, "null"))
}

/// A constraint of a table.
pub(super) fn constraint(cursor: &mut Cursor<'_>) -> Read<Constraint> {
    let mut name = None;
    if cursor.eat("constraint") {
        cursor.if_not_exists();
        // MySQL: `CONSTRAINT FOREIGN KEY (…)`.
        if !begins_constraint(cursor) || cursor.peek().is_some_and(|token| token.kind == TokenKind::Quoted) {
            name = Some(cursor.name()?);
        }
    }
    let kind = if cursor.eat("primary") {
        cursor.require("key")?;
        let (columns, using_index) = key(cursor)?;
        ConstraintKind::PrimaryKey { columns, using_index }
    } else if cursor.eat("unique") {
        cursor.eat_any(&["key", "index"]);
        cursor.eat_all("nulls not distinct");
        cursor.eat_all("nulls distinct");
        if cursor.is_mysql() && !cursor.is_symbol(b'(') && !cursor.is("using") {
            cursor.if_not_exists();
            name = Some(cursor.name()?);
        }
        let (columns, using_index) = key(cursor)?;
        ConstraintKind::Unique { columns, using_index }
    } else if cursor.eat("check") {
        ConstraintKind::Check(condition(cursor)?)
    } else if cursor.eat_all("not null") {
        ConstraintKind::NotNull(cursor.name()?)
    } else if cursor.eat("foreign") {
        cursor.require("key")?;
        cursor.if_not_exists();
        if !cursor.is_symbol(b'(') {
            let own = cursor.name()?;
            name.get_or_insert(own);
        }
        let columns = cursor.names()?;
        cursor.require("references")?;
        references(cursor, columns)?
    } else if cursor.eat("exclude") {
        if cursor.eat("using") {
            cursor.name()?;
        }
        cursor.parentheses()?;
        key_options(cursor)?;
        ConstraintKind::Exclude
    } else {
        return cursor.fail("PRIMARY KEY, UNIQUE, CHECK, FOREIGN KEY or EXCLUDE");
    };
    let mut constraint = Constraint {
        name,
        kind,
        not_valid: false,
        not_enforced: false,
    };
    loop {
        if cursor.eat_all("not valid") {
            constraint.not_valid = true;
        } else if cursor.eat_all("not enforced") {
            constraint.not_enforced = true;
        } else if cursor.eat("where") {
            cursor.parentheses()?;
        } else if !(cursor.eat("enforced") || cursor.eat_all("no inherit") || deferral(cursor)) {
            break;
        }
    }
    Ok(constraint)
}

/// The columns of a key or the index that it uses.
fn key(cursor: &mut Cursor<'_>) -> Read<(Vec<Name>, Option<Name>)> {
    if cursor.is_mysql() && cursor.eat("using") {
        cursor.name()?;
    }
    // MySQL: a name of the key, which is ignored for a primary key.
    if cursor.is_mysql() && !cursor.is_symbol(b'(') {
        cursor.name()?;
    }
    if cursor.eat_all("using index") {
        let index = cursor.name()?;
        key_options(cursor)?;
        return Ok((Vec::new(), Some(index)));
    }
    let columns = if cursor.is_postgres() {
        cursor.names()?
    } else {
        cursor.index_columns()?
    };
    key_options(cursor)?;
    Ok((columns, None))
}
