//! Files that are replaced together, judged by a program, and put back when it refuses them. Blocking.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::ExposeSecret;

use super::NewFile;
use super::durable::{remove_file, replace};
use crate::NginxError;

pub(super) fn replace_files(files: &[NewFile], test: &[String]) -> Result<bool, NginxError> {
    let mut before: Vec<(&NewFile, Option<Vec<u8>>)> = Vec::new();
    for file in files {
        let old = match fs::read(&file.path) {
            Ok(old) => Some(old),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(NginxError::io("read", &file.path)(source)),
        };
        let new = file
            .content
            .as_ref()
            .map(|content| content.expose_secret().as_bytes());
        if old.as_deref() != new {
            before.push((file, old));
        }
    }
    let placed = before
        .iter()
        .try_for_each(|(file, _)| {
            let content = file
                .content
                .as_ref()
                .map(|content| content.expose_secret().as_bytes());
            put(&file.path, content, file.mode)
        })
        .and_then(|()| judge(test));
    if let Err(error) = placed {
        for (file, old) in &before {
            put(&file.path, old.as_deref(), file.mode).map_err(|undo| NginxError::Lost {
                what: "putting the old files back",
                why: format!("{undo}; after {error}"),
            })?;
        }
        return Err(error);
    }
    Ok(!before.is_empty())
}

fn judge(test: &[String]) -> Result<(), NginxError> {
    let Some((program, arguments)) = test.split_first() else {
        return Ok(());
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(NginxError::io("run", program))?;
    if output.status.success() {
        return Ok(());
    }
    Err(NginxError::Refused {
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn put(path: &Path, content: Option<&[u8]>, mode: u32) -> Result<(), NginxError> {
    match content {
        Some(content) => replace(path, content, mode),
        None => remove_file(path).map_err(NginxError::io("remove", path)),
    }
}
