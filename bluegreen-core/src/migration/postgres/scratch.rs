//! Statements prepared on a scratch database.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_postgres::{Client, Error};

use super::connect::{Connect, drive};
use super::fault::{PROVIDER, cannot_connect, fault, said};
use crate::migration::statement::{Change, ObjectKind};
use crate::migration::{Engine, Linter, Scratch, Server, Statement, TableAction};
use crate::{Fault, Op};

/// A PostgreSQL database that holds nothing and is used for nothing else.
///
/// All is done in one transaction that is rolled back. Rows are not put in, rights not given, nothing is built
/// concurrently; extensions that migrations create have to be installed on the server.
///
/// ```no_run
/// use bluegreen_core::migration::postgres::PostgresScratch;
///
/// let config: tokio_postgres::Config = "host=/run/postgresql user=shop dbname=shop_scratch".parse()?;
/// let scratch = PostgresScratch::new(config);
/// # Ok::<(), tokio_postgres::Error>(())
/// ```
#[derive(Clone)]
pub struct PostgresScratch {
    connect: Arc<dyn Connect>,
}

impl fmt::Debug for PostgresScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresScratch").finish_non_exhaustive()
    }
}

impl PostgresScratch {
    /// The database that is connected to.
    #[must_use]
    pub fn new(connect: impl Connect + 'static) -> Self {
        Self {
            connect: Arc::new(connect),
        }
    }
}

#[async_trait]
impl Scratch for PostgresScratch {
    async fn prepare(
        &self,
        op: &Op,
        migrations: &[&str],
        statements: &[String],
    ) -> Result<Vec<Option<String>>, Fault> {
        let (client, driver) = self.connect.connect().await.map_err(cannot_connect)?;
        drive(driver, async {
            let begin = format!(
                "BEGIN; SET LOCAL statement_timeout = '{}ms'; SET LOCAL check_function_bodies = off",
                op.budget.as_millis().clamp(1, 2_147_483_647)
            );
            run(&client, &begin).await?;
            for sql in migrations {
                make(&client, sql).await?;
            }
            let mut refused = Vec::with_capacity(statements.len());
            for statement in statements {
                refused.push(prepare(&client, statement).await?);
            }
            run(&client, "ROLLBACK").await?;
            Ok(refused)
        })
        .await
    }
}

fn on_scratch(error: Error) -> Fault {
    fault("prove", "the scratch database", error)
}

async fn run(client: &Client, sql: &str) -> Result<(), Fault> {
    client.batch_execute(sql).await.map_err(on_scratch)
}

/// Runs what a migration does to the schema.
async fn make(client: &Client, sql: &str) -> Result<(), Fault> {
    let script = Linter::new(Server::newest(Engine::Postgres)).read(sql);
    for statement in script.statements() {
        let Some(text) = of_schema(statement, sql) else {
            continue;
        };
        if let Err(error) = client.batch_execute(&text).await {
            return Err(if error.as_db_error().is_some() {
                let line = text.lines().next().unwrap_or_default();
                let line = crate::text::bounded(line, 120);
                Fault::rejected(
                    PROVIDER,
                    "prove",
                    format!(
                        "the scratch database refuses a migration ({line}): {}",
                        said(&error)
                    ),
                )
            } else {
                on_scratch(error)
            });
        }
    }
    Ok(())
}

/// What a statement does to the schema, as it can run in a transaction; nothing when it does nothing to it.
fn of_schema(statement: &Statement, sql: &str) -> Option<String> {
    let text = statement.span.of(sql);
    let change = &statement.changes.first()?.change;
    match change {
        Change::CreateIndex(index) if index.concurrently => {
            let (before, after) = sql.split_at_checked(index.after_index)?;
            let before = before.get(statement.span.start..)?;
            let after = after.get(..statement.span.end.checked_sub(index.after_index)?)?;
            let after = after.trim_start().get("concurrently".len()..)?;
            Some(format!("{before}{after}"))
        }
        Change::DropIndex {
            index,
            concurrently: true,
            ..
        } => Some(format!("DROP INDEX IF EXISTS {index}")),
        Change::Table {
            table,
            action:
                TableAction::DetachPartition {
                    partition,
                    concurrently: true,
                    ..
                },
        } => Some(format!("ALTER TABLE {table} DETACH PARTITION {partition}")),
        // Rows, rights, sessions and maintenance change no schema.
        Change::Insert { .. }
        | Change::Update { .. }
        | Change::Delete { .. }
        | Change::Truncate { .. }
        | Change::Read { .. }
        | Change::Begin
        | Change::Commit
        | Change::Rollback
        | Change::Lock(_)
        | Change::Vacuum { .. }
        | Change::Cluster { .. }
        | Change::Reindex { .. }
        | Change::Refresh { .. }
        | Change::Grant
        | Change::Revoke
        | Change::Nothing
        | Change::Alter { .. }
        | Change::Create {
            kind: ObjectKind::Database | ObjectKind::Role,
            ..
        }
        | Change::Drop {
            kind: ObjectKind::Database | ObjectKind::Role | ObjectKind::Owned,
            ..
        } => None,
        Change::Set { name, .. } if name != "search_path" => None,
        Change::Table {
            action: TableAction::Other,
            ..
        } if statement.changes.len() == 1 => None,
        _ => Some(text.to_owned()),
    }
}

/// Why the server refuses a statement.
async fn prepare(client: &Client, statement: &str) -> Result<Option<String>, Fault> {
    run(client, "SAVEPOINT statement").await?;
    match client.prepare(statement).await {
        Ok(_) => run(client, "RELEASE statement").await.map(|()| None),
        Err(error) if error.as_db_error().is_some() => {
            run(client, "ROLLBACK TO statement").await?;
            Ok(Some(said(&error)))
        }
        Err(error) => Err(on_scratch(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_made_to_fit_into_one_transaction() {
        for (sql, made) in [
            ("CREATE TABLE a (i int)", Some("CREATE TABLE a (i int)")),
            (
                "/* x */ CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)",
                Some("CREATE UNIQUE INDEX IF NOT EXISTS i ON a (b)"),
            ),
            ("DROP INDEX CONCURRENTLY s.i", Some("DROP INDEX IF EXISTS s.i")),
            (
                "ALTER TABLE a DETACH PARTITION b CONCURRENTLY",
                Some("ALTER TABLE a DETACH PARTITION b"),
            ),
            ("SET search_path = shop", Some("SET search_path = shop")),
            ("SET lock_timeout = '2s'", None),
            ("UPDATE a SET b = 1", None),
            ("GRANT SELECT ON a TO b", None),
            ("ALTER TABLE a OWNER TO b", None),
            (
                "ALTER TABLE a OWNER TO b, ADD c int",
                Some("ALTER TABLE a OWNER TO b, ADD c int"),
            ),
            ("VACUUM a", None),
        ] {
            let script = Linter::new(Server::newest(Engine::Postgres)).read(sql);
            let of = of_schema(&script.statements()[0], sql);
            assert_eq!(of.as_deref(), made, "{sql}");
        }
    }
}
