//! The loopback parts, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use bluegreen_core::{Release, Router, Slot, Version};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::conformance::host::HostSubject;
use bluegreen_testkit::conformance::router::RouterSubject;
use bluegreen_testkit::loopback::{
    LoopbackControl, LoopbackHost, LoopbackProxy, ProxyConfig, RemoteHost, RemoteRouter,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a service says of itself, in the body of each of its answers.
async fn ask(address: SocketAddr) -> Option<serde_json::Value> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = "GET /who HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let body = answer.get(answer.find('{')?..=answer.rfind('}')?)?;
    serde_json::from_str(body).ok()
}

async fn slots_of(address: SocketAddr, count: usize) -> Vec<Slot> {
    let mut slots = Vec::new();
    for _ in 0..count {
        let said = ask(address).await.expect("an answer");
        slots.push(said["slot"].as_str().unwrap().parse().unwrap());
    }
    slots
}

async fn version_in(address: SocketAddr) -> Option<Version> {
    let said = ask(address).await?;
    Some(Version::new(said["version"].as_str()?).unwrap())
}

async fn proxied() -> (LoopbackHost, Arc<LoopbackProxy>) {
    let host = LoopbackHost::start().await.unwrap();
    for (slot, version) in [(Slot::Blue, "1.0"), (Slot::Green, "1.1")] {
        host.run(slot, Release::new(Version::new(version).unwrap()))
            .await
            .unwrap();
    }
    let proxy = LoopbackProxy::start(ProxyConfig::new(host.addresses()))
        .await
        .unwrap();
    (host, Arc::new(proxy))
}

fn around_proxy(router: impl Router + 'static, proxy: &Arc<LoopbackProxy>) -> RouterSubject {
    let (hand, again, address) = (Arc::clone(proxy), Arc::clone(proxy), proxy.address());
    RouterSubject::new(router)
        .by_hand(async move |split| hand.set_by_hand(split))
        .again(async move || again.router("edge"))
        .traffic(async move |count| slots_of(address, count).await)
        .guard(Arc::clone(proxy))
}

bluegreen_testkit::router_conformance!(async || {
    let (host, proxy) = proxied().await;
    around_proxy(proxy.router("edge"), &proxy).guard(host)
});

mod remote_router {
    use super::*;

    bluegreen_testkit::router_conformance!(async || {
        let (host, proxy) = proxied().await;
        let control = LoopbackControl::start(Arc::new(proxy.router("edge")), Arc::new(host.clone()));
        let control = Arc::new(control.await.unwrap());
        let remote = RemoteRouter::connect(control.address()).await.unwrap();
        let refusing = Arc::clone(&control);
        around_proxy(remote, &proxy)
            .faults(async move |fault| refuse(&refusing, fault).await)
            .guard(host)
            .guard(control)
    });
}

/// The one way in which a control can fail.
async fn refuse(control: &LoopbackControl, fault: Option<ProviderFault>) -> bool {
    let is_refusing = match fault {
        None => false,
        Some(ProviderFault::Refused) => true,
        Some(_) => return false,
    };
    control.set_refusing(is_refusing).await.unwrap();
    true
}

mod host {
    use super::*;

    bluegreen_testkit::host_conformance!(async || {
        let host = LoopbackHost::start().await.unwrap();
        let addresses = host.addresses();
        HostSubject::new(host).running(async move |slot| version_in(*addresses.get(slot)).await)
    });
}

mod remote_host {
    use super::*;

    bluegreen_testkit::host_conformance!(async || {
        let (host, proxy) = (LoopbackHost::start().await.unwrap(), proxied().await.1);
        let addresses = host.addresses();
        let control = LoopbackControl::start(Arc::new(proxy.router("edge")), Arc::new(host));
        let control = Arc::new(control.await.unwrap());
        let remote = RemoteHost::connect(control.address()).await.unwrap();
        let refusing = Arc::clone(&control);
        HostSubject::new(remote)
            .running(async move |slot| version_in(*addresses.get(slot)).await)
            .faults(async move |fault| refuse(&refusing, fault).await)
            .guard(control)
    });
}
