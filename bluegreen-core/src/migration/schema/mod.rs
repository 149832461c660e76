//! What is known of the database at a statement: built by replaying what ran before it.
//!
//! A dump of the schema (`pg_dump -s`, `structure.sql`) and the migrations so far are both SQL, and both are
//! replayed. A table that nobody has declared is not in it; what is said about it is then an assumption.

mod apply;
mod table;

pub(in crate::migration) use table::names_in;
pub use table::{Origin, TableColumn, TableFacts};

use std::collections::{HashMap, HashSet};

use super::Engine;
use super::statement::{Name, ObjectName, SqlType, Volatility};

/// The tables and whatever else decides about verdicts.
#[derive(Debug, Clone)]
pub struct Schema {
    engine: Engine,
    /// Counts the releases: what has this number came with the one that is looked at.
    release: u32,
    tables: HashMap<Key, TableFacts>,
    indexes: HashMap<Key, IndexFacts>,
    views: HashMap<Key, ViewFacts>,
    enums: HashMap<Key, EnumFacts>,
    domains: HashMap<Key, DomainFacts>,
    routines: HashMap<String, Volatility>,
    /// How many rows tables have, where somebody has told.
    rows: HashMap<String, u64>,
    /// Anything else that this release creates: sequences, types, functions.
    new_objects: HashMap<Key, Origin>,
    /// Settings of the session that change what statements do.
    utc: Option<bool>,
    foreign_keys_unchecked: bool,
}

/// What is known of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFacts {
    /// The table that it is built on.
    pub table: ObjectName,
    /// Its columns, where they are plain.
    pub columns: Vec<Name>,
    /// Whether these are all that it is built on, and it holds every row.
    pub plain: bool,
    /// Whether it is unique.
    pub unique: bool,
    /// FULLTEXT and the like.
    pub kind: Option<String>,
    /// When it came.
    pub origin: Origin,
    /// Built concurrently: a failed build leaves it invalid.
    pub concurrently: bool,
}

/// What is known of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewFacts {
    /// When it came.
    pub origin: Origin,
    /// The tables that it reads, as far as could be seen.
    pub reads: Vec<ObjectName>,
    /// The names in its query.
    pub names: HashSet<Name>,
    /// Whether it reads all columns of something.
    pub all_columns: bool,
}

/// What is known of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumFacts {
    /// When it came.
    pub origin: Origin,
    /// Its values, in order.
    pub values: Vec<String>,
}

/// What is known of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainFacts {
    /// The type below it.
    pub base: SqlType,
    /// Whether it has a CHECK or NOT NULL.
    pub constrained: bool,
    /// When it came.
    pub origin: Origin,
    /// The tables of which a column has it as its type.
    pub used_by: Vec<ObjectName>,
}

fn owned<V: Clone>((key, facts): (&Key, &V)) -> (Key, V) {
    (key.clone(), facts.clone())
}

/// A name with the schema that it has when none is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(Option<String>, String);

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = &self.0 {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.1)
    }
}

