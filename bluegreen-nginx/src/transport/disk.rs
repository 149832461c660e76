//! Changes on this machine's disk, each durable before it takes effect. Blocking.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::durable::{remove_file, remove_folder, replace, sync, write_new};
use super::files::replace_files;
use super::{Change, Commit, Committed, FENCE, Folder, KEPT, LINK, LOCK, SENTINEL, STATE};
use crate::NginxError;
use crate::fence::{Claim, Fence};

pub(super) fn commit(commit: &Commit) -> Result<Committed, NginxError> {
    let directory = commit.directory.as_path();
    fs::create_dir_all(directory).map_err(NginxError::io("create", directory))?;
    let _lock = lock(&directory.join(LOCK), commit.patience)?;
    let fence = read_fence(directory)?;
    if let (Some(fence), Some(claim)) = (&fence, &commit.claim) {
        fence.admit(claim)?;
    }
    match &commit.change {
        Change::Switch(folder) => switch(directory, folder, commit.claim.as_ref()),
        Change::Rehearse(folder) => {
            current(directory)?;
            let rehearsed = directory.join("gen-rehearsal.tmp");
            let prepared = prepare(&rehearsed, folder, 0);
            let removed = remove_folder(&rehearsed);
            prepared.and(removed)?;
            Ok(Committed {
                changed: false,
                repaired: None,
            })
        }
        Change::Files { files, test } => {
            record(directory, commit.claim.as_ref())?;
            let changed = replace_files(files, test)?;
            Ok(Committed {
                changed,
                repaired: None,
            })
        }
    }
}

fn lock(path: &Path, patience: Duration) -> Result<File, NginxError> {
    const PAUSE: Duration = Duration::from_millis(10);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(NginxError::io("open", path))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if waited < patience => {
                thread::sleep(PAUSE);
                waited += PAUSE;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(NginxError::Busy {
                    lock: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(NginxError::io("lock", path)(source)),
        }
    }
}

fn read_fence(directory: &Path) -> Result<Option<Fence>, NginxError> {
    let path = directory.join(FENCE);
    match fs::read_to_string(&path) {
        Ok(text) => Fence::parse(&text, &path).map(Some),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(NginxError::io("read", path)(source)),
    }
}

// The fence is written before the effect: a crash between the two leaves a token without effect, which
// may be sent again, never an effect without its token.
fn record(directory: &Path, claim: Option<&Claim>) -> Result<(), NginxError> {
    match claim {
        Some(Claim {
            token,
            split: Some(split),
        }) => {
            let line = Fence {
                token: *token,
                split: *split,
            }
            .line();
            replace(&directory.join(FENCE), line.as_bytes(), 0o644)
        }
        _ => Ok(()),
    }
}

/// What the link points to now.
enum Current {
    Absent,
    /// A folder of ours, with the markers in it (none where somebody removed it).
    Ours {
        target: OsString,
        markers: Option<Vec<String>>,
        state: Option<String>,
    },
}

fn current(directory: &Path) -> Result<Current, NginxError> {
    let link = directory.join(LINK);
    let foreign = |found: String| NginxError::Foreign {
        path: link.clone(),
        found,
    };
    let target = match fs::read_link(&link) {
        Ok(target) => target,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Current::Absent),
        Err(other) if other.kind() == io::ErrorKind::InvalidInput => {
            return Err(foreign("it is no symbolic link".to_owned()));
        }
        Err(source) => return Err(NginxError::io("read", &link)(source)),
    };
    if generation_of(target.as_os_str().to_str()).is_none() {
        return Err(foreign(format!("it points to {}", target.display())));
    }
    let folder = directory.join(&target);
    if !folder.exists() {
        return Ok(Current::Ours {
            target: target.into(),
            markers: None,
            state: None,
        });
    }
    let Ok(state) = fs::read_to_string(folder.join(STATE)) else {
        return Err(foreign(format!(
            "it points to {}, which has no readable state",
            target.display()
        )));
    };
    let mut markers: Vec<String> = names(&folder)?
        .into_iter()
        .filter(|name| is_marker(name))
        .collect();
    markers.sort();
    let whole = folder.join(SENTINEL).is_file();
    Ok(Current::Ours {
        target: target.into(),
        markers: whole.then_some(markers),
        state: Some(state),
    })
}

