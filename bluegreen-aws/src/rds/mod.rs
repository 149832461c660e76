//! RDS: a snapshot before a migration, and the way back that nobody takes by himself.
//!
//! A rollback gives the traffic back and leaves the database alone, because expand migrations are compatible with the
//! release before them. If data has to be taken back all the same, that makes a *new* database, from a snapshot or for
//! a point in time, and everything that was written since then is missing in it. So it is never done automatically:
//! [`Database::way_back`] says the exact commands and times, for people.

mod snapshot;
mod way_back;

use crate::account::{Rate, Service};

pub use snapshot::{Database, SnapshotFirst};
pub use way_back::{WayBack, WayBackNotifier};

/// What of the service the account needs to know.
const SERVICE: Service = Service {
    provider: "rds",
    signed_as: "rds",
    rate: Rate::a_second(2),
};
