//! A service with everything around it that stays when its deployer dies: nginx, the host with both
//! slots, the clients, the record.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_bench::nginx::{self, Nginx};
use bluegreen_bench::{Failure, Seen};
use bluegreen_core::store::FileStore;
use bluegreen_core::{Deployer, Release, Slot, Version};
use bluegreen_nginx::{BucketRouter, LocalTransport};
use bluegreen_testkit::load::{Kind, Load, RunningLoad};
use bluegreen_testkit::loopback::{LoopbackControl, LoopbackHost};
use tokio::runtime::Handle;

use crate::deployer::{Places, RECORDS, service};

/// Clients of each kind, and of those with long requests.
const CLIENTS: usize = 4;
/// How long the long requests take, and how many of them there are in a second.
const LONG: &str = "/slow?ms=400";
const LONG_RATE: u32 = 8;
/// No run takes longer.
const LONGEST: Duration = Duration::from_hours(2);

/// Where the parts of this process run.
#[derive(Debug, Clone)]
pub(crate) struct Threads {
    pub(crate) services: Handle,
    pub(crate) clients: Handle,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) places: Places,
    pub(crate) host: LoopbackHost,
    /// Reads the record and asks nginx; it never acts.
    pub(crate) watcher: Deployer,
    loads: Vec<RunningLoad>,
    _control: LoopbackControl,
    nginx: Nginx,
}

impl World {
    /// Blue is live with `version`, under `rate` requests a second.
    pub(crate) async fn start(threads: &Threads, version: Version, rate: u32) -> Result<Self, Failure> {
        let host = threads.services.spawn(LoopbackHost::start()).await??;
        host.run(Slot::Blue, Release::new(version)).await?;
        let (nginx, config) = nginx::shop(host.addresses()).await?;
        let mut places = Places {
            folder: nginx.process.root().to_owned(),
            public: nginx.public,
            control: config.control,
            blue: host.addresses().blue,
            green: host.addresses().green,
            host: config.control,
        };
        let router = Arc::new(BucketRouter::new(
            places.nginx(),
            Arc::new(LocalTransport::new()?),
        )?);
        router.install(Some(Slot::Blue)).await?;
        let serving = LoopbackControl::start(router.clone(), Arc::new(host.clone()));
        let control = threads.services.spawn(serving).await??;
        places.host = control.address();
        let watcher = Deployer::builder(service()?)
            .store(FileStore::open(places.folder.join(RECORDS))?)
            .host(host.clone())
            .shared_router(router)
            .holder("the watcher")
            .build()?;
        let loads = clients(places.public, threads, rate);
        Ok(Self {
            places,
            host,
            watcher,
            loads,
            _control: control,
            nginx,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.nginx.process.root()
    }

    /// What the clients saw until now.
    pub(crate) fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for load in &self.loads {
            seen.add(&load.snapshot());
        }
        seen
    }

    /// Stops the clients when they have their last answers.
    pub(crate) async fn stop_clients(&mut self, threads: &Threads) -> Result<Seen, Failure> {
        let mut seen = Seen::default();
        let loads = std::mem::take(&mut self.loads);
        let stopping: Vec<_> = loads
            .into_iter()
            .map(|load| threads.clients.spawn(load.stop()))
            .collect();
        for load in stopping {
            seen.add(&load.await?);
        }
        Ok(seen)
    }

    /// Leaves the folder where it is when all is stopped.
    pub(crate) fn keep_folder(&mut self) {
        self.nginx.process.folder.disable_cleanup(true);
    }
}

fn clients(target: SocketAddr, threads: &Threads, rate: u32) -> Vec<RunningLoad> {
    let _entered = threads.clients.enter();
    let short = [Kind::KeepAlive, Kind::KeepAliveUnchecked, Kind::Fresh, Kind::Post];
    let load = |kinds: Vec<Kind>| {
        Load::new(target)
            .connections(kinds.len())
            .kinds(kinds)
            .duration(LONGEST)
    };
    vec![
        load(short.repeat(CLIENTS)).rate(rate).start(),
        load(vec![Kind::Fresh; CLIENTS])
            .rate(LONG_RATE)
            .path(LONG)
            .start(),
    ]
}
