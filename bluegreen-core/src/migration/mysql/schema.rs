//! What there is in a live database, as SQL that would make it.

use mysql_async::prelude::Queryable;
use mysql_async::{Error, Opts, Row};

use super::{connect, fault, quoted};
use crate::Fault;

const TABLES: &str =
    "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
    ORDER BY TABLE_TYPE, TABLE_NAME";

/// Reads the schema of the database that the options name, as SQL that would make it: what
/// [`Linter::schema`](crate::migration::Linter::schema) takes. It asks `information_schema` for the tables and
/// views and SHOW CREATE TABLE for each table, and needs the right to read them. Of a view only that it is
/// there is told.
///
/// # Errors
/// When there is no connection, no database is named, or the server refuses.
pub async fn schema(opts: &Opts) -> Result<String, Fault> {
    let mut conn = connect(opts).await?;
    let read = async {
        // The keys may point to tables that come later.
        let mut sql = String::from("SET foreign_key_checks = 0;\n");
        let tables: Vec<(String, String)> = conn.query(TABLES).await?;
        for (name, kind) in tables {
            let name = quoted(&name);
            if kind.ends_with("VIEW") {
                sql.extend(["CREATE VIEW ", name.as_str(), " AS SELECT 1;\n"]);
            } else if kind == "BASE TABLE" || kind == "SYSTEM VERSIONED" {
                let row: Option<Row> = conn.query_first(format!("SHOW CREATE TABLE {name}")).await?;
                let made: Option<String> = row.and_then(|mut row| row.take(1));
                sql.extend(made.as_deref());
                sql.push_str(";\n");
            }
        }
        sql.push_str("SET foreign_key_checks = 1;\n");
        conn.disconnect().await?;
        Ok::<_, Error>(sql)
    };
    read.await.map_err(|error| fault("read", "the schema", error))
}
