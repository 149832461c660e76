//! What is to happen in one world: drawn from a seed, and small enough to be read.

#![expect(
    clippy::indexing_slicing,
    reason = "each place is drawn below the length of its list"
)]

use bluegreen_core::{Outcome, Phase, Slot};

use super::plans;

/// What is to happen in one world. The same seed gives the same script, and the same script the same
/// history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    /// The number of the plan.
    pub(crate) plan: usize,
    pub(crate) routers: Vec<RouterShape>,
    pub(crate) host_settle_ms: u64,
    /// Of the migrator and the workers.
    pub(crate) other_settle_ms: u64,
    /// The first one is live when the world begins; the others are released one after the other.
    pub(crate) qualities: Vec<Quality>,
    /// What is asked for, one after the other.
    pub(crate) story: Vec<Doing>,
    pub(crate) mishaps: Vec<(Site, Mishap)>,
    pub(crate) deeds: Vec<Deed>,
    /// How long somebody takes to begin anew after a death or a failure.
    pub(crate) again_after_ms: u64,
}

/// What a router is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RouterShape {
    /// Compares tokens; otherwise it declares a settle time.
    pub(crate) fenced: bool,
    pub(crate) settle_ms: u64,
    /// How long an accepted split takes to be live.
    pub(crate) lag_ms: u64,
    pub(crate) counts_in_flight: bool,
    /// For how long requests are in flight on a slot that has lost its traffic.
    pub(crate) linger_ms: u64,
}

/// What a release is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is good or bad by itself")]
pub(crate) struct Quality {
    pub(crate) boots: bool,
    pub(crate) instances: u32,
    pub(crate) healthy: bool,
    pub(crate) smoke: bool,
    /// The guards fail from this share of the traffic on, in basis points.
    pub(crate) errors_from: Option<u16>,
    pub(crate) public: bool,
    pub(crate) step: bool,
    pub(crate) metric: MetricData,
}

/// What the source of metrics has of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricData {
    Good,
    Bad,
    Missing,
}

impl Quality {
    pub(crate) const GOOD: Self = Self {
        boots: true,
        instances: 3,
        healthy: true,
        smoke: true,
        errors_from: None,
        public: true,
        step: true,
        metric: MetricData::Good,
    };
}

/// The nth call of a kind, counted from 1 over all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) call: Call,
    pub(crate) nth: u16,
}

