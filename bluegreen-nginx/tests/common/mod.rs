//! Private nginx instances and tiny backends on loopback. Everything is stopped by its id on drop.

#![allow(dead_code, reason = "each test file takes what it needs")]

pub(crate) mod backend;
pub(crate) mod clients;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bluegreen_core::{Op, Router, Share, Slot, Split, Token, Verification};
use bluegreen_nginx::{BucketRouter, LocalTransport, NginxConfig, Override, Transport, Upstream};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use backend::Backend;

pub(crate) const SECRET: &str = "a-secret-of-24-letters-x";
pub(crate) const LOCATIONS: &str = "
    location / { proxy_pass http://$bluegreen_shop_web; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host:$server_port; }";

/// Where a private nginx differs from the usual one.
pub(crate) struct Setting {
    pub(crate) ip: IpAddr,
    /// Directives of the http block.
    pub(crate) http: String,
    /// Directives of the server block after the include.
    pub(crate) server: String,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            http: String::new(),
            server: LOCATIONS.to_owned(),
        }
    }
}

/// A running nginx with a backend for each slot.
pub(crate) struct Nginx {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) public: SocketAddr,
    pub(crate) config: NginxConfig,
    pub(crate) blue: Backend,
    pub(crate) green: Backend,
    child: Child,
}

impl Nginx {
    /// Starts it as it was before anybody thought of blue and green; then writes the configuration that
    /// includes the files of the router, which `install` has to load.
    pub(crate) async fn start(setting: Setting) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        let [public, control] = [(); 2].map(|()| free(setting.ip));
        let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
        let mut config = NginxConfig::new("shop", root.join("split"), control);
        config.http_include = root.join("shop.http");
        config.server_include = root.join("shop.server");
        config.pid_file = root.join("nginx.pid");
        config.nginx = [
            "nginx",
            "-p",
            root.to_str().unwrap(),
            "-c",
            root.join("nginx.conf").to_str().unwrap(),
            "-e",
            root.join("error.log").to_str().unwrap(),
        ]
        .map(str::to_owned)
        .to_vec();
        config.upstreams = vec![Upstream::new(
            "web",
            [blue.address.to_string()],
            [green.address.to_string()],
        )];
        config.override_ = Some(Override::header("X-Bluegreen", SECRET.into()));
        let this_conf = |http: &str, server: &str| {
            let root = root.display();
            format!(
                "daemon off;
worker_processes 2;
pid {root}/nginx.pid;
error_log {root}/error.log info;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
{http}
    server {{
        listen {public};
{server}
    }}
}}
"
            )
        };
        let path = root.join("nginx.conf");
        fs::write(&path, this_conf("", "return 200 before;")).unwrap();
        let child = spawn(&config);
        let nginx = Self {
            folder,
            public,
            config,
            blue,
            green,
            child,
        };
        nginx.until_it_listens().await;
        let root = nginx.folder.path().display();
        let http = format!("{}\n    include {root}/shop.http;", setting.http);
        let server = format!("        include {root}/shop.server;\n{}", setting.server);
        fs::write(&path, {
            let root = nginx.folder.path();
            let root = root.display();
            let before = fs::read_to_string(format!("{root}/nginx.conf")).unwrap();
            let (head, tail) = before.split_once("    server {").unwrap();
            format!(
                "{head}{http}\n    server {{{}",
                tail.replace("return 200 before;", &server)
            )
        })
        .unwrap();
        nginx
    }

    /// Started and installed.
    pub(crate) async fn installed(setting: Setting) -> (Self, BucketRouter) {
        let nginx = Self::start(setting).await;
        let router = nginx.router();
        router.install(Some(Slot::Blue)).await.unwrap();
        (nginx, router)
    }

    pub(crate) fn router(&self) -> BucketRouter {
        BucketRouter::new(self.config.clone(), local()).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn split_path(&self, name: &str) -> PathBuf {
        self.config.directory.join(name)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.public)
    }

    pub(crate) fn edit(&self, from: &str, to: &str) {
        let path = self.path("nginx.conf");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    pub(crate) fn error_log(&self) -> String {
        fs::read_to_string(self.path("error.log")).unwrap()
    }

    /// How many configurations its master has loaded since the start.
    pub(crate) fn reloads(&self) -> usize {
        self.error_log().matches("(SIGHUP) received from").count()
    }

    /// Ends it: its ports refuse connections.
    pub(crate) fn stop(&mut self) {
        let master = Pid::from_raw(self.child.id().cast_signed());
        // TERM, not KILL: the master takes its workers with it.
        let _ = kill(master, Signal::SIGTERM);
        let _ = self.child.wait();
    }

    /// Starts it with the configuration that is there now, after [`stop`](Self::stop).
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(&self.config);
        self.until_it_listens().await;
    }

    async fn until_it_listens(&self) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(self.public).await.is_ok() && self.config.pid_file.exists() {
                return;
            }
            pause(20).await;
        }
        panic!("nginx does not listen: {}", self.error_log());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One that has been stopped already has no process whose id could be another's now.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

fn spawn(config: &NginxConfig) -> Child {
    Command::new(&config.nginx[0])
        .args(&config.nginx[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

pub(crate) fn local() -> Arc<dyn Transport> {
    Arc::new(LocalTransport::new().unwrap())
}

/// A port that is free now, and stays so until nginx takes it: each is given out once, and none is of those
/// that the kernel gives to connections (32768 and above, unless a machine is set otherwise).
pub(crate) fn free(ip: IpAddr) -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() * 97;
    let ports = std::iter::from_fn(|| Some(10_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 22_000));
    let addresses = ports.map(|port| SocketAddr::new(ip, u16::try_from(port).unwrap()));
    addresses
        .take(22_000)
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
pub(crate) async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

pub(crate) fn op(epoch: u64, seq: u64) -> Op {
    Op::new(
        Token { epoch, seq },
        format!("test-{epoch}-{seq}"),
        Duration::from_secs(20),
    )
}

pub(crate) fn green(percent: &str) -> Split {
    Split::with(Slot::Green, percent.parse::<Share>().unwrap())
}

#[track_caller]
pub(crate) fn is_live(verification: &Verification) -> bool {
    matches!(verification, Verification::Live { .. })
}

pub(crate) async fn verify(router: &dyn Router, split: Split) -> Verification {
    router.verify(&op(0, 0), split).await.unwrap()
}
