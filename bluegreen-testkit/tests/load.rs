//! What the load generator sees of switches, of losses, and of broken services.
#![cfg(test)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, Op, Release, Router, Slot, Split, SystemClock, Token, Version};
use bluegreen_testkit::load::{Kind, Load, Reason, Report};
use bluegreen_testkit::loopback::{
    Faults, LoopbackHost, LoopbackProxy, Loss, Lossy, ProxyConfig, Service, ServiceConfig,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SHORT: Duration = Duration::from_millis(600);

fn op(seq: u64) -> Op {
    Op::new(
        Token { epoch: 1, seq },
        format!("1.{seq}"),
        Duration::from_secs(5),
    )
}

async fn running() -> (LoopbackHost, Arc<LoopbackProxy>) {
    let host = LoopbackHost::start().await.unwrap();
    for (slot, version) in [(Slot::Blue, "1"), (Slot::Green, "2")] {
        let release = Release::new(Version::new(version).unwrap());
        host.run(slot, release).await.unwrap();
    }
    let proxy = LoopbackProxy::start(ProxyConfig::new(host.addresses()))
        .await
        .unwrap();
    (host, Arc::new(proxy))
}

async fn service() -> Service {
    let version = Version::new("1").unwrap();
    Service::start(ServiceConfig {
        version,
        slot: Slot::Blue,
    })
    .await
    .unwrap()
}

async fn switch(router: &dyn Router, count: u64, pause: Duration) {
    for seq in 1..=count {
        let slot = if seq % 2 == 1 { Slot::Green } else { Slot::Blue };
        router.stage(&op(seq), slot).await.unwrap();
        router.shift(&op(seq), Split::all(slot)).await.unwrap();
        SystemClock::new().sleep(pause).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_switches_lose_nothing_of_any_kind_of_client() {
    let (_host, proxy) = running().await;
    let load = Load::new(proxy.address())
        .rate(500)
        .connections(28)
        .kinds(Kind::ALL)
        .start();

    switch(&proxy.router("edge"), 50, Duration::from_millis(10)).await;
    let report = load.stop().await;

    assert_eq!(report.failed(), 0, "{report}");
    assert_eq!(report.in_flight(), 0, "{report}");
    assert_eq!(
        report.kinds.keys().copied().collect::<Vec<_>>(),
        Kind::ALL,
        "{report}"
    );
    assert!(report.slots.values().all(|slot| slot.answered > 50), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_loses_is_reported() {
    for (loss, reason) in [
        (Loss::Connections, Reason::Reset),
        (Loss::BadGateways(5), Reason::Status),
    ] {
        let (host, proxy) = running().await;
        // Each answer takes a while, so that requests are in flight at each switch.
        for slot in Slot::BOTH {
            host.service(slot)
                .set_faults(Faults::default().latency(Duration::from_millis(10)));
        }
        let load = Load::new(proxy.address()).rate(400).connections(12);
        let load = load.kinds([Kind::KeepAlive, Kind::Post, Kind::Fresh]).start();

        let router = Lossy::new("edge", proxy, loss);
        switch(&router, 10, Duration::from_millis(50)).await;
        let report = load.stop().await;

        let lost = report.failures.get(&reason).copied().unwrap_or(0);
        assert!(lost >= 10, "{loss:?}: {report}");
        assert_eq!(report.failed(), lost, "{loss:?}: {report}");
        assert!(!report.examples.is_empty());
    }
}

#[tokio::test]
async fn the_last_request_of_the_old_side_was_begun_before_the_decision() {
    let (_host, proxy) = running().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let load = Load::new(proxy.address()).rate(500).clock(clock.clone()).start();
    clock.sleep(SHORT / 2).await;

    proxy
        .router("edge")
        .shift(&op(1), Split::all(Slot::Green))
        .await
        .unwrap();
    let (decided, decided_at) = (clock.monotonic(), clock.now());
    clock.sleep(SHORT / 2).await;
    let report = load.stop().await;

    let (blue, green) = (report.slots[&Slot::Blue], report.slots[&Slot::Green]);
    assert!(
        blue.last_begun <= decided && blue.last_begun_at <= decided_at,
        "{blue:?}"
    );
    assert!(green.last_begun > decided, "{green:?}");
    assert!(decided.since(blue.last_begun) < SHORT / 2, "{blue:?} {decided:?}");
}

#[tokio::test]
async fn only_a_client_that_does_not_look_fails_on_a_connection_that_was_closed_while_idle() {
    for (kind, failures) in [(Kind::KeepAlive, 0), (Kind::KeepAliveUnchecked, 1)] {
        let service = service().await;
        let load = Load::new(service.address())
            .rate(10)
            .connections(1)
            .kinds([kind])
            .start();
        while load.snapshot().answered < 2 {
            tokio::task::yield_now().await;
        }
        service.cut_connections();
        while load.snapshot().sent < 5 {
            tokio::task::yield_now().await;
        }
        let report = load.stop().await;
        assert_eq!(
            report.failures.get(&Reason::Reset).copied().unwrap_or(0),
            failures,
            "{report}"
        );
    }
}

/// The only reason for which requests to this address fail.
async fn reason(target: SocketAddr, kind: Kind) -> (Reason, Report) {
    let load = Load::new(target).rate(50).connections(2).kinds([kind]);
    let report = load
        .timeout(SHORT / 6)
        .duration(SHORT / 2)
        .start()
        .finished()
        .await;
    assert!(report.failed() > 0, "{report}");
    assert_eq!(report.failures.len(), 1, "{report}");
    (*report.failures.keys().next().unwrap(), report)
}

#[tokio::test]
async fn each_way_to_fail_has_its_reason() {
    let service = service().await;
    let address = service.address();
    service.set_faults(Faults::default().errors("50%".parse().unwrap()));
    let (found, report) = reason(address, Kind::Post).await;
    assert_eq!(found, Reason::Status);
    let slot = report.slots[&Slot::Blue];
    assert!(slot.answered > 0 && slot.failed > 0, "{report}");
    service.set_faults(Faults::default().hanging());
    assert_eq!(reason(address, Kind::KeepAlive).await.0, Reason::Timeout);
    service.set_refusing(true).await.unwrap();
    service.cut_connections();
    for kind in Kind::ALL {
        assert_eq!(reason(address, kind).await.0, Reason::Connect);
    }
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\nx-body-length: 7\r\ncontent-length: 0\r\n\r\n",
            Reason::WrongBody,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", Reason::Reset),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            Reason::Reset,
        ),
        ("good morning\r\n\r\n", Reason::WrongBody),
        ("", Reason::Reset),
    ] {
        assert_eq!(
            reason(liar(answer).await, Kind::Fresh).await.0,
            expected,
            "{answer:?}"
        );
    }
}

/// A server that gives each connection the same answer and closes it.
async fn liar(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn a_load_keeps_its_rate_and_its_bounds() {
    let service = service().await;
    let load = Load::new(service.address()).rate(200).duration(SHORT);
    let report = load.start().finished().await;
    assert!((60..=130).contains(&report.sent), "{report}");
    assert_eq!(report.answered, service.counters().requests);
    assert!(report.latency.p50 <= report.latency.max && report.latency.max > Duration::ZERO);

    let report = Load::new(service.address())
        .rate(10_000)
        .at_most(25)
        .start()
        .finished()
        .await;
    assert_eq!((report.sent, report.answered), (25, 25));
}

#[tokio::test]
#[ignore = "needs a release build and a quiet machine"]
async fn two_thousand_requests_a_second_through_the_proxy_on_one_core() {
    let (_host, proxy) = running().await;
    let load = Load::new(proxy.address())
        .rate(2_000)
        .connections(50)
        .duration(Duration::from_secs(5));
    let report = load.kinds([Kind::KeepAlive, Kind::Post]).start().finished().await;
    println!("{report}");
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.sent >= 9_800, "{report}");
}
