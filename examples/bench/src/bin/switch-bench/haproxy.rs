//! HAProxy by its runtime API: the new side ready, the old one draining, and stopped when it has no
//! sessions any more.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::{Clock, Slot, SystemClock};
use bluegreen_testkit::loopback::PerSlot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::method::{Method, Name};
use bluegreen_bench::Failure;
use bluegreen_bench::private::{Private, folder, free};

const POLL: Duration = Duration::from_millis(25);
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct HaProxy {
    public: SocketAddr,
    socket: PathBuf,
    _process: Private,
}

impl HaProxy {
    pub(crate) async fn start(sides: PerSlot<SocketAddr>) -> Result<Self, Failure> {
        let (folder, public) = (folder()?, free()?);
        let socket = folder.path().join("runtime.sock");
        let config = folder.path().join("haproxy.cfg");
        let text = format!(
            "global
    stats socket {} mode 600 level admin
    nbthread 2
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
frontend public
    bind {public}
    default_backend shop
backend shop
    server blue {}
    server green {} disabled
",
            socket.display(),
            sides.blue,
            sides.green
        );
        std::fs::write(&config, text)?;
        let command = ["haproxy", "-db", "-f", &config.display().to_string()].map(str::to_owned);
        let process = Private::start(folder, &command, public).await?;
        Ok(Self {
            public,
            socket,
            _process: process,
        })
    }

    /// One line of commands and the whole answer.
    async fn ask(&self, line: &str) -> Result<String, Failure> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// The current sessions of a side, by the CSV of `show stat`.
    async fn sessions(&self, slot: Slot) -> Result<u64, Failure> {
        let table = self.ask("show stat").await?;
        let mut lines = table.lines();
        let names: Vec<&str> = lines
            .next()
            .unwrap_or_default()
            .trim_start_matches("# ")
            .split(',')
            .collect();
        let column = |name: &str| {
            names
                .iter()
                .position(|found| *found == name)
                .ok_or("show stat lacks a column")
        };
        let (proxy, server, current) = (column("pxname")?, column("svname")?, column("scur")?);
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            if cells.get(proxy) == Some(&"shop") && cells.get(server) == Some(&slot.as_str()) {
                return Ok(cells.get(current).copied().unwrap_or_default().parse()?);
            }
        }
        Err(format!("show stat does not know {slot}").into())
    }
}

impl Method for HaProxy {
    const NAME: Name = Name::HaProxy;

    fn address(&self) -> SocketAddr {
        self.public
    }

    async fn switch(&mut self, to: Slot) -> Result<(), Failure> {
        let old = to.other();
        let answer = self
            .ask(&format!(
                "set server shop/{to} state ready; set server shop/{old} state drain"
            ))
            .await?;
        if answer.trim().is_empty() {
            Ok(())
        } else {
            Err(format!("HAProxy said {answer:?}").into())
        }
    }

    async fn may_stop(&mut self, old: Slot) -> Result<(), Failure> {
        let clock = SystemClock::new();
        let began = clock.monotonic();
        loop {
            match self.sessions(old).await? {
                0 => return Ok(()),
                left if clock.monotonic().since(began) > LIMIT => {
                    return Err(format!("{left} sessions are left on {old}").into());
                }
                _ => clock.sleep(POLL).await,
            }
        }
    }
}
