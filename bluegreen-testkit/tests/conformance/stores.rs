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
