//! One folder with files that are replaced whole or not at all. Blocking: every function here waits
//! for the disk.
//!
//! | file | what |
//! |---|---|
//! | `shop.record` | the register `shop` |
//! | `shop+events+0001.object` | the object `shop/events/0001` |
//! | `+shop.record.lock` | locked while the register is written; never removed |
//! | `+shop.record.tmp` | a write that has not ended; what a crash leaves is removed by the next |
//!
//! Keys hold no `+` and do not begin with `/`, so no two of these names can be the same.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use super::envelope::Envelope;
use super::key;
use crate::{StoreError, StoreVersion, Versioned};

/// How long a lock is waited for: a write takes milliseconds, a stalled disk a few seconds.
const LOCK_TRIES: u32 = 5_000;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// Where one key is kept.
struct Place<'a> {
    key: &'a str,
    file: PathBuf,
    temp: PathBuf,
    lock: PathBuf,
}

impl Folder {
    /// Opens the folder, makes it if there is none, and removes what crashes left behind.
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let key = path.display().to_string();
        let refused = |error| failure(&key, "make the folder", &path, &error);
        if !path.is_dir() {
            fs::create_dir_all(&path).map_err(refused)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_folder(parent).map_err(refused)?;
            }
        }
        let folder = Self { path };
        folder.remove_leftovers();
        Ok(folder)
    }

    pub(super) fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        let place = self.register(key)?;
        Ok(self.read(&place)?.map(|envelope| Versioned {
            version: envelope.version(),
            body: envelope.body,
        }))
    }

    pub(super) fn store(
        &self,
        key: &str,
        expected: Option<&StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        let place = self.register(key)?;
        let _held = lock(&place)?;
        let current = self.read(&place)?;
        if current.as_ref().map(Envelope::version).as_ref() != expected {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        let counter = current.map_or(1, |envelope| envelope.counter.saturating_add(1));
        let next = Envelope { counter, body };
        write_temp(&place, &next)?;
        if let Err(error) = fs::rename(&place.temp, &place.file) {
            discard(&place.temp);
            return Err(uncertain_failure(&place, "put the new content in place", &error));
        }
        self.make_durable(&place)?;
        Ok(next.version())
    }

    pub(super) fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        let place = self.object(key)?;
        let _held = lock(&place)?;
        write_temp(&place, &Envelope { counter: 1, body })?;
        // A link is made only where no file is, unlike a rename.
        let linked = fs::hard_link(&place.temp, &place.file);
        discard(&place.temp);
        match linked {
            Ok(()) => self.make_durable(&place),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(StoreError::Conflict { key: key.to_owned() })
            }
            Err(error) => Err(uncertain_failure(&place, "put the object in place", &error)),
        }
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let place = self.object(key)?;
        Ok(self.read(&place)?.map(|envelope| envelope.body))
    }

    pub(super) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        key::check_prefix(prefix)?;
        let names = self
            .names()
            .map_err(|error| failure(prefix, "list the folder", &self.path, &error))?;
        let mut keys: Vec<String> = names
            .iter()
            .filter_map(|name| name.strip_suffix(".object"))
            .map(|name| name.replace('+', "/"))
            .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after))
            .filter(|key| key::check(key).is_ok())
            .collect();
        keys.sort_unstable();
        keys.truncate(limit);
        Ok(keys)
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), StoreError> {
        let place = self.object(key)?;
        match fs::remove_file(&place.file) {
            Ok(()) => self.make_durable(&place),
            Err(error) if error.kind() == ErrorKind::NotFound => self.require(&place),
            Err(error) => Err(uncertain_failure(&place, "remove the object", &error)),
        }
    }

    fn register<'a>(&self, key: &'a str) -> Result<Place<'a>, StoreError> {
        key::check(key)?;
        let name = format!("{}.record", key.replace('/', "+"));
        Ok(Place {
            key,
            file: self.path.join(&name),
            temp: self.path.join(format!("+{name}.tmp")),
            lock: self.path.join(format!("+{name}.lock")),
        })
    }

    /// Objects share one lock: they are many, are written once, and lock files stay.
    fn object<'a>(&self, key: &'a str) -> Result<Place<'a>, StoreError> {
        key::check(key)?;
        Ok(Place {
            key,
            file: self.path.join(format!("{}.object", key.replace('/', "+"))),
            temp: self.path.join("+objects.tmp"),
            lock: self.path.join("+objects.lock"),
        })
    }

    /// What is in a file. Needs no lock: a file is replaced in one act.
    fn read(&self, place: &Place<'_>) -> Result<Option<Envelope>, StoreError> {
        let bytes = match fs::read(&place.file) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return self.require(place).map(|()| None),
            Err(error) => return Err(failure(place.key, "read", &place.file, &error)),
        };
        Envelope::decode(&bytes).map(Some).map_err(|damage| StoreError::Refused {
            key: place.key.to_owned(),
            message: format!(
                "{} cannot be used: {damage}. It is kept as it is. Put back a whole copy, or use the release \
                 that wrote it; without either, move it away and take over what the routers show",
                place.file.display()
            ),
        })
    }

    /// Nothing may be concluded from a missing file when the whole folder is missing.
    fn require(&self, place: &Place<'_>) -> Result<(), StoreError> {
        if self.path.is_dir() {
            return Ok(());
        }
        Err(StoreError::Refused {
            key: place.key.to_owned(),
            message: format!("the folder {} is gone: is its disk mounted?", self.path.display()),
        })
    }

    /// After this the last change of a name in the folder outlives a crash of the machine.
    fn make_durable(&self, place: &Place<'_>) -> Result<(), StoreError> {
        sync_folder(&self.path).map_err(|error| StoreError::Unknown {
            key: place.key.to_owned(),
            message: format!(
                "{} is written, but perhaps not durable: {error}",
                place.file.display()
            ),
        })
    }

    /// Best effort: a leftover is never read, and the next write of its key removes it in any case.
    fn remove_leftovers(&self) {
        for name in self.names().unwrap_or_default() {
            let Some(stem) = name.strip_suffix(".tmp").filter(|stem| stem.starts_with('+')) else {
                continue;
            };
            // Whoever holds the lock is writing it at this moment.
            let unused = File::open(self.path.join(format!("{stem}.lock"))).is_ok_and(|lock| {
                lock.try_lock().is_ok_and(|()| {
                    discard(&self.path.join(&name));
                    true
                })
            });
            if unused {
                tracing::debug!(folder = %self.path.display(), name, "removed what a crash left behind");
            }
        }
    }

    /// The names in the folder that are text; others are not ours.
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.path)?;
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }
}

