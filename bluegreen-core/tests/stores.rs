//! What a record may rely on, of every store of this crate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bluegreen_core::store::{FileStore, MemoryStore};
use bluegreen_core::{Store, StoreError, StoreVersion};
use bytes::Bytes;

/// Each store, empty; the folder of the one in files lives as long as the guard.
fn stores() -> (tempfile::TempDir, Vec<Arc<dyn Store>>) {
    let dir = tempfile::tempdir().unwrap();
    let file = FileStore::open(dir.path().join("a/b")).unwrap();
    (dir, vec![Arc::new(MemoryStore::new()), Arc::new(file)])
}

fn is_conflict<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused { key, message }) => format!("{key}: {message}"),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_register_is_written_only_over_the_version_that_was_read() {
    let (_dir, stores) = stores();
    for store in stores {
        assert!(store.load("shop").await.unwrap().is_none());
        let stranger = StoreVersion("1".to_owned());
        assert!(is_conflict(
            &store.store("shop", Some(stranger), "x".into()).await
        ));
        let first = store.store("shop", None, "one".into()).await.unwrap();
        assert!(is_conflict(&store.store("shop", None, "x".into()).await));
        let second = store
            .store("shop", Some(first.clone()), "two".into())
            .await
            .unwrap();
        assert!(is_conflict(
            &store.store("shop", Some(first.clone()), "x".into()).await
        ));
        // The body of the first again is not the version of the first again.
        let third = store
            .store("shop", Some(second.clone()), "one".into())
            .await
            .unwrap();
        assert!(is_conflict(&store.store("shop", Some(first), "x".into()).await));
        let loaded = store.load("shop").await.unwrap().unwrap();
        assert_eq!((loaded.body, loaded.version), (Bytes::from("one"), third));
        assert!(store.load("shop.b").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_object_is_written_once_and_is_no_register() {
    let (_dir, stores) = stores();
    for store in stores {
        store.put_new("shop/1", "one".into()).await.unwrap();
        assert!(is_conflict(&store.put_new("shop/1", "two".into()).await));
        assert_eq!(store.get("shop/1").await.unwrap().unwrap(), "one");
        assert!(store.load("shop/1").await.unwrap().is_none());
        store.store("shop/1", None, "register".into()).await.unwrap();
        store.delete("shop/1").await.unwrap();
        store.delete("shop/1").await.unwrap();
        assert!(store.get("shop/1").await.unwrap().is_none());
        assert_eq!(store.load("shop/1").await.unwrap().unwrap().body, "register");
        store.put_new("shop/1", Bytes::new()).await.unwrap();
        assert_eq!(store.get("shop/1").await.unwrap().unwrap(), "");
    }
}

#[tokio::test]
async fn objects_are_listed_in_order_page_by_page() {
    let (_dir, stores) = stores();
    for store in stores {
        let mut keys: Vec<String> = (0..25).map(|n| format!("shop/events/{n:04}")).collect();
        for key in
            keys.iter()
                .rev()
                .map(String::as_str)
                .chain(["shop", "shop-2/events/0000", "shop/events.x", "a"])
        {
            store.put_new(key, "{}".into()).await.unwrap();
        }
        store
            .store("shop/events/register", None, "{}".into())
            .await
            .unwrap();

        let mut listed = Vec::new();
        loop {
            let page = store
                .list("shop/events/", listed.last().cloned(), 10)
                .await
                .unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 10);
            listed.extend(page);
        }
        assert_eq!(listed, keys);
        keys.extend(["shop", "shop-2/events/0000", "shop/events.x", "a"].map(str::to_owned));
        keys.sort();
        assert_eq!(store.list("", None, 1_000).await.unwrap(), keys);
        assert_eq!(store.list("", None, 0).await.unwrap(), Vec::<String>::new());
        assert_eq!(
            store.list("shop/events/", Some("a".to_owned()), 1).await.unwrap(),
            ["shop/events/0000"]
        );
        assert_eq!(
            store
                .list("shop/events/", Some("zzz".to_owned()), 1)
                .await
                .unwrap(),
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_every_call() {
    let (dir, stores) = stores();
    for store in stores {
        for key in ["", "../x", "/etc/x", "a/", "A", "a b", "a\0", "a+b", "."]
            .iter()
            .filter(|key| **key != ".")
        {
            refusal(store.load(key).await);
            refusal(store.store(key, None, "x".into()).await);
            refusal(store.put_new(key, "x".into()).await);
            refusal(store.get(key).await);
            refusal(store.delete(key).await);
        }
    }
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "something was written outside"
    );
}

/// Adds one to a number in the register, so many times, against whoever else does.
async fn count_up(store: &dyn Store, key: &str, times: u32) -> BTreeSet<u32> {
    let mut won = BTreeSet::new();
    while won.len() < times as usize {
        let loaded = store.load(key).await.unwrap();
        let (version, number) = match loaded {
            Some(loaded) => {
                let text = String::from_utf8(loaded.body.to_vec()).unwrap();
                (Some(loaded.version), text.parse::<u32>().unwrap())
            }
            None => (None, 0),
        };
        match store.store(key, version, (number + 1).to_string().into()).await {
            Ok(_) => assert!(won.insert(number + 1)),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    won
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_exactly_one_wins_each_version() {
    let (_dir, stores) = stores();
    for store in stores {
        let writers: Vec<_> = (0..16)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { count_up(store.as_ref(), "shop", 10).await })
            })
            .collect();
        let mut all = BTreeSet::new();
        for writer in writers {
            for number in writer.await.unwrap() {
                assert!(all.insert(number), "{number} was won twice");
            }
        }
        assert_eq!(all, (1..=160).collect());

        let putters: Vec<_> = (0..16)
            .map(|n: u32| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.put_new("once", n.to_string().into()).await.is_ok() })
            })
            .collect();
        let mut winners = 0;
        for putter in putters {
            winners += u32::from(putter.await.unwrap());
        }
        assert_eq!(winners, 1);
    }
}

/// The other side of the tests with processes: does what its variable says.
#[tokio::test]
async fn writer_in_another_process() {
    let Ok(task) = std::env::var("BLUEGREEN_TEST_WRITER") else {
        return;
    };
    let (task, folder) = task.split_once(' ').unwrap();
    let store = FileStore::open(folder).unwrap();
    match task {
        "count" => drop(count_up(&store, "shop", 25).await),
        "fill" => {
            let loaded = store.load("shop").await.unwrap().unwrap();
            let body = Bytes::from(vec![b'x'; 60_000]);
            let message = refusal(store.store("shop", Some(loaded.version), body.clone()).await);
            assert!(
                message.contains("raise the limit") && message.contains("What was there is kept"),
                "{message}"
            );
            refusal(store.put_new("big", body).await);
        }
        other => panic!("{other}"),
    }
}

/// A process of a test; killed when the test ends, however that is.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn writer(mut command: Command, task: &str, folder: &Path) -> Guarded {
    let command = command
        .args(["writer_in_another_process", "--exact", "--nocapture"])
        .env("BLUEGREEN_TEST_WRITER", format!("{task} {}", folder.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Guarded(command.spawn().unwrap())
}

#[tokio::test]
async fn several_processes_share_one_folder() {
    let dir = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let mut writers: Vec<_> = (0..4)
        .map(|_| writer(Command::new(&program), "count", dir.path()))
        .collect();
    for writer in &mut writers {
        assert!(writer.0.wait().unwrap().success());
    }
    let store = FileStore::open(dir.path()).unwrap();
    assert_eq!(store.load("shop").await.unwrap().unwrap().body, "100");
}

#[tokio::test]
async fn when_nothing_more_can_be_written_the_old_content_is_kept_and_nothing_is_left_over() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    store.store("shop", None, "old".into()).await.unwrap();
    // A limit for the size of files, which a write of 60 KB meets in its middle: as on a full disk.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap());
    assert!(writer(limited, "fill", dir.path()).0.wait().unwrap().success());

    assert_eq!(store.load("shop").await.unwrap().unwrap().body, "old");
    assert!(store.get("big").await.unwrap().is_none());
    let names = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = names.filter(|name| !name.contains(".lock")).collect();
    assert_eq!(names, BTreeSet::from(["shop.record".to_owned()]));
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart_and_can_be_read_by_people() {
    let dir = tempfile::tempdir().unwrap();
    let body = "{\n  \"phase\": \"bake\"\n}\n";
    let version = FileStore::open(dir.path())
        .unwrap()
        .store("shop", None, body.into())
        .await
        .unwrap();
    let loaded = FileStore::open(dir.path())
        .unwrap()
        .load("shop")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((loaded.version, loaded.body), (version, Bytes::from(body)));
    let text = fs::read_to_string(dir.path().join("shop.record")).unwrap();
    assert!(text.ends_with(body), "{text}");
}

#[tokio::test]
async fn a_damaged_or_newer_file_is_refused_with_its_path_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    let version = store
        .store("shop", None, "{\"phase\":\"bake\"}".into())
        .await
        .unwrap();
    let path = dir.path().join("shop.record");
    let whole = fs::read(&path).unwrap();
    let cuts = (0..whole.len()).map(|length| (whole[..length].to_vec(), "damaged"));
    for (content, part) in cuts.chain([(b"{\"format\":9}\nlater".to_vec(), "newer release")]) {
        fs::write(&path, &content).unwrap();
        let message = refusal(store.load("shop").await);
        assert!(
            message.contains(part) && message.contains("shop.record"),
            "{message}"
        );
        refusal(store.store("shop", Some(version.clone()), "x".into()).await);
        refusal(store.store("shop", None, "x".into()).await);
        assert_eq!(fs::read(&path).unwrap(), content, "it was not kept");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(store.load("shop").await.unwrap().unwrap().version, version);
}

#[tokio::test]
async fn from_a_missing_folder_nothing_is_concluded() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("records");
    let store = FileStore::open(&folder).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(refusal(store.load("shop").await).contains("mounted"));
    refusal(store.store("shop", None, "x".into()).await);
    refusal(store.put_new("a", "x".into()).await);
    refusal(store.get("a").await);
    refusal(store.delete("a").await);

    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(FileStore::open(&file), Err(StoreError::Refused { .. })));
}

#[tokio::test]
async fn what_is_no_file_is_neither_missing_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    fs::create_dir(dir.path().join("shop.record")).unwrap();
    fs::create_dir(dir.path().join("shop+1.object")).unwrap();
    for message in [
        refusal(store.load("shop").await),
        refusal(store.store("shop", None, "x".into()).await),
        refusal(store.get("shop/1").await),
        refusal(store.delete("shop/1").await),
    ] {
        assert!(message.contains("something else has this name"), "{message}");
    }
    assert!(is_conflict(&store.put_new("shop/1", "x".into()).await));
}

#[tokio::test]
async fn a_folder_may_be_named_from_where_the_process_stands() {
    let dir = tempfile::tempdir().unwrap();
    let mut beside = Command::new(std::env::current_exe().unwrap());
    beside.current_dir(dir.path());
    assert!(
        writer(beside, "count", Path::new("records"))
            .0
            .wait()
            .unwrap()
            .success()
    );
    let store = FileStore::open(dir.path().join("records")).unwrap();
    assert_eq!(store.load("shop").await.unwrap().unwrap().body, "25");
}
