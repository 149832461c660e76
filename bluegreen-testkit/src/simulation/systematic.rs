//! Worlds in which one thing goes wrong, everywhere where it can: a crash before and after every single
//! call, in pairs; every refusal; an abort, a rollback and a death in every phase.

#![expect(
    clippy::indexing_slicing,
    reason = "each place is made from the length of its list"
)]

use bluegreen_core::{Phase, Slot};
use tokio::runtime::Runtime;

use super::plans::{self, PLANS, WARM};
use super::run::play_counted;
use super::script::{Call, Deed, Doing, MetricData, Mishap, Quality, Script, Site, When};

/// Seeds from here on are places in the list of systematic worlds.
pub(crate) const FIRST: u64 = 1 << 62;

/// A systematic world: its plan, and what is added to the quiet world of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Added {
    Nothing,
    Crash(Site, bool),
    /// Two crashes: the second in whoever goes on.
    Crashes(Site, bool, u16),
    Fault(Site, Mishap),
    Deed(Phase, Doing),
    Quality(Quality),
    /// A refusal on the way back.
    Back(Site),
    Story(usize),
    /// A slot is to be stopped while requests are in flight on it, and a router does not say how many.
    Uncounted,
    /// An approval is stopped just before its time is over, and the live slot is not healthy.
    LastMoment,
    /// Somebody stops a story that has come to a phase; then whoever is at work may die.
    Stopped(usize, Phase, bool),
}

impl Added {
    /// Comes first: only such worlds make some of the transitions.
    const fn is_rare(self) -> bool {
        matches!(
            self,
            Self::Stopped(..)
                | Self::Uncounted
                | Self::LastMoment
                | Self::Deed(Phase::Halted | Phase::Finish, _)
        )
    }
}

/// The list of systematic worlds.
#[derive(Debug)]
pub(crate) struct Systematic {
    worlds: Vec<(u8, Added)>,
}

const STORIES: [&[Doing]; 8] = [
    &[Doing::Deploy(1), Doing::Rollback],
    &[Doing::Deploy(1), Doing::Wait(21_000), Doing::Retire],
    &[Doing::Deploy(1), Doing::GiveUp, Doing::Contract],
    &[Doing::Deploy(1), Doing::DeployOver(2), Doing::Rollback],
    &[Doing::Deploy(1), Doing::Wait(21_000), Doing::Deploy(2)],
    &[Doing::Adopt, Doing::Deploy(1), Doing::Contract],
    &[Doing::Deploy(1), Doing::Retire, Doing::Deploy(2)],
    &[Doing::Deploy(1), Doing::Adopt, Doing::Rollback],
];

/// Where a story is stopped: in phases that the first deployment of a world does not come to.
const STOPPED: [(usize, Phase); 4] = [
    (4, Phase::Drain),
    (4, Phase::Retire),
    (5, Phase::Finish),
    (5, Phase::Reconcile),
];

const BAD: [Quality; 8] = [
    Quality {
        boots: false,
        ..Quality::GOOD
    },
    Quality {
        instances: 1,
        ..Quality::GOOD
    },
    Quality {
        healthy: false,
        ..Quality::GOOD
    },
    Quality {
        smoke: false,
        ..Quality::GOOD
    },
    Quality {
        errors_from: Some(1),
        ..Quality::GOOD
    },
    Quality {
        public: false,
        ..Quality::GOOD
    },
    Quality {
        step: false,
        ..Quality::GOOD
    },
    Quality {
        metric: MetricData::Missing,
        ..Quality::GOOD
    },
];

const DEEDS: [Doing; 11] = [
    Doing::ByHand(None, Slot::Green),
    Doing::Resolve(Slot::Green),
    Doing::Abort,
    Doing::Rollback,
    Doing::Kill,
    Doing::Freeze(15_000),
    Doing::Resume,
    Doing::DeployOver(2),
    Doing::Sicken(Slot::Blue, 60_000),
    Doing::Sicken(Slot::Green, 60_000),
    Doing::Approve,
];