/// Takes the lock of a place; it is free again when the file is dropped, or its process ends.
fn lock(place: &Place<'_>) -> Result<File, StoreError> {
    let cannot = |error: &io::Error| failure(place.key, "lock", &place.lock, error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&place.lock)
        .map_err(|error| cannot(&error))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(cannot(&error)),
        }
    }
    Err(StoreError::Unavailable {
        key: place.key.to_owned(),
        message: format!(
            "another process has held {} for {} seconds: is it stopped, or its disk stalled?",
            place.lock.display(),
            (LOCK_PAUSE * LOCK_TRIES).as_secs()
        ),
    })
}

/// Writes the whole content beside its place, durably. On failure nothing is left.
fn write_temp(place: &Place<'_>, envelope: &Envelope) -> Result<(), StoreError> {
    // A leftover may be another name of a file in use, so it is removed rather than overwritten.
    discard(&place.temp);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&place.temp)
        .and_then(|mut file| {
            file.write_all(&envelope.encode())?;
            file.sync_all()
        });
    written.map_err(|error| {
        discard(&place.temp);
        failure(place.key, "write", &place.temp, &error)
    })
}

/// Removes a temporary file. Whether it worked shows when the next one is made.
fn discard(temp: &Path) {
    let _ = fs::remove_file(temp);
}

