//! A deployer in a process of its own, that is killed on the way and started again.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::plan::LeasePlan;
use bluegreen_core::{Clock as _, Entry, Observer, Report, SystemClock};
use bluegreen_testkit::loopback::{RemoteHost, RemoteRouter};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use crate::Failure;
use crate::deployment::{self, BAKE, Places, SOAK, STEPS};
use crate::parts::write_whole;
use crate::scene::News;

/// The hidden command of the child.
pub(crate) const CHILD: &str = "deployer-process";
/// How often a child that ends by itself is started again, as a CI job would be.
const RETRIES: u32 = 5;
/// Where the child reads what it needs to know.
const ORDERS: &str = "orders.json";

/// What the child needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct Orders {
    places: Places,
    /// Where router and host are served.
    control: SocketAddr,
}

/// What the child says, one in a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Event(Entry),
    Report(Box<Report>),
}

/// A number that is never the same twice, to begin with.
pub(crate) fn new_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    RandomState::new().build_hasher().finish() % 1_000_000
}

/// When the deployer is killed: so long after its first event. Even over the whole deployment.
fn moment(seed: u64) -> Duration {
    let steps = u32::try_from(STEPS.len()).unwrap_or(1);
    let whole = u64::try_from((BAKE * steps + SOAK).as_millis()).unwrap_or(u64::MAX);
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): near seeds give far numbers.
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Duration::from_millis((mixed ^ (mixed >> 31)) % whole)
}

/// Deploys in a child process, kills it once, and starts it again until it has a report.
pub(crate) async fn deploy(
    places: Places,
    control: SocketAddr,
    seed: u64,
    news: UnboundedSender<News>,
) -> Result<Report, Failure> {
    let folder = places.folder.clone();
    let orders = Orders { places, control };
    write_whole(&folder.join(ORDERS), &serde_json::to_vec(&orders)?)?;

    let clock = SystemClock::new();
    let after = moment(seed);
    let mut process = DeployerProcess::start(&folder, &news)?;
    process.first_event().await?;
    let until = clock.monotonic().0 + after;
    let (mut is_killed, mut retries) = (false, 0);
    loop {
        // Once it was killed, it may live.
        let left = if is_killed {
            Duration::MAX
        } else {
            until.saturating_sub(clock.monotonic().0)
        };
        match timeout(left, process.report()).await {
            Err(_) => {
                process.kill().await?;
                process.tell(News::Killed { after });
                is_killed = true;
            }
            Ok(Err(error)) if retries < RETRIES => {
                process.tell(News::Ended {
                    why: error.to_string(),
                });
                retries += 1;
            }
            Ok(ended) => return ended,
        }
        process = DeployerProcess::start(&folder, &news)?;
        process.tell(News::Restarted);
    }
}

/// The deployer in a process of its own. Dropped, it is killed.
struct DeployerProcess {
    child: Child,
    /// The child ends when this is closed, also if this process is killed itself.
    _life_line: Option<ChildStdin>,
    words: Lines<BufReader<ChildStdout>>,
    news: UnboundedSender<News>,
}

impl DeployerProcess {
    fn start(folder: &Path, news: &UnboundedSender<News>) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(CHILD)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C is for the parent, which ends it.
            .process_group(0)
            .spawn()?;
        let stdout = child
            .stdout
            .take()
            .ok_or("the deployer's process has no output")?;
        Ok(Self {
            _life_line: child.stdin.take(),
            words: BufReader::new(stdout).lines(),
            news: news.clone(),
            child,
        })
    }

    async fn next(&mut self) -> Result<Word, Failure> {
        match self.words.next_line().await? {
            Some(line) => Ok(serde_json::from_str(&line)?),
            None => Err(format!("the deployer's process ended with {}", self.child.wait().await?).into()),
        }
    }

    async fn first_event(&mut self) -> Result<(), Failure> {
        if let Word::Event(entry) = self.next().await? {
            self.tell(News::Event(entry));
        }
        Ok(())
    }

    /// Listens until there is a report.
    async fn report(&mut self) -> Result<Report, Failure> {
        loop {
            match self.next().await? {
                Word::Event(entry) => self.tell(News::Event(entry)),
                Word::Report(report) => return Ok(*report),
            }
        }
    }

    /// With SIGKILL: nothing in it runs any more.
    async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    fn tell(&self, news: News) {
        // Nobody listens any more when everything is being stopped.
        let _ = self.news.send(news);
    }
}

/// What the child does: the same deployment, with router and host on the other side of a socket.
pub(crate) async fn child(folder: &Path) -> Result<(), Failure> {
    std::thread::spawn(|| {
        // Nothing is ever sent: this returns when the parent is gone.
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let orders: Orders = serde_json::from_slice(&fs::read(folder.join(ORDERS))?)?;
    let router = Arc::new(RemoteRouter::connect(orders.control).await?);
    let host = RemoteHost::connect(orders.control).await?;
    let deployer = deployment::deployer(folder, router, host, Aloud)?;
    let mut plan = deployment::plan(&orders.places)?;
    // How long a crash holds everything up: 30 s by default, here short enough to be watched.
    plan.lease = LeasePlan {
        ttl: Duration::from_secs(2),
        poll: Duration::from_millis(100),
        call: Duration::from_secs(2),
    };
    let report = deployment::deploy(&deployer, &plan).await?;
    say(&Word::Report(Box::new(report)));
    Ok(())
}

/// Says every event to the parent.
#[derive(Debug)]
struct Aloud;

impl Observer for Aloud {
    fn observe(&self, entry: &Entry) {
        say(&Word::Event(entry.clone()));
    }
}

fn say(word: &Word) {
    if let Ok(line) = serde_json::to_string(word) {
        // When the parent is gone, this process ends anyway.
        let _ = writeln!(io::stdout(), "{line}");
    }
}
