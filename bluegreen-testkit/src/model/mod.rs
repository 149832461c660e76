//! A model of two deployers, checked exhaustively, around the real [`Lifecycle`](bluegreen_core::lifecycle::Lifecycle).
//!
//! What is real: the lifecycle, every state and every step of it. What is modelled, after the sources of the
//! deployer: taking the lease and settling, storing before acting, looking before storing, stepping down, and what
//! each command does to routers and host. [`check`] goes through every state that can be reached within the budgets of
//! a [`Config`], and holds each against the promises.
//!
//! # What the abstraction leaves out
//! - **Time.** A lease is good or over: it is over at the earliest when its holder is dead or suspended, because a
//!   living one renews. A settle time is over when nothing of earlier requests can act any more: that is
//!   its definition, and whether the declared time is long enough is not checked here. A phase's time may be over at any
//!   moment, at the cost of a fault; where nothing else can happen it costs nothing. A bake is watched in one piece.
//! - **The store** is a compare-and-swap register whose lost answers are read back, which is why a write is one
//!   step. That its lost and late writes come to the same is the conformance suite's part. A store that does not
//!   answer until the lease is over is a crash.
//! - **Calls** to several routers take effect together, in any combination of outcomes; what lands later lands at any
//!   later time. A crash in the middle of a call leaves any combination behind.
//! - **Gates** say the truth, or nothing: a slot falls ill at any time, at the cost of an illness, and does not
//!   recover; a bad release is a candidate that is ill at once.
//! - Who resolves what is halted takes the lease, waits for what settles and stores as a deployer does; between what
//!   it reads of the routers and what it tells them nothing else happens, and it is live at once.
//! - Hooks, notices, warm-up, workers and migrations of a deployment: they are in the golden table and in the
//!   simulation. Routers that were changed by hand too.
//! - The assumption of the docs: a process is not suspended between the check of its lease and the call.
//!   [`Twist::Oversleeps`] takes the assumption away.
//!
//! Promises 13 and 14 are about bytes, and not for a model. The first half of 16 (a command twice is as good as once)
//! is how effects are modelled here; the conformance suites check it of plugins.

mod check;
mod life;
#[expect(
    clippy::indexing_slicing,
    reason = "seats, routers and slots are named by indices that the model gave"
)]
mod possible;
#[expect(
    clippy::indexing_slicing,
    reason = "seats, routers and slots are named by indices that the model gave"
)]
mod promise;
mod protocol;
#[expect(
    clippy::indexing_slicing,
    reason = "seats, routers and slots are named by indices that the model gave"
)]
mod state;
#[expect(
    clippy::indexing_slicing,
    reason = "seats, routers and slots are named by indices that the model gave"
)]
mod step;
mod twist;

pub use check::{Checked, PromiseChecked, check};
pub use twist::{InvalidTwist, Twist};

use bluegreen_core::Operation;

/// What is explored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Config {
    /// How many routers change together: 1 to 3.
    pub routers: usize,
    /// How many steps the plan has: 1 to 4.
    pub steps: usize,
    /// How often deployers die or are suspended.
    pub crashes: u8,
    /// How many calls go wrong, and how many deadlines pass.
    pub faults: u8,
    /// How many slots fall ill.
    pub ills: u8,
    /// How often operators abort, ask for the way back, or resolve.
    pub requests: u8,
    /// Whether operators may resolve what is halted.
    pub resolves: bool,
    /// Whether routers compare tokens; otherwise they declare a settle time.
    pub fenced: bool,
    /// How often a call is tried.
    pub attempts: u32,
    /// Whether the last step needs an approval.
    pub approval: bool,
    /// Whether operations give the standby up.
    pub give_up_standby: bool,
    /// What is done, one after the other.
    pub operations: Vec<Operation>,
    /// What is wrong on purpose.
    pub twist: Option<Twist>,
    /// On how many threads; with more than one the trace that is found may not be the shortest.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            routers: 1,
            steps: 2,
            crashes: 2,
            faults: 2,
            ills: 1,
            requests: 1,
            resolves: true,
            fenced: false,
            attempts: 2,
            approval: false,
            give_up_standby: false,
            operations: vec![Operation::Deploy],
            twist: None,
            threads: 2,
        }
    }
}

/// Why nothing could be explored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The plan of the model is none.
    #[error(transparent)]
    Plan(#[from] bluegreen_core::plan::PlanError),
    /// A name in it is none.
    #[error(transparent)]
    Name(#[from] bluegreen_core::InvalidName),
    /// A weight in it is none.
    #[error(transparent)]
    Share(#[from] bluegreen_core::InvalidShare),
    /// It cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// There are 1 to 3 routers in a model.
    #[error("{0} routers: the model has 1 to 3")]
    Routers(usize),
}
