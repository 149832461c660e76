//! Gates, as plans describe them, against real servers and commands.
#![cfg(feature = "http")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod building;
mod commands;
mod http;
mod numbers;
mod suites;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::command::{CommandContext, Secrets};
use bluegreen_core::gate::{GateParts, build};
use bluegreen_core::plan::GateSpec;
use bluegreen_core::{
    Fault, Gate, GateContext, Op, Release, ServiceName, Slot, Split, Token, Verdict, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\nx-slot: green\r\n\r\n{\"status\":\"ok\"}";

/// A server that gives each connection the answer for its path, and remembers what it was asked.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: &[(&'static str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
        };
        let (answers, requests) = (answers.to_vec(), Arc::clone(&server.requests));
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (answers, requests) = (answers.clone(), Arc::clone(&requests));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        match connection.read(&mut buffer).await {
                            Ok(count @ 1..) => request.extend(buffer.iter().take(count)),
                            _ => return,
                        }
                    }
                    let request = String::from_utf8(request).unwrap();
                    let path = request.split(' ').nth(1).unwrap().to_owned();
                    requests.lock().unwrap().push(request);
                    match answers.iter().find(|(known, _)| *known == path) {
                        Some((_, answer)) if answer.is_empty() => {}
                        Some((_, answer)) => drop(connection.write_all(answer.as_bytes()).await),
                        // A path that is not known is never answered.
                        None => std::future::pending().await,
                    }
                });
            }
        });
        server
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn parts(green: &str) -> GateParts {
    let url = |url: &str| BTreeMap::from([("url".to_owned(), url.to_owned())]);
    let slots = BTreeMap::from([(Slot::Blue, url("http://127.0.0.1:1")), (Slot::Green, url(green))]);
    let context = CommandContext::new(ServiceName::new("shop").unwrap())
        .slots(slots)
        .secrets(Secrets::new().with("token", "hunter2"));
    GateParts::new(context)
}

fn spec(text: &str) -> GateSpec {
    toml::from_str(&format!("name = \"api\"\n{text}")).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn ask(gate: &dyn Gate, slot: Slot) -> Result<Verdict, Fault> {
    let op = Op::new(Token { epoch: 1, seq: 1 }, "17-1.1", Duration::from_secs(20));
    let release = Release::new(Version::new("1.4.0").unwrap());
    let context = GateContext::new(
        ServiceName::new("shop").unwrap(),
        slot,
        Some(release),
        Split::all(Slot::Blue),
    );
    gate.check(&op, &context).await
}

async fn ask_server(server: &Server, text: &str) -> Result<Verdict, Fault> {
    let parts = parts(&format!("http://{}", server.address));
    ask(build(&spec(text), &parts).unwrap().as_ref(), Slot::Green).await
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
