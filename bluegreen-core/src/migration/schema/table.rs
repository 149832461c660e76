//! What is known of a table.

use std::collections::HashMap;

use crate::migration::statement::{
    Column, Constraint, ConstraintKind, Expr, Name, ObjectName, SqlType, Storage,
};

/// When a thing came: in which of the releases that the schema has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin(pub(super) u32);

/// What is known of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct TableFacts {
    /// When it came.
    pub origin: Origin,
    /// Whether its definition is known, or only what this release did to it.
    pub complete: bool,
    /// Whether only the session sees it.
    pub temporary: bool,
    /// Whether it has partitions.
    pub partitioned: bool,
    /// Whether it has a default partition.
    pub default_partition: bool,
    /// Its columns.
    pub columns: HashMap<Name, TableColumn>,
    /// Its constraints, by name.
    pub constraints: HashMap<Name, Constraint>,
    /// Its indexes that are no constraints.
    pub indexes: Vec<Name>,
    /// Whether it has triggers.
    pub triggers: bool,
    /// The tables that its foreign keys point to.
    pub references: Vec<ObjectName>,
    /// Whether it has a primary key.
    pub primary_key: Vec<Name>,
    /// Rows that MySQL's INSTANT changes have versioned.
    pub instant_versions: u16,
    /// The name that it had when the release began, when it was renamed.
    pub renamed_from: Option<ObjectName>,
    /// Whether it has a FULLTEXT index, which keeps MySQL and MariaDB from changing it instantly.
    pub full_text: bool,
    /// Whether it has a SPATIAL index, which keeps writers out while the table is built anew.
    pub spatial: bool,
    /// How MySQL keeps it.
    pub storage: Storage,
    /// MySQL's character set or collation of columns that name none, where it is known.
    pub charset: Option<String>,
    /// Names given to constraints without one.
    unnamed: u32,
}

/// What is known of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct TableColumn {
    /// When it came.
    pub origin: Origin,
    /// Its type, when it is known.
    pub kind: Option<SqlType>,
    /// Whether it is NOT NULL, when it is known.
    pub not_null: Option<bool>,
    /// Its default.
    pub default: Option<Expr>,
    /// Whether it came without a value: it is NULL in each row that was there before.
    pub null_in_old_rows: bool,
    /// Whether this release took its default away.
    pub default_dropped: bool,
    /// Whether the server makes its value.
    pub generated: bool,
    /// Whether a valid CHECK says that it is not NULL.
    pub proved_not_null: bool,
    /// Whether it belongs to an index or key.
    pub indexed: bool,
    /// Whether a CHECK speaks of it.
    pub checked: bool,
    /// Its character set or collation, where it was written with it.
    pub collation: Option<String>,
}

impl TableFacts {
    pub(super) fn new(origin: Origin, complete: bool) -> Self {
        Self {
            origin,
            complete,
            temporary: false,
            partitioned: false,
            default_partition: false,
            columns: HashMap::new(),
            constraints: HashMap::new(),
            indexes: Vec::new(),
            triggers: false,
            references: Vec::new(),
            primary_key: Vec::new(),
            instant_versions: 0,
            renamed_from: None,
            full_text: false,
            spatial: false,
            storage: Storage::InnoDb,
            charset: None,
            unnamed: 0,
        }
    }

    pub(super) fn add_column(&mut self, column: &Column, origin: Origin) {
        let facts = TableColumn {
            origin,
            kind: Some(column.kind.clone()),
            not_null: Some(column.not_null || column.kind.is_serial()),
            default: column.default.clone(),
            null_in_old_rows: column.generated.is_none()
                && !column.kind.is_serial()
                && column.default.as_ref().is_none_or(Expr::is_null),
            default_dropped: false,
            generated: column.generated.is_some() || column.kind.is_serial(),
            proved_not_null: column.not_null,
            indexed: false,
            checked: false,
            collation: column.collation.clone(),
        };
        self.columns.insert(column.name.clone(), facts);
        for constraint in &column.constraints {
            self.add_constraint(&column.name, constraint);
        }
    }

    /// Takes note of an index of MySQL's kinds.
    pub(super) fn add_index_kind(&mut self, kind: Option<&str>) {
        self.full_text |= kind == Some("fulltext");
        self.spatial |= kind == Some("spatial");
    }