/// Whether a deployment by a plan comes to a phase, if only because something goes wrong.
fn comes_to(plan: usize, phase: Phase) -> bool {
    let features = plans::features(plan);
    let counted = features.workers.is_some_and(|(_, counted)| counted);
    match phase {
        Phase::WarmUp => plan >= WARM,
        Phase::Migrate => features.expand.is_some(),
        Phase::Backfill => features.backfill,
        Phase::Approval => features.approval.is_some(),
        Phase::Quiesce | Phase::StartWorkers | Phase::ReturnWorkers => features.workers.is_some(),
        Phase::QueueDepth => counted,
        _ => true,
    }
}

impl Systematic {
    /// Plays each plan once to see its calls, and lists what can go wrong with them.
    ///
    /// # Errors
    /// When a plan is not valid, which a test rules out.
    pub(crate) fn list(runtime: &Runtime) -> Result<Self, String> {
        let mut worlds = Vec::new();
        for plan in 0..PLANS {
            let plan_number = u8::try_from(plan).unwrap_or(u8::MAX);
            let mut add = |added| worlds.push((plan_number, added));
            add(Added::Nothing);
            if plan >= WARM {
                // Its processes are real: enough of them to see what follows what.
                for doing in [Doing::Abort, Doing::Kill, Doing::Rollback] {
                    add(Added::Deed(Phase::WarmUp, doing));
                }
                continue;
            }
            for story in 0..STORIES.len() {
                add(Added::Story(story));
            }
            for (story, phase) in STOPPED {
                for killed in [false, true] {
                    add(Added::Stopped(story, phase, killed));
                }
            }
            add(Added::Uncounted);
            if comes_to(plan, Phase::Approval) {
                add(Added::LastMoment);
            }
            for quality in BAD {
                add(Added::Quality(quality));
            }
            for call in [
                Call::Shift,
                Call::Quiesce,
                Call::StartWorkers,
                Call::Verify,
                Call::Gate,
                Call::Hook,
            ] {
                (1..=8).for_each(|nth| add(Added::Back(Site { call, nth })));
            }
            for phase in Phase::ALL.iter().filter(|phase| comes_to(plan, **phase)) {
                for doing in DEEDS {
                    add(Added::Deed(*phase, doing));
                }
            }
            let (_, counts) = play_counted(runtime, &Script::quiet(0, plan), None, false)?;
            let sites = Call::ALL
                .iter()
                .zip(counts)
                .flat_map(|(call, count)| (1..=count).map(move |nth| Site { call: *call, nth }));
            for site in sites {
                for after in [false, true] {
                    add(Added::Crash(site, after));
                    add(Added::Crashes(site, after, site.nth.wrapping_mul(7) % 23));
                }
                let faults = [
                    Mishap::Refuse,
                    Mishap::LoseAnswer,
                    Mishap::LandLate(1_000_000),
                    Mishap::Hang(1_000_000),
                ];
                for fault in faults
                    .into_iter()
                    .filter(|fault| !site.call.is_store() || !matches!(fault, Mishap::Hang(_)))
                {
                    add(Added::Fault(site, fault));
                }
            }
        }
        // The order is mixed, so that a short run sees a bit of everything.
        fastrand::Rng::with_seed(1).shuffle(&mut worlds);
        worlds.sort_by_key(|(plan, added): &(u8, Added)| !(added.is_rare() || usize::from(*plan) >= WARM));
        Ok(Self { worlds })
    }

    pub(crate) const fn len(&self) -> usize {
        self.worlds.len()
    }

