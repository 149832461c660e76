//! What a statement does: the form that the rules judge, whatever grammar it was written in.

mod change;
mod expr;
mod name;
mod table;
mod types;

pub use change::{
    Change, CreateIndex, CreateTable, CreateView, DomainAction, ObjectKind, TableLock, TypeAction,
};
pub(in crate::migration) use expr::is_known_function;
pub use expr::{Expr, Volatility};
pub use name::{Name, ObjectName};
pub use table::{
    Charset, Column, ConflictAction, Constraint, ConstraintKind, Generated, OnlineOption, Position, Storage,
    TableAction, TriggerState,
};
pub use types::SqlType;

use super::source::{Allowance, Span};

/// A statement of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands, without its `;`.
    pub span: Span,
    /// What it does, in order. `ALTER TABLE a ADD b int, DROP c` does two things.
    pub changes: Vec<Located>,
    /// The rules that its comments switch off.
    pub allowances: Vec<Allowance>,
}

/// A change and the part of the statement that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// What is done.
    pub change: Change,
    /// Where it is asked for.
    pub span: Span,
}
