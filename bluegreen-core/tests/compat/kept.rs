//! The records that are kept, and what is known of each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::lifecycle::Lifecycle;
use bluegreen_core::store::FileStore;
use bluegreen_core::{Op, Release, Router, Slot, Split, Store, Token};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::world::World;

/// The key of the record that all of this is about.
pub(crate) const KEY: &str = "shop/record";
/// Where a store of files keeps it.
pub(crate) const FILE: &str = "shop+record.record";

/// What the world was like when a record was written, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// What the routers held.
    pub(crate) split: Split,
    pub(crate) releases: BTreeMap<Slot, Release>,
    pub(crate) claiming: Vec<Slot>,
    /// What has to be done, as it is written by `Debug`.
    pub(crate) command: String,
    /// How the operation ends, as it is written by `Debug`. For what is over, how it has ended.
    pub(crate) end: String,
}

/// A record that is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) body: Bytes,
    pub(crate) known: Known,
}

pub(crate) fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "compat", "format-1"]
        .iter()
        .collect()
}

/// All of them. Each is read by a store of files from the very bytes that such a store once wrote.
pub(crate) async fn all() -> Vec<Kept> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "record") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let records = tempfile::tempdir().unwrap();
        std::fs::copy(&path, records.path().join(FILE)).unwrap();
        let store = FileStore::open(records.path()).unwrap();
        let record = store.load(KEY).await.unwrap().unwrap_or_else(|| panic!("{name}"));
        let known = std::fs::read(path.with_extension("json")).unwrap();
        all.push(Kept {
            known: serde_json::from_slice(&known).unwrap_or_else(|error| panic!("{name}: {error}")),
            body: record.body,
            name,
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Keeps a record, as a store of files writes it.
pub(crate) async fn keep(kept: &Kept) {
    let records = tempfile::tempdir().unwrap();
    let store = FileStore::open(records.path()).unwrap();
    store.store(KEY, None, kept.body.clone()).await.unwrap();
    let path = folder().join(format!("{}.record", kept.name));
    std::fs::create_dir_all(folder()).unwrap();
    std::fs::copy(records.path().join(FILE), &path).unwrap();
    let known = serde_json::to_vec_pretty(&kept.known).unwrap();
    std::fs::write(path.with_extension("json"), known).unwrap();
}

/// The lifecycle in the body of a record.
pub(crate) fn lifecycle(body: &[u8]) -> Lifecycle {
    #[derive(Deserialize)]
    struct Body {
        lifecycle: Lifecycle,
    }
    serde_json::from_slice::<Body>(body).unwrap().lifecycle
}

/// The world in which a record was written.
pub(crate) async fn world_of(body: &Bytes, known: &Known) -> World {
    let mut world = World::new();
    world.routers = vec![world.router().clone().with_split(known.split)];
    for slot in Slot::BOTH {
        let op = Op::new(Token::default(), "stage", Duration::from_secs(1));
        world.router().stage(&op, slot).await.unwrap();
    }
    for (slot, release) in &known.releases {
        world.host = world.host.clone().with_release(*slot, release.clone());
    }
    world.workers = world
        .workers
        .clone()
        .with_claiming(known.claiming.iter().copied());
    world.memory.store(KEY, None, body.clone()).await.unwrap();
    world
}
