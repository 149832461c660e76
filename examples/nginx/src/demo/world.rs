//! What the demo needs around it: a private nginx, a service in blue, the configuration.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bluegreen_core::{Clock, Slot, SystemClock};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::service::SMOKE_PASSWORD;

const BEFORE: &str = include_str!("../../loopback/before.conf");
const AFTER: &str = include_str!("../../loopback/nginx.conf");
const CONFIG: &str = include_str!("../../loopback/bluegreen.toml");

/// The first migration was there before; the last one of 2.0.0 waits until nobody needs what it takes away.
/// That of 3.0.0 would break 2.0.0 at once.
const MIGRATIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "2.0.0",
        &[
            ORDERS,
            ("2_remark.sql", "ALTER TABLE orders ADD COLUMN remark text;\n"),
            ("3_note.contract.sql", "ALTER TABLE orders DROP COLUMN note;\n"),
        ],
    ),
    (
        "3.0.0",
        &[
            ORDERS,
            ("2_remark.sql", "ALTER TABLE orders ADD COLUMN remark text;\n"),
            (
                "4_remark.sql",
                "ALTER TABLE orders RENAME COLUMN remark TO comment;\n",
            ),
        ],
    ),
];
const ORDERS: (&str, &str) = (
    "1_orders.sql",
    "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\n",
);

/// How long nginx may take to listen.
const START: Duration = Duration::from_secs(10);

/// Why there is no world to show anything in.
#[derive(Debug)]
pub(super) enum NoWorld {
    NotInstalled(io::Error),
    Io(io::Error),
}

impl From<io::Error> for NoWorld {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A private nginx and the services behind it. Dropped, everything is stopped.
#[derive(Debug)]
pub(super) struct World {
    pub(super) public: SocketAddr,
    pub(super) blue: SocketAddr,
    green: SocketAddr,
    config: PathBuf,
    nginx: Child,
    folder: TempDir,
}

impl World {
    /// Starts version 1.0.0 in blue behind an nginx that knows nothing of blue and green yet, and puts
    /// the configuration that does beside it, for `init`.
    pub(super) async fn start() -> Result<Self, NoWorld> {
        Command::new("nginx")
            .arg("-v")
            .stderr(Stdio::null())
            .status()
            .map_err(NoWorld::NotInstalled)?;
        let folder = tempfile::Builder::new().prefix("bluegreen-demo-").tempdir()?;
        let root = folder.path().to_owned();
        let root = root.as_path();
        // nginx's workers may be another user, and have to see the split.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        let program = std::env::current_exe()?;
        let [public, control, blue, green] = free()?;
        let fill = |text: &str| {
            text.replace("@ROOT@", &root.display().to_string())
                .replace("@PROGRAM@", &program.display().to_string())
                .replace("@PUBLIC@", &public.to_string())
                .replace("@CONTROL@", &control.to_string())
                .replace("@BLUE@", &blue.to_string())
                .replace("@GREEN@", &green.to_string())
        };
        let config = root.join("bluegreen.toml");
        let conf = root.join("nginx.conf");
        fs::write(&config, fill(CONFIG))?;
        // The services read it too, as those of a team know their test user.
        fs::write(root.join(SMOKE_PASSWORD), format!("demo-{}", std::process::id()))?;
        fs::write(&conf, fill(BEFORE))?;
        for (version, files) in MIGRATIONS {
            let folder = root.join("migrations").join(version);
            fs::create_dir_all(&folder)?;
            for (name, sql) in *files {
                fs::write(folder.join(name), sql)?;
            }
        }
        let nginx = Command::new("nginx")
            .arg("-p")
            .arg(root)
            .arg("-c")
            .arg(&conf)
            .arg("-e")
            .arg(root.join("error.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is not meant for it.
            .process_group(0)
            .spawn()?;
        let world = Self {
            public,
            blue,
            green,
            config,
            nginx,
            folder,
        };
        world.service("start", Slot::Blue, Some("1.0.0"))?;
        world.until_nginx_listens().await?;
        fs::write(&conf, fill(AFTER))?;
        Ok(world)
    }

    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    /// Stops everything that was started, whatever became of it since.
    pub(super) async fn stop(self) -> io::Result<()> {
        tokio::task::spawn_blocking(move || drop(self))
            .await
            .map_err(io::Error::other)
    }

    async fn until_nginx_listens(&self) -> io::Result<()> {
        let clock = SystemClock::new();
        let root = self.folder.path();
        while TcpStream::connect(self.public).await.is_err() || !root.join("nginx.pid").exists() {
            if clock.monotonic().0 > START {
                let log = fs::read_to_string(root.join("error.log")).unwrap_or_default();
                return Err(io::Error::other(format!("nginx does not listen: {log}")));
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Has a service started or stopped, by the commands that the host uses too.
    fn service(&self, command: &str, slot: Slot, version: Option<&str>) -> io::Result<()> {
        let address = match slot {
            Slot::Blue => self.blue,
            Slot::Green => self.green,
        };
        let status = Command::new(std::env::current_exe()?)
            .arg(command)
            .args(["--slot", slot.as_str(), "--listen", &address.to_string(), "--dir"])
            .arg(self.folder.path())
            .args(version.into_iter().flat_map(|version| ["--version", version]))
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("{command} {slot} ended with {status}")))
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for slot in Slot::BOTH {
            // Nothing more can be done about a service that does not stop, and the rest has to be stopped.
            let _ = self.service("stop", slot, None);
        }
        // TERM, not KILL: the master takes its workers with it.
        if let Ok(pid) = i32::try_from(self.nginx.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.nginx.wait();
    }
}

/// Ports that are free now.
fn free() -> io::Result<[SocketAddr; 4]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // All are held until all are known, or two could be the same.
    let held = [listen()?, listen()?, listen()?, listen()?];
    let [one, two, three, four] = &held;
    Ok([
        one.local_addr()?,
        two.local_addr()?,
        three.local_addr()?,
        four.local_addr()?,
    ])
}
