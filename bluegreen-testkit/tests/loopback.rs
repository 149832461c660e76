//! The loopback services, proxy, host and control over real sockets.
#![cfg(test)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{
    Assignment, DeploymentId, FaultKind, Host, InFlight, Op, ReadyState, Release, Router, RouterCapabilities,
    Share, Slot, Split, Timestamp, Token, Verification, Version,
};
use bluegreen_testkit::fakes::{Behaviour, CallLog, FakeHost, FakeRouter, HostCall, RouterCall};
use bluegreen_testkit::loopback::{
    Division, Faults, LoopbackControl, LoopbackHost, LoopbackProxy, OVERRIDE_HEADER, PerSlot, ProxyConfig,
    RemoteHost, RemoteRouter, Service, ServiceConfig,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn op(seq: u64) -> Op {
    Op::new(
        Token { epoch: 1, seq },
        format!("1.{seq}"),
        Duration::from_secs(5),
    )
}

fn release(version: &str) -> Release {
    Release::new(Version::new(version).unwrap())
}

fn assignment(version: &str, slot: Slot, number: u64) -> Assignment {
    let deployment = DeploymentId::new(number, Timestamp::default());
    Assignment {
        slot,
        release: release(version),
        deployment,
    }
}

/// A host with version 1 in blue and 2 in green, and a proxy in front of it.
async fn running() -> (LoopbackHost, LoopbackProxy) {
    let host = LoopbackHost::start().await.unwrap();
    host.run(Slot::Blue, release("1")).await.unwrap();
    host.run(Slot::Green, release("2")).await.unwrap();
    let proxy = LoopbackProxy::start(ProxyConfig::new(host.addresses()))
        .await
        .unwrap();
    (host, proxy)
}

/// A client with one connection.
struct Client(TcpStream);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends a request and reads the answer, head and body as one text.
    async fn ask(&mut self, request: &str, body: &str) -> String {
        let text = format!(
            "{request}\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let count = self.0.read(&mut buffer).await.unwrap();
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&answer).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .split("\r\n")
                    .find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return text;
                }
            }
        }
    }

    async fn get(&mut self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1"), "").await
    }
}