/// Linux and the BSDs keep a name through a crash only when its folder was synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A failure that left everything as it was.
fn failure(key: &str, doing: &str, path: &Path, error: &io::Error) -> StoreError {
    let key = key.to_owned();
    let message = format!("cannot {doing} {}: {error}", path.display());
    match remedy(error.kind()) {
        Some(remedy) => StoreError::Refused {
            key,
            message: format!("{message}. What was there is kept; {remedy}"),
        },
        None => StoreError::Unavailable { key, message },
    }
}

/// A failure of the very act that puts new content in place: what is not certainly a refusal may have
/// worked all the same.
fn uncertain_failure(place: &Place<'_>, doing: &str, error: &io::Error) -> StoreError {
    match failure(place.key, doing, &place.file, error) {
        StoreError::Unavailable { key, message } => StoreError::Unknown { key, message },
        refused => refused,
    }
}

/// What an operator can do about it; without a remedy, trying again may help.
const fn remedy(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::StorageFull => Some("make room on the disk"),
        ErrorKind::QuotaExceeded => Some("make room, or raise the disk quota"),
        ErrorKind::FileTooLarge => Some("raise the limit for the size of files"),
        ErrorKind::PermissionDenied => Some("give this user the right to read and write in the folder"),
        ErrorKind::ReadOnlyFilesystem => Some("mount the disk for writing"),
        ErrorKind::NotFound => Some("bring the folder back: is its disk mounted?"),
        ErrorKind::Unsupported => Some("take a folder on a disk that has file locks and hard links"),
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => {
            Some("something else has this name: move it away, or take another folder")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_disk_says_what_to_do_and_others_may_be_tried_again() {
        let path = Path::new("/srv/records/shop.record");
        for (kind, part) in [
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::QuotaExceeded, "quota"),
            (ErrorKind::PermissionDenied, "right to read and write"),
            (ErrorKind::ReadOnlyFilesystem, "mount the disk for writing"),
            (ErrorKind::FileTooLarge, "limit for the size of files"),
            (ErrorKind::NotFound, "is its disk mounted?"),
            (ErrorKind::Unsupported, "file locks and hard links"),
            (ErrorKind::IsADirectory, "something else has this name"),
        ] {
            let error = failure("shop", "write", path, &kind.into());
            let text = error.to_string();
            assert!(matches!(error, StoreError::Refused { .. }), "{text}");
            assert!(
                text.contains(part) && text.contains("/srv/records/shop.record"),
                "{text}"
            );
        }
        let error = failure("shop", "write", path, &ErrorKind::Interrupted.into());
        assert!(matches!(error, StoreError::Unavailable { .. }));
    }

    #[test]
    fn what_a_crash_left_is_removed_at_the_next_opening_but_not_under_a_writer() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path().join("records")).unwrap();
        folder.store("shop", None, "1".into()).unwrap();
        let temp = dir.path().join("records/+shop.record.tmp");
        fs::write(&temp, "half").unwrap();

        let held = lock(&folder.register("shop").unwrap()).unwrap();
        Folder::open(dir.path().join("records")).unwrap();
        assert!(temp.exists(), "removed under a writer");
        drop(held);
        let folder = Folder::open(dir.path().join("records")).unwrap();
        assert!(!temp.exists(), "left behind");
        assert_eq!(folder.load("shop").unwrap().unwrap().body, "1");
    }

    #[test]
    fn a_leftover_that_is_a_second_name_of_an_object_does_no_harm_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path().to_owned()).unwrap();
        folder.put_new("a", "first".into()).unwrap();
        // A crash between the link and the removal of the temporary name.
        fs::hard_link(dir.path().join("a.object"), dir.path().join("+objects.tmp")).unwrap();
        folder.put_new("b", "second".into()).unwrap();
        assert_eq!(folder.get("a").unwrap().unwrap(), "first");
        assert_eq!(folder.get("b").unwrap().unwrap(), "second");
    }

    #[test]
    fn what_cannot_be_made_durable_is_not_called_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path().join("records")).unwrap();
        fs::remove_dir_all(dir.path().join("records")).unwrap();
        let place = folder.register("shop").unwrap();
        assert!(matches!(
            folder.make_durable(&place),
            Err(StoreError::Unknown { .. })
        ));
    }
}