impl Schema {
    /// An empty one: nothing is known.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            release: 1,
            tables: HashMap::new(),
            indexes: HashMap::new(),
            views: HashMap::new(),
            enums: HashMap::new(),
            domains: HashMap::new(),
            routines: HashMap::new(),
            rows: HashMap::new(),
            new_objects: HashMap::new(),
            utc: None,
            foreign_keys_unchecked: false,
        }
    }

    fn key(&self, name: &ObjectName) -> Key {
        let usual = if self.engine == Engine::Postgres {
            "public"
        } else {
            "main"
        };
        let schema = name
            .schema
            .as_ref()
            .map(Name::as_str)
            .filter(|schema| *schema != usual);
        Key(schema.map(str::to_owned), name.name.as_str().to_owned())
    }

    /// What is known of the things that a text names: enough to see what its statements do, and small where the
    /// schema is not.
    pub(super) fn named_in(&self, sql: &str) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#');
        let written = sql.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        let written: Vec<String> = written.map(str::to_owned).collect();
        let folded: Vec<String> = written.iter().map(|word| word.to_lowercase()).collect();
        let mut keys = HashSet::new();
        for words in [&written, &folded] {
            keys.extend(words.iter().map(|name| Key(None, name.clone())));
            // A schema stands right before its thing.
            let pairs = words.iter().zip(words.iter().skip(1));
            keys.extend(pairs.map(|(schema, name)| Key(Some(schema.clone()), name.clone())));
        }
        let quoted = sql.split(['"', '`']).skip(1).step_by(2);
        keys.extend(quoted.map(|name| Key(None, name.to_owned())));
        let mut part = Self {
            release: self.release,
            domains: self.domains.clone(),
            routines: self.routines.clone(),
            utc: self.utc,
            foreign_keys_unchecked: self.foreign_keys_unchecked,
            ..Self::new(self.engine)
        };
        for key in keys {
            if let Some(facts) = self.tables.get(&key) {
                let indexes = facts
                    .indexes
                    .iter()
                    .map(|name| Key(None, name.as_str().to_owned()));
                part.indexes
                    .extend(indexes.filter_map(|key| self.indexes.get_key_value(&key).map(owned)));
            }
            part.tables.extend(self.tables.get_key_value(&key).map(owned));
            part.indexes.extend(self.indexes.get_key_value(&key).map(owned));
            part.views.extend(self.views.get_key_value(&key).map(owned));
            part.enums.extend(self.enums.get_key_value(&key).map(owned));
            part.new_objects
                .extend(self.new_objects.get_key_value(&key).map(owned));
        }
        part
    }

    /// What is known of a table; nothing when it was never declared.
    #[must_use]
    pub fn table(&self, name: &ObjectName) -> Option<&TableFacts> {
        self.tables.get(&self.key(name))
    }

    /// Every table that is known, by its name with the schema where that is not the usual one.
    pub fn tables(&self) -> impl Iterator<Item = (String, &TableFacts)> {
        self.tables.iter().map(|(key, facts)| (key.to_string(), facts))
    }

    /// Every view that is known, by its name as [`tables`](Self::tables) gives them.
    pub fn views(&self) -> impl Iterator<Item = String> {
        self.views.keys().map(Key::to_string)
    }

    /// Takes note of how many rows a table has, by its name as [`tables`](Self::tables) gives them.
    pub fn set_rows(&mut self, table: &str, rows: u64) {
        self.rows.insert(self.plain(table).to_owned(), rows);
    }

    /// How many rows a table has, by its name with or without the usual schema.
    #[must_use]
    pub fn rows(&self, table: &str) -> Option<u64> {
        if self.rows.is_empty() {
            return None;
        }
        let bare = table.replace('"', "");
        self.rows.get(self.plain(&bare)).copied()
    }

    /// A name without the schema that it has when none is written.
    fn plain<'a>(&self, table: &'a str) -> &'a str {
        let usual = if self.engine == Engine::Postgres {
            "public."
        } else {
            "main."
        };
        table.strip_prefix(usual).unwrap_or(table)
    }

    /// A view that reads a column of a table, by its name; the first by name where there are several.
    #[must_use]
    pub fn view_over(&self, table: &ObjectName, column: &Name) -> Option<String> {
        let table = self.key(table);
        let over = |facts: &ViewFacts| {
            (facts.all_columns || facts.names.contains(column))
                && facts.reads.iter().any(|read| self.key(read) == table)
        };
        let views = self.views.iter().filter(|(_, facts)| over(facts));
        views.map(|(key, _)| key.to_string()).min()
    }

    /// The name under which [`tables`](Self::tables) has a table.
    #[must_use]
    pub fn name_of(&self, table: &ObjectName) -> String {
        self.key(table).to_string()
    }

    /// What is known of a column.
    #[must_use]
    pub fn column(&self, table: &ObjectName, column: &Name) -> Option<&TableColumn> {
        self.table(table).and_then(|table| table.columns.get(column))
    }

    /// Whether this release creates the table: nobody reads or writes it yet.
    #[must_use]
    pub fn is_new(&self, table: &ObjectName) -> bool {
        self.table(table)
            .is_some_and(|table| self.is_of_release(table.origin))
            || self
                .views
                .get(&self.key(table))
                .is_some_and(|view| self.is_of_release(view.origin))
    }

    /// Whether this release adds the column, or its whole table.
    #[must_use]
    pub fn is_new_column(&self, table: &ObjectName, column: &Name) -> bool {
        self.is_new(table)
            || self
                .column(table, column)
                .is_some_and(|column| self.is_of_release(column.origin))
    }

    /// What is known of an index.
    #[must_use]
    pub fn index(&self, name: &ObjectName) -> Option<&IndexFacts> {
        self.index_named(&name.name)
    }

    /// What is known of an index by its name alone.
    #[must_use]
    pub fn index_named(&self, name: &Name) -> Option<&IndexFacts> {
        self.indexes.get(&Key(None, name.as_str().to_owned()))
    }

    /// The indexes of a table with a column among theirs.
    pub fn indexes_with<'a>(
        &'a self,
        table: &'a ObjectName,
        column: &'a Name,
    ) -> impl Iterator<Item = (&'a str, &'a IndexFacts)> {
        let facts = self.table(table);
        let names = facts.map(|facts| facts.indexes.as_slice()).unwrap_or_default();
        names.iter().take(256).filter_map(move |name| {
            let key = Key(None, name.as_str().to_owned());
            let index = self.indexes.get(&key)?;
            index.columns.contains(column).then_some((name.as_str(), index))
        })
    }

    /// An index of a table that this release has built.
    #[must_use]
    pub fn new_index_of(&self, table: &ObjectName) -> Option<&str> {
        let names = &self.table(table)?.indexes;
        let new = |name: &&Name| {
            self.index_named(name)
                .is_some_and(|index| self.is_of_release(index.origin))
        };
        names.iter().take(256).find(new).map(Name::as_str)
    }

    /// Whether a foreign key of another table points to this one.
    #[must_use]
    pub fn is_referenced(&self, table: &ObjectName) -> bool {
        let key = self.key(table);
        let mut references = self.tables.values().flat_map(|facts| &facts.references);
        references.any(|to| self.key(to) == key)
    }

    /// What is known of an enum.
    #[must_use]
    pub fn enumeration(&self, name: &ObjectName) -> Option<&EnumFacts> {
        self.enums.get(&self.key(name))
    }

    /// What is known of a domain.
    #[must_use]
    pub fn domain(&self, name: &ObjectName) -> Option<&DomainFacts> {
        self.domains.get(&self.key(name))
    }

    /// The domain that a type is, when it is one.
    #[must_use]
    pub fn domain_of(&self, kind: &SqlType) -> Option<&DomainFacts> {
        self.domains.get(&Key(None, kind.name.clone()))
    }

    /// What was declared of a function.
    #[must_use]
    pub fn volatility(&self, function: &str) -> Option<Volatility> {
        self.routines.get(function).copied()
    }

    /// Whether this release creates a thing that is no table: a view, a sequence, a type, a function.
    #[must_use]
    pub fn is_new_object(&self, name: &ObjectName) -> bool {
        let key = self.key(name);
        let origin = self.new_objects.get(&key).copied();
        let origin = origin.or_else(|| self.views.get(&key).map(|facts| facts.origin));
        let origin = origin.or_else(|| self.enums.get(&key).map(|facts| facts.origin));
        let origin = origin.or_else(|| self.domains.get(&key).map(|facts| facts.origin));
        origin.is_some_and(|origin| self.is_of_release(origin))
    }

    fn is_of_release(&self, origin: Origin) -> bool {
        origin == Origin(self.release)
    }

    /// Whether the session's time zone was set to UTC: then `timestamp` becomes `timestamptz` in no time.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.utc == Some(true)
    }

    /// Whether MySQL was told not to check foreign keys.
    #[must_use]
    pub const fn foreign_keys_unchecked(&self) -> bool {
        self.foreign_keys_unchecked
    }

    /// Another release begins: what was created until now is there before it.
    pub const fn begin_release(&mut self) {
        self.release = self.release.saturating_add(1);
    }
}
