//! What a release needs of the database.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::Schema;
use super::source::{TokenKind, split};
use super::statement::{Change, ConstraintKind, Name, ObjectKind, ObjectName, TableAction};
use super::{Engine, Script};

/// The tables and columns that a release reads and writes.
///
/// Written by hand, a TOML table of tables with their columns (`needs.toml` in the folder of its
/// migrations), or derived: from the schema that the release was built with, or from statements that it was
/// seen to send. Names are as the catalogue holds them, with the schema where that is not `public`.
///
/// ```
/// use bluegreen_core::migration::Needs;
///
/// let needs = Needs::from_toml(r#"
///     customers = ["id", "full_name"]
///     "audit.log" = ["at", "what"]
/// "#)?;
/// assert!(needs.has("customers", "full_name"));
/// assert!(!needs.has("customers", "name"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Needs(BTreeMap<String, BTreeSet<String>>);

impl Needs {
    /// As it is written by hand.
    ///
    /// # Errors
    /// When it is no TOML table of lists of names.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Everything that a schema has: what a release may need that was built with it.
    #[must_use]
    pub fn of_schema(schema: &Schema) -> Self {
        let tables = schema.tables().map(|(name, facts)| {
            let columns = facts.columns.keys().map(|column| column.as_str().to_owned());
            (name, columns.collect())
        });
        let views = schema.views().map(|name| (name, BTreeSet::new()));
        Self(tables.chain(views).collect())
    }

    /// What statements name of a schema: a release's own, as a log or a test run recorded them. A `*`, and an
    /// INSERT that names no columns, need every column.
    #[must_use]
    pub fn of_statements(sql: &str, schema: &Schema, engine: Engine) -> Self {
        let mut needs = Self::default();
        split(sql, engine, &mut |piece| {
            let mut words = HashSet::new();
            let mut all = false;
            let mut before = None;
            for token in piece.tokens {
                let text = token.span.of(sql);
                match token.kind {
                    TokenKind::Word => {
                        words.insert(text.to_lowercase());
                    }
                    TokenKind::Quoted => {
                        words.insert(text.trim_matches(['"', '`', '[', ']']).to_owned());
                    }
                    // `count(*)` needs no column.
                    TokenKind::Symbol(b'*') => all |= before != Some(TokenKind::Symbol(b'(')),
                    _ => {}
                }
                before = Some(token.kind);
            }
            all |=
                words.contains("insert") && !piece.tokens.iter().any(|token| token.is_word(sql, "set")) && {
                    let into = piece.tokens.iter().position(|token| token.is_word(sql, "into"));
                    into.and_then(|into| {
                        piece
                            .tokens
                            .iter()
                            .skip(into)
                            .find(|token| token.is_symbol(b'(') || token.is_word(sql, "values"))
                    })
                    .is_some_and(|first| !first.is_symbol(b'('))
                };
            for (table, facts) in schema.tables() {
                let plain = table.rsplit('.').next().unwrap_or(&table);
                if !words.contains(plain) {
                    continue;
                }
                let columns = facts.columns.keys().map(Name::as_str);
                let named = columns.filter(|column| all || words.contains(*column));
                needs
                    .0
                    .entry(table.clone())
                    .or_default()
                    .extend(named.map(str::to_owned));
            }
        });
        needs
    }

    /// Whether it needs a table.
    #[must_use]
    pub fn has_table(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    /// Whether it needs a column.
    #[must_use]
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.0.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// What of it another one does not have: what is missing for a release in a schema.
    pub fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Loss> + 'a {
        self.0.iter().flat_map(move |(table, columns)| {
            let gone = !other.has_table(table);
            let lost = columns
                .iter()
                .filter(move |column| !gone && !other.has(table, column))
                .map(move |column| Loss::Column(table.clone(), column.clone()));
            gone.then(|| Loss::Table(table.clone())).into_iter().chain(lost)
        })
    }
}

/// What a contract migration takes from a release that needs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// A table or view is gone.
    Table(String),
    /// A column is gone from a table.
    Column(String, String),
    /// A column of a table must have a value from now on: who does not know it cannot insert.
    Freedom(String, String),
}

impl Loss {
    /// Whether a release cannot live with it.
    #[must_use]
    pub fn hurts(&self, needs: &Needs) -> bool {
        match self {
            Self::Table(table) => needs.has_table(table),
            Self::Column(table, column) => needs.has(table, column),
            Self::Freedom(table, column) => needs.has_table(table) && !needs.has(table, column),
        }
    }

    /// What a migration takes away.
    #[must_use]
    pub fn of(script: &Script<'_>, schema: &Schema) -> Vec<Self> {
        let changes = script
            .statements()
            .iter()
            .flat_map(|statement| &statement.changes);
        changes
            .flat_map(|located| Self::of_change(&located.change, schema))
            .collect()
    }

