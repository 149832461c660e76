//! The switches of one method, and what they cost.

use std::time::Duration;

use bluegreen_core::{Clock, Host, Monotonic, Op, Release, Slot, SystemClock, Token, Version};
use bluegreen_testkit::load::{Report, RunningLoad};
use bluegreen_testkit::loopback::LoopbackHost;
use tokio::runtime::Handle;

use crate::method::{Method, Name};
use crate::traffic::{self, SOCKET_STAYS};
use bluegreen_bench::{Failure, Seen};

/// From the beginning of the load to the first switch.
const WARM_UP: Duration = Duration::from_millis(500);
/// From the start of the new side, and of the websockets, to the decision.
const BEFORE: Duration = Duration::from_millis(300);
/// From one decision to the next preparation at least, so that each method meets the same requests of
/// three seconds.
const BETWEEN: Duration = Duration::from_millis(3_150);

/// One method's result.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Row {
    pub(crate) method: Name,
    pub(crate) switches: usize,
    pub(crate) per_second: f64,
    pub(crate) seen: Seen,
    /// From the decision to the beginning of the last request that the old side answered.
    pub(crate) last_on_old: Spread,
    /// From the decision until the old side was killed, because the procedure said that it may be.
    pub(crate) may_stop: Spread,
}

/// Milliseconds over all switches.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Spread {
    pub(crate) p50_ms: f64,
    pub(crate) max_ms: f64,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
        Self {
            p50_ms: ms(times.get(times.len().saturating_sub(1) / 2)),
            max_ms: ms(times.last()),
        }
    }
}

pub(crate) async fn measure<M: Method>(
    mut method: M,
    host: &LoopbackHost,
    clients: &Handle,
    switches: usize,
) -> Result<Row, Failure> {
    let clock = SystemClock::new();
    let target = method.address();
    host.run(Slot::Blue, release(0)?).await?;
    let loads = traffic::requests(target, &clock, clients).await;
    let began = clock.monotonic();
    clock.sleep(WARM_UP).await;
    let mut seen = Seen::default();
    let (mut last_on_old, mut may_stop) = (Vec::new(), Vec::new());
    let mut old = Slot::Blue;
    for number in 1..=switches {
        let new = old.other();
        host.run(new, release(number)?).await?;
        let sockets = traffic::websockets(target, &clock, clients);
        clock.sleep(BEFORE).await;
        method.prepare(new).await?;
        let decided = clock.monotonic();
        let stopping = async {
            method.switch(new).await?;
            method.may_stop(old).await?;
            let stopped = clock.monotonic();
            kill(host, old).await?;
            Ok::<_, Failure>(stopped.since(decided))
        };
        let hanging_up = async {
            clock.sleep(SOCKET_STAYS).await;
            sockets.stop().await
        };
        let (stopped, sockets) = tokio::join!(stopping, hanging_up);
        may_stop.push(stopped?);
        clock
            .sleep(BETWEEN.saturating_sub(clock.monotonic().since(decided)))
            .await;
        let reports = loads.iter().map(RunningLoad::snapshot).chain([sockets.clone()]);
        let last = reports.map(|report| last_begun(&report, old)).max();
        last_on_old.push(last.unwrap_or_default().since(decided));
        seen.add(&sockets);
        old = new;
    }
    let took = clock.monotonic().since(began);
    let stopping: Vec<_> = loads.into_iter().map(|load| clients.spawn(load.stop())).collect();
    for load in stopping {
        seen.add(&load.await?);
    }
    kill(host, old).await?;
    Ok(Row {
        method: M::NAME,
        switches,
        per_second: f64::from(u32::try_from(seen.requests)?) / took.as_secs_f64(),
        seen,
        last_on_old: Spread::of(last_on_old),
        may_stop: Spread::of(may_stop),
    })
}

fn release(number: usize) -> Result<Release, Failure> {
    Ok(Release::new(Version::new(format!("1.{number}"))?))
}

/// All connections are dropped and new ones are refused, at once.
async fn kill(host: &LoopbackHost, slot: Slot) -> Result<(), Failure> {
    let op = Op::new(Token::default(), "kill", Duration::from_secs(5));
    Ok(host.retire(&op, slot).await?)
}

fn last_begun(report: &Report, slot: Slot) -> Monotonic {
    report
        .slots
        .get(&slot)
        .map(|slot| slot.last_begun)
        .unwrap_or_default()
}
