//! The rules, one a file: what it knows, from where, and SQL that it finds and does not find.

mod add_column_constraint;
mod add_column_rewrite;
mod change_default;
mod change_type;
mod check_on_new_column;
mod concurrently_partitioned;
mod constraint_scan;
mod create_index;
mod delete_rows;
mod domain_constraint;
mod drop_cascade;
mod drop_column;
mod drop_constraint;
mod drop_default;
mod drop_index;
mod drop_key;
mod drop_not_null;
mod drop_object;
mod drop_partition;
mod drop_schema;
mod drop_table;
mod drop_unique_index;
mod enum_value;
mod enum_value_in_transaction;
mod exclude_constraint;
mod foreign_key_type;
mod hidden;
mod in_transaction;
mod index_choice;
mod index_gap;
mod index_then_rewrite;
mod inline_references;
mod instant_budget;
mod invalid_index;
mod json_column;
mod key_in_place;
mod lock_table;
mod lock_timeout;
mod merge_alters;
mod not_online;
mod online_option;
mod online_tool;
mod open_transaction;
mod order;
mod partition;
mod partitioned_not_valid;
mod primary_key_nullable;
mod rebuild;
mod refresh_view;
mod reindex;
mod rename_column;
mod rename_object;
mod rename_table;
mod repeatable;
mod required;
mod required_column;
mod restrict_access;
mod rewrite_command;
mod rewrite_under_lock;
mod session_timeouts;
mod set_not_null;
mod several_locks;
mod sqlite_rebuild;
mod storage_rewrite;
mod tightened;
mod trigger_off;
mod type_column;
mod unique;
mod unknown_statement;
mod validate_same_transaction;
mod versioned_views;
mod view_over_type;
mod whole_table_update;
mod work_under_lock;

mod prelude {
    //! What every rule needs.

    pub(super) use crate::MigrationPhase::{Backfill, Contract};
    pub(super) use crate::migration::effect::{Algorithm, Hold, Lock, Work, algorithm, together};
    pub(super) use crate::migration::finding::{Kind, Severity};
    pub(super) use crate::migration::read::{Truth, when_null};
    pub(super) use crate::migration::rule::{About, Example, Findings, MYSQL, POSTGRES, Range, Site};
    pub(super) use crate::migration::server::{Engine, ServerVersion};
    pub(super) use crate::migration::statement::{
        Change, Constraint, ConstraintKind, CreateIndex, DomainAction, Generated, Located, Name, ObjectKind,
        ObjectName, OnlineOption, TableAction, TriggerState, TypeAction,
    };
}

use std::sync::Arc;

use super::rule::{About, Findings, MigrationRule, Site};
use super::statement::Located;

