//! Opening connections, and keeping them going while something is done over them.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};

use async_trait::async_trait;
use tokio_postgres::{Client, Config, Error, NoTls};

/// What keeps a connection going; it ends when the connection does.
pub type Driver = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Opens connections: TLS and where a password comes from are the affair of whoever implements it.
#[async_trait]
pub trait Connect: fmt::Debug + Send + Sync {
    /// Opens one. The driver is not spawned: when a call is dropped, its connection goes with it.
    async fn connect(&self) -> Result<(Client, Driver), Error>;
}

#[async_trait]
impl Connect for Config {
    async fn connect(&self) -> Result<(Client, Driver), Error> {
        let (client, connection) = Self::connect(self, NoTls).await?;
        Ok((client, Box::pin(connection)))
    }
}

/// Does something while the connection is kept going. When that ends first, the work learns it from its next
/// call.
pub(super) async fn drive<T>(driver: Driver, work: impl Future<Output = T> + Send) -> T {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        _ = driver => {}
    }
    work.await
}
