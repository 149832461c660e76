//! A PostgreSQL of our own, for the time of a test.

#![allow(dead_code, reason = "not every test asks for everything")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub(crate) struct Postgres {
    bin: PathBuf,
    folder: TempDir,
}

impl Postgres {
    /// Each major version that is installed: by Debian, or by `make setup` beside this file.
    pub(crate) fn installed() -> Vec<(u16, PathBuf)> {
        let places = [
            ("/usr/lib/postgresql", "", "bin"),
            (
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/node_modules"),
                "postgres-",
                "native/bin",
            ),
        ];
        let mut found = BTreeMap::new();
        for (place, prefix, bin) in places {
            for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let major = name.to_str().and_then(|name| name.strip_prefix(prefix));
                if let Some(Ok(major)) = major.map(str::parse) {
                    found.entry(major).or_insert_with(|| entry.path().join(bin));
                }
            }
        }
        found.into_iter().collect()
    }

    pub(crate) fn start(bin: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Self {
            bin: bin.to_owned(),
            folder,
        };
        if root() {
            // The server refuses to run as root.
            assert!(
                Command::new("chown")
                    .args(["-R", "nobody"])
                    .arg(server.folder.path())
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let data = server.folder.path().join("data");
        server.run(
            "initdb",
            &[
                "-D",
                data.to_str().unwrap(),
                "-A",
                "trust",
                "-U",
                "postgres",
                "--no-sync",
            ],
        );
        // No port: a socket in the folder is enough.
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off",
            server.folder.path().display()
        );
        let log = server.folder.path().join("log");
        server.run(
            "pg_ctl",
            &[
                "-D",
                data.to_str().unwrap(),
                "-l",
                log.to_str().unwrap(),
                "-w",
                "-o",
                &options,
                "start",
            ],
        );
        server
    }

    /// The newest one that is installed.
    pub(crate) fn newest() -> Self {
        let (_, bin) = Self::installed().pop().expect("no PostgreSQL is installed");
        Self::start(&bin)
    }

    /// Where its socket is: what a client takes for the host.
    pub(crate) fn host(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn command(&self, program: &str) -> Command {
        // Not every package brings the client; any version of it will do.
        let own = self.bin.join(program);
        let program = if own.exists() { own } else { program.into() };
        let mut command = if root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env("LC_ALL", "C");
        command
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = self
            .command(program)
            .args(args)
            .stdout(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// What a script prints, without anything around it.
    pub(crate) fn ask(&self, sql: &str) -> Result<String, String> {
        let folder = self.folder.path().to_str().unwrap();
        let output = self
            .command("psql")
            .args([
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                folder,
                "-U",
                "postgres",
                "-d",
                "postgres",
                "-c",
                sql,
            ])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let _ = self
            .command("pg_ctl")
            .args(["-D", data.to_str().unwrap(), "-m", "immediate", "stop"])
            .output();
    }
}

fn root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
