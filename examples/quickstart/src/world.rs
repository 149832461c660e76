//! What is deployed, and who uses it: two slots, a proxy, and clients, all on 127.0.0.1.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Release, Router, Share, Slot, Split, SystemClock, Version};
use bluegreen_testkit::load::{self, Kind, Load, RunningLoad};
use bluegreen_testkit::loopback::{Faults, LoopbackHost, LoopbackProxy, Loss, Lossy, ProxyConfig};
use tempfile::TempDir;

use crate::Failure;
use crate::deployment::{MIGRATIONS, NEW, OLD, Places};
use crate::parts::ClaimFile;

/// Requests a second, over all clients that keep a pace.
const RATE: u32 = 750;
/// The clients, dealt out over these kinds in turn.
const CLIENTS: usize = 32;
const KINDS: [Kind; 8] = [
    Kind::KeepAlive,
    Kind::KeepAliveUnchecked,
    Kind::KeepAlive,
    Kind::Fresh,
    Kind::KeepAliveUnchecked,
    Kind::Post,
    Kind::Upgrade,
    Kind::Long,
];

/// How the world is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Everything works.
    Sound,
    /// The new release fails as soon as it has a quarter of the traffic.
    BadRelease,
    /// The proxy drops all connections with each change of the split.
    Lossy,
}

/// Everything that runs beside the deployer. Dropped, all of it ends.
#[derive(Debug)]
pub(crate) struct World {
    nature: Nature,
    folder: TempDir,
    host: LoopbackHost,
    proxy: Arc<LoopbackProxy>,
    load: RunningLoad,
}

/// How the world looks now.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) split: Split,
    pub(crate) load: load::Report,
}

/// What is left when the world has ended.
#[derive(Debug, Clone)]
pub(crate) struct Aftermath {
    pub(crate) split: Split,
    pub(crate) load: load::Report,
    /// As long as the clients began new ones.
    pub(crate) requests_per_second: f64,
    /// The slot whose workers take jobs.
    pub(crate) claiming: Option<Slot>,
}

impl World {
    /// The old release in blue, with all traffic.
    pub(crate) async fn start(nature: Nature) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("bluegreen-quickstart-")
            .tempdir()?;
        ClaimFile::new(folder.path()).set(Some(Slot::Blue))?;
        let migrations = folder.path().join("migrations").join(NEW);
        fs::create_dir_all(&migrations)?;
        for (name, sql) in MIGRATIONS {
            fs::write(migrations.join(name), sql)?;
        }
        let host = LoopbackHost::start().await?;
        host.run(Slot::Blue, Release::new(Version::new(OLD)?)).await?;
        let proxy = Arc::new(LoopbackProxy::start(ProxyConfig::new(host.addresses())).await?);
        let load = Load::new(proxy.address())
            .rate(RATE)
            .connections(CLIENTS)
            .kinds(KINDS)
            .duration(Duration::from_mins(10))
            .clock(Arc::new(SystemClock::new()))
            .start();
        Ok(Self {
            nature,
            folder,
            host,
            proxy,
            load,
        })
    }

    /// Where everything is.
    pub(crate) fn places(&self) -> Places {
        Places {
            slots: self.host.addresses(),
            public: self.proxy.address(),
            folder: self.folder.path().to_owned(),
        }
    }

    /// What the deployer changes the split with.
    pub(crate) fn router(&self) -> Arc<dyn Router> {
        let name = "edge";
        match self.nature {
            Nature::Lossy => Arc::new(Lossy::new(name, Arc::clone(&self.proxy), Loss::Connections)),
            Nature::Sound | Nature::BadRelease => Arc::new(self.proxy.router(name)),
        }
    }

    /// What the deployer runs releases with.
    pub(crate) fn host(&self) -> LoopbackHost {
        self.host.clone()
    }

    /// How it looks now. Asked several times a second: it also lets a bad release turn bad.
    pub(crate) fn look(&self) -> View {
        let split = self.proxy.split();
        let load = self.load.snapshot();
        let has_a_quarter = split.share(Slot::Green) >= Share::from_percent(25).unwrap_or(Share::ALL);
        if self.nature == Nature::BadRelease && has_a_quarter {
            let a_fifth = Share::from_percent(20).unwrap_or(Share::ALL);
            self.host
                .service(Slot::Green)
                .set_faults(Faults::default().errors(a_fifth));
        }
        View { split, load }
    }

    /// Lets the clients finish what they have begun, and ends everything.
    pub(crate) async fn end(self) -> Aftermath {
        let claiming = ClaimFile::new(self.folder.path()).claiming().ok().flatten();
        let requests_per_second = rate(&self.load.snapshot());
        let load = self.load.stop().await;
        Aftermath {
            split: self.proxy.split(),
            load,
            requests_per_second,
            claiming,
        }
    }
}

/// Requests begun in a second; of the first second, in all of it.
pub(crate) fn rate(load: &load::Report) -> f64 {
    let sent = f64::from(u32::try_from(load.sent).unwrap_or(u32::MAX));
    (sent / load.elapsed.as_secs_f64().max(1.0)).round()
}
