//! bluegreen's routers for nginx, called as the deployer calls them: stage, shift, verify until live,
//! then ask for what is in flight.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, InFlight, Op, Router, Slot, Split, SystemClock, Token, Verification};
use bluegreen_nginx::{BucketRouter, LocalTransport, ReloadRouter};
use bluegreen_testkit::loopback::PerSlot;

use crate::method::{Method, Name};
use bluegreen_bench::Failure;
use bluegreen_bench::nginx::{Nginx, shop};

const POLL: Duration = Duration::from_millis(25);
const LIMIT: Duration = Duration::from_secs(20);

/// Either router on a private nginx.
#[derive(Debug)]
pub(crate) struct Ours<R> {
    router: R,
    nginx: Nginx,
    clock: SystemClock,
    seq: u64,
}

pub(crate) async fn buckets(sides: PerSlot<SocketAddr>) -> Result<Ours<BucketRouter>, Failure> {
    let (nginx, config) = shop(sides).await?;
    let router = BucketRouter::new(config, Arc::new(LocalTransport::new()?))?;
    router.install(Some(Slot::Blue)).await?;
    Ok(Ours {
        router,
        nginx,
        clock: SystemClock::new(),
        seq: 0,
    })
}

pub(crate) async fn reload(sides: PerSlot<SocketAddr>) -> Result<Ours<ReloadRouter>, Failure> {
    let (nginx, config) = shop(sides).await?;
    let router = ReloadRouter::new(config, Arc::new(LocalTransport::new()?))?;
    router.install(Slot::Blue).await?;
    Ok(Ours {
        router,
        nginx,
        clock: SystemClock::new(),
        seq: 0,
    })
}

impl<R> Ours<R> {
    fn op(&mut self) -> Op {
        self.seq += 1;
        Op::new(
            Token {
                epoch: 1,
                seq: self.seq,
            },
            format!("bench-{}", self.seq),
            LIMIT,
        )
    }
}

impl<R: Router> Ours<R> {
    async fn stage(&mut self, to: Slot) -> Result<(), Failure> {
        let op = self.op();
        Ok(self.router.stage(&op, to).await?)
    }

    async fn shift(&mut self, to: Slot) -> Result<(), Failure> {
        let (op, split) = (self.op(), Split::all(to));
        self.router.shift(&op, split).await?;
        let began = self.clock.monotonic();
        loop {
            match self.router.verify(&op, split).await? {
                Verification::Live { .. } => return Ok(()),
                other if self.clock.monotonic().since(began) > LIMIT => {
                    return Err(format!("{split} is not live: {other:?}").into());
                }
                _ => self.clock.sleep(POLL).await,
            }
        }
    }

    async fn drained(&mut self, old: Slot) -> Result<(), Failure> {
        let op = self.op();
        let began = self.clock.monotonic();
        loop {
            match self.router.in_flight(&op, old).await? {
                InFlight::None => return Ok(()),
                other if self.clock.monotonic().since(began) > LIMIT => {
                    return Err(format!("{old} is not drained: {other:?}").into());
                }
                _ => self.clock.sleep(POLL).await,
            }
        }
    }
}

impl Method for Ours<BucketRouter> {
    const NAME: Name = Name::Buckets;

    fn address(&self) -> SocketAddr {
        self.nginx.public
    }

    async fn prepare(&mut self, to: Slot) -> Result<(), Failure> {
        self.stage(to).await
    }

    async fn switch(&mut self, to: Slot) -> Result<(), Failure> {
        self.shift(to).await
    }

    async fn may_stop(&mut self, old: Slot) -> Result<(), Failure> {
        self.drained(old).await
    }
}

impl Method for Ours<ReloadRouter> {
    const NAME: Name = Name::Reload;

    fn address(&self) -> SocketAddr {
        self.nginx.public
    }

    async fn prepare(&mut self, to: Slot) -> Result<(), Failure> {
        self.stage(to).await
    }

    async fn switch(&mut self, to: Slot) -> Result<(), Failure> {
        self.shift(to).await
    }

    async fn may_stop(&mut self, old: Slot) -> Result<(), Failure> {
        self.drained(old).await
    }
}