    fn of_change(change: &Change, schema: &Schema) -> Vec<Self> {
        let table_of = |name: &ObjectName| Self::Table(schema.name_of(name));
        match change {
            Change::DropTable { table, .. } => vec![table_of(table)],
            Change::Drop {
                kind: ObjectKind::View | ObjectKind::MaterializedView,
                name,
                ..
            }
            | Change::Rename {
                kind: ObjectKind::View | ObjectKind::MaterializedView,
                from: name,
                ..
            } => vec![table_of(name)],
            Change::Table { table, action } => {
                let column = |name: &Name| Self::Column(schema.name_of(table), name.as_str().to_owned());
                let freedom = |name: &Name| Self::Freedom(schema.name_of(table), name.as_str().to_owned());
                match action {
                    TableAction::RenameTable { .. } | TableAction::SetSchema { .. } => vec![table_of(table)],
                    TableAction::DropColumn { column: name, .. }
                    | TableAction::RenameColumn { from: name, .. } => vec![column(name)],
                    TableAction::Redefine { old, column: new, .. } if *old != new.name => vec![column(old)],
                    TableAction::SetNotNull { column: name } | TableAction::DropDefault { column: name } => {
                        vec![freedom(name)]
                    }
                    TableAction::AddConstraint(constraint) => match &constraint.kind {
                        ConstraintKind::NotNull(name) => vec![freedom(name)],
                        ConstraintKind::Check(expr) => expr.not_null.iter().map(freedom).collect(),
                        _ => Vec::new(),
                    },
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => f.write_str(table),
            Self::Column(table, column) => write!(f, "{table}.{column}"),
            Self::Freedom(table, column) => write!(f, "rows of {table} without {column}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{Linter, Server};

    const SCHEMA: &str = "CREATE TABLE customers (id int PRIMARY KEY, name text, full_name text); CREATE TABLE audit.log (at timestamptz)";

    fn needs(text: &str) -> Needs {
        Needs::from_toml(text).unwrap_or_default()
    }

    #[test]
    fn statements_need_what_they_name() {
        let linter = Linter::new(Server::newest(Engine::Postgres)).schema(SCHEMA);
        for (sql, expected) in [
            (
                "SELECT name FROM customers WHERE id = $1",
                r#"customers = ["id", "name"]"#,
            ),
            ("SELECT count(*) FROM customers", "customers = []"),
            (
                "SELECT * FROM customers",
                r#"customers = ["id", "name", "full_name"]"#,
            ),
            (
                r#"UPDATE "customers" SET "full_name" = $1"#,
                r#"customers = ["full_name"]"#,
            ),
            (
                "INSERT INTO customers VALUES (1, 'a', 'b')",
                r#"customers = ["id", "name", "full_name"]"#,
            ),
            ("INSERT INTO customers (id) VALUES (1)", r#"customers = ["id"]"#),
            ("SELECT at FROM audit.log", r#""audit.log" = ["at"]"#),
        ] {
            let seen = Needs::of_statements(sql, linter.known(), Engine::Postgres);
            assert_eq!(seen, needs(expected), "{sql}");
        }
    }

    #[test]
    fn what_a_migration_takes_away_hurts_who_needs_it() {
        let linter = Linter::new(Server::newest(Engine::Postgres)).schema(SCHEMA);
        let old = needs(r#"customers = ["id", "name"]"#);
        let new = needs(r#"customers = ["id", "full_name"]"#);
        for (sql, hurts_old, hurts_new) in [
            ("ALTER TABLE customers DROP COLUMN name", true, false),
            ("ALTER TABLE customers RENAME COLUMN name TO n", true, false),
            ("ALTER TABLE customers ALTER full_name SET NOT NULL", true, false),
            ("DROP TABLE customers", true, true),
            ("DROP TABLE audit.log", false, false),
            ("CREATE INDEX ON customers (name)", false, false),
        ] {
            let losses = Loss::of(&linter.read(sql), linter.known());
            let hurts = |needs: &Needs| losses.iter().any(|loss| loss.hurts(needs));
            assert_eq!((hurts(&old), hurts(&new)), (hurts_old, hurts_new), "{sql}");
        }
    }

    #[test]
    fn what_is_missing_is_told_by_name() {
        let old = needs("customers = ['id', 'name']\norders = ['id']");
        let now = needs("customers = ['id']");
        let missing: Vec<_> = old.without(&now).map(|loss| loss.to_string()).collect();
        assert_eq!(missing[0], "customers.name");
        assert_eq!(missing[1], "orders");
    }
}
