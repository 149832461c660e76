//! Deterministic simulation of the whole driver: the real `Deployer` in made-up worlds, in virtual time.
//!
//! A world is drawn from a seed: a plan, one to three routers, releases that are good or bad, and a
//! script of what goes wrong: calls that are refused, lost, delayed, throttled or land late, crashes
//! before and after any call, operators who approve, abort and roll back, people who change a router by
//! hand, two deployers at once. First everything may go wrong; then nothing more does, and everything
//! must heal. What really happened is held against the promises in [`invariants`](crate::invariants).
//!
//! The same seed gives the same history, byte for byte: one thread plays a world, time jumps from one
//! moment that somebody waits for to the next, and nothing is taken from the machine.
//!
//! ```no_run
//! use bluegreen_testkit::simulation::Simulation;
//!
//! let summary = Simulation { deployments: 10_000, seed: 1, threads: None }.run()?;
//! assert!(summary.violation.is_none(), "{:#?}", summary.violation);
//! assert_eq!(summary.coverage.missing(), []);
//! # Ok::<(), String>(())
//! ```
//!
//! # What it leaves out
//! - A store that never answers: the driver gives its calls up by itself, and has tests of its own for that.
//! - A process that is suspended between its check and its call: the assumption that the docs of the core state.
//!   One that is suspended while a call is under way is played. What it waits for goes on; when its lease is
//!   over the call is as good as given up, and may act for the settle time from then on.
//! - Secrets of gates over HTTP and of sources of metrics. A warm-up command has one, and prints it.
//!
//! # What it has found
//! Each is a test of the driver by now.
//!
//! | what broke | why |
//! |---|---|
//! | a guard's failure was lost | it came during the last act of a phase, whose own event was taken alone |
//! | operations were over without an end | a hook behind the last phase led out of it |
//! | an operation ended while a call of it could still act | the end was not held up by what settles |
//! | a slot was stopped while a router still sent it requests | an accepted split was taken for a live one |
//! | an old split came back after an operator had resolved | what had been sent before was not shut out |
//! | nobody watched while the next step was made ready | that phase had guards of its own only |
//! | all traffic went to a slot that was not asked | the time for asking was over before a deployer took over |
//! | an abort was told to be taken, and the release promoted | it was stored while the last record was written |
//! | an abort was told to be taken, and the release promoted | it was stored beside a write whose answer was lost, and not seen when that was read back |
//! | the next operation never began | the notice about the last one could not be sent |
//! | a way back that was resumed late halted at once | its time had gone by while nobody was at work |
//! | a phase was over before it had begun | it began by a request, with the time of an older event |
//! | a slot was stopped with requests in flight | a router that did not answer counted as one that cannot count |
//! | all traffic went to a broken slot after an abort | an approval ran out at the same time, which was taken for the end of the time to ask the slots |
//! | an approval in time was rolled back | its time ran out before the deployer looked, which was taken for that of the next phase |
//! | a guard was not asked for seconds | another check did not answer, and all were waited for together |

mod coverage;
mod draw;
mod faulty;
mod faulty_ports;
pub(crate) mod history;
mod many;
mod operators;
mod plans;
mod ports;
mod run;
pub(crate) mod script;
mod show;
mod shrink;
pub(crate) mod stored;
mod systematic;
pub(crate) mod time;
mod world;

pub use coverage::Coverage;
pub use history::History;
pub use many::{Simulation, Summary, Violation, fingerprint, replay};
pub(crate) use run::LAST;
