//! Parts of tables, and what is done to them.

use super::{Expr, Name, ObjectName, SqlType};

/// A column as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub kind: SqlType,
    /// Declared NOT NULL, or part of an inline primary key.
    pub not_null: bool,
    /// Its default.
    pub default: Option<Expr>,
    /// Whether the server makes its value.
    pub generated: Option<Generated>,
    /// Constraints that are written with the column.
    pub constraints: Vec<Constraint>,
    /// Character set or collation, where it is written.
    pub collation: Option<String>,
}

/// How the server makes the value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Generated {
    /// Computed from other columns when a row is written, and stored.
    Stored(Expr),
    /// Computed from other columns when a row is read.
    Virtual(Expr),
    /// Counted: identity, `AUTO_INCREMENT`.
    Counted,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, where it is written.
    pub name: Option<Name>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// `NOT VALID`: rows that exist are not checked.
    pub not_valid: bool,
    /// `NOT ENFORCED`: nothing is checked.
    pub not_enforced: bool,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstraintKind {
    /// PRIMARY KEY.
    PrimaryKey {
        /// Its columns.
        columns: Vec<Name>,
        /// `USING INDEX`: an index that exists.
        using_index: Option<Name>,
    },
    /// UNIQUE.
    Unique {
        /// Its columns.
        columns: Vec<Name>,
        /// `USING INDEX`: an index that exists.
        using_index: Option<Name>,
    },
    /// CHECK.
    Check(Expr),
    /// NOT NULL as a constraint with a name.
    NotNull(Name),
    /// FOREIGN KEY or REFERENCES.
    ForeignKey {
        /// Its columns.
        columns: Vec<Name>,
        /// The table that they point to.
        references: ObjectName,
        /// The columns there, where they are written.
        referenced: Vec<Name>,
        /// What happens when the row that is pointed to goes.
        on_delete: Option<ConflictAction>,
    },
    /// EXCLUDE.
    Exclude,
}

/// What a foreign key does when the row that it points to goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictAction {
    /// CASCADE.
    Cascade,
    /// SET NULL.
    SetNull,
    /// SET DEFAULT.
    SetDefault,
    /// RESTRICT or NO ACTION.
    Refuse,
}

/// Where MySQL puts a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// FIRST.
    First,
    /// AFTER a column.
    After(Name),
}

/// What MySQL is asked to do online: `ALGORITHM=…` or `LOCK=…`, in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnlineOption {
    /// `ALGORITHM`: INSTANT, INPLACE, NOCOPY, COPY, DEFAULT.
    Algorithm(String),
    /// `LOCK`: NONE, SHARED, EXCLUSIVE, DEFAULT.
    Lock(String),
}

/// A character set or collation of a whole table, by its name; none where the database's is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charset {
    /// Every column is converted.
    Convert(Option<String>),
    /// Only what is added later has it.
    Default(Option<String>),
}

/// How MySQL keeps a table, as far as it decides what can be done online.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Storage {
    /// `InnoDB`, the usual one.
    #[default]
    InnoDb,
    /// `InnoDB` with `ROW_FORMAT=COMPRESSED`: nothing about its rows is instant.
    Compressed,
    /// Another engine, `MyISAM` or Aria: what touches rows copies the table.
    Other,
}

/// Whether a trigger or a rule is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerState {
    /// ENABLE in any form.
    Enabled,
    /// DISABLE.
    Disabled,
}

