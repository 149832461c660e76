//! What migration tools keep for themselves.

use super::statement::ObjectName;

/// The tables in which tools note what they have applied. They are small, and no release reads them.
const JOURNALS: &[&str] = &[
    "__diesel_schema_migrations",
    "__drizzle_migrations",
    "__efmigrationshistory",
    "_prisma_migrations",
    "_sqlx_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "atlas_schema_revisions",
    "databasechangelog",
    "databasechangeloglock",
    "django_migrations",
    "doctrine_migration_versions",
    "flyway_schema_history",
    "goose_db_version",
    "gorp_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "migrations",
    "phinxlog",
    "refinery_schema_history",
    "schema_migrations",
    "schema_version",
    "seaql_migrations",
    "sequelizemeta",
    "typeorm_metadata",
];

/// Whether a table is one in which a tool notes what it has applied.
pub(super) fn is_journal(table: &ObjectName) -> bool {
    let name = table.name.as_str();
    JOURNALS.iter().any(|journal| name.eq_ignore_ascii_case(journal))
}