/// Every rule, in the order in which they look.
pub(super) fn all() -> Vec<Arc<dyn MigrationRule>> {
    let rules = [
        change(&create_index::ABOUT, create_index::change),
        change(&drop_index::ABOUT, drop_index::change),
        change(&drop_unique_index::ABOUT, drop_unique_index::change),
        change(&reindex::ABOUT, reindex::change),
        change(&in_transaction::ABOUT, in_transaction::change),
        change(&invalid_index::ABOUT, invalid_index::change),
        change(&key_in_place::ABOUT, key_in_place::change),
        change(&primary_key_nullable::ABOUT, primary_key_nullable::change),
        change(&constraint_scan::ABOUT, constraint_scan::change),
        change(&exclude_constraint::ABOUT, exclude_constraint::change),
        change(
            &validate_same_transaction::ABOUT,
            validate_same_transaction::change,
        ),
        change(&work_under_lock::ABOUT, work_under_lock::change),
        change(&rewrite_under_lock::ABOUT, rewrite_under_lock::change),
        change(&set_not_null::ABOUT, set_not_null::change),
        change(&change_type::ABOUT, change_type::change),
        change(&add_column_rewrite::ABOUT, add_column_rewrite::change),
        change(&add_column_constraint::ABOUT, add_column_constraint::change),
        change(&rewrite_command::ABOUT, rewrite_command::change),
        change(&refresh_view::ABOUT, refresh_view::change),
        change(&storage_rewrite::ABOUT, storage_rewrite::change),
        change(&partition::ABOUT, partition::change),
        change(&lock_table::ABOUT, lock_table::change),
        change(&domain_constraint::ABOUT, domain_constraint::change),
        change(&whole_table_update::ABOUT, whole_table_update::change),
        change(&delete_rows::ABOUT, delete_rows::change),
        change(&drop_column::ABOUT, drop_column::change),
        change(&drop_table::ABOUT, drop_table::change),
        change(&drop_object::ABOUT, drop_object::change),
        change(&drop_schema::ABOUT, drop_schema::change),
        change(&drop_cascade::ABOUT, drop_cascade::change),
        change(&rename_column::ABOUT, rename_column::change),
        change(&rename_table::ABOUT, rename_table::change),
        change(&rename_object::ABOUT, rename_object::change),
        change(&enum_value::ABOUT, enum_value::change),
        change(
            &enum_value_in_transaction::ABOUT,
            enum_value_in_transaction::change,
        ),
        change(&required_column::ABOUT, required_column::change),
        change(&drop_default::ABOUT, drop_default::change),
        change(&check_on_new_column::ABOUT, check_on_new_column::change),
        change(&tightened::ABOUT, tightened::change),
        change(&unique::ABOUT, unique::change),
        change(&required::ABOUT, required::change),
        change(&drop_not_null::ABOUT, drop_not_null::change),
        change(&change_default::ABOUT, change_default::change),
        change(&json_column::ABOUT, json_column::change),
        change(&trigger_off::ABOUT, trigger_off::change),
        change(&restrict_access::ABOUT, restrict_access::change),
        change(&drop_key::ABOUT, drop_key::change),
        change(&drop_constraint::ABOUT, drop_constraint::change),
        change(&not_online::ABOUT, not_online::change),
        change(&rebuild::ABOUT, rebuild::change),
        change(&online_tool::ABOUT, online_tool::change),
        change(&online_option::ABOUT, online_option::change),
        change(&drop_partition::ABOUT, drop_partition::change),
        change(&instant_budget::ABOUT, instant_budget::change),
        change(&sqlite_rebuild::ABOUT, sqlite_rebuild::change),
        change(&hidden::ABOUT, hidden::change),
        change(&unknown_statement::ABOUT, unknown_statement::change),
        change(&lock_timeout::ABOUT, lock_timeout::change),
        change(&several_locks::ABOUT, several_locks::change),
        BuiltIn {
            about: &open_transaction::ABOUT,
            change: Some(open_transaction::change),
            statement: Some(open_transaction::statement),
        },
        change(&concurrently_partitioned::ABOUT, concurrently_partitioned::change),
        change(&partitioned_not_valid::ABOUT, partitioned_not_valid::change),
        change(&view_over_type::ABOUT, view_over_type::change),
        change(&foreign_key_type::ABOUT, foreign_key_type::change),
        change(&repeatable::ABOUT, repeatable::change),
        change(&merge_alters::ABOUT, merge_alters::change),
        change(&index_gap::ABOUT, index_gap::change),
        change(&inline_references::ABOUT, inline_references::change),
        change(&session_timeouts::ABOUT, session_timeouts::change),
        change(&type_column::ABOUT, type_column::change),
        change(&versioned_views::ABOUT, versioned_views::change),
        change(&order::ABOUT, order::change),
        change(&index_then_rewrite::ABOUT, index_then_rewrite::change),
        change(&index_choice::ABOUT, index_choice::change),
    ];
    rules
        .into_iter()
        .map(|rule| Arc::new(rule) as Arc<dyn MigrationRule>)
        .collect()
}

type OfChange = fn(&Located, &Site<'_>, &mut Findings<'_>);
type OfStatement = fn(&Site<'_>, &mut Findings<'_>);

/// A rule of ours: functions in a file of their own.
#[derive(Debug)]
struct BuiltIn {
    about: &'static About,
    change: Option<OfChange>,
    statement: Option<OfStatement>,
}

const fn change(about: &'static About, change: OfChange) -> BuiltIn {
    BuiltIn {
        about,
        change: Some(change),
        statement: None,
    }
}

impl MigrationRule for BuiltIn {
    fn about(&self) -> &'static About {
        self.about
    }

    fn change(&self, located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
        if let Some(change) = self.change {
            change(located, site, findings);
        }
    }

    fn statement(&self, site: &Site<'_>, findings: &mut Findings<'_>) {
        if let Some(statement) = self.statement {
            statement(site, findings);
        }
    }
}
