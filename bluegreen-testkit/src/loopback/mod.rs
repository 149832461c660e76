//! Real services, a real proxy and a real host on 127.0.0.1, in this process.
//!
//! Everything binds port 0, speaks HTTP/1.1 over sockets, and ends when its handle is dropped. Needs
//! a tokio runtime with I/O and time enabled.
//!
//! - [`Service`] answers with its version and slot, and has faults that can be switched.
//! - [`LoopbackHost`] runs two of them, one a slot, at addresses that stay.
//! - [`LoopbackProxy`] divides requests over the two; [`LoopbackRouter`] is its [`Router`] port.
//! - [`Lossy`] is the same router with the losses of a naive switch, to show that a load generator
//!   notices them.
//! - [`LoopbackControl`] serves any router and host to other processes; [`RemoteRouter`] and
//!   [`RemoteHost`] are the ports over there. So a deployer can be killed and started again while
//!   the traffic goes on.
//!
//! [`Router`]: bluegreen_core::Router

mod ask;
mod control;
mod division;
mod host;
mod lossy;
mod per_slot;
mod proxy;
mod remote;
mod remote_fault;
mod router;
pub(crate) mod server;
mod service;
mod shop;

pub use control::LoopbackControl;
pub use division::Division;
pub use host::LoopbackHost;
pub use lossy::{Loss, Lossy};
pub use per_slot::PerSlot;
pub use proxy::{LoopbackProxy, OVERRIDE_HEADER, ProxyConfig, ProxyCounters};
pub use remote::{RemoteHost, RemoteRouter};
pub use router::LoopbackRouter;
pub use service::{Faults, Service, ServiceConfig, ServiceCounters};