    /// The world at a place in the list.
    #[expect(clippy::too_many_lines, reason = "one arm for each rare world")]
    pub(crate) fn script(&self, place: usize) -> Option<Script> {
        let (plan, added) = self.worlds.get(place)?;
        let seed = FIRST + u64::try_from(place).unwrap_or(0);
        let mut script = Script::quiet(seed, usize::from(*plan));
        let crash = |after| {
            if after {
                Mishap::CrashAfter
            } else {
                Mishap::CrashBefore
            }
        };
        let later = |ms: u64| ms.min(10_000);
        match *added {
            Added::Nothing => {}
            Added::Crash(site, after) => script.mishaps.push((site, crash(after))),
            Added::Crashes(site, after, gap) => {
                script.mishaps.push((site, crash(after)));
                let second = Site {
                    call: Call::Store,
                    nth: site.nth + 1 + gap,
                };
                script.mishaps.push((second, crash(!after)));
            }
            Added::Fault(site, Mishap::LandLate(ms)) => {
                script.mishaps.push((site, Mishap::LandLate(later(ms))));
            }
            Added::Fault(site, Mishap::Hang(ms)) => script.mishaps.push((site, Mishap::Hang(later(ms)))),
            Added::Fault(site, mishap) => script.mishaps.push((site, mishap)),
            Added::Deed(phase, doing) => {
                let ms = if place.is_multiple_of(2) { 0 } else { 700 };
                script.deeds.push(Deed {
                    when: When::Phase(phase, ms),
                    doing,
                });
                // What is asked for while an act is under way is heard after it.
                if ms > 0 {
                    let slow = [
                        Call::Migrate,
                        Call::Deploy,
                        Call::Quiesce,
                        Call::StartWorkers,
                        Call::Shift,
                        Call::Hook,
                    ];
                    let slow = slow
                        .into_iter()
                        .flat_map(|call| [1, 2].map(|nth| Site { call, nth }));
                    script
                        .mishaps
                        .extend(slow.map(|site| (site, Mishap::Delay(1200))));
                }
                // What is on the way back needs a reason to be there.
                if phase.is_way_back() || phase == Phase::Halted {
                    script.qualities[1].errors_from = Some(1);
                }
                if phase == Phase::Halted {
                    script.deeds.push(Deed {
                        when: When::Phase(Phase::Shift, 0),
                        doing: Doing::Sicken(Slot::Blue, 60_000),
                    });
                    // Nobody else does anything before.
                    script.story.push(Doing::Wait(8_000));
                }
                // An operator may say that it ended as it did only when all routers say so too.
                if let (Phase::Halted, Doing::Resolve(slot)) = (phase, doing) {
                    script.deeds.insert(
                        0,
                        Deed {
                            when: When::Phase(phase, 0),
                            doing: Doing::ByHand(None, slot),
                        },
                    );
                }
                match phase {
                    Phase::Drain | Phase::Retire => script.story = STORIES[4].to_vec(),
                    Phase::Contract => script.story = STORIES[2].to_vec(),
                    _ => {}
                }
            }
            Added::Back(site) => {
                script.qualities[1].errors_from = Some(1);
                if plan % 2 == 0 {
                    script.deeds.push(Deed {
                        when: When::Phase(Phase::Soak, 0),
                        doing: Doing::Abort,
                    });
                    script.qualities[1].errors_from = None;
                }
                script.mishaps.push((site, Mishap::Refuse));
            }
            Added::Uncounted => {
                script.story = STORIES[2].to_vec();
                for router in &mut script.routers {
                    (router.counts_in_flight, router.linger_ms) = (true, 5_000);
                }
                let unheard = (1..=20).map(|nth| Site {
                    call: Call::InFlight,
                    nth,
                });
                script
                    .mishaps
                    .extend(unheard.map(|site| (site, Mishap::Unreachable)));
            }
            Added::LastMoment => {
                script.qualities[0].healthy = false;
                script.deeds.push(Deed {
                    when: When::Phase(Phase::Approval, 8_500),
                    doing: Doing::Abort,
                });
            }
            Added::Quality(quality) => script.qualities[1] = quality,
            Added::Story(story) => script.story = STORIES[story].to_vec(),
            Added::Stopped(story, phase, killed) => {
                script.story = STORIES[story].to_vec();
                // It takes long enough to be stopped, and for the phase to be stored.
                for call in [Call::Hook, Call::Retire] {
                    script.mishaps.push((Site { call, nth: 1 }, Mishap::Delay(1200)));
                }
                if phase == Phase::Drain {
                    for router in &mut script.routers {
                        (router.counts_in_flight, router.linger_ms) = (true, 26_000);
                    }
                }
                let mut at = |ms, doing| {
                    let when = When::Phase(phase, ms);
                    script.deeds.push(Deed { when, doing });
                };
                at(0, Doing::Abort);
                if killed {
                    at(100, Doing::Kill);
                }
            }
        }
        if script.features().approval.is_some() && *added != Added::LastMoment && !place.is_multiple_of(4) {
            script.deeds.push(Deed {
                when: When::Phase(Phase::Approval, 300),
                doing: Doing::Approve,
            });
        }
        Some(script)
    }
}
