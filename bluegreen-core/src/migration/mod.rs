//! Migration safety: what the SQL of a release does to a database that two releases use at once.
//!
//! [`Linter`] reads a script (the SQL that a tool prints or a migration's file), and judges each change
//! with [rules](MigrationRule): whom it blocks and for how long on this server, whether the old release
//! still works on the new schema, what is lost. The [`Verdict`] is safe, unsafe, or unknown: what is not
//! understood is refused, never taken for safe.
//!
//! What a developer has to know of expand, backfill and contract stands [below](#migrations-while-two-releases-use-one-database).
//!
//! From the inside out: [`source`] makes tokens and statements of any text; `read` makes of a statement
//! what it does, a list of [`Change`]s; [`schema`] knows the database at that statement, by replaying what
//! ran before; [`effect`] tells which locks a change takes on this version and what is done under them;
//! and the rules, one a file, use all of this.
//!
//! The reader is our own, for all engines, where a parser of each grammar might be expected. What decides
//! a verdict is the definition of tables, a small part of SQL that differs little between the engines; one
//! reader gives it one form, with the place of every action, keeps the crate free of three parsers, and is
//! many times faster. It is strict there: a token that it does not know makes the statement unknown.
//! Queries and expressions are read only for what the rules ask: conditions, and the functions called.

#![doc = include_str!("../../docs/migrations.md")]

pub mod effect;
pub mod schema;
pub mod source;
pub mod statement;

mod checked;
mod deployments;
mod finding;
pub mod folder;
pub mod hazards;
mod ledger;
mod lint;
mod lint_spec;
mod manifest;
#[cfg(feature = "mysql")]
pub mod mysql;
mod needs;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod proof;
mod read;
mod rule;
mod rules;
mod server;
mod size;
mod tools;
mod transaction;

pub use checked::{CheckedMigrator, LiveDatabase, NEEDS_FILE};
pub use deployments::{
    DeploymentStep, Deployments, InvalidStepMark, NextStep, Precondition, StepMark, Underway,
};
pub use finding::{Finding, Kind, Severity, Verdict};
pub use folder::NEEDS_STATEMENTS_FILE;
pub use folder::{Folder, FolderError, Migration};
pub use ledger::{Ledger, Obstacle};
pub use lint::{Linter, Report, Script};
pub use lint_spec::LintSpec;
pub use needs::{Loss, Needs};
pub use proof::{Proof, Proved, Scratch};
pub use rule::{About, Example, Findings, MYSQL, MigrationRule, POSTGRES, Range, Reported, Site};
pub use server::{Engine, InvalidEngine, InvalidServerVersion, Server, ServerVersion};
pub use statement::{Change, Located, Statement, TableAction};
pub use transaction::Transaction;

/// FNV-1a with 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. It tells a file that was changed, and
/// is no protection from somebody who means to.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