    /// Adds a constraint; `near` is what its name is made of when it has none.
    pub(super) fn add_constraint(&mut self, near: &Name, constraint: &Constraint) {
        match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } => {
                self.primary_key.clone_from(columns);
                for column in columns {
                    let column = self.column(column);
                    column.not_null = Some(true);
                    column.indexed = true;
                }
            }
            ConstraintKind::Unique { columns, .. } => {
                for column in columns {
                    self.column(column).indexed = true;
                }
            }
            ConstraintKind::Check(expr) => {
                for name in names_in(&expr.text) {
                    if let Some(column) = self.columns.get_mut(&name) {
                        column.checked = true;
                    }
                }
                if !constraint.not_valid && !constraint.not_enforced {
                    self.prove(&expr.not_null.clone());
                }
            }
            ConstraintKind::NotNull(column) => {
                if !constraint.not_valid {
                    let column = self.column(&column.clone());
                    column.not_null = Some(true);
                    column.proved_not_null = true;
                }
            }
            ConstraintKind::ForeignKey { references, .. } => self.references.push(references.clone()),
            ConstraintKind::Exclude => {}
        }
        self.unnamed += u32::from(constraint.name.is_none());
        let name = constraint
            .name
            .clone()
            .unwrap_or_else(|| Name::new(self.usual_name(near, constraint)));
        self.constraints.insert(name, constraint.clone());
    }

    /// The name that PostgreSQL gives to a constraint without one.
    fn usual_name(&self, table: &Name, constraint: &Constraint) -> String {
        let with = |columns: &[Name], end: &str| {
            let columns: Vec<_> = columns.iter().map(Name::as_str).collect();
            format!("{}_{}_{end}", table.as_str(), columns.join("_"))
        };
        match &constraint.kind {
            ConstraintKind::PrimaryKey { .. } => format!("{}_pkey", table.as_str()),
            ConstraintKind::Unique { columns, .. } => with(columns, "key"),
            ConstraintKind::ForeignKey { columns, .. } => with(columns, "fkey"),
            ConstraintKind::NotNull(column) => with(std::slice::from_ref(column), "not_null"),
            ConstraintKind::Check(_) | ConstraintKind::Exclude => {
                format!("{}_check{}", table.as_str(), self.unnamed)
            }
        }
    }

    /// A column, made known when it was not.
    pub(super) fn column(&mut self, name: &Name) -> &mut TableColumn {
        self.columns
            .entry(name.clone())
            .or_insert_with(TableColumn::assumed)
    }

    pub(super) fn prove(&mut self, columns: &[Name]) {
        for column in columns {
            self.column(column).proved_not_null = true;
        }
    }

    /// After a constraint is gone: what the others prove.
    pub(super) fn prove_anew(&mut self, columns: &[Name]) {
        for name in columns {
            let proved = self.constraints.values().any(|constraint| {
                !constraint.not_valid
                    && matches!(&constraint.kind, ConstraintKind::Check(expr) if expr.not_null.contains(name))
            });
            self.column(name).proved_not_null = proved;
        }
    }

    /// Whether a constraint or key of some kind has these columns exactly.
    pub(in crate::migration) fn has_key(&self, columns: &[Name]) -> bool {
        self.constraints
            .values()
            .any(|constraint| match &constraint.kind {
                ConstraintKind::PrimaryKey { columns: key, .. }
                | ConstraintKind::Unique { columns: key, .. } => key == columns,
                _ => false,
            })
    }
}

impl TableColumn {
    const fn assumed() -> Self {
        Self {
            origin: Origin(0),
            kind: None,
            not_null: None,
            default: None,
            null_in_old_rows: false,
            default_dropped: false,
            generated: false,
            proved_not_null: false,
            indexed: false,
            checked: false,
            collation: None,
        }
    }

    pub(super) fn redefine(&mut self, column: &Column) {
        self.kind = Some(column.kind.clone());
        self.not_null = Some(column.not_null);
        self.default.clone_from(&column.default);
        self.generated = column.generated.is_some();
        self.collation.clone_from(&column.collation);
    }
}

/// What may be a name in an expression: its words, as they are written and folded, and what is in quotes.
pub(in crate::migration) fn names_in(text: &str) -> impl Iterator<Item = Name> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    let quoted = text.split(['"', '`']).skip(1).step_by(2);
    words
        .filter(|word| !word.is_empty())
        .flat_map(|word| [Name::new(word), Name::new(word.to_lowercase())])
        .chain(quoted.map(Name::new))
}
