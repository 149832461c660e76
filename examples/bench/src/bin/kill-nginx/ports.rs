//! The real parts of a deployer, in which it can be killed at each call that changes something.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::store::FileStore;
use bluegreen_core::{
    Assignment, Fault, Host, Op, Readiness, Slot, Store, StoreError, StoreVersion, Versioned,
};
use bluegreen_nginx::{Answer, Change, Commit, Committed, LocalTransport, NginxError, Transport};
use bluegreen_testkit::loopback::RemoteHost;
use bytes::Bytes;
use serde::Deserialize;

use crate::point::{Port, Trigger};

/// How long a call to the host may still be on its way when its caller is dead: its socket is closed with
/// it, and the other side is on this machine.
const HOST_SETTLES: Duration = Duration::from_millis(250);

/// The files of the record.
#[derive(Debug)]
pub(crate) struct MortalStore {
    pub(crate) files: FileStore,
    pub(crate) trigger: Arc<Trigger>,
}

#[async_trait]
impl Store for MortalStore {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.files.load(key).await
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        let what = state(&body).unwrap_or_else(|| key.to_owned());
        let write = self.files.store(key, expected, body);
        self.trigger.around(Port::Store, what, write).await
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        let what = if key.contains("/history/") {
            "the report"
        } else {
            "a segment of the journal"
        };
        let write = self.files.put_new(key, body);
        self.trigger.around(Port::Store, what.to_owned(), write).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.files.get(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.files.list(prefix, after, limit).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.files.delete(key).await
    }
}

/// The state that the body of a record stores.
fn state(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Record {
        token: Token,
        lease: Option<serde::de::IgnoredAny>,
        lifecycle: Lifecycle,
    }
    #[derive(Deserialize)]
    struct Token {
        seq: u64,
    }
    #[derive(Deserialize)]
    struct Lifecycle {
        run: Option<Run>,
    }
    #[derive(Deserialize)]
    struct Run {
        phase: bluegreen_core::Phase,
        step: usize,
    }
    let record: Record = serde_json::from_slice(body).ok()?;
    Some(match (record.lease, record.lifecycle.run) {
        (None, _) => "the lease given back".to_owned(),
        (Some(_), _) if record.token.seq == 0 => "the lease claimed".to_owned(),
        (Some(_), Some(run)) if run.phase.belongs_to_a_step() => {
            format!("{} {}", run.phase, run.step + 1)
        }
        (Some(_), Some(run)) => run.phase.to_string(),
        (Some(_), None) => "no operation".to_owned(),
    })
}

/// The files that nginx looks into.
#[derive(Debug)]
pub(crate) struct MortalTransport {
    pub(crate) local: LocalTransport,
    pub(crate) trigger: Arc<Trigger>,
}

#[async_trait]
impl Transport for MortalTransport {
    async fn read(&self, path: &Path) -> Result<Option<String>, NginxError> {
        self.local.read(path).await
    }

    async fn run(&self, argv: &[String]) -> Result<String, NginxError> {
        self.local.run(argv).await
    }

    async fn get(&self, urls: &[String]) -> Result<Vec<Answer>, NginxError> {
        self.local.get(urls).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, NginxError> {
        let everything = commit
            .claim
            .and_then(|claim| claim.split)
            .is_some_and(|split| split.only().is_some());
        let what = match &commit.change {
            Change::Rehearse(_) => "stage",
            Change::Switch(_) if everything => "shift of everything",
            Change::Switch(_) => "shift of a part",
            Change::Files { .. } => "installation",
        };
        let commit = self.local.commit(commit);
        self.trigger.around(Port::Router, what.to_owned(), commit).await
    }
}

/// The host in the parent process: it kills what it is told to retire.
#[derive(Debug)]
pub(crate) struct MortalHost {
    pub(crate) remote: RemoteHost,
    pub(crate) trigger: Arc<Trigger>,
}

#[async_trait]
impl Host for MortalHost {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let call = self.remote.deploy(op, assignment);
        self.trigger.around(Port::Host, "deploy".to_owned(), call).await
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        self.remote.readiness(op, slot).await
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.remote.standby(op, slot);
        self.trigger.around(Port::Host, "standby".to_owned(), call).await
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.remote.retire(op, slot);
        self.trigger.around(Port::Host, "retire".to_owned(), call).await
    }

    fn settle(&self) -> Duration {
        HOST_SETTLES
    }
}
