//! The stores of core.

use bluegreen_core::store::{FileStore, MemoryStore};
use bluegreen_testkit::conformance::store::StoreSubject;

mod memory {
    use super::*;

    bluegreen_testkit::store_conformance! {
        async || {
            let store = MemoryStore::new();
            let again = store.clone();
            StoreSubject::new(store).again(async move || again.clone())
        }
    }
}

mod files {
    use super::*;

    bluegreen_testkit::store_conformance! {
        async || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("records");
            let (again, torn) = (path.clone(), path.clone());
            StoreSubject::new(FileStore::open(path).unwrap())
                .again(async move || FileStore::open(&again).unwrap())
                .tear(async move |key| {
                    let file = torn.join(format!("{}.record", key.replace('/', "+")));
                    let whole = std::fs::read(&file).unwrap();
                    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
                })
                .guard(folder)
        }
    }
}

/// Files behind a connection that loses answers and delivers late.
mod files_behind_faults {
    use std::sync::Arc;

    use bluegreen_testkit::fakes::{CallLog, FakeStore};

    use super::*;
    use crate::conformance::fakes::disturb;

    bluegreen_testkit::store_conformance!(async || {
        let folder = tempfile::tempdir().unwrap();
        let files = Arc::new(FileStore::open(folder.path()).unwrap());
        let log = CallLog::default();
        let store = FakeStore::new("files", &log, files);
        let again = store.clone();
        StoreSubject::new(store)
            .again(async move || again.clone())
            .faults(async move |fault| disturb(&log, fault))
            .guard(folder)
    });
}
