//! A MariaDB of our own, for the time of a test.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

pub(crate) struct MariaDb {
    folder: TempDir,
    server: Child,
}

impl MariaDb {
    pub(crate) fn start() -> Self {
        // Definitions of tables are written through to the disk one by one: in memory they are many times faster.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        }
        .unwrap();
        std::os::unix::fs::chown(folder.path(), nobody(), None).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let data = format!("--datadir={}", at("data"));
        let installed = Command::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                &data,
            ])
            .args(as_nobody())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            installed.status.success(),
            "{}",
            String::from_utf8_lossy(&installed.stdout)
        );
        let log = File::create(folder.path().join("log")).unwrap();
        let server = Command::new("mariadbd")
            .args([
                "--no-defaults",
                "--skip-networking",
                "--innodb-buffer-pool-size=32M",
                &data,
            ])
            .arg(format!("--socket={}", at("socket")))
            .arg(format!("--pid-file={}", at("pid")))
            .args(as_nobody())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { folder, server };
        for _ in 0..600 {
            if UnixStream::connect(server.socket()).is_ok() {
                return server;
            }
            let ended = server.server.try_wait().unwrap();
            assert!(ended.is_none(), "mariadbd ended: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("mariadbd did not come up: {}", server.log())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The user that the server runs as: it refuses to be root.
fn as_nobody() -> Option<&'static str> {
    nobody().map(|_| "--user=nobody")
}

/// The number of that user, when we are root.
fn nobody() -> Option<u32> {
    let id = |args: &[&str]| -> u32 {
        let output = Command::new("id").args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
    };
    (id(&["-u"]) == 0).then(|| id(&["-u", "nobody"]))
}
