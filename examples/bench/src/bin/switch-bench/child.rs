//! Private processes on loopback, stopped by their id.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bluegreen_core::{Clock, SystemClock};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::Failure;

/// A process with a folder of its own. Dropped, it is asked to end and waited for.
#[derive(Debug)]
pub(crate) struct Private {
    pub(crate) folder: TempDir,
    child: Child,
}

impl Drop for Private {
    fn drop(&mut self) {
        // TERM and not KILL: a master takes its workers with it.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Private {
    /// Starts `command` and waits until it listens.
    pub(crate) async fn start(
        folder: TempDir,
        command: &[String],
        listens: SocketAddr,
    ) -> Result<Self, Failure> {
        let (program, arguments) = command.split_first().ok_or("no command")?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut private = Self { folder, child };
        let clock = SystemClock::new();
        for _ in 0..200 {
            if let Some(status) = private.child.try_wait()? {
                return Err(format!("{program} ended at once: {status}").into());
            }
            if tokio::net::TcpStream::connect(listens).await.is_ok() {
                return Ok(private);
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
        Err(format!("{program} does not listen on {listens}").into())
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }
}

/// A folder that workers under another user can read.
pub(crate) fn folder() -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("switch-bench-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// A port that is free now.
pub(crate) fn free() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}
