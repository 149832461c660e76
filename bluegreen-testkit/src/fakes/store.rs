//! A store around any store, with scripted faults.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{FaultKind, Monotonic, Store, StoreError, StoreVersion, Versioned};
use bytes::Bytes;

use super::call_log::{Call, CallLog};
use super::script::{Behaviour, Script, calls};
use crate::lock::held;

calls! {
    /// The operations of [`Store`].
    StoreCall {
        /// [`Store::load`].
        Load = "load",
        /// [`Store::store`].
        Store = "store",
        /// [`Store::put_new`].
        PutNew = "put_new",
        /// [`Store::get`].
        Get = "get",
        /// [`Store::list`].
        List = "list",
        /// [`Store::delete`].
        Delete = "delete",
    }
}

/// Wraps any [`Store`]: what is not scripted goes through to it.
///
/// A scripted [`FaultKind`] becomes the error that says the same of a write: `Rejected` is
/// [`Refused`](StoreError::Refused), `Fenced` is [`Conflict`](StoreError::Conflict), the other two keep
/// their names. So `ApplyThenFault(Unknown)` is a write whose answer is lost, and `Fault(Unknown)` one
/// that was lost itself.
#[derive(Debug, Clone)]
pub struct FakeStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    log: CallLog,
    inner: Arc<dyn Store>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    script: Script<StoreCall>,
    latency: Duration,
    late: Vec<(Monotonic, Request)>,
    writes: usize,
}

/// A call to a store, as a value: it can be done now or later.
#[derive(Debug, Clone)]
enum Request {
    Load(String),
    Store(String, Option<StoreVersion>, Bytes),
    PutNew(String, Bytes),
    Get(String),
    List(String, Option<String>, usize),
    Delete(String),
}

/// The answer to a [`Request`].
enum Response {
    Loaded(Option<Versioned>),
    Stored(StoreVersion),
    Got(Option<Bytes>),
    Listed(Vec<String>),
    Done,
}

impl Request {
    const fn call(&self) -> StoreCall {
        match self {
            Self::Load(_) => StoreCall::Load,
            Self::Store(..) => StoreCall::Store,
            Self::PutNew(..) => StoreCall::PutNew,
            Self::Get(_) => StoreCall::Get,
            Self::List(..) => StoreCall::List,
            Self::Delete(_) => StoreCall::Delete,
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Load(key)
            | Self::Store(key, ..)
            | Self::PutNew(key, _)
            | Self::Get(key)
            | Self::List(key, ..)
            | Self::Delete(key) => key,
        }
    }

    const fn is_write(&self) -> bool {
        matches!(self, Self::Store(..) | Self::PutNew(..) | Self::Delete(_))
    }
}

impl FakeStore {
    /// A store around `inner`.
    pub fn new(name: impl Into<String>, log: &CallLog, inner: Arc<dyn Store>) -> Self {
        Self {
            shared: Arc::new(Shared {
                name: name.into(),
                log: log.clone(),
                inner,
                state: Mutex::default(),
            }),
        }
    }

    /// Adds behaviours for the next calls of an operation, one for each call. After the last one the
    /// operation goes through.
    pub fn script(&self, call: StoreCall, behaviours: impl IntoIterator<Item = Behaviour>) {
        held(&self.shared.state).script.extend(call, behaviours);
    }

    /// From now on each call takes so long.
    pub fn set_latency(&self, latency: Duration) {
        held(&self.shared.state).latency = latency;
    }

    /// How many writes have reached the store below and were taken: registers, objects, removals.
    #[must_use]
    pub fn writes(&self) -> usize {
        held(&self.shared.state).writes
    }

