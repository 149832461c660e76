//! The contract of [`Store`].
//!
//! A fresh subject is empty. A store has no settle time: what a write that was given up still does is
//! found out by reading back, and it is stopped by the next write, which changes the version.

use std::sync::Arc;

use bluegreen_core::{Fault, FaultKind, Store, StoreError, StoreVersion, Versioned};
use bytes::Bytes;

use super::around::{Around, Hook, ProviderFault, around, hook};
use super::case::{CaseResult, Unproven, broken, cases, hold};
use super::faults::{Call, call, fault_cases};

mod objects;
mod races;
mod records;
mod registers;

pub use objects::*;
pub use races::*;
pub use records::*;
pub use registers::*;

/// A store to be examined, and what can be done around it.
pub struct StoreSubject {
    store: Arc<dyn Store>,
    around: Around,
    again: Option<Hook<(), Arc<dyn Store>>>,
    tear: Option<Hook<String>>,
}

around!(StoreSubject, faults);

impl StoreSubject {
    /// A fresh store.
    pub fn new(store: impl Store + 'static) -> Self {
        Self {
            store: Arc::new(store),
            around: Around::new(),
            again: None,
            tear: None,
        }
    }

    /// Another instance over the same place, as another deployer has it.
    #[must_use]
    pub fn again<S: Store + 'static>(mut self, make: impl AsyncFn() -> S + 'static) -> Self {
        self.again = Some(hook(async move |()| Arc::new(make().await) as Arc<dyn Store>));
        self
    }

    /// Makes of what is stored of a register what a write that stopped half-way would leave: for stores
    /// that write more than one page by themselves.
    #[must_use]
    pub fn tear(mut self, tear: impl AsyncFn(&str) + 'static) -> Self {
        self.tear = Some(hook(async move |key: String| tear(&key).await));
        self
    }

    async fn load(&self, key: &str) -> Result<Option<Versioned>, Unproven> {
        self.around
            .done(&format!("load of {key}"), self.store.load(key))
            .await
    }

    async fn put(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: impl Into<Bytes>,
    ) -> Result<StoreVersion, Unproven> {
        let write = self.store.store(key, expected, body.into());
        self.around.done(&format!("store of {key}"), write).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Unproven> {
        self.around
            .done(&format!("get of {key}"), self.store.get(key))
            .await
    }

    async fn put_new(&self, key: &str, body: impl Into<Bytes>) -> CaseResult {
        self.around
            .done(&format!("put_new of {key}"), self.store.put_new(key, body.into()))
            .await
    }

    async fn delete(&self, key: &str) -> CaseResult {
        self.around
            .done(&format!("delete of {key}"), self.store.delete(key))
            .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Unproven> {
        let page = self.store.list(prefix, after.map(str::to_owned), limit);
        self.around.done(&format!("list of {prefix:?}"), page).await
    }

    /// The register is there with this body; its version.
    async fn holds(&self, key: &str, body: &[u8], when: &str) -> Result<StoreVersion, Unproven> {
        match self.load(key).await? {
            Some(loaded) if loaded.body == body => Ok(loaded.version),
            other => broken(format!("{when}, {key} holds {}", shown(other.as_ref()))),
        }
    }

    /// The call is answered by a conflict.
    async fn conflicts<T: std::fmt::Debug>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> CaseResult {
        match self.around.call(what, call).await? {
            Err(StoreError::Conflict { .. }) => Ok(()),
            other => broken(format!("{what} has to be a conflict and is {other:?}")),
        }
    }

    /// The call is refused for good.
    async fn refuses<T: std::fmt::Debug>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> CaseResult {
        match self.around.call(what, call).await? {
            Err(StoreError::Refused { .. }) => Ok(()),
            other => broken(format!("{what} has to be refused and is {other:?}")),
        }
    }
}

/// What is loaded, without filling the screen with it.
fn shown(loaded: Option<&Versioned>) -> String {
    match loaded {
        None => "nothing".to_owned(),
        Some(Versioned { version, body }) => {
            let begin = String::from_utf8_lossy(body.get(..40).unwrap_or(body));
            format!("{} bytes, {begin:?}…, as {version:?}", body.len())
        }
    }
}

/// A store's error as the fault that says the same.
fn as_fault(error: &StoreError) -> Fault {
    let kind = match error {
        StoreError::Conflict { .. } => FaultKind::Fenced,
        StoreError::Unavailable { .. } => FaultKind::Unavailable { retry_after: None },
        StoreError::Refused { .. } => FaultKind::Rejected,
        _ => FaultKind::Unknown,
    };
    Fault::new(kind, "store", "call", error.to_string())
}

/// One call of each operation; the answers do not matter.
fn calls(subject: &StoreSubject) -> Vec<Call<'_>> {
    let store = &subject.store;
    vec![
        call("load", async {
            store.load("shop").await.map_err(|error| as_fault(&error))
        }),
        call("store", async {
            store
                .store("shop", None, "{}".into())
                .await
                .map_err(|error| as_fault(&error))
        }),
        call("put_new", async {
            store
                .put_new("shop/1", "{}".into())
                .await
                .map_err(|error| as_fault(&error))
        }),
        call("get", async {
            store.get("shop/1").await.map_err(|error| as_fault(&error))
        }),
        call("list", async {
            store
                .list("shop/", None, 10)
                .await
                .map_err(|error| as_fault(&error))
        }),
        call("delete", async {
            store.delete("shop/1").await.map_err(|error| as_fault(&error))
        }),
    ]
}

fault_cases!(StoreSubject, calls);

/// Throttling is `Unavailable`: nothing was written, it may be tried again. A store's error carries no wait.
pub async fn throttling_is_unavailable(subject: &StoreSubject) -> CaseResult {
    let retry_after = std::time::Duration::from_secs(7);
    subject
        .around
        .inject(ProviderFault::Throttled { retry_after })
        .await?;
    for (name, call) in calls(subject) {
        let fault = subject.around.fault(name, call).await?;
        let is_unavailable = matches!(fault.kind, FaultKind::Unavailable { .. });
        hold!(
            is_unavailable,
            "{name} was throttled and says {:?}: {fault}",
            fault.kind
        );
    }
    subject.around.heal().await
}

cases! {
    $ store_conformance, store, StoreSubject:
    nothing_is_there_before_it_is_written,
    what_was_stored_is_loaded_byte_for_byte,
    a_register_is_written_only_over_the_version_that_was_read,
    a_version_never_comes_back,
    a_strange_version_is_a_conflict,
    keys_do_not_touch_each_other,
    what_is_no_key_is_refused_by_every_call,
    an_object_is_written_once,
    an_object_is_no_register,
    delete_twice_is_once,
    objects_are_listed_in_order_page_by_page,
    a_list_keeps_to_its_prefix_after_and_limit,
    of_many_writers_exactly_one_wins_each_version,
    of_many_that_put_one_object_exactly_one_wins,
    a_reader_never_sees_half_of_a_write,
    two_instances_see_one_store,
    of_writers_over_two_instances_exactly_one_wins,
    a_dropped_write_leaves_the_old_or_the_new_body,
    a_dropped_put_or_delete_leaves_all_or_nothing,
    a_lost_answer_is_resolved_by_reading_back,
    a_write_that_lands_late_does_not_undo_a_newer_one,
    a_half_written_register_is_never_read_as_a_record,
    a_record_of_a_future_version_is_refused_and_kept,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable,
}