/// One thing that an ALTER TABLE asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are named as in the SQL that each variant quotes"
)]
pub enum TableAction {
    /// `ADD COLUMN`.
    AddColumn {
        column: Column,
        if_not_exists: bool,
        position: Option<Position>,
    },
    /// `DROP COLUMN`.
    DropColumn {
        column: Name,
        if_exists: bool,
        cascade: bool,
    },
    /// `RENAME COLUMN`.
    RenameColumn { from: Name, to: Name },
    /// MySQL's `MODIFY` and `CHANGE`: the whole column is declared anew, perhaps under another name.
    Redefine {
        old: Name,
        column: Column,
        position: Option<Position>,
    },
    /// `ALTER COLUMN … TYPE`.
    SetType {
        column: Name,
        to: SqlType,
        /// Where it is written.
        collation: Option<String>,
        using: Option<Expr>,
    },
    /// `ALTER COLUMN … SET DEFAULT`.
    SetDefault { column: Name, default: Expr },
    /// `ALTER COLUMN … DROP DEFAULT`.
    DropDefault { column: Name },
    /// `ALTER COLUMN … SET NOT NULL`.
    SetNotNull { column: Name },
    /// `ALTER COLUMN … DROP NOT NULL`.
    DropNotNull { column: Name },
    /// `ALTER COLUMN … ADD GENERATED … AS IDENTITY`.
    AddIdentity { column: Name },
    /// `ALTER COLUMN … DROP IDENTITY`.
    DropIdentity { column: Name },
    /// `ALTER COLUMN … SET EXPRESSION AS`, since PostgreSQL 17.
    SetExpression { column: Name },
    /// `ALTER COLUMN … DROP EXPRESSION`.
    DropExpression { column: Name },
    /// `ADD CONSTRAINT`.
    AddConstraint(Constraint),
    /// `ADD CONSTRAINT IF NOT EXISTS` of MariaDB is an `AddConstraint`; this is `VALIDATE CONSTRAINT`.
    ValidateConstraint { name: Name },
    /// `DROP CONSTRAINT`.
    DropConstraint {
        name: Name,
        if_exists: bool,
        cascade: bool,
    },
    /// `ALTER CONSTRAINT`.
    AlterConstraint { name: Name },
    /// `RENAME CONSTRAINT`.
    RenameConstraint { from: Name, to: Name },
    /// `RENAME TO`.
    RenameTable { to: ObjectName },
    /// `SET SCHEMA`.
    SetSchema { schema: Name },
    /// `ATTACH PARTITION`.
    AttachPartition { partition: ObjectName, default: bool },
    /// `DETACH PARTITION`.
    DetachPartition {
        partition: ObjectName,
        concurrently: bool,
        finalize: bool,
    },
    /// `SET LOGGED`, `SET UNLOGGED`.
    SetLogged { logged: bool },
    /// `SET TABLESPACE`.
    SetTablespace,
    /// `SET ACCESS METHOD`.
    SetAccessMethod,
    /// `ENABLE TRIGGER`, `DISABLE TRIGGER`, and the same of rules.
    Trigger { state: TriggerState },
    /// `ENABLE ROW LEVEL SECURITY` and `FORCE`: true; `DISABLE` and `NO FORCE`: false.
    RowSecurity { on: bool },
    /// `REPLICA IDENTITY`.
    ReplicaIdentity { nothing: bool },
    /// What takes only `ShareUpdateExclusive`: `SET STATISTICS`, storage parameters, `CLUSTER ON`.
    SetParameters,
    /// What takes `AccessExclusive` for a moment and changes nothing for readers and writers: `OWNER TO`,
    /// `SET STORAGE`, `INHERIT`.
    Other,
    /// MySQL: `ADD INDEX`, `ADD FULLTEXT`.
    AddIndex {
        name: Option<Name>,
        columns: Vec<Name>,
        unique: bool,
        kind: Option<String>,
    },
    /// MySQL: `DROP INDEX`.
    DropIndex { name: Name },
    /// `RENAME INDEX`.
    RenameIndex { from: Name, to: Name },
    /// MySQL: `ALTER INDEX … INVISIBLE`.
    IndexVisibility { visible: bool },
    /// MySQL: `DROP PRIMARY KEY`.
    DropPrimaryKey,
    /// MySQL: `DROP FOREIGN KEY`, `DROP CHECK`.
    DropNamed { name: Name },
    /// MySQL: `CONVERT TO CHARACTER SET`, `DEFAULT CHARSET`.
    SetCharset(Charset),
    /// MySQL: `ALGORITHM=…`, `LOCK=…`.
    Online(OnlineOption),
    /// MySQL: `FORCE`, `ROW_FORMAT=…`: the table is built anew.
    Rebuild,
    /// MySQL: `ENGINE=…`, `ROW_FORMAT=COMPRESSED`: the table is built anew in another way.
    SetStorage(Storage),
    /// MySQL: `ORDER BY`: the table is copied.
    OrderBy,
    /// MySQL: `DROP PARTITION`, `TRUNCATE PARTITION`.
    DropPartition { names: Vec<Name> },
    /// MySQL: `ADD PARTITION`, `EXCHANGE PARTITION`, … .
    Partition { verb: String },
    /// MySQL: `COMMENT=…`, `AUTO_INCREMENT=…` and other options in the table's definition only.
    Option { name: String },
}
