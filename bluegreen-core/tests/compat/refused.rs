//! What cannot be read is refused, and stays as it is.

use bluegreen_core::store::FileStore;
use bluegreen_core::{DeployError, Deployer, Slot, Split, Store};
use bytes::Bytes;

use crate::kept::{self, FILE, KEY};
use crate::world::{World, plan, somebody, version};

/// Every way to use a record.
async fn errors(deployer: &Deployer) -> Vec<DeployError> {
    let plan = plan();
    vec![
        deployer.resume().await.unwrap_err(),
        deployer.status().await.unwrap_err(),
        deployer
            .deploy(&plan, version("9.0.0"), somebody())
            .await
            .unwrap_err(),
        deployer.rollback(somebody()).await.unwrap_err(),
        deployer.retire(somebody()).await.unwrap_err(),
        deployer.adopt(&plan, somebody()).await.unwrap_err(),
        deployer.abort(somebody()).await.unwrap_err(),
        deployer.approve("ada").await.unwrap_err(),
    ]
}

async fn a_record() -> Bytes {
    kept::all().await.swap_remove(0).body
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_newer_format_is_refused_and_kept() {
    let mut newer: serde_json::Value = serde_json::from_slice(&a_record().await).unwrap();
    newer["format"] = 2.into();
    newer["lifecycle"]["run"]["phase"] = "a phase that there is not yet".into();
    let newer = Bytes::from(serde_json::to_vec(&newer).unwrap());
    let world = World::new();
    world.memory.store(KEY, None, newer.clone()).await.unwrap();
    for error in errors(&world.deployer()).await {
        assert!(error.to_string().contains("newer version (format 2"), "{error}");
    }
    assert_eq!(world.memory.load(KEY).await.unwrap().unwrap().body, newer);
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_record_is_refused_and_kept() {
    let whole = a_record().await;
    for (cut, what) in [(whole.len() / 2, "cut"), (0, "empty"), (1, "a brace")] {
        let damaged = whole.slice(..cut);
        let world = World::new();
        world.memory.store(KEY, None, damaged.clone()).await.unwrap();
        for error in errors(&world.deployer()).await {
            assert!(
                error.to_string().contains("it was left as it is"),
                "{what}: {error}"
            );
        }
        assert_eq!(
            world.memory.load(KEY).await.unwrap().unwrap().body,
            damaged,
            "{what}"
        );
    }
}

#[tokio::test]
async fn files_of_a_newer_format_and_damaged_files_are_refused_and_kept() {
    let kept = kept::folder();
    let any = std::fs::read_dir(kept)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "record"))
        .unwrap();
    let whole = std::fs::read(any).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (content, sign) in [
        (
            text.replacen("\"format\":1", "\"format\":2", 1).into_bytes(),
            "newer release",
        ),
        (whole[..whole.len() - 1].to_vec(), "damaged"),
        (flipped, "damaged"),
        (Vec::new(), "damaged"),
    ] {
        let records = tempfile::tempdir().unwrap();
        let file = records.path().join(FILE);
        std::fs::write(&file, &content).unwrap();
        let store = FileStore::open(records.path()).unwrap();
        let error = store.load(KEY).await.unwrap_err().to_string();
        assert!(error.contains(sign), "{error}");
        let error = store
            .store(KEY, None, Bytes::from("{}"))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(sign), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), content);
    }
}