macro_rules! calls {
    ($($name:ident = $text:literal,)*) => {
        /// A kind of call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Call { $($name,)* }

        impl Call {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

calls! {
    Observe = "router.observe",
    Stage = "router.stage",
    Shift = "router.shift",
    Verify = "router.verify",
    InFlight = "router.in_flight",
    Deploy = "host.deploy",
    Readiness = "host.readiness",
    Standby = "host.standby",
    Retire = "host.retire",
    Migrate = "migrator.migrate",
    Quiesce = "workers.quiesce",
    StartWorkers = "workers.start",
    Depth = "workers.depth",
    Gate = "gate.check",
    Metric = "metrics.read",
    Ask = "approver.ask",
    Notify = "notifier.notify",
    Hook = "hook.run",
    Load = "store.load",
    Store = "store.store",
    PutNew = "store.put_new",
    Get = "store.get",
    List = "store.list",
    Read = "provider.read",
    Change = "provider.change",
}

impl Call {
    pub(crate) const fn is_store(self) -> bool {
        matches!(
            self,
            Self::Load | Self::Store | Self::PutNew | Self::Get | Self::List
        )
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Not done, and useless to try again.
    Refuse,
    /// Not done, and to be tried again after a time.
    Throttle(u64),
    /// Not done; may be tried again.
    Unreachable,
    /// Not done, and the caller cannot know.
    LoseRequest,
    /// Done, and the caller cannot know.
    LoseAnswer,
    /// The caller cannot know; it takes effect so many milliseconds later.
    LandLate(u64),
    /// Done, and answered late.
    Delay(u64),
    /// Never answered; it takes effect so many milliseconds after it was given up.
    Hang(u64),
    /// Never answered, never done.
    Vanish,
    /// The process dies before the call is done.
    CrashBefore,
    /// The process dies after it is done.
    CrashAfter,
    /// Reads: what is answered is as it was before. Gates: another answer than the truth.
    Stale,
    /// A gate says this.
    Say(Outcome),
    /// The store says that somebody else has written.
    Conflict,
    /// Not done, and the provider answers with an error of its own.
    FailBefore,
    /// Done, and the provider answers with an error of its own.
    FailAfter,
    /// Taken by the provider, which cannot do it in the end.
    Spoil,
}

impl Mishap {
    /// The kind, without its numbers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Throttle(_) => "throttle",
            Self::Unreachable => "unreachable",
            Self::LoseRequest => "lose the request",
            Self::LoseAnswer => "apply and lose the answer",
            Self::LandLate(_) => "land late",
            Self::Delay(_) => "delay",
            Self::Hang(_) => "hang, and land after it was given up",
            Self::Vanish => "hang, and never land",
            Self::CrashBefore => "crash before",
            Self::CrashAfter => "crash after",
            Self::Stale => "stale read",
            Self::Say(Outcome::Fail) => "a gate flaps",
            Self::Say(Outcome::Inconclusive) => "a gate has no data",
            Self::Say(Outcome::Pass) => "a gate passes",
            Self::Conflict => "store conflict",
            Self::FailBefore => "an error of the service, nothing done",
            Self::FailAfter => "an error of the service, done",
            Self::Spoil => "taken, and fails later",
        }
    }

    pub(crate) const fn is_crash(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }
}

/// Somebody does something at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) when: When,
    pub(crate) doing: Doing,
}

/// When somebody does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// So many milliseconds after the record has first reached a phase.
    Phase(Phase, u64),
    /// So many milliseconds after the beginning.
    At(u64),
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Deploy(u32),
    /// Deploys and gives the standby up.
    DeployOver(u32),
    Rollback,
    Retire,
    /// Retires before the retention is over.
    GiveUp,
    Contract,
    Adopt,
    Resume,
    Resolve(Slot),
    Approve,
    Abort,
    /// Somebody gives all traffic of one router, or of all, to a slot, by hand.
    ByHand(Option<u8>, Slot),
    /// A slot is not healthy for so long.
    Sicken(Slot, u64),
    /// The process that holds the lease dies.
    Kill,
    /// The process that holds the lease is suspended for so long.
    Freeze(u64),
    /// Nobody does anything for so long.
    Wait(u64),
}

impl Script {
    /// A world without faults.
    pub(crate) fn quiet(seed: u64, plan: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x9e37_79b9_7f4a_7c15);
        Self {
            seed,
            plan,
            routers: routers(&mut random),
            host_settle_ms: random.u64(0..3) * 700,
            other_settle_ms: random.u64(0..3) * 600,
            qualities: vec![Quality::GOOD; 3],
            story: vec![Doing::Deploy(1)],
            mishaps: Vec::new(),
            deeds: Vec::new(),
            again_after_ms: random.u64(0..4) * 500,
        }
    }

    /// The longest time in which a split that a router gave up may still act.
    pub(crate) fn router_settle_ms(&self) -> u64 {
        self.routers
            .iter()
            .filter(|router| !router.fenced)
            .map(|router| router.settle_ms)
            .max()
            .unwrap_or(0)
    }

    /// The longest time in which anything that was given up may still act.
    pub(crate) fn settle_ms(&self) -> u64 {
        self.router_settle_ms()
            .max(self.host_settle_ms)
            .max(self.other_settle_ms)
    }

    /// The plan's features that the script needs to know.
    pub(crate) fn features(&self) -> plans::Features {
        plans::features(self.plan)
    }
}

fn routers(random: &mut fastrand::Rng) -> Vec<RouterShape> {
    let count = [1, 1, 2, 2, 3][random.usize(0..5)];
    (0..count)
        .map(|_| {
            let lag_ms = [0, 0, 30, 400][random.usize(0..4)];
            RouterShape {
                fenced: random.bool(),
                settle_ms: 300 + random.u64(0..4) * 600,
                lag_ms,
                counts_in_flight: random.u8(0..4) > 0,
                linger_ms: [0, 0, 1500][random.usize(0..3)],
            }
        })
        .collect()
}
