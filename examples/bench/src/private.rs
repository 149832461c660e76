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
pub struct Private {
    /// Its folder, which goes with it unless it is told to stay.
    pub folder: TempDir,
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
    ///
    /// # Errors
    /// When it cannot be started, ends at once or does not listen after four seconds.
    pub async fn start(folder: TempDir, command: &[String], listens: SocketAddr) -> Result<Self, Failure> {
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

    /// The path of its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }
}

/// A folder that workers under another user can read. Its name begins with that of the program.
///
/// # Errors
/// When it cannot be made.
pub fn folder() -> std::io::Result<TempDir> {
    let program = std::env::current_exe()?;
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let folder = tempfile::Builder::new()
        .prefix(&format!("{program}-"))
        .tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// A port of loopback that is free now.
///
/// # Errors
/// When none can be bound.
pub fn free() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Whether a program can be started.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}
