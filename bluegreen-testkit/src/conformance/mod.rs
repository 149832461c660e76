//! Suites that hold a plugin to the contract of its port: one named test for each promise.
//!
//! You have written a plugin: a router for another load balancer, a store on another database. What the
//! deployer relies on is in the docs of the ports; here it is as cases that can fail. You say how a fresh
//! instance is made, and, where a case needs it, how the world around it is disturbed.
//!
//! # Prove your own router
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use async_trait::async_trait;
//! use bluegreen_core::*;
//!
//! /// A balancer that holds whole percents, and remembers who changed it last.
//! #[derive(Debug, Clone)]
//! struct Balancer {
//!     state: Arc<Mutex<(Split, Token)>>,
//! }
//!
//! impl Balancer {
//!     fn new() -> Self {
//!         let state = (Split::all(Slot::Blue), Token::default());
//!         Self { state: Arc::new(Mutex::new(state)) }
//!     }
//! }
//!
//! #[async_trait]
//! impl Router for Balancer {
//!     fn name(&self) -> &str {
//!         "balancer"
//!     }
//!
//!     fn capabilities(&self) -> RouterCapabilities {
//!         RouterCapabilities::exact().granularity(Granularity::Steps(100))
//!     }
//!
//!     async fn observe(&self, _: &Op) -> Result<Observation, Fault> {
//!         let (split, token) = *self.state.lock().unwrap();
//!         Ok(Observation::new(split, "read from the balancer").token(token))
//!     }
//!
//!     async fn stage(&self, op: &Op, _: Slot) -> Result<(), Fault> {
//!         match self.state.lock().unwrap().1 {
//!             newest if op.token < newest => Err(Fault::fenced("balancer", "stage", "a newer one acts")),
//!             _ => Ok(()),
//!         }
//!     }
//!
//!     async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
//!         if !self.capabilities().can_hold(split) {
//!             return Err(Fault::rejected("balancer", "shift", format!("{split} is too fine")));
//!         }
//!         let mut state = self.state.lock().unwrap();
//!         if op.token < state.1 {
//!             return Err(Fault::fenced("balancer", "shift", "a newer one acts"));
//!         }
//!         *state = (split, op.token);
//!         Ok(())
//!     }
//!
//!     async fn verify(&self, _: &Op, split: Split) -> Result<Verification, Fault> {
//!         let live = self.state.lock().unwrap().0;
//!         let seen = format!("the balancer divides by {live}");
//!         Ok(match live == split {
//!             true => Verification::Live { evidence: seen },
//!             false => Verification::NotYet { why: seen },
//!         })
//!     }
//! }
//!
//! /// In a file of its own, `tests/conformance.rs`:
//! mod conformance {
//!     use bluegreen_testkit::conformance::router::RouterSubject;
//! #   use super::*;
//!
//!     bluegreen_testkit::router_conformance!(async || {
//!         let balancer = Balancer::new();
//!         let (console, again) = (balancer.clone(), balancer.clone());
//!         RouterSubject::new(balancer)
//!             // Somebody changes it in the provider's console.
//!             .by_hand(async move |split| console.state.lock().unwrap().0 = split)
//!             // Another deployer has an instance of its own.
//!             .again(async move || again.clone())
//!     });
//! }
//! #
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! #     use bluegreen_testkit::conformance::router::{self, RouterSubject};
//! #     let report = router::prove_all(async || RouterSubject::new(Balancer::new())).await;
//! #     assert!(report.broken().is_empty(), "{report}");
//! # }
//! ```
//!
//! `cargo test` then shows one test for each case, such as `conformance::an_older_token_is_fenced_off`.
//! Your crate needs tokio with the features `macros` and `rt-multi-thread` among its dev-dependencies.
//!
//! # What is run
//!
//! Every case gets a fresh subject. Which cases apply follows from the capabilities that the plugin
//! declares: a router that compares tokens has to fence, one that declares a settle time may change
//! nothing after it. A case that does not apply, or needs a hook that the subject does not give, passes and
//! says so in a line that is not hidden with the output of tests that pass (cargo-nextest hides that too):
//!
//! ```text
//! not run: router conformance: conformance::throttling_is_unavailable_with_its_wait: the subject gives no hook `faults`
//! ```
//!
//! A plugin is proved when no line is left but those that you can explain.
//!
//! Beside what a case is about, each call in every case is held to its budget, and each error and evidence
//! to [`LONGEST_TEXT`] and to not holding the secrets that the subject names.
//!
//! # What surrounds the plugin
//!
//! What a subject needs for as long as its case runs goes into `guard`: a folder, a server, a process that
//! its `Drop` ends. Guards are dropped when the case ends, also when it fails or panics. `faults` disturbs
//! the way to the provider: see [`ProviderFault`]. For HTTP that is a server of yours, in front of the real
//! one or in its place.
//!
//! Where the tests need other attributes than `#[tokio::test(flavor = "multi_thread")]`, write a function
//! with them. In-memory plugins run on virtual time with `start_paused`, and a settle time of minutes costs
//! nothing; what needs something installed is ignored until it is asked for:
//!
//! ```
//! # use bluegreen_core::store::MemoryStore;
//! # use bluegreen_testkit::conformance::store::StoreSubject;
//! bluegreen_testkit::store_conformance! {
//!     #[tokio::test]
//!     #[ignore = "needs the database"]
//!     async fn subject() -> StoreSubject {
//!         StoreSubject::new(MemoryStore::new())
//!     }
//! }
//! ```
//!
//! Without macros, a case is a function that returns a [`CaseResult`], and `prove_all` of each port returns
//! a [`Report`] that can be printed.

#![expect(
    clippy::missing_errors_doc,
    reason = "a case fails when the contract that its doc states is broken"
)]

pub(crate) mod around;
pub(crate) mod case;
mod dropped;
mod faults;
mod hostile;
mod usual;

pub mod approver;
pub mod gate;
pub mod hook;
pub mod host;
pub mod metrics;
pub mod migrator;
pub mod notifier;
pub mod observer;
pub mod router;
pub mod store;
pub mod workers;

pub use around::{LONGEST_TEXT, ProviderFault};
pub use case::{CaseResult, Report, Unproven, prove};
