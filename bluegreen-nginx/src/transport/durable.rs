//! Writing so that a crash leaves the old or the new content, and nothing half.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::NginxError;

/// Replaces a file as a whole: whoever reads it sees the old or the new content, also after a crash.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), NginxError> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let beside = beside(path);
    let write = || -> io::Result<()> {
        remove_file(&beside)?;
        write_new(&beside, content, mode)?;
        fs::rename(&beside, path)?;
        sync(parent)
    };
    write()
        .inspect_err(|_| {
            let _ = remove_file(&beside);
        })
        .map_err(NginxError::io("replace", path))
}

// A dot in front and another ending: no `include *.conf` takes it in.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().display().to_string();
    path.with_file_name(format!(".{name}.tmp"))
}

pub(super) fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()
}

pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn remove_folder(path: &Path) -> Result<(), NginxError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(NginxError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
