//! The client's requests in a simulated world, and a clock that is in a hurry.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Clock, Monotonic, Timestamp};
use bluegreen_digitalocean::{Client, Lost, Transport};
use bluegreen_testkit::digitalocean::Account;
use bluegreen_testkit::simulation::{Wire, WireError};
use bytes::Bytes;
use http::{Method, Request, Response};

/// A client whose requests go through a wire.
pub(crate) fn client(account: &Account, wire: Wire, clock: Arc<dyn Clock>) -> Client {
    let client = Client::over(Carried(wire), &account.url(), account.token().to_owned());
    client.expect("a token and an address of a fake").clock(clock)
}

#[derive(Debug)]
struct Carried(Wire);

#[async_trait]
impl Transport for Carried {
    async fn carry(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        let changes = request.method() != Method::GET;
        let answer = self.0.send(request, changes).await;
        answer.map_err(|error| match error {
            WireError::NotSent => Lost::NotSent(error.into()),
            WireError::Lost => Lost::Unanswered(error.into()),
        })
    }
}

/// A clock that is in a hurry, for what has times that nobody can shorten: a record's time to live is half a minute
/// at least.
#[derive(Debug)]
pub(crate) struct Hurried(pub(crate) Arc<dyn Clock>);

impl Hurried {
    /// So many times as fast as the world's.
    pub(crate) const HASTE: u32 = 50;

    /// How long something takes in the world.
    pub(crate) fn passes(span: Duration) -> Duration {
        span / Self::HASTE
    }
}

#[async_trait]
impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.0.monotonic().0 * Self::HASTE)
    }

    async fn sleep(&self, span: Duration) {
        self.0.sleep(Self::passes(span)).await;
    }
}