    /// The calls to this store, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.shared.log.calls();
        calls.retain(|call| call.port == "store" && call.name == self.shared.name);
        calls
    }

    async fn call(&self, request: Request) -> Result<Response, StoreError> {
        let operation = request.call().into();
        let arguments = request.key().to_owned();
        let said = self
            .shared
            .log
            .record("store", &self.shared.name, operation, arguments, None);
        let (behaviour, latency) = {
            let mut state = held(&self.shared.state);
            let behaviour = said.or_script(|| state.script.next(&request.call()));
            (behaviour, state.latency)
        };
        let clock = self.shared.log.clock();
        if !latency.is_zero() {
            clock.sleep(latency).await;
        }
        self.land().await;
        let key = request.key().to_owned();
        match behaviour {
            Behaviour::Ok => self.pass(request).await,
            Behaviour::Fault(kind) => Err(scripted_error(kind, key)),
            Behaviour::ApplyThenFault(kind) => {
                // The answer is lost, whatever it was.
                let _ = self.pass(request).await;
                Err(scripted_error(kind, key))
            }
            Behaviour::Hang => pending().await,
            Behaviour::ApplyThenHang => {
                let _ = self.pass(request).await;
                pending().await
            }
            Behaviour::Delay(span) => {
                clock.sleep(span).await;
                self.land().await;
                self.pass(request).await
            }
            Behaviour::LandLate(span) => {
                let due = Monotonic(clock.monotonic().0 + span);
                held(&self.shared.state).late.push((due, request));
                Err(scripted_error(FaultKind::Unknown, key))
            }
        }
    }

    /// Does what was sent before and is due by now.
    async fn land(&self) {
        let now = self.shared.log.clock().monotonic();
        let mut due = Vec::new();
        {
            let mut state = held(&self.shared.state);
            state.late.sort_by_key(|(moment, _)| *moment);
            let count = state.late.partition_point(|(moment, _)| *moment <= now);
            due.extend(state.late.drain(..count));
        }
        for (_, request) in due {
            let _ = self.pass(request).await;
        }
    }

    async fn pass(&self, request: Request) -> Result<Response, StoreError> {
        let inner = &self.shared.inner;
        let is_write = request.is_write();
        let response = match request {
            Request::Load(key) => Response::Loaded(inner.load(&key).await?),
            Request::Store(key, expected, body) => Response::Stored(inner.store(&key, expected, body).await?),
            Request::PutNew(key, body) => {
                inner.put_new(&key, body).await?;
                Response::Done
            }
            Request::Get(key) => Response::Got(inner.get(&key).await?),
            Request::List(prefix, after, limit) => Response::Listed(inner.list(&prefix, after, limit).await?),
            Request::Delete(key) => {
                inner.delete(&key).await?;
                Response::Done
            }
        };
        if is_write {
            held(&self.shared.state).writes += 1;
        }
        Ok(response)
    }
}

fn scripted_error(kind: FaultKind, key: String) -> StoreError {
    let message = "the test's script says so".to_owned();
    match kind {
        FaultKind::Rejected => StoreError::Refused { key, message },
        FaultKind::Unavailable { .. } => StoreError::Unavailable { key, message },
        FaultKind::Unknown => StoreError::Unknown { key, message },
        FaultKind::Fenced => StoreError::Conflict { key },
    }
}

/// The answer to a request is of the request's own kind; the compiler cannot know.
fn mismatch(key: &str) -> StoreError {
    StoreError::Refused {
        key: key.to_owned(),
        message: "the answer of the store below does not fit the request".to_owned(),
    }
}

#[async_trait]
impl Store for FakeStore {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        match self.call(Request::Load(key.to_owned())).await? {
            Response::Loaded(loaded) => Ok(loaded),
            _ => Err(mismatch(key)),
        }
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        match self.call(Request::Store(key.to_owned(), expected, body)).await? {
            Response::Stored(version) => Ok(version),
            _ => Err(mismatch(key)),
        }
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.call(Request::PutNew(key.to_owned(), body)).await.map(drop)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        match self.call(Request::Get(key.to_owned())).await? {
            Response::Got(body) => Ok(body),
            _ => Err(mismatch(key)),
        }
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        match self.call(Request::List(prefix.to_owned(), after, limit)).await? {
            Response::Listed(keys) => Ok(keys),
            _ => Err(mismatch(prefix)),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.call(Request::Delete(key.to_owned())).await.map(drop)
    }
}
