//! What a live MySQL or MariaDB tells: its [schema](schema()), and [how it would do](Probe) a migration.
//!
//! Encryption is the affair of whoever connects: features of `mysql_async` add it to [`Opts`].
//!
//! ```no_run
//! use bluegreen_core::migration::mysql::{self, Probe};
//! use bluegreen_core::migration::{Engine, Linter, Server};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let live = mysql_async::Opts::from_url("mysql://reader@db.example/shop")?;
//! let linter = Linter::new(Server::new(Engine::Mariadb, "10.11".parse()?)).schema(&mysql::schema(&live).await?);
//!
//! let scratch = mysql_async::Opts::from_url("mysql://root@localhost/scratch")?;
//! for probed in Probe::new(scratch).compare(&linter, "ALTER TABLE orders ADD COLUMN note text").await? {
//!     println!("{probed}");
//! }
//! # Ok(())
//! # }
//! ```

mod ask;
mod probe;
mod schema;

pub use probe::{Probe, Probed};
pub use schema::schema;

use mysql_async::{Conn, Error, Opts};

use crate::{Fault, FaultKind};

const PROVIDER: &str = "mysql";

async fn connect(opts: &Opts) -> Result<Conn, Fault> {
    Conn::new(opts.clone())
        .await
        .map_err(|error| Fault::unavailable(PROVIDER, "connect", said(&error)).caused_by(error))
}

/// Errors whose text quotes the value of a row: a duplicate, a value that does not fit.
const QUOTE_ROWS: &[u16] = &[1062, 1292, 1366, 1406, 1411, 1525, 1526, 1586];

/// What the server says, without values of rows.
fn said(error: &Error) -> String {
    match error {
        Error::Server(refused) if QUOTE_ROWS.contains(&refused.code) => {
            format!("the value of a row does not fit (error {})", refused.code)
        }
        Error::Server(refused) => refused.message.clone(),
        other => other.to_string(),
    }
}

/// A call that failed. What the server refused was not done; when the connection is lost, nobody knows.
fn fault(operation: &'static str, resource: &str, error: Error) -> Fault {
    let refused = matches!(error, Error::Server(_));
    let kind = if refused {
        FaultKind::Rejected
    } else {
        FaultKind::Unknown
    };
    let fault = Fault::new(kind, PROVIDER, operation, said(&error)).on(resource);
    // The source's text would be told after the message, and hold the values.
    if refused { fault } else { fault.caused_by(error) }
}

/// A name as the server reads it whatever is in it.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
