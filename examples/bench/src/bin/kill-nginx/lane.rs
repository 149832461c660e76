//! One service and its operations, one after the other. Several lanes run side by side: most of the time
//! goes by with waiting for the lease of the dead.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluegreen_bench::{Failure, Seen};
use bluegreen_core::lifecycle::End;
use bluegreen_core::{Clock, Slot, SystemClock, Version};
use bluegreen_testkit::loopback::PerSlot;

use crate::broken::Break;
use crate::check::{self, Expected};
use crate::deployer::{BAD, Ended, Orders, Task};
use crate::point::Point;
use crate::process::{Ending, Process};
use crate::schedule::{CYCLE, Kill, Kind, Schedule, kind_at};
use crate::world::{Threads, World};

/// How often the deployer of one operation may end by itself: a machine that is too busy for the lease.
const GIVES_UP_MAX: usize = 10;

/// What the lanes share.
#[derive(Debug)]
pub(crate) struct Shared {
    schedule: Mutex<Schedule>,
    pub(crate) threads: Threads,
    pub(crate) broken: Option<Break>,
    /// Requests a second of one lane.
    pub(crate) rate: u32,
    /// Told of each operation.
    pub(crate) progress: Mutex<Progress>,
}

/// How far the run is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) operations: usize,
    pub(crate) kills: usize,
}

/// What came of a lane.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kills: Vec<(Kind, Kill)>,
    pub(crate) ends: Vec<(Kind, Option<End>)>,
    /// From a death to the moment at which the next process had taken over.
    pub(crate) resumes: Vec<Duration>,
    /// Processes that ended by themselves, before the end of the operation.
    pub(crate) gave_up: Vec<String>,
    /// Points that were not reached before the operation was over.
    pub(crate) missed: Vec<Point>,
    pub(crate) seen: Seen,
    pub(crate) faults: Vec<String>,
    /// Kept where something is wrong.
    pub(crate) folder: Option<PathBuf>,
}

impl Shared {
    pub(crate) fn new(schedule: Schedule, threads: Threads, broken: Option<Break>, rate: u32) -> Self {
        Self {
            schedule: Mutex::new(schedule),
            threads,
            broken,
            rate,
            progress: Mutex::default(),
        }
    }

    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service, and what it has come to.
struct Lane {
    shared: Arc<Shared>,
    clock: SystemClock,
    world: World,
    live: Slot,
    versions: PerSlot<Version>,
    ended: Vec<End>,
    tally: Tally,
}

/// Runs operations until there were enough kills, or something is wrong.
pub(crate) async fn run(shared: Arc<Shared>, number: usize) -> Result<Tally, Failure> {
    let first = Version::new(format!("1.{number}.0"))?;
    let world = World::start(&shared.threads, first.clone(), shared.rate).await?;
    let mut lane = Lane {
        shared,
        clock: SystemClock::new(),
        world,
        live: Slot::Blue,
        versions: PerSlot {
            blue: first.clone(),
            green: first,
        },
        ended: Vec::new(),
        tally: Tally::default(),
    };
    let done = lane.operations(number).await;
    if let Err(error) = done {
        lane.tally.faults.push(error.to_string());
    }
    lane.finish().await
}

impl Lane {
    async fn operations(&mut self, number: usize) -> Result<(), Failure> {
        for count in 0.. {
            let place = count % CYCLE.len();
            // The first round is left alone, to see what calls there are.
            let kills = if count < CYCLE.len() {
                Some(Vec::new())
            } else {
                self.shared.schedule().next(place)
            };
            let Some(kills) = kills else { break };
            let mark = format!("operation {} of lane {number}", count + 1);
            let version = Version::new(match kind_at(place) {
                Kind::Bad => format!("1.{number}.{}{BAD}", count + 1),
                Kind::Good | Kind::Rollback => format!("1.{number}.{}", count + 1),
            })?;
            self.operation(place, kills, version, mark).await?;
            if !self.tally.faults.is_empty() {
                self.shared.schedule().stop();
                break;
            }
        }
        Ok(())
    }

