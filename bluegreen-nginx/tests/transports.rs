//! Every transport does the same: this machine, a command that passes arguments on, one that joins them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{FaultKind, Token};
use bluegreen_nginx::{
    Change, Claim, CommandTransport, Commit, Folder, LocalTransport, NewFile, NginxError, Transport,
};
use common::green;

/// A stand-in for ssh: it joins what follows the host and gives it to a shell, as sshd does.
fn ssh(root: &Path) -> CommandTransport {
    let program = root.join("fake ssh");
    fs::write(&program, "#!/bin/sh\nshift\nexec sh -c \"$*\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    CommandTransport::ssh([program.to_str().unwrap(), "web1"])
}

async fn each(check: impl AsyncFn(Arc<dyn Transport>, &Path)) {
    for kind in ["local", "exec", "ssh"] {
        println!("transport: {kind}");
        let root = tempfile::tempdir().unwrap();
        let transport: Arc<dyn Transport> = match kind {
            "local" => Arc::new(LocalTransport::new().unwrap()),
            "exec" => Arc::new(CommandTransport::exec(["env"])),
            _ => Arc::new(ssh(root.path())),
        };
        check(transport, root.path()).await;
    }
}

fn commit(root: &Path, claim: impl Into<Option<Claim>>, change: Change) -> Commit {
    Commit {
        directory: root.join("it's a split"),
        claim: claim.into(),
        change,
        patience: Duration::from_millis(300),
    }
}

fn claim(epoch: u64, seq: u64, percent: &str) -> Claim {
    Claim::of(Token { epoch, seq }, green(percent))
}

fn folder(markers: &[&str]) -> Folder {
    Folder {
        markers: markers.iter().map(|&marker| marker.to_owned()).collect(),
        state: format!("green=100\nmarked={}\n", markers.len()),
    }
}

/// Every file and link below a folder with its content.
fn tree(root: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let mode = fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777;
            if path.is_symlink() {
                found.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
            } else if path.is_dir() {
                found.insert(format!("{name}/"), format!("{mode:o}"));
                walk(&path, root, found);
            } else if name != "lock" {
                found.insert(name, format!("{mode:o} {}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

#[tokio::test]
async fn the_same_switches_leave_the_same_folders() {
    let trees = tokio::sync::Mutex::new(Vec::new());
    each(async |transport, root| {
        let place = async |claim: Option<Claim>, change| transport.commit(&commit(root, claim, change)).await;
        assert!(
            place(Some(claim(1, 1, "1%")), Change::Switch(folder(&["00"])))
                .await
                .unwrap()
                .changed
        );
        assert!(
            !place(Some(claim(1, 1, "1%")), Change::Switch(folder(&["00"])))
                .await
                .unwrap()
                .changed
        );
        assert!(
            !place(Some(claim(1, 2, "1%")), Change::Rehearse(folder(&["00", "01"])))
                .await
                .unwrap()
                .changed
        );
        assert!(
            place(Some(claim(1, 3, "2%")), Change::Switch(folder(&["01", "00"])))
                .await
                .unwrap()
                .changed
        );
        assert!(place(None, Change::Switch(folder(&[]))).await.unwrap().changed);
        let directory = root.join("it's a split");
        fs::write(directory.join("current/42"), "").unwrap();
        let done = place(Some(claim(2, 0, "1%")), Change::Switch(folder(&["00"])))
            .await
            .unwrap();
        assert_eq!(
            done.repaired.as_deref(),
            Some("gen-3 was written with 0 markers and had 1")
        );
        fs::remove_dir_all(directory.join("gen-4")).unwrap();
        let done = place(Some(claim(2, 1, "1%")), Change::Switch(folder(&["00"])))
            .await
            .unwrap();
        assert_eq!(
            done.repaired.as_deref(),
            Some("gen-4 was missing or had lost its sentinel")
        );
        fs::create_dir(directory.join("gen-9.tmp")).unwrap();
        symlink("nowhere", directory.join("current.tmp")).unwrap();
        for seq in 2..9 {
            let markers: &[&str] = if seq % 2 == 0 { &["00", "01"] } else { &[] };
            assert!(
                place(Some(claim(2, seq, "1%")), Change::Switch(folder(markers)))
                    .await
                    .unwrap()
                    .changed
            );
        }
        trees.lock().await.push(tree(&directory));
    })
    .await;
    let trees = trees.into_inner();
    assert_eq!(trees[0]["fence"], "644 2 8 100\n");
    assert_eq!(trees[0], trees[1]);
    assert_eq!(trees[0], trees[2]);
}

#[tokio::test]
async fn stale_and_reused_tokens_are_refused_and_change_nothing() {
    each(async |transport, root| {
        let place = async |claim: Option<Claim>, change| transport.commit(&commit(root, claim, change)).await;
        place(Some(claim(3, 4, "1%")), Change::Switch(folder(&["00"])))
            .await
            .unwrap();
        let before = tree(&root.join("it's a split"));
        let file = |name: &str| Change::Files {
            files: vec![NewFile {
                path: root.join(name),
                content: Some("x".to_owned().into()),
                mode: 0o600,
            }],
            test: Vec::new(),
        };
        for (epoch, seq) in [(3, 3), (2, 9)] {
            for change in [
                Change::Switch(folder(&[])),
                Change::Rehearse(folder(&[])),
                file("stale"),
            ] {
                let error = place(Some(claim(epoch, seq, "0%")), change).await.unwrap_err();
                assert!(
                    matches!(
                        error,
                        NginxError::Fenced {
                            held: Token { epoch: 3, seq: 4 },
                            ..
                        }
                    ),
                    "{error}"
                );
            }
        }
        let error = place(Some(claim(3, 4, "2%")), Change::Switch(folder(&["00", "01"])))
            .await
            .unwrap_err();
        assert!(matches!(error, NginxError::TokenReused { .. }), "{error}");
        assert_eq!(tree(&root.join("it's a split")), before);
        assert!(!root.join("stale").exists());
        place(
            Some(Claim::compared(Token { epoch: 3, seq: 4 })),
            file("compared"),
        )
        .await
        .unwrap();
        assert_eq!(
            tree(&root.join("it's a split")),
            before,
            "a compared claim is not recorded"
        );
        fs::write(root.join("it's a split/fence"), "what?\n").unwrap();
        let error = place(Some(claim(9, 9, "0%")), Change::Switch(folder(&[])))
            .await
            .unwrap_err();
        assert!(matches!(error, NginxError::Foreign { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_is_held_is_waited_for_and_then_told() {
    each(async |transport, root| {
        let change = || Change::Switch(folder(&["00"]));
        transport.commit(&commit(root, None, change())).await.unwrap();
        let lock = fs::File::open(root.join("it's a split/lock")).unwrap();
        lock.lock().unwrap();
        let error = transport
            .commit(&commit(root, None, Change::Switch(folder(&[]))))
            .await
            .unwrap_err();
        assert!(matches!(error, NginxError::Busy { .. }), "{error}");
        assert_eq!(error.kind(), FaultKind::Unavailable { retry_after: None });
        lock.unlock().unwrap();
        assert!(
            transport
                .commit(&commit(root, None, Change::Switch(folder(&[]))))
                .await
                .unwrap()
                .changed
        );
    })
    .await;
}

#[tokio::test]
async fn what_somebody_else_made_is_left_alone() {
    each(async |transport, root| {
        let directory = root.join("it's a split");
        fs::create_dir_all(directory.join("theirs")).unwrap();
        fs::create_dir_all(directory.join("gen-7")).unwrap();
        for (made, found) in [
            ("link", "it points to theirs"),
            ("folder", "it is no symbolic link"),
            ("no state", "it points to gen-7, which has no readable state"),
        ] {
            let current = directory.join("current");
            match made {
                "link" => symlink("theirs", &current).unwrap(),
                "folder" => fs::create_dir(&current).unwrap(),
                _ => symlink("gen-7", &current).unwrap(),
            }
            let before = tree(&directory);
            for change in [Change::Switch(folder(&[])), Change::Rehearse(folder(&[]))] {
                let error = transport
                    .commit(&commit(root, claim(1, 1, "0%"), change))
                    .await
                    .unwrap_err();
                assert!(error.to_string().contains(found), "{error}");
                assert_eq!(error.kind(), FaultKind::Rejected);
            }
            assert_eq!(tree(&directory), before);
            if made == "folder" {
                fs::remove_dir(&current).unwrap();
            } else {
                fs::remove_file(&current).unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn files_are_replaced_together_or_not_at_all() {
    each(async |transport, root| {
        let [kept, new, gone] = ["kept", "new", "gone $(x)"].map(|name| root.join(name));
        fs::write(&kept, "old").unwrap();
        fs::write(&gone, "old").unwrap();
        let change = |text: &str, test: &[&str]| Change::Files {
            files: vec![
                NewFile {
                    path: kept.clone(),
                    content: Some(format!("{text}\n'\"$HOME`\\").into()),
                    mode: 0o600,
                },
                NewFile {
                    path: new.clone(),
                    content: Some(String::new().into()),
                    mode: 0o644,
                },
                NewFile {
                    path: gone.clone(),
                    content: None,
                    mode: 0o644,
                },
            ],
            test: test.iter().map(|&word| word.to_owned()).collect(),
        };
        let place = async |change| transport.commit(&commit(root, None, change)).await;
        let error = place(change(
            "bad",
            &["sh", "-c", "echo it is \"$1\" >&2; exit 1", "sh", "not good"],
        ))
        .await
        .unwrap_err();
        assert!(
            matches!(&error, NginxError::Refused { output } if output == "it is not good"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&kept).unwrap(), "old");
        assert_eq!(fs::read_to_string(&gone).unwrap(), "old");
        assert!(!new.exists());
        assert!(place(change("good", &["true"])).await.unwrap().changed);
        assert_eq!(fs::read_to_string(&kept).unwrap(), "good\n'\"$HOME`\\");
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&new).unwrap(), "");
        assert!(!gone.exists());
        assert!(!place(change("good", &["true"])).await.unwrap().changed);
        let error = place(change("good", &["false"])).await.unwrap_err();
        assert!(
            matches!(error, NginxError::Refused { .. }),
            "what is the same is tested too: {error}"
        );
        assert!(!gone.exists() && new.exists());
        let left: Vec<_> = tree(root)
            .into_keys()
            .filter(|name| name.contains(".tmp") || name.contains(".before"))
            .collect();
        assert_eq!(left, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_and_nothing_is_changed() {
    each(async |transport, root| {
        fs::write(root.join("it's a split"), "a file").unwrap();
        let error = transport
            .commit(&commit(root, None, Change::Switch(folder(&[]))))
            .await
            .unwrap_err();
        assert!(matches!(error, NginxError::Io { .. }), "{error:?}");
        let missing = Change::Files {
            files: vec![NewFile {
                path: root.join("no/such/folder"),
                content: Some("x".to_owned().into()),
                mode: 0o600,
            }],
            test: Vec::new(),
        };
        fs::remove_file(root.join("it's a split")).unwrap();
        let error = transport.commit(&commit(root, None, missing)).await.unwrap_err();
        assert!(
            matches!(error.kind(), FaultKind::Rejected | FaultKind::Unavailable { .. }),
            "{error:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn programs_and_files_are_read_as_they_are() {
    each(async |transport, root| {
        let odd = root.join("a 'b' $c");
        assert_eq!(transport.read(&odd).await.unwrap(), None);
        fs::write(&odd, "text\n").unwrap();
        assert_eq!(transport.read(&odd).await.unwrap().as_deref(), Some("text\n"));
        let words = ["printf", "%s|", "a b", "", "$HOME", "'", "-n"].map(str::to_owned);
        assert_eq!(transport.run(&words).await.unwrap(), "a b||$HOME|'|-n|");
        let error = transport
            .run(&["sh", "-c", "echo no >&2; exit 3"].map(str::to_owned))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("no"), "{error}");
        let missing = transport
            .run(&["no-such-program-anywhere".to_owned()])
            .await
            .unwrap_err();
        assert!(matches!(missing, NginxError::Program { .. }), "{missing}");
    })
    .await;
}

#[tokio::test]
async fn answers_come_in_order_with_their_status() {
    let backend = common::backend::Backend::start("blue").await;
    each(async |transport, _| {
        let urls = ["/a", "/missing", "/b"].map(|path| format!("http://{}{path}", backend.address));
        let answers = transport.get(&urls).await.unwrap();
        let seen: Vec<_> = answers
            .iter()
            .map(|answer| (answer.status, answer.body.as_str()))
            .collect();
        assert_eq!(
            seen,
            [(200, "blue /a 0"), (404, "blue has it not"), (200, "blue /b 0")]
        );
        let nobody = format!("http://{}/", common::free("127.0.0.1".parse().unwrap()));
        let error = transport.get(&[urls[0].clone(), nobody]).await.unwrap_err();
        assert!(matches!(error, NginxError::Unreachable { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_leaves_a_change_unknown_and_a_question_unanswered() {
    let root = tempfile::tempdir().unwrap();
    let gone = CommandTransport::exec([
        "sh",
        "-c",
        "[ \"$1\" != env ] || { echo connection lost >&2; exit 255; }",
        "sh",
    ]);
    let error = gone
        .commit(&commit(root.path(), None, Change::Switch(folder(&[]))))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FaultKind::Unknown, "{error}");
    let error = gone.read(Path::new("/x")).await.unwrap_err();
    assert_eq!(
        error.kind(),
        FaultKind::Unavailable { retry_after: None },
        "{error}"
    );
    let full = CommandTransport::exec([
        "sh",
        "-c",
        "[ \"$1\" != env ] || { echo 'sh: No space left on device' >&2; exit 1; }",
        "sh",
    ]);
    let error = full
        .commit(&commit(root.path(), None, Change::Switch(folder(&[]))))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        FaultKind::Unavailable { retry_after: None },
        "{error}"
    );
    assert!(format!("{error:?}").contains("No space left"), "{error:?}");
}

// Two calls race; whatever their order, the newer token's split is what remains.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_racing_calls_the_newer_token_wins() {
    let root = tempfile::tempdir().unwrap();
    let over_ssh: Arc<dyn Transport> = Arc::new(ssh(root.path()));
    let local: Arc<dyn Transport> = Arc::new(LocalTransport::new().unwrap());
    for round in 1..=8 {
        let place = |transport: &Arc<dyn Transport>, seq, percent, markers: &[&str]| {
            let transport = Arc::clone(transport);
            let mut commit = commit(
                root.path(),
                claim(round, seq, percent),
                Change::Switch(folder(markers)),
            );
            commit.patience = Duration::from_secs(10);
            tokio::spawn(async move { transport.commit(&commit).await })
        };
        let old = place(&local, 1, "1%", &["00"]);
        let new = place(&over_ssh, 2, "2%", &["00", "01"]);
        let (old, new) = (old.await.unwrap(), new.await.unwrap());
        assert!(matches!(old, Ok(_) | Err(NginxError::Fenced { .. })), "{old:?}");
        new.unwrap();
        assert!(root.path().join("it's a split/current/01").exists());
    }
}

// The deployer drops a call that takes too long; whatever of it still runs is over when the next one has
// the lock, and what is seen at any time is a whole folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_leaves_the_old_or_the_new_split() {
    each(async |transport, root| {
        let all: Vec<String> = (0..100).map(|bucket| format!("{bucket:02}")).collect();
        let place = |seq: u64, green: bool| {
            let markers = if green { all.clone() } else { Vec::new() };
            let folder = Folder {
                markers,
                state: format!("green=0\nmarked={}\n", if green { 100 } else { 0 }),
            };
            let mut commit = commit(
                root,
                claim(1, seq, if green { "100%" } else { "0%" }),
                Change::Switch(folder),
            );
            commit.patience = Duration::from_secs(10);
            commit
        };
        transport.commit(&place(1, false)).await.unwrap();
        for round in 1..=20 {
            let given_up = place(2 * round, true);
            let _ =
                tokio::time::timeout(Duration::from_micros(round * 400), transport.commit(&given_up)).await;
            let current = root
                .join("it's a split")
                .join(fs::read_link(root.join("it's a split/current")).unwrap());
            let markers = fs::read_dir(&current).unwrap().count() - 2;
            assert!([0, 100].contains(&markers), "{markers} markers");
            transport.commit(&place(2 * round + 1, false)).await.unwrap();
            assert!(!root.join("it's a split/current/00").exists());
        }
    })
    .await;
}
