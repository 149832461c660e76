//! A host that runs a loopback service in each slot.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::{
    Assignment, DeploymentId, Fault, Host, Op, Readiness, ReadyState, Release, Slot, Version,
};
use bytes::Bytes;
use hyper::{Method, StatusCode};

use super::ask::ask;
use super::per_slot::PerSlot;
use super::service::{Faults, Service, ServiceConfig};
use crate::lock::held;

/// Runs a [`Service`] in each slot. A slot keeps its address for the host's lifetime; while nothing runs
/// there, connections are refused.
#[derive(Debug, Clone)]
pub struct LoopbackHost {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    services: PerSlot<Service>,
    running: Mutex<PerSlot<Option<Running>>>,
    defects: Mutex<HashMap<Version, Faults>>,
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Running {
    release: Release,
    /// `None` for what was [`run`](LoopbackHost::run) past the deployer.
    deployment: Option<DeploymentId>,
}

impl LoopbackHost {
    /// A host with nothing in its slots.
    ///
    /// # Errors
    /// When no ports can be bound.
    pub async fn start() -> io::Result<Self> {
        let (blue, green) = (
            service_of_empty(Slot::Blue).await?,
            service_of_empty(Slot::Green).await?,
        );
        Ok(Self {
            shared: Arc::new(Shared {
                services: PerSlot { blue, green },
                running: Mutex::default(),
                defects: Mutex::default(),
                turn: tokio::sync::Mutex::default(),
            }),
        })
    }

    /// Where the slots answer.
    #[must_use]
    pub fn addresses(&self) -> PerSlot<SocketAddr> {
        let services = &self.shared.services;
        PerSlot {
            blue: services.blue.address(),
            green: services.green.address(),
        }
    }

    /// The service of a slot, to look at its counters or to switch its faults.
    #[must_use]
    pub fn service(&self, slot: Slot) -> &Service {
        self.shared.services.get(slot)
    }

    /// The release in a slot.
    #[must_use]
    pub fn release(&self, slot: Slot) -> Option<Release> {
        let running = held(&self.shared.running);
        running.get(slot).as_ref().map(|running| running.release.clone())
    }

    /// Runs a release in a slot past the deployer: what was there before the first deployment.
    ///
    /// # Errors
    /// When the slot's port could not be bound again.
    pub async fn run(&self, slot: Slot, release: Release) -> io::Result<()> {
        let _turn = self.shared.turn.lock().await;
        let running = Running {
            release,
            deployment: None,
        };
        self.replace(slot, running).await
    }

    /// From now on a version has these faults wherever it is deployed: a bad release.
    pub fn set_defect(&self, version: Version, faults: Faults) {
        held(&self.shared.defects).insert(version, faults);
    }

    /// Stops what runs in a slot. Dropped on its way, it leaves a slot in which nothing runs.
    async fn empty(&self, slot: Slot) -> io::Result<()> {
        *held(&self.shared.running).get_mut(slot) = None;
        let service = self.service(slot);
        service.set_refusing(true).await?;
        service.cut_connections();
        Ok(())
    }

    async fn replace(&self, slot: Slot, running: Running) -> io::Result<()> {
        self.empty(slot).await?;
        let service = self.service(slot);
        let version = running.release.version.clone();
        let faults = held(&self.shared.defects)
            .get(&version)
            .cloned()
            .unwrap_or_default();
        service.set_version(version);
        service.set_faults(faults);
        service.set_refusing(false).await?;
        *held(&self.shared.running).get_mut(slot) = Some(running);
        Ok(())
    }
}

async fn service_of_empty(slot: Slot) -> io::Result<Service> {
    let version = Version::new("none").map_err(io::Error::other)?;
    let service = Service::start(ServiceConfig { version, slot }).await?;
    service.set_refusing(true).await?;
    Ok(service)
}

fn unknown(operation: &'static str, slot: Slot) -> impl FnOnce(io::Error) -> Fault {
    move |error| {
        Fault::unknown("loopback", operation, "the slot's port could not be bound again")
            .on(slot.as_str())
            .caused_by(error)
    }
}

#[async_trait]
impl Host for LoopbackHost {
    async fn deploy(&self, _: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let _turn = self.shared.turn.lock().await;
        let wanted = Running {
            release: assignment.release.clone(),
            deployment: Some(assignment.deployment),
        };
        let is_there = held(&self.shared.running)
            .get(assignment.slot)
            .as_ref()
            .is_some_and(|running| running.deployment == wanted.deployment);
        if is_there {
            return Ok(());
        }
        self.replace(assignment.slot, wanted)
            .await
            .map_err(unknown("deploy", assignment.slot))
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let Some(release) = self.release(slot) else {
            return Ok(Readiness::new(ReadyState::Stopped, "nothing runs here"));
        };
        let address = self.service(slot).address();
        let question = ask(address, Method::GET, "/health", Bytes::new());
        Ok(match tokio::time::timeout(op.budget, question).await {
            Ok(Ok((StatusCode::OK, _))) => {
                Readiness::new(ReadyState::Ready, format!("{release} answers at {address}")).instances(1)
            }
            Ok(Ok((status, _))) => {
                Readiness::new(ReadyState::Starting, format!("{address}/health answers {status}"))
            }
            Ok(Err(error)) => Readiness::new(ReadyState::Starting, error.to_string()),
            Err(_) => Readiness::new(
                ReadyState::Starting,
                format!("{address}/health does not answer in {:?}", op.budget),
            ),
        })
    }

    /// One instance is the smallest size already.
    async fn standby(&self, _: &Op, _: Slot) -> Result<(), Fault> {
        Ok(())
    }

    async fn retire(&self, _: &Op, slot: Slot) -> Result<(), Fault> {
        let _turn = self.shared.turn.lock().await;
        self.empty(slot).await.map_err(unknown("retire", slot))
    }
}