fn is_marker(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_digit())
}

fn generation_of(name: Option<&str>) -> Option<u64> {
    let digits = name?.strip_prefix("gen-")?;
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

fn names(folder: &Path) -> Result<Vec<String>, NginxError> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    read().map_err(NginxError::io("list", folder))
}

fn switch(directory: &Path, folder: &Folder, claim: Option<&Claim>) -> Result<Committed, NginxError> {
    let mut wanted = folder.markers.clone();
    wanted.sort();
    let found = current(directory)?;
    if let Current::Ours {
        markers: Some(markers),
        ..
    } = &found
        && *markers == wanted
    {
        record(directory, claim)?;
        return Ok(Committed {
            changed: false,
            repaired: None,
        });
    }
    let repaired = match &found {
        Current::Absent => None,
        Current::Ours {
            target,
            markers,
            state,
        } => damage(target, markers.as_ref(), state.as_deref()),
    };
    let present = names(directory)?;
    let newest = present
        .iter()
        .filter_map(|name| generation_of(Some(name)))
        .max()
        .unwrap_or(0);
    let generation = newest.saturating_add(1);
    let name = format!("gen-{generation}");
    let half = directory.join(format!("{name}.tmp"));
    let full = directory.join(&name);
    prepare(&half, folder, generation)
        .and_then(|()| fs::rename(&half, &full).map_err(NginxError::io("rename", &half)))
        .and_then(|()| record(directory, claim))
        .and_then(|()| point(directory, &name))
        .inspect_err(|failed| {
            // What may have taken effect stays.
            if !matches!(failed, NginxError::Lost { .. }) {
                let _ = remove_folder(&half).and_then(|()| remove_folder(&full));
            }
        })?;
    prune(directory, &present, generation);
    Ok(Committed {
        changed: true,
        repaired,
    })
}

// Markers that are not those that were written: somebody edited the folder by hand.
fn damage(target: &OsString, markers: Option<&Vec<String>>, state: Option<&str>) -> Option<String> {
    let target = target.display();
    let Some(markers) = markers else {
        return Some(format!("{target} was missing or had lost its sentinel"));
    };
    let written = state?.lines().find_map(|line| line.strip_prefix("marked="))?;
    (written != markers.len().to_string()).then(|| {
        format!(
            "{target} was written with {written} markers and had {}",
            markers.len()
        )
    })
}

fn prepare(folder: &Path, content: &Folder, generation: u64) -> Result<(), NginxError> {
    remove_folder(folder)?;
    let build = || -> io::Result<()> {
        fs::create_dir(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        let sentinel = folder.join(SENTINEL);
        write_new(&sentinel, b"", 0o644)?;
        let state = format!("generation={generation}\n{}", content.state);
        write_new(&folder.join(STATE), state.as_bytes(), 0o644)?;
        // Markers are links to the sentinel: one file to make durable instead of a thousand.
        for marker in &content.markers {
            fs::hard_link(&sentinel, folder.join(marker))?;
        }
        sync(folder)
    };
    build().map_err(NginxError::io("prepare", folder))
}

fn point(directory: &Path, name: &str) -> Result<(), NginxError> {
    let link = directory.join(LINK);
    let beside = directory.join(format!("{LINK}.tmp"));
    let ready = || -> io::Result<()> {
        remove_file(&beside)?;
        symlink(name, &beside)?;
        sync(directory)?;
        fs::rename(&beside, &link)
    };
    ready().map_err(NginxError::io("point", &link))?;
    sync(directory).map_err(|error| NginxError::Lost {
        what: "the switch",
        why: error.to_string(),
    })
}

fn prune(directory: &Path, present: &[String], current: u64) {
    let mut old: Vec<u64> = present
        .iter()
        .filter_map(|name| generation_of(Some(name)))
        .filter(|g| *g != current)
        .collect();
    old.sort_unstable();
    let stale = old
        .iter()
        .rev()
        .skip(KEPT)
        .map(|generation| format!("gen-{generation}"));
    let half = present
        .iter()
        .filter(|name| name.starts_with("gen-") && name.contains(".tmp"))
        .cloned();
    for name in stale.chain(half) {
        if let Err(error) = remove_folder(&directory.join(&name)) {
            tracing::debug!(%error, name, "an old folder could not be removed");
        }
    }
}