    async fn operation(
        &mut self,
        place: usize,
        kills: Vec<Kill>,
        version: Version,
        mark: String,
    ) -> Result<(), Failure> {
        let kind = kind_at(place);
        let is_alone = kills.is_empty();
        let orders = Orders {
            places: self.world.places.clone(),
            task: match kind {
                Kind::Good | Kind::Bad => Task::Deploy(version.clone()),
                Kind::Rollback => Task::Rollback,
            },
            mark,
            is_again: false,
            die_at: None,
            broken: self.shared.broken,
        };
        let ended = self.drive(kind, kills, &orders).await?;
        if is_alone {
            self.shared.schedule().learn(place, &ended.trace);
        }
        let before = self.live;
        let end_wanted = match kind {
            Kind::Good => {
                self.live = before.other();
                *self.versions.get_mut(self.live) = version;
                End::Promoted
            }
            Kind::Bad => End::RolledBack,
            Kind::Rollback => {
                self.live = before.other();
                End::RolledBack
            }
        };
        let expected = Expected {
            end: end_wanted,
            live: self.live,
            version: self.versions.get(self.live).clone(),
            mark: orders.mark.clone(),
        };
        let faults = check::faults(&self.world, &ended, &expected).await?;
        let said = ended
            .reason
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        let told = |fault| format!("{}, {kind}{said}: {fault}", orders.mark);
        self.tally.faults.extend(faults.into_iter().map(told));
        self.tally.ends.push((kind, ended.end));
        self.ended.push(end_wanted);
        self.shared.progress().operations += 1;
        Ok(())
    }

    /// Starts the deployer again and again until the operation is over.
    async fn drive(&mut self, kind: Kind, kills: Vec<Kill>, orders: &Orders) -> Result<Ended, Failure> {
        let mut orders = orders.clone();
        let mut kills = VecDeque::from(kills);
        let mut died = None;
        let mut gives_up = 0;
        loop {
            let kill = kills.pop_front();
            let kill_after = match &kill {
                Some(Kill::Random(after)) => Some(*after),
                _ => None,
            };
            orders.die_at = match &kill {
                Some(Kill::At(point)) => Some(point.clone()),
                _ => None,
            };
            orders.write()?;
            let process = Process::start(self.world.folder())?;
            let watched = process.watch(&self.clock, kill_after).await?;
            if let (Some(died), Some(took_over)) = (died.take(), watched.took_over) {
                self.tally.resumes.push(took_over.since(died));
            }
            orders.is_again = true;
            match (watched.ending, kill) {
                (Ending::Killed, Some(kill)) => {
                    died = Some(self.clock.monotonic());
                    self.tally.kills.push((kind, kill));
                    self.shared.progress().kills += 1;
                }
                (Ending::Killed, None) => return Err("somebody else killed the deployer".into()),
                (Ending::Over(ended), kill) => {
                    self.shared
                        .schedule()
                        .give_back(kills.len() + usize::from(kill.is_some()));
                    for kill in kill.into_iter().chain(kills) {
                        if let Kill::At(point) = kill {
                            self.tally.missed.push(point);
                        }
                    }
                    return Ok(ended);
                }
                (Ending::GaveUp(status), kill) => {
                    gives_up += 1;
                    let what = format!("{}: {status}", orders.mark);
                    if gives_up > GIVES_UP_MAX {
                        return Err(format!("{what}; it gave up {gives_up} times").into());
                    }
                    self.tally.gave_up.push(what);
                    kills.extend(kill);
                }
            }
        }
    }

    /// Stops everything, and looks at what is left.
    async fn finish(mut self) -> Result<Tally, Failure> {
        self.tally.seen = self.world.stop_clients(&self.shared.threads).await?;
        let failed = self.tally.seen.failed;
        if self.tally.faults.is_empty() {
            if failed > 0 {
                let examples = &self.tally.seen.examples;
                let fault = format!("{failed} client requests failed: {examples:?}");
                self.tally.faults.push(fault);
            }
            let untold = check::history(&self.world, &self.ended).await?;
            self.tally.faults.extend(untold);
        }
        let folder = self.world.folder().to_owned();
        // What stands there is for whoever looks for the cause.
        self.world.keep_folder();
        drop(self.world);
        let left = check::left_of(&folder)?;
        if !left.is_empty() {
            self.tally.faults.push(format!("still running: {left:?}"));
        }
        if self.tally.faults.is_empty() {
            std::fs::remove_dir_all(&folder)?;
        } else {
            self.tally.folder = Some(folder);
        }
        Ok(self.tally)
    }
}
