//! The clients: those that go on through all switches of a row, and websockets that are opened before
//! each switch and closed a while after it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, SystemClock};
use bluegreen_testkit::load::{Kind, Load, RunningLoad};
use tokio::runtime::Handle;

/// Requests a second of the paced clients; the others come on top.
pub(crate) const RATE: u32 = 1_100;

/// Clients of each paced kind.
const PACED: usize = 12;
/// Clients that upload slowly, and websockets.
const UNPACED: usize = 4;
/// Clients with a long request in flight.
const LONG_CLIENTS: u32 = 6;

/// How long a websocket stays after the decision to switch.
pub(crate) const SOCKET_STAYS: Duration = Duration::from_secs(1);

/// How long each request of [`Kind::Long`] takes.
const LONG: Duration = Duration::from_secs(3);

/// Starts the clients that go on, over the time of one long request: at each moment from then on some
/// long request has just begun.
pub(crate) async fn requests(target: SocketAddr, clock: &SystemClock, clients: &Handle) -> Vec<RunningLoad> {
    let paced = [Kind::KeepAlive, Kind::KeepAliveUnchecked, Kind::Fresh, Kind::Post];
    let load = |kinds: Vec<Kind>| {
        let load = Load::new(target)
            .rate(RATE)
            .connections(kinds.len())
            .kinds(kinds)
            .duration(Duration::from_hours(1))
            .clock(Arc::new(clock.clone()));
        let _entered = clients.enter();
        load.start()
    };
    let mut loads = Vec::new();
    for _ in 0..LONG_CLIENTS {
        loads.push(load(vec![Kind::Long]));
        clock.sleep(LONG / LONG_CLIENTS).await;
    }
    loads.push(load(
        [paced.repeat(PACED), vec![Kind::SlowUpload; UNPACED]].concat(),
    ));
    loads
}

pub(crate) fn websockets(target: SocketAddr, clock: &SystemClock, clients: &Handle) -> RunningLoad {
    let load = Load::new(target)
        .connections(UNPACED)
        .kinds([Kind::Upgrade])
        .clock(Arc::new(clock.clone()));
    let _entered = clients.enter();
    load.start()
}
