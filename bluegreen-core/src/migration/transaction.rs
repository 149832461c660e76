//! The transaction in which a statement runs.

use std::collections::HashSet;

use super::effect::{Lock, Work, holds};
use super::schema::Schema;
use super::server::Server;
use super::statement::{Change, ConstraintKind, Name, ObjectName, TableAction, TypeAction};

/// What the script has done in the transaction that is open.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct Transaction {
    /// Whether one is open: by the script, or by the tool that runs it.
    pub open: bool,
    /// Whether the script itself began it.
    pub explicit: bool,
    /// Tables of others that it holds under ACCESS EXCLUSIVE.
    pub locked: Vec<ObjectName>,
    /// Constraints that it has added NOT VALID.
    pub unvalidated: HashSet<Name>,
    /// Values that it has added to enums.
    pub enum_values: HashSet<String>,
    /// Whether `lock_timeout` is set, in this transaction or in the session.
    pub lock_timeout: bool,
    /// Whether something that takes a lock was seen.
    pub changed: bool,
}

/// More tables than these are not remembered: whoever locks so many has been told.
const LOCKED_MAX: usize = 64;

impl Transaction {
    /// Takes note of a change that runs now.
    pub(super) fn follow(&mut self, change: &Change, schema: &Schema, server: Server, wrapped: bool) {
        match change {
            Change::Begin => {
                self.open = true;
                self.explicit = true;
                return;
            }
            Change::Commit | Change::Rollback => {
                *self = Self {
                    open: wrapped,
                    lock_timeout: self.lock_timeout,
                    ..Self::default()
                };
                return;
            }
            Change::Set { name, value, .. } if name == "lock_timeout" => {
                self.lock_timeout = !matches!(value.as_str(), "0" | "default" | "");
                return;
            }
            _ => {}
        }
        if !self.open {
            return;
        }
        match change {
            Change::Table {
                action: TableAction::AddConstraint(constraint),
                ..
            } if constraint.not_valid => {
                self.unvalidated.extend(constraint.name.clone());
                if let ConstraintKind::NotNull(column) = &constraint.kind {
                    self.unvalidated.insert(column.clone());
                }
            }
            Change::Type {
                action: TypeAction::AddValue { value, .. },
                ..
            } => {
                self.enum_values.insert(value.clone());
            }
            _ => {}
        }
        if let Change::Table { table, .. } = change
            && self.locked.len() < LOCKED_MAX
            && !schema.is_new(table)
            && !self
                .locked
                .iter()
                .any(|locked| schema.name_of(locked) == schema.name_of(table))
            && holds(change, schema, server)
                .iter()
                .any(|hold| hold.lock == Lock::AccessExclusive && hold.work >= Work::Instant)
        {
            self.locked.push(table.clone());
        }
    }
}
