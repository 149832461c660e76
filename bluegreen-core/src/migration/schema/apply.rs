//! What a change does to what is known.

use super::{DomainFacts, EnumFacts, IndexFacts, Key, Origin, Schema, TableFacts, ViewFacts};
use crate::migration::statement::{
    Change, Charset, Constraint, ConstraintKind, CreateIndex, CreateTable, DomainAction, Name, ObjectKind,
    ObjectName, Storage, TableAction, TypeAction,
};

impl Schema {
    /// Takes note of a change that has run.
    pub fn apply(&mut self, change: &Change) {
        let origin = Origin(self.release);
        match change {
            Change::CreateTable(table) => self.create_table(table, origin),
            Change::Table { table, action } => self.alter_table(table, action, origin),
            Change::DropTable { table, .. } => {
                let key = self.key(table);
                self.tables.remove(&key);
            }
            Change::CreateIndex(index) => self.create_index(index, origin),
            Change::DropIndex { index, .. } => {
                self.indexes.remove(&Key(None, index.name.as_str().to_owned()));
            }
            Change::CreateView(view) => {
                let key = self.key(&view.name);
                let origin = self.views.get(&key).map_or(origin, |facts| facts.origin);
                let facts = ViewFacts {
                    origin,
                    reads: view.reads.clone(),
                    names: view.names.clone(),
                    all_columns: view.all_columns,
                };
                self.views.insert(key, facts);
            }
            Change::Type { name, action } => self.alter_type(name, action, origin),
            Change::Domain { name, action } => self.alter_domain(name, action, origin),
            Change::CreateRoutine { name, volatility, .. } => {
                self.routines.insert(name.name.as_str().to_owned(), *volatility);
                self.note(name, origin);
            }
            Change::CreateTrigger { table, name } => {
                if let Some(name) = name {
                    self.note(name, origin);
                }
                if let Some(facts) = table.as_ref().and_then(|table| {
                    let key = self.key(table);
                    self.tables.get_mut(&key)
                }) {
                    facts.triggers = true;
                }
            }
            Change::Create { name: Some(name), .. } => self.note(name, origin),
            Change::Drop {
                kind: ObjectKind::View | ObjectKind::MaterializedView,
                name,
                ..
            } => {
                let key = self.key(name);
                self.views.remove(&key);
            }
            Change::Set { name, value, .. } => self.set(name, value),
            _ => {}
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        if name == "timezone" {
            self.utc = Some(matches!(value, "utc" | "etc/utc" | "gmt" | "0" | "uct" | "z"));
        } else if name == "foreign_key_checks" {
            self.foreign_keys_unchecked = matches!(value, "0" | "off");
        }
    }

    fn note(&mut self, name: &ObjectName, origin: Origin) {
        let key = self.key(name);
        self.new_objects.insert(key, origin);
    }

    fn create_table(&mut self, table: &CreateTable, origin: Origin) {
        let key = self.key(&table.table);
        // What is there already stays as it is.
        if table.if_not_exists && self.tables.contains_key(&key) {
            return;
        }
        let mut facts = TableFacts::new(
            origin,
            table.like.is_none() && !table.from_query && table.partition_of.is_none(),
        );
        facts.partitioned = table.partitioned;
        facts.temporary = table.temporary;
        facts.storage = table.storage;
        facts.charset.clone_from(&table.charset);
        for column in &table.columns {
            facts.add_column(column, origin);
            self.note_domain(&column.kind.name, &table.table);
        }
        for constraint in &table.constraints {
            facts.add_constraint(&table.table.name, constraint);
        }
        for (name, columns, kind) in &table.indexes {
            facts.add_index_kind(kind.as_deref());
            for column in columns {
                facts.column(column).indexed = true;
            }
            if let Some(name) = name {
                facts.indexes.push(name.clone());
                let index = IndexFacts {
                    table: table.table.clone(),
                    columns: columns.clone(),
                    plain: true,
                    unique: false,
                    kind: kind.clone(),
                    origin,
                    concurrently: false,
                };
                self.indexes.insert(Key(None, name.as_str().to_owned()), index);
            }
        }
        self.tables.insert(key, facts);
        if let Some(parent) = &table.partition_of {
            let key = self.key(parent);
            if let Some(parent) = self.tables.get_mut(&key) {
                parent.default_partition |= table.default_partition;
            }
        }
    }

    fn note_domain(&mut self, kind: &str, table: &ObjectName) {
        if let Some(domain) = self.domains.get_mut(&Key(None, kind.to_owned())) {
            domain.used_by.push(table.clone());
        }
    }

    fn create_index(&mut self, index: &CreateIndex, origin: Origin) {
        let key = self.key(&index.table);
        let table = self
            .tables
            .entry(key)
            .or_insert_with(|| TableFacts::new(Origin(0), false));
        for column in &index.columns {
            table.column(column).indexed = true;
        }
        table.add_index_kind(index.kind.as_deref());
        let Some(name) = &index.name else { return };
        table.indexes.push(name.name.clone());
        let facts = IndexFacts {
            table: index.table.clone(),
            columns: index.columns.clone(),
            plain: index.plain,
            unique: index.unique,
            kind: index.kind.clone(),
            origin,
            concurrently: index.concurrently,
        };
        let key = Key(None, name.name.as_str().to_owned());
        if !(index.if_not_exists && self.indexes.contains_key(&key)) {
            self.indexes.insert(key, facts);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each action")]
    fn alter_table(&mut self, name: &ObjectName, action: &TableAction, origin: Origin) {
        let key = self.key(name);
        if let TableAction::RenameTable { to } = action {
            self.rename_table(name, &key, to);
            return;
        }
        if let TableAction::AddColumn { column, .. } = action {
            self.note_domain(&column.kind.name, name);
        }
        let using = match action {
            TableAction::AddConstraint(Constraint {
                kind:
                    ConstraintKind::Unique {
                        using_index: Some(index),
                        ..
                    }
                    | ConstraintKind::PrimaryKey {
                        using_index: Some(index),
                        ..
                    },
                ..
            }) => self.index_named(index).map(|index| index.columns.clone()),
            _ => None,
        };
        let table = self
            .tables
            .entry(key)
            .or_insert_with(|| TableFacts::new(Origin(0), false));
        match action {
            TableAction::AddColumn {
                column,
                if_not_exists,
                ..
            } if !(*if_not_exists && table.columns.contains_key(&column.name)) => {
                table.add_column(column, origin);
                table.instant_versions = table.instant_versions.saturating_add(1);
            }
            TableAction::DropColumn { column, .. } => {
                table.columns.remove(column);
                table.instant_versions = table.instant_versions.saturating_add(1);
            }
            TableAction::RenameColumn { from, to } => {
                let column = table.columns.remove(from);
                let column = column.unwrap_or_else(|| table.column(to).clone());
                table.columns.insert(to.clone(), column);
            }
            TableAction::Redefine { old, column, .. } => {
                let mut facts = table
                    .columns
                    .remove(old)
                    .unwrap_or_else(|| table.column(&column.name).clone());
                facts.redefine(column);
                table.columns.insert(column.name.clone(), facts);
            }
            TableAction::SetType {
                column,
                to,
                collation,
                ..
            } => {
                let column = table.column(column);
                column.kind = Some(to.clone());
                if collation.is_some() {
                    column.collation.clone_from(collation);
                }
            }
            TableAction::SetDefault { column, default } => {
                let column = table.column(column);
                column.default = (!default.is_null()).then(|| default.clone());
                column.default_dropped = false;
            }
            TableAction::DropDefault { column } => {
                let column = table.column(column);
                column.default_dropped = column.default.take().is_some();
            }
            TableAction::SetNotNull { column } => {
                let column = table.column(column);
                column.not_null = Some(true);
                column.proved_not_null = true;
            }
            TableAction::DropNotNull { column } => {
                let name = column.clone();
                table.column(&name).not_null = Some(false);
                table.prove_anew(&[name]);
            }
            TableAction::AddIdentity { column } => table.column(column).generated = true,
            TableAction::DropIdentity { column } | TableAction::DropExpression { column } => {
                table.column(column).generated = false;
            }
            TableAction::AddConstraint(constraint) => {
                let mut constraint = constraint.clone();
                if let (
                    Some(using),
                    ConstraintKind::Unique { columns, .. } | ConstraintKind::PrimaryKey { columns, .. },
                ) = (using, &mut constraint.kind)
                {
                    *columns = using;
                }
                table.add_constraint(&name.name, &constraint);
            }
            TableAction::ValidateConstraint { name } => validate(table, name),
            TableAction::DropConstraint { name, .. } | TableAction::DropNamed { name } => {
                drop_constraint(table, name);
            }
            TableAction::RenameConstraint { from, to } => {
                if let Some(constraint) = table.constraints.remove(from) {
                    table.constraints.insert(to.clone(), constraint);
                }
            }
            TableAction::DropPrimaryKey => table.primary_key.clear(),
            TableAction::AddIndex {
                name, columns, kind, ..
            } => {
                table.add_index_kind(kind.as_deref());
                for column in columns {
                    table.column(column).indexed = true;
                }
                table.indexes.extend(name.clone());
            }
            TableAction::AttachPartition { default, .. } => {
                table.partitioned = true;
                table.default_partition |= *default;
            }
            TableAction::Rebuild => table.instant_versions = 0,
            TableAction::SetStorage(storage) => {
                table.instant_versions = 0;
                // ENGINE=InnoDB leaves the format of the rows as it is.
                if *storage != Storage::InnoDb || table.storage == Storage::Other {
                    table.storage = *storage;
                }
            }
            TableAction::SetCharset(charset) => set_charset(table, charset),
            _ => {}
        }
    }

    fn rename_table(&mut self, from: &ObjectName, key: &Key, to: &ObjectName) {
        let mut table = self
            .tables
            .remove(key)
            .unwrap_or_else(|| TableFacts::new(Origin(0), false));
        if table.origin != Origin(self.release) {
            table.renamed_from.get_or_insert_with(|| from.clone());
        }
        // The new name is in the same schema when none is written.
        let to = ObjectName {
            schema: to.schema.clone().or_else(|| from.schema.clone()),
            ..to.clone()
        };
        let key = self.key(&to);
        self.tables.insert(key, table);
    }

    fn alter_type(&mut self, name: &ObjectName, action: &TypeAction, origin: Origin) {
        let key = self.key(name);
        match action {
            TypeAction::CreateEnum { values } => {
                self.enums.insert(
                    key,
                    EnumFacts {
                        origin,
                        values: values.clone(),
                    },
                );
            }
            TypeAction::AddValue { value, .. } => {
                if let Some(facts) = self.enums.get_mut(&key) {
                    facts.values.push(value.clone());
                }
            }
            _ => {}
        }
        if matches!(action, TypeAction::Other | TypeAction::CreateEnum { .. }) {
            self.note(name, origin);
        }
    }

    fn alter_domain(&mut self, name: &ObjectName, action: &DomainAction, origin: Origin) {
        let key = self.key(name);
        match action {
            DomainAction::Create { base, constrained } => {
                let facts = DomainFacts {
                    base: base.clone(),
                    constrained: *constrained,
                    origin,
                    used_by: Vec::new(),
                };
                self.domains.insert(key, facts);
            }
            DomainAction::AddConstraint { .. } | DomainAction::SetNotNull => {
                if let Some(domain) = self.domains.get_mut(&key) {
                    domain.constrained = true;
                }
            }
            _ => {}
        }
    }
}

fn set_charset(table: &mut TableFacts, charset: &Charset) {
    match charset {
        Charset::Convert(name) => {
            table.charset.clone_from(name);
            for column in table.columns.values_mut() {
                column.collation = None;
            }
        }
        Charset::Default(name) => {
            // Columns keep what they have.
            let before = table.charset.clone();
            for column in table
                .columns
                .values_mut()
                .filter(|column| column.collation.is_none())
            {
                column.collation.clone_from(&before);
            }
            table.charset.clone_from(name);
        }
    }
}

fn validate(table: &mut TableFacts, name: &Name) {
    let Some(constraint) = table.constraints.get_mut(name) else {
        return;
    };
    constraint.not_valid = false;
    match constraint.kind.clone() {
        ConstraintKind::Check(expr) => table.prove(&expr.not_null),
        ConstraintKind::NotNull(column) => {
            table.prove(std::slice::from_ref(&column));
            table.column(&column).not_null = Some(true);
        }
        _ => {}
    }
}

fn drop_constraint(table: &mut TableFacts, name: &Name) {
    match table.constraints.remove(name).map(|constraint| constraint.kind) {
        Some(ConstraintKind::Check(expr)) => table.prove_anew(&expr.not_null),
        Some(ConstraintKind::PrimaryKey { .. }) => table.primary_key.clear(),
        Some(ConstraintKind::NotNull(column)) => table.column(&column).not_null = Some(false),
        _ => {}
    }
}
