//! What is deployed, and who uses it: two slots, a proxy, and clients, all on 127.0.0.1.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, Monotonic, Release, Router, Share, Slot, Split, SystemClock, Version};
use bluegreen_testkit::load::{self, Kind, Load, RunningLoad};
use bluegreen_testkit::loopback::{Faults, LoopbackHost, LoopbackProxy, Loss, Lossy, PerSlot, ProxyConfig};
use tempfile::TempDir;

use crate::Failure;
use crate::deployment::{OLD, Places};
use crate::parts::{ClaimFile, ClientErrors};

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
/// The time over which the share of errors is counted.
const WINDOW: Duration = Duration::from_secs(1);
/// With fewer requests in the window than this, there is no share.
const FEWEST: u64 = 5;

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
    clock: SystemClock,
    folder: TempDir,
    host: LoopbackHost,
    proxy: Arc<LoopbackProxy>,
    load: RunningLoad,
    window: VecDeque<Counted>,
}

/// What the clients had counted at a moment.
#[derive(Debug, Clone, Copy)]
struct Counted {
    at: Monotonic,
    slots: PerSlot<(u64, u64)>,
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
        let clock = SystemClock::new();
        let folder = tempfile::Builder::new()
            .prefix("bluegreen-quickstart-")
            .tempdir()?;
        ClaimFile::new(folder.path()).set(Some(Slot::Blue))?;
        ClientErrors::new(folder.path()).publish(PerSlot::default())?;
        let host = LoopbackHost::start().await?;
        host.run(Slot::Blue, Release::new(Version::new(OLD)?)).await?;
        let proxy = Arc::new(LoopbackProxy::start(ProxyConfig::new(host.addresses())).await?);
        let load = Load::new(proxy.address())
            .rate(RATE)
            .connections(CLIENTS)
            .kinds(KINDS)
            .duration(Duration::from_mins(10))
            .clock(Arc::new(clock.clone()))
            .start();
        let window = VecDeque::new();
        Ok(Self {
            nature,
            clock,
            folder,
            host,
            proxy,
            load,
            window,
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

    /// How it looks now. Asked several times a second: it also tells the deployer's guard what the
    /// clients see, and lets a bad release turn bad.
    pub(crate) fn look(&mut self) -> View {
        let split = self.proxy.split();
        let load = self.load.snapshot();
        let has_a_quarter = split.share(Slot::Green) >= Share::from_percent(25).unwrap_or(Share::ALL);
        if self.nature == Nature::BadRelease && has_a_quarter {
            let a_fifth = Share::from_percent(20).unwrap_or(Share::ALL);
            self.host
                .service(Slot::Green)
                .set_faults(Faults::default().errors(a_fifth));
        }
        let shares = self.error_shares(&load);
        // A file that cannot be written now is written next time; until then the guard has old data.
        let _ = ClientErrors::new(self.folder.path()).publish(shares);
        View { split, load }
    }

    fn error_shares(&mut self, load: &load::Report) -> PerSlot<Option<f64>> {
        let at = self.clock.monotonic();
        let of = |slot| {
            load.slots
                .get(&slot)
                .map_or((0, 0), |seen| (seen.answered, seen.failed))
        };
        let slots = PerSlot {
            blue: of(Slot::Blue),
            green: of(Slot::Green),
        };
        self.window.push_back(Counted { at, slots });
        while self
            .window
            .get(1)
            .is_some_and(|second| at.since(second.at) >= WINDOW)
        {
            self.window.pop_front();
        }
        let oldest = self.window.front().map_or(slots, |counted| counted.slots);
        let share = |now: &(u64, u64), then: &(u64, u64)| {
            let (answered, failed) = (now.0.saturating_sub(then.0), now.1.saturating_sub(then.1));
            let basis_points = failed.saturating_mul(10_000).checked_div(answered + failed)?;
            let share = f64::from(u32::try_from(basis_points).ok()?) / 10_000.0;
            (answered + failed >= FEWEST).then_some(share)
        };
        PerSlot {
            blue: share(&slots.blue, &oldest.blue),
            green: share(&slots.green, &oldest.green),
        }
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
