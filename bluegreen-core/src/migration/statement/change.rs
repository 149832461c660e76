//! One thing that a statement does.

use std::collections::HashSet;

use super::{Column, Constraint, Expr, Name, ObjectName, SqlType, Storage, TableAction, Volatility};

/// A kind of thing in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A table; also a foreign one.
    Table,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
    /// A type.
    Type,
    /// A domain.
    Domain,
    /// A function, procedure or aggregate.
    Routine,
    /// A trigger.
    Trigger,
    /// A policy of row-level security.
    Policy,
    /// A schema; in MySQL a database.
    Schema,
    /// A database.
    Database,
    /// An extension.
    Extension,
    /// A role or user.
    Role,
    /// A rewrite rule.
    Rule,
    /// What statements or others rely on without being named by a release's code: an operator, a cast, a
    /// collation, a publication, a server, a scheduled event.
    Support,
    /// What a role owns.
    Owned,
    /// Anything else, whose absence nobody notices: statistics, an event trigger.
    Other,
}

/// `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct CreateTable {
    /// Its name.
    pub table: ObjectName,
    /// `OR REPLACE`: MariaDB drops what is there.
    pub or_replace: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Only this session sees it.
    pub temporary: bool,
    /// Its columns; empty when they come from elsewhere.
    pub columns: Vec<Column>,
    /// Its constraints.
    pub constraints: Vec<Constraint>,
    /// The table of which it is a partition.
    pub partition_of: Option<ObjectName>,
    /// Whether it is the default partition.
    pub default_partition: bool,
    /// Whether it has partitions.
    pub partitioned: bool,
    /// The table whose definition it takes (`LIKE`, `INHERITS`).
    pub like: Option<ObjectName>,
    /// Whether rows come with it: `AS SELECT`.
    pub from_query: bool,
    /// MySQL: the character set or collation of its columns, where one is written.
    pub charset: Option<String>,
    /// MySQL's indexes that are declared inside: name, columns, kind.
    pub indexes: Vec<(Option<Name>, Vec<Name>, Option<String>)>,
    /// How MySQL keeps it.
    pub storage: Storage,
}

/// `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct CreateIndex {
    /// Its name, where it is written.
    pub name: Option<ObjectName>,
    /// The table on which it is built.
    pub table: ObjectName,
    /// UNIQUE.
    pub unique: bool,
    /// CONCURRENTLY.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `ON ONLY`: not on the partitions.
    pub only: bool,
    /// The columns that it is built on, where they are plain ones.
    pub columns: Vec<Name>,
    /// Whether these are all that it is built on, and it holds every row: no expression, no WHERE.
    pub plain: bool,
    /// FULLTEXT or SPATIAL in MySQL; the method in PostgreSQL. In lower case.
    pub kind: Option<String>,
    /// MySQL's `ALGORITHM` and `LOCK`.
    pub online: Vec<super::OnlineOption>,
    /// How long the statement is without this: where CONCURRENTLY would be written.
    pub after_index: usize,
}

/// `CREATE VIEW`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateView {
    /// Its name.
    pub name: ObjectName,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// MATERIALIZED.
    pub materialized: bool,
    /// The tables that it reads, as far as they could be seen: what follows FROM and JOIN.
    pub reads: Vec<ObjectName>,
    /// The names in its query, and whether there is a `*`: what it may read of them.
    pub names: HashSet<Name>,
    /// Whether it reads all columns of something.
    pub all_columns: bool,
}

/// The modes of LOCK TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLock {
    /// The tables.
    pub tables: Vec<ObjectName>,
    /// The mode in lower case: `access exclusive`; in MySQL `read` or `write`.
    pub mode: String,
}

/// What is done to a type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are named as in the SQL that each variant quotes"
)]
pub enum TypeAction {
    /// `CREATE TYPE … AS ENUM`.
    CreateEnum { values: Vec<String> },
    /// `ADD VALUE`.
    AddValue { value: String, if_not_exists: bool },
    /// `RENAME VALUE`.
    RenameValue { from: String },
    /// An attribute of a composite type is dropped, renamed or gets another type.
    AlterAttribute { adds_only: bool },
    /// Owner, schema, name, options are told as changes of their own.
    Other,
}

/// What is done to a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are named as in the SQL that each variant quotes"
)]
pub enum DomainAction {
    /// `CREATE DOMAIN`.
    Create { base: SqlType, constrained: bool },
    /// `ADD CONSTRAINT`.
    AddConstraint { not_valid: bool },
    /// `VALIDATE CONSTRAINT`.
    Validate,
    /// `SET NOT NULL`.
    SetNotNull,
    /// `DROP CONSTRAINT`, `DROP NOT NULL`.
    Loosen,
    /// `SET DEFAULT`, `OWNER TO`.
    Other,
}

