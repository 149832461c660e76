//! The client that the embedding program gives to gates and sources.

use bluegreen_core::{Outcome, Plan};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{World, somebody, version};

const PAGE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\nconnection: close\r\n\r\nload 5.0\n";

/// A name that only this client knows stands for what only it can do: trust a private authority, use a proxy.
#[tokio::test]
async fn gates_and_sources_ask_with_the_client_that_they_are_given() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(PAGE.as_bytes()).await;
        }
    });
    let port = address.port();
    let plan = Plan::from_toml(&format!(
        r#"
        service = "shop"
        [[health]]
        name = "api"
        http = [{{ url = "http://shop.internal:{port}/{{slot}}" }}]
        period = "100ms"
        failure_threshold = 1
        error_threshold = 1
        [[sources]]
        name = "app"
        scrape = "http://shop.internal:{port}/{{slot}}/metrics"
        gauges.load = "load"
        [thresholds]
        load = {{ critical = 10 }}
        "#
    ))
    .unwrap();
    let world = World::new();
    let client = reqwest::Client::builder()
        .no_proxy()
        .resolve("shop.internal", address)
        .build()
        .unwrap();
    for (builder, fine) in [(world.builder().http(client), true), (world.builder(), false)] {
        let deployer = builder.build().unwrap();
        let checks = deployer
            .check(&plan, &version("2.0.0"), somebody())
            .await
            .unwrap();
        let asked: Vec<_> = checks
            .iter()
            .filter(|check| check.name == "live slot" || check.evidence.contains("load"))
            .collect();
        assert!(!asked.is_empty(), "{checks:?}");
        let all_fine = checks.iter().all(|check| check.outcome == Outcome::Pass);
        assert_eq!(all_fine, fine, "{checks:?}");
    }
    server.abort();
}
