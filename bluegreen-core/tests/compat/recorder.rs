//! A store that keeps the first record of each moment, with what the world was like then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::lifecycle::Moment;
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{Slot, Store, StoreError, StoreVersion, Versioned};
use bluegreen_testkit::fakes::{FakeHost, FakeRouter, FakeStore, FakeWorkers};
use bytes::Bytes;

use crate::kept::{KEY, Kept, Known, lifecycle};
use crate::world::World;

#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    memory: MemoryStore,
    router: FakeRouter,
    host: FakeHost,
    workers: FakeWorkers,
    kept: Arc<Mutex<BTreeMap<String, Kept>>>,
}

impl Recorder {
    /// Records what is stored in a world from now on.
    pub(crate) fn of(world: &mut World) -> Self {
        let recorder = Self {
            memory: world.memory.clone(),
            router: world.router().clone(),
            host: world.host.clone(),
            workers: world.workers.clone(),
            kept: Arc::default(),
        };
        world.store = FakeStore::new("memory", &world.log, Arc::new(recorder.clone()));
        recorder
    }

    /// What was recorded. How each operation ends is not known yet.
    pub(crate) fn take(&self) -> Vec<Kept> {
        std::mem::take(&mut *self.kept.lock().unwrap())
            .into_values()
            .collect()
    }

    fn record(&self, body: &Bytes) {
        let Some(name) = moment(body) else { return };
        let releases = Slot::BOTH
            .into_iter()
            .filter_map(|slot| Some((slot, self.host.release(slot)?)));
        let known = Known {
            split: self.router.live(),
            releases: releases.collect(),
            claiming: self.workers.claiming(),
            command: format!("{:?}", lifecycle(body).command()),
            end: String::new(),
        };
        let body = body.clone();
        let mut kept = self.kept.lock().unwrap();
        kept.entry(name.clone()).or_insert(Kept { name, body, known });
    }
}

/// The name of the moment that a record is in.
fn moment(body: &Bytes) -> Option<String> {
    let lifecycle = lifecycle(body);
    let run = lifecycle.run()?;
    let mut name = format!("{}-{}", run.operation, run.phase);
    if run.phase.belongs_to_a_step() {
        name = format!("{name}-{}", run.step + 1);
    }
    match run.moment {
        Moment::Before => name.push_str("-hooks-before"),
        Moment::After => name.push_str("-hooks-after"),
        Moment::Act => {}
    }
    if let Some(end) = run.end {
        name = format!("{name}-{}", format!("{end:?}").to_lowercase());
    }
    for (holds, what) in [
        (run.pause.is_some(), "-paused"),
        (!run.notices.is_empty(), "-telling"),
        (run.abort.is_some() && run.phase.is_forward(), "-aborted"),
        (!lifecycle.stale_backfills().is_empty(), "-stale-backfill"),
    ] {
        if holds {
            name.push_str(what);
        }
    }
    Some(name)
}

#[async_trait]
impl Store for Recorder {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.memory.load(key).await
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        let version = self.memory.store(key, expected, body.clone()).await?;
        if key == KEY {
            self.record(&body);
        }
        Ok(version)
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.memory.put_new(key, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.memory.get(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.memory.list(prefix, after, limit).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.memory.delete(key).await
    }
}