#[tokio::test]
async fn a_service_says_what_it_is_and_counts() {
    let config = ServiceConfig {
        version: Version::new("1.4.0").unwrap(),
        slot: Slot::Green,
    };
    let service = Service::start(config).await.unwrap();
    let mut client = Client::connect(service.address()).await;

    let health = client.get("/health").await;
    let (_, body) = health.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let expected = serde_json::json!({"slot": "green", "status": "ok", "version": "1.4.0"});
    assert_eq!(body, expected);
    let echo = client.ask("POST /orders HTTP/1.1", "twelve bytes").await;
    assert!(
        echo.contains("x-slot: green") && echo.contains("x-body-length: 12"),
        "{echo}"
    );

    service.set_faults(Faults::default().errors("50%".parse().unwrap()).failing_health());
    let mut statuses = Vec::new();
    for path in ["/", "/", "/", "/", "/health"] {
        statuses.push(client.get(path).await[9..12].to_owned());
    }
    assert_eq!(statuses, ["200", "500", "200", "500", "503"]);
    let counters = service.counters();
    assert_eq!(
        (counters.requests, counters.errors, counters.in_flight),
        (7, 3, 0)
    );
    assert_eq!(counters.by_path["/orders"], 1);
    service.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_service_that_refuses_keeps_its_port_and_its_open_connections() {
    let config = ServiceConfig {
        version: Version::new("1").unwrap(),
        slot: Slot::Blue,
    };
    let service = Service::start(config).await.unwrap();
    let mut client = Client::connect(service.address()).await;
    client.get("/").await;
    for _ in 0..3 {
        service.set_refusing(true).await.unwrap();
        let refused = TcpStream::connect(service.address()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        client.get("/").await;
        service.set_refusing(false).await.unwrap();
        Client::connect(service.address()).await.get("/").await;
    }
    service.cut_connections();
    assert_eq!(client.0.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn stopping_lets_a_request_finish_and_killing_does_not() {
    for is_graceful in [true, false] {
        let config = ServiceConfig {
            version: Version::new("1").unwrap(),
            slot: Slot::Blue,
        };
        let service = Service::start(config).await.unwrap();
        let mut client = Client::connect(service.address()).await;
        client
            .0
            .write_all(b"GET /slow?ms=200 HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        while service.counters().in_flight == 0 {
            tokio::task::yield_now().await;
        }
        if is_graceful {
            service.stop(Duration::from_secs(5)).await;
        } else {
            service.kill();
        }
        let mut answer = String::new();
        let _ = client.0.read_to_string(&mut answer).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200"), is_graceful, "{answer:?}");
    }
}

#[tokio::test]
async fn the_proxy_keeps_exact_shares_on_one_connection() {
    let (host, proxy) = running().await;
    let mut client = Client::connect(proxy.address()).await;
    for percent in [0, 5, 50, 100] {
        let share = Share::from_percent(percent).unwrap();
        proxy.set_by_hand(Split::with(Slot::Green, share));
        let before = proxy.counters().requests.green;
        for _ in 0..100 {
            client.get("/").await;
        }
        assert_eq!(proxy.counters().requests.green - before, u64::from(percent));
    }
    let served = host.service(Slot::Green).counters().requests;
    assert_eq!(served, proxy.counters().requests.green);
    assert_eq!(proxy.counters().in_flight, PerSlot::default());
}

#[tokio::test]
async fn the_override_header_reaches_the_other_slot_and_a_key_stays_on_its_side() {
    let (host, proxy) = running().await;
    let mut client = Client::connect(proxy.address()).await;
    let answer = client
        .ask(&format!("GET / HTTP/1.1\r\n{OVERRIDE_HEADER}: green"), "")
        .await;
    assert!(answer.contains("x-version: 2"), "{answer}");
    let config = ProxyConfig::new(host.addresses())
        .division(Division::ByHeader("x-user".to_owned()))
        .split(Split::with(Slot::Green, "50%".parse().unwrap()));
    let proxy = LoopbackProxy::start(config).await.unwrap();
    let mut client = Client::connect(proxy.address()).await;
    let mut sides = Vec::new();
    for user in 0..32 {
        let request = format!("GET / HTTP/1.1\r\nx-user: {user}");
        let first = client.ask(&request, "").await.contains("x-slot: green");
        let second = client.ask(&request, "").await.contains("x-slot: green");
        assert_eq!(first, second);
        sides.push(first);
    }
    assert!(sides.contains(&true) && sides.contains(&false));
}

#[tokio::test]
async fn a_slot_that_is_gone_gives_502_and_a_request_in_flight_is_counted() {
    let (host, proxy) = running().await;
    let router = proxy.router("edge");
    let mut slow = Client::connect(proxy.address()).await;
    slow.0
        .write_all(b"GET /slow?ms=200 HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    while router.in_flight(&op(1), Slot::Blue).await.unwrap() == InFlight::None {
        tokio::task::yield_now().await;
    }
    router.shift(&op(2), Split::all(Slot::Green)).await.unwrap();
    assert_eq!(
        router.in_flight(&op(2), Slot::Blue).await.unwrap(),
        InFlight::AtLeast(1)
    );
    let mut head = [0; 12];
    slow.0.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200", "it was finished where it had begun");
    while router.in_flight(&op(2), Slot::Blue).await.unwrap() != InFlight::None {
        tokio::task::yield_now().await;
    }

    host.retire(&op(3), Slot::Green).await.unwrap();
    let answer = Client::connect(proxy.address()).await.get("/").await;
    assert!(
        answer.starts_with("http/1.1 502") && answer.contains("x-slot: green"),
        "{answer}"
    );
    assert_eq!(proxy.counters().bad_gateways, 1);
}

#[tokio::test]
async fn an_upgraded_connection_echoes_through_the_proxy_and_stays_on_its_slot() {
    let (_host, proxy) = running().await;
    let mut client = Client::connect(proxy.address()).await;
    let answer = client
        .ask("GET /echo HTTP/1.1\r\nconnection: upgrade\r\nupgrade: echo", "")
        .await;
    assert!(
        answer.starts_with("http/1.1 101") && answer.contains("x-slot: blue"),
        "{answer}"
    );
    for word in [b"one", b"two"] {
        client.0.write_all(word).await.unwrap();
        let mut echo = [0; 3];
        client.0.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, word);
        proxy.set_by_hand(Split::all(Slot::Green));
    }
    assert_eq!(proxy.counters().in_flight.blue, 1);
    proxy.cut_connections();
    assert_eq!(client.0.read(&mut [0]).await.unwrap_or(0), 0);
}

/// A deployer's calls in order, against any router and host.
async fn deploy_two(router: &dyn Router, host: &dyn Host) {
    assert_eq!(router.capabilities(), RouterCapabilities::exact());
    let green = Split::all(Slot::Green);
    router.stage(&op(1), Slot::Green).await.unwrap();
    host.deploy(&op(2), &assignment("2", Slot::Green, 1))
        .await
        .unwrap();
    host.deploy(&op(2), &assignment("2", Slot::Green, 1))
        .await
        .unwrap();
    let readiness = host.readiness(&op(2), Slot::Green).await.unwrap();
    assert_eq!(
        (readiness.state, readiness.instances),
        (ReadyState::Ready, Some(1))
    );
    let verification = router.verify(&op(2), green).await.unwrap();
    assert!(
        matches!(verification, Verification::NotYet { .. }),
        "{verification:?}"
    );
    router.shift(&op(3), green).await.unwrap();
    let verification = router.verify(&op(3), green).await.unwrap();
    assert!(
        matches!(verification, Verification::Live { .. }),
        "{verification:?}"
    );
    let late = router.shift(&op(2), Split::all(Slot::Blue)).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::Fenced);
    let seen = router.observe(&op(3)).await.unwrap();
    assert_eq!((seen.split, seen.token), (green, Some(op(3).token)));
    assert_eq!(
        router.in_flight(&op(3), Slot::Blue).await.unwrap(),
        InFlight::None
    );
    host.standby(&op(4), Slot::Blue).await.unwrap();
    host.retire(&op(5), Slot::Blue).await.unwrap();
    let readiness = host.readiness(&op(5), Slot::Blue).await.unwrap();
    assert_eq!(readiness.state, ReadyState::Stopped);
}

#[tokio::test]
async fn fakes_loopback_and_remote_ports_do_the_same() {
    let log = CallLog::default();
    let fake_host = FakeHost::new("vm", &log).with_release(Slot::Blue, release("1"));
    deploy_two(&FakeRouter::new("edge", &log), &fake_host).await;
    assert_eq!(fake_host.begun(), 1);

    for is_remote in [false, true] {
        let host = LoopbackHost::start().await.unwrap();
        host.run(Slot::Blue, release("1")).await.unwrap();
        let proxy = LoopbackProxy::start(ProxyConfig::new(host.addresses()))
            .await
            .unwrap();
        let router = proxy.router("edge");
        if is_remote {
            let control = LoopbackControl::start(Arc::new(router), Arc::new(host.clone()))
                .await
                .unwrap();
            let router = RemoteRouter::connect(control.address()).await.unwrap();
            assert_eq!(router.name(), "edge");
            deploy_two(&router, &RemoteHost::connect(control.address()).await.unwrap()).await;
        } else {
            deploy_two(&router, &host).await;
        }
        let answer = Client::connect(proxy.address()).await.get("/").await;
        assert!(answer.contains("x-version: 2"), "{answer}");
    }
}

#[tokio::test]
async fn every_kind_of_fault_crosses_the_control_connection() {
    let log = CallLog::default();
    let (router, host) = (FakeRouter::new("edge", &log), FakeHost::new("vm", &log));
    let control = LoopbackControl::start(Arc::new(router.clone()), Arc::new(host.clone()))
        .await
        .unwrap();
    let remote_router = RemoteRouter::connect(control.address()).await.unwrap();
    let remote_host = RemoteHost::connect(control.address()).await.unwrap();
    let wait = Some(Duration::from_millis(1_500));
    for kind in [
        FaultKind::Rejected,
        FaultKind::Unavailable { retry_after: None },
        FaultKind::Unavailable { retry_after: wait },
        FaultKind::Unknown,
        FaultKind::Fenced,
    ] {
        router.script(RouterCall::Shift, [Behaviour::Fault(kind)]);
        host.script(HostCall::Retire, [Behaviour::Fault(kind)]);
        let shifted = remote_router.shift(&op(1), Split::all(Slot::Blue)).await;
        let retired = remote_host.retire(&op(1), Slot::Green).await;
        assert_eq!(shifted.unwrap_err().kind, kind);
        assert_eq!(retired.unwrap_err().kind, kind);
    }

    router.script(RouterCall::Shift, [Behaviour::Hang]);
    let short = Op::new(op(2).token, "short", Duration::from_millis(50));
    let lost = remote_router
        .shift(&short, Split::all(Slot::Blue))
        .await
        .unwrap_err();
    assert_eq!(lost.kind, FaultKind::Unknown, "{lost}");
    control.set_refusing(true).await.unwrap();
    let refused = remote_router.observe(&op(3)).await.unwrap_err();
    assert_eq!(
        refused.kind,
        FaultKind::Unavailable { retry_after: None },
        "{refused}"
    );
}

#[tokio::test]
async fn a_bad_release_has_its_defect_wherever_it_is_deployed() {
    let (host, _proxy) = running().await;
    host.set_defect(Version::new("3").unwrap(), Faults::default().failing_health());
    host.deploy(&op(1), &assignment("3", Slot::Green, 7))
        .await
        .unwrap();
    let readiness = host.readiness(&op(1), Slot::Green).await.unwrap();
    assert_eq!(readiness.state, ReadyState::Starting, "{readiness:?}");
    host.deploy(&op(2), &assignment("4", Slot::Green, 8))
        .await
        .unwrap();
    let readiness = host.readiness(&op(2), Slot::Green).await.unwrap();
    assert_eq!(readiness.state, ReadyState::Ready, "{readiness:?}");
}
