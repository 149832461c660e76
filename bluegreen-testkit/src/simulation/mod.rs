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
//! # Providers
//! A [`ProviderSimulation`] plays the same worlds with the real plugins of a provider over a fake of it in memory:
//! see [`Provider`].
//!
//! # What it leaves out
//! - A store that never answers: the driver gives its calls up by itself, and has tests of its own for that.
//! - A process that is suspended between its check and its call: the assumption that the docs of the core state.
//!   One that is suspended while a call is under way is played. What it waits for goes on; when its lease is
//!   over the call is as good as given up, and may act for the settle time from then on.
//! - Secrets of gates over HTTP and of sources of metrics. A warm-up command has one, and prints it.
//!
//! # What it has found
//! Is listed in [`docs/found.md`](https://docs.rs/crate/bluegreen-testkit/latest/source/docs/found.md), each with its
//! cause and the test of the driver that it is by now.

mod command;
mod coverage;
mod draw;
mod faulty;
mod faulty_ports;
pub(crate) mod history;
mod many;
mod operators;
mod plans;
mod ports;
mod provider;
mod run;
pub(crate) mod script;
mod show;
mod shrink;
pub(crate) mod stored;
mod systematic;
pub(crate) mod time;
mod told;
mod wire;
mod witness;
mod world;

pub use command::ProviderCommand;
pub use coverage::Coverage;
pub use history::History;
pub use many::{ProviderSimulation, Simulation, Summary, Violation, fingerprint, replay};
pub use provider::{Provider, Providers, Refusal, Spoil};
pub(crate) use run::LAST;
pub use wire::{Wire, WireError};