/// One thing that a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields are named as in the SQL that each variant quotes"
)]
pub enum Change {
    /// `CREATE TABLE`.
    CreateTable(CreateTable),
    /// One action of `ALTER TABLE`.
    Table { table: ObjectName, action: TableAction },
    /// `DROP TABLE`, one for each name.
    DropTable {
        table: ObjectName,
        if_exists: bool,
        cascade: bool,
    },
    /// `CREATE INDEX`.
    CreateIndex(CreateIndex),
    /// `DROP INDEX`, one for each name; in MySQL on a table.
    DropIndex {
        index: ObjectName,
        table: Option<ObjectName>,
        concurrently: bool,
        if_exists: bool,
    },
    /// `REINDEX`.
    Reindex {
        concurrently: bool,
        target: Option<ObjectName>,
        system: bool,
    },
    /// `ALTER INDEX … ATTACH PARTITION` and other moments on an index.
    AlterIndex { index: ObjectName },
    /// `CREATE VIEW`.
    CreateView(CreateView),
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh {
        view: ObjectName,
        concurrently: bool,
        with_data: bool,
    },
    /// Something else is created.
    Create {
        kind: ObjectKind,
        name: Option<ObjectName>,
        or_replace: bool,
        if_not_exists: bool,
    },
    /// `CREATE FUNCTION`, with what is declared of it.
    CreateRoutine {
        name: ObjectName,
        volatility: Volatility,
        or_replace: bool,
    },
    /// `CREATE TRIGGER`.
    CreateTrigger {
        table: Option<ObjectName>,
        name: Option<ObjectName>,
    },
    /// Something else is altered in a way that no reader or writer meets.
    Alter { kind: ObjectKind },
    /// Something else is dropped, one for each name.
    Drop {
        kind: ObjectKind,
        name: ObjectName,
        if_exists: bool,
        cascade: bool,
    },
    /// Anything but a table or a column gets another name.
    Rename {
        kind: ObjectKind,
        from: ObjectName,
        to: ObjectName,
    },
    /// Anything but a table goes to another schema.
    SetSchema { kind: ObjectKind, name: ObjectName },
    /// A type is created or altered.
    Type { name: ObjectName, action: TypeAction },
    /// A domain is created or altered.
    Domain { name: ObjectName, action: DomainAction },
    /// `INSERT`, `COPY … FROM`, `LOAD DATA`.
    /// `selected` are the columns of the query, where it gives them as they are.
    Insert {
        table: Option<ObjectName>,
        columns: Vec<Name>,
        from: Option<ObjectName>,
        selected: Vec<Option<Name>>,
    },
    /// `UPDATE`.
    Update {
        table: ObjectName,
        filter: Option<Expr>,
        columns: Vec<Name>,
        limited: bool,
    },
    /// `DELETE`.
    Delete {
        table: ObjectName,
        filter: Option<Expr>,
        limited: bool,
    },
    /// `TRUNCATE`, one for each name.
    Truncate { table: ObjectName, cascade: bool },
    /// `SELECT`, `SHOW`, `EXPLAIN`: only reads. `all_of` is the table of which every row is read, where there is
    /// neither a condition nor a limit.
    Read {
        calls: Vec<String>,
        all_of: Option<ObjectName>,
    },
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK` of the whole transaction.
    Rollback,
    /// `SET name = value`, with `SET LOCAL`.
    Set {
        name: String,
        value: String,
        local: bool,
    },
    /// `LOCK TABLE`.
    Lock(TableLock),
    /// `VACUUM`, `ANALYZE`, `OPTIMIZE TABLE`.
    Vacuum { full: bool, table: Option<ObjectName> },
    /// `CLUSTER`.
    Cluster { table: Option<ObjectName> },
    /// `GRANT`.
    Grant,
    /// `REVOKE`.
    Revoke,
    /// `CREATE POLICY`, `ALTER POLICY`.
    Policy { table: ObjectName, restrictive: bool },
    /// `DO`, `CALL`, `EXECUTE`: what it does cannot be seen; why.
    Dynamic { why: String },
    /// Nothing that a reader or writer meets: `COMMENT`, savepoints, `NOTIFY`, `PRAGMA`.
    Nothing,
    /// Not understood, and why.
    Unknown { why: String },
}
