//! Where the deployment is, put together from its events.

use std::time::Duration;

use bluegreen_core::{Entry, Event, Phase, Timestamp};

use crate::deployment::{BAKE, SOAK, STEPS};

/// What is heard of the deployment while it goes on.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// It did something.
    Event(Entry),
    /// Its process was killed, so long after its first event.
    Killed {
        /// How long.
        after: Duration,
    },
    /// Its process ended by itself before its work was done, and is started again.
    Ended {
        /// What is known of it.
        why: String,
    },
    /// Its process was started again.
    Restarted,
}

/// A part of the deployment, as people see it; some have several phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Is everything as it should be?
    Checks,
    /// The release is brought into its slot.
    Prepare,
    /// It is asked whether it works.
    Verify,
    /// It has this share of the traffic, in percent.
    Step(u8),
    /// The workers move.
    Workers,
    /// All traffic is watched.
    Soak,
    /// All traffic goes back.
    WayBack,
}

impl Stage {
    /// The stages of a deployment in which nothing goes wrong.
    pub(crate) fn forward() -> impl Iterator<Item = Self> {
        let before = [Self::Checks, Self::Prepare, Self::Verify];
        let after = [Self::Workers, Self::Soak];
        before.into_iter().chain(STEPS.map(Self::Step)).chain(after)
    }

    /// The stage that a phase belongs to.
    pub(crate) fn of(phase: Phase, step: Option<usize>) -> Self {
        match phase {
            Phase::Reconcile | Phase::Preflight => Self::Checks,
            Phase::Verify => Self::Verify,
            Phase::Quiesce | Phase::StartWorkers | Phase::QueueDepth => Self::Workers,
            Phase::Soak | Phase::Backfill | Phase::Finish | Phase::Ended => Self::Soak,
            phase if phase.belongs_to_a_step() => {
                let percent = step.and_then(|step| STEPS.get(step.checked_sub(1)?));
                Self::Step(percent.copied().unwrap_or(100))
            }
            phase if phase.is_way_back() || phase == Phase::Halted => Self::WayBack,
            _ => Self::Prepare,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Checks => "checks".to_owned(),
            Self::Prepare => "prepare".to_owned(),
            Self::Verify => "verify".to_owned(),
            Self::Step(percent) => format!("{percent} %"),
            Self::Workers => "workers".to_owned(),
            Self::Soak => "soak".to_owned(),
            Self::WayBack => "way back".to_owned(),
        }
    }
}

/// Where the deployment is.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// The phase, and the step that it belongs to.
    pub(crate) at: (Phase, Option<usize>),
    /// Whether nobody is at work, because the process was killed.
    pub(crate) is_orphaned: bool,
    watched: Duration,
    heard: Timestamp,
}

impl Scene {
    /// Before its first event.
    pub(crate) fn new() -> Self {
        Self {
            at: (Phase::Reconcile, None),
            is_orphaned: false,
            watched: Duration::ZERO,
            heard: Timestamp::default(),
        }
    }

    /// Takes in what is heard.
    pub(crate) fn take(&mut self, news: &News) {
        let entry = match news {
            News::Killed { .. } | News::Ended { .. } => {
                self.is_orphaned = true;
                return;
            }
            News::Restarted => return,
            News::Event(entry) => entry,
        };
        self.is_orphaned = false;
        self.heard = entry.at;
        if let Event::Watched { watched_ms, .. } = entry.event {
            self.watched += Duration::from_millis(watched_ms);
        }
        let at = (entry.phase, entry.step);
        if at != self.at {
            self.watched = Duration::ZERO;
        }
        self.at = at;
    }

    /// How long the phase still has to be watched.
    pub(crate) fn left(&self, now: Timestamp) -> Option<Duration> {
        let planned = match self.at.0 {
            Phase::Bake => BAKE,
            Phase::Soak => SOAK,
            _ => return None,
        };
        (!self.is_orphaned).then(|| planned.saturating_sub(self.watched + now.since(self.heard)))
    }

    /// The stage that it is in.
    pub(crate) fn stage(&self) -> Stage {
        Stage::of(self.at.0, self.at.1)
    }
}
