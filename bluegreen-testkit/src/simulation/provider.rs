//! Worlds whose routers, and whose host if there is one, are a provider's own: the real plugins, over a fake of
//! the provider in memory.
//!
//! What goes wrong then goes wrong with single requests: each one that a plugin sends through its [`Wire`] may be
//! refused, throttled, lost, answered with an error after it was carried out, delayed, carried out late, or be the
//! last one of its process. Everything else is as in a world without a provider: the driver, the plans, the
//! operators, the store, the gates, and the [promises](crate::invariants) that are held against what really
//! happened. What really happened is asked of the fake, never of a plugin.
//!
//! Whoever has a provider implements [`Provider`] for a struct that holds its fake, and gives
//! [`ProviderSimulation`](super::ProviderSimulation) a function that makes one. Times have to be short, as those of
//! the simulation's plans are: a call has two seconds, and a phase twelve.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, Fencing, Host, Plan, Router, RouterCapabilities, Slot, Split};
use bytes::Bytes;
use hyper::{Request, Response};

use super::faulty::Line;
use super::history::WORLD;
use super::plans;
use super::script::{RouterShape, Script};
use super::time::Time;
use super::wire::Wire;
use super::world::{Setting, World};

/// A provider in one world: a fake of its APIs, what the plugins are that work with it, and the truth about it.
///
/// In the beginning everything is as after a deployment of the version `r0` to blue, which has all traffic.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Does what is asked, at once, and answers.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes>;

    /// What the provider answers when it refuses a request, whatever it is.
    fn refuse(&self, request: &Request<Bytes>, how: Refusal) -> Response<Bytes>;

    /// How many routers there are; at least one. They are changed together.
    fn routers(&self) -> u8;

    /// A router as a process has it: a new one for each process, whose requests go through the wire, and whose
    /// clock is the wire's.
    fn router(&self, index: u8, wire: Wire) -> Arc<dyn Router>;

    /// The host as a process has it; none: the world has one of its own.
    fn host(&self, wire: Wire) -> Option<Arc<dyn Host>> {
        let _ = wire;
        None
    }

    /// The split that a router has been told; none while it holds none.
    fn held(&self, router: u8) -> Option<Split>;

    /// How new requests are divided now; none where that is no split: while some still follow an older one.
    fn live(&self, router: u8) -> Option<Split>;

    /// The version that really runs in a slot and serves. Asked only where the host is the provider's.
    fn running(&self, slot: Slot) -> Option<String> {
        let _ = slot;
        None
    }

    /// Somebody gives all traffic of a router to a slot, by hand and at once. `false` where the provider would not
    /// let them.
    fn by_hand(&self, router: u8, slot: Slot) -> bool;

    /// The next change of a router, or of what runs in a slot, is taken and fails later.
    fn spoil(&self, what: Spoil) {
        let _ = what;
    }

    /// What was to be spoilt and has not come is forgotten.
    fn unspoil(&self) {}

    /// What is not as it was and as nobody has asked for: a setting that was lost, a domain that two have. Looked
    /// at after each change.
    fn harm(&self) -> Option<&'static str> {
        None
    }
}

/// How a provider refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request itself is refused, for good: a missing permission.
    Rejected,
    /// Too many requests: to be sent again after this time.
    Throttled(Duration),
    /// An error of the service. It says nothing of what was done.
    Failed,
}

/// What is to fail after it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// The next change of this router.
    Router(u8),
    /// What is deployed next to this slot.
    Deployment(Slot),
}

/// Makes the provider of the world of a seed, which lives by this clock.
pub type Providers<'a> = dyn Fn(u64, Arc<dyn Clock>) -> Arc<dyn Provider> + Sync + 'a;

/// What a provider's plugins say of themselves.
pub(super) struct Shape {
    pub(super) routers: Vec<RouterShape>,
    /// None: the world has a host of its own.
    pub(super) host_settle_ms: Option<u64>,
    capabilities: Vec<RouterCapabilities>,
}

impl Shape {
    /// Asks the plugins, in a world in which nothing happens.
    pub(super) fn of(provider: &Arc<dyn Provider>, time: &Time) -> Result<Self, String> {
        let setting = Setting {
            time: time.clone(),
            provider: Some(Arc::clone(provider)),
            hosts: false,
        };
        let world = World::new(Script::quiet(0, 0), plans::plan(0)?, setting);
        let wire = || {
            Wire::new(Line {
                world: world.clone(),
                actor: WORLD,
                settle_ms: None,
            })
        };
        let capabilities: Vec<_> = (0..provider.routers())
            .map(|index| provider.router(index, wire()).capabilities())
            .collect();
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let routers = capabilities.iter().map(|known| RouterShape {
            fenced: known.fencing == Fencing::Token,
            settle_ms: millis(known.settle()),
            lag_ms: millis(known.propagation),
            // What it counts, it tells; nothing is known of what it has to tell.
            counts_in_flight: false,
            linger_ms: 0,
        });
        Ok(Self {
            routers: routers.collect(),
            host_settle_ms: provider.host(wire()).map(|host| millis(host.settle())),
            capabilities,
        })
    }

    /// Whether the routers can hold all that a plan asks for.
    pub(super) fn fits(&self, plan: &Plan) -> bool {
        let mut splits = plan
            .steps
            .iter()
            .map(|step| Split::with(Slot::Green, step.weight));
        splits.all(|split| self.capabilities.iter().all(|known| known.can_hold(split)))
    }
}
