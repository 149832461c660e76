//! A router and a host in another process.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Assignment, Fault, Host, InFlight, Observation, Op, Readiness, Router, RouterCapabilities, Slot, Split,
    Verification,
};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::ask::ask;
use super::control::{Act, CALL_PATH, DESCRIPTION_PATH, Description, RemoteCall};
use super::remote_fault;

/// How long a control is given to describe itself.
const DESCRIPTION_BUDGET: Duration = Duration::from_secs(5);

/// How long a call to a host may still be on its way after it was given up: on loopback, a busy machine.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// The router behind a [`LoopbackControl`](super::LoopbackControl).
#[derive(Debug, Clone)]
pub struct RemoteRouter {
    address: SocketAddr,
    name: String,
    capabilities: RouterCapabilities,
}

/// The host behind a [`LoopbackControl`](super::LoopbackControl).
#[derive(Debug, Clone)]
pub struct RemoteHost {
    address: SocketAddr,
    settle: Duration,
}

impl RemoteRouter {
    /// Asks the control at `address` for the router's name and capabilities.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn connect(address: SocketAddr) -> Result<Self, Fault> {
        let description = describe(address).await?;
        Ok(Self {
            address,
            name: description.router,
            capabilities: description.capabilities,
        })
    }
}

impl RemoteHost {
    /// Asks the control at `address` for the host's settle time.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn connect(address: SocketAddr) -> Result<Self, Fault> {
        let description = describe(address).await?;
        Ok(Self {
            address,
            settle: Duration::from_millis(description.host_settle_ms) + ON_THE_WAY,
        })
    }
}

async fn describe(address: SocketAddr) -> Result<Description, Fault> {
    let question = ask(address, Method::GET, DESCRIPTION_PATH, Bytes::new());
    read("connect", DESCRIPTION_BUDGET, question).await
}

async fn call<T: DeserializeOwned>(
    address: SocketAddr,
    op: &Op,
    operation: &'static str,
    act: Act,
) -> Result<T, Fault> {
    let call = RemoteCall {
        token: op.token,
        id: op.id.clone(),
        budget_ms: u64::try_from(op.budget.as_millis()).unwrap_or(u64::MAX),
        act,
    };
    let body = serde_json::to_vec(&call).map_err(|error| {
        Fault::rejected("remote", operation, "the call cannot be written").caused_by(error)
    })?;
    read(
        operation,
        op.budget,
        ask(address, Method::POST, CALL_PATH, body.into()),
    )
    .await
}

async fn read<T: DeserializeOwned>(
    operation: &'static str,
    budget: Duration,
    question: impl Future<Output = Result<(StatusCode, Bytes), super::ask::AskError>>,
) -> Result<T, Fault> {
    let (status, body) = tokio::time::timeout(budget, question)
        .await
        .map_err(|_| remote_fault::from_timeout(operation, budget))?
        .map_err(|error| remote_fault::from_silence(operation, error))?;
    if status != StatusCode::OK {
        return Err(remote_fault::from_answer(operation, status, &body));
    }
    serde_json::from_slice(&body).map_err(|error| remote_fault::from_nonsense(operation, error))
}

#[async_trait]
impl Router for RemoteRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.capabilities.clone()
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        call(self.address, op, "observe", Act::Observe).await
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        call(self.address, op, "stage", Act::Stage(slot)).await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        call(self.address, op, "shift", Act::Shift(split)).await
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        call(self.address, op, "verify", Act::Verify(split)).await
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        call(self.address, op, "in_flight", Act::InFlight(slot)).await
    }
}

#[async_trait]
impl Host for RemoteHost {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let Assignment {
            slot,
            release,
            deployment,
        } = assignment.clone();
        let act = Act::Deploy {
            slot,
            release,
            deployment,
        };
        call(self.address, op, "deploy", act).await
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        call(self.address, op, "readiness", Act::Readiness(slot)).await
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        call(self.address, op, "standby", Act::Standby(slot)).await
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        call(self.address, op, "retire", Act::Retire(slot)).await
    }

    fn settle(&self) -> Duration {
        self.settle
    }
}
