//! Clients that ask nginx.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client with keep-alive connections that follows no redirect.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub(crate) async fn text(url: &str) -> String {
    client().get(url).send().await.unwrap().text().await.unwrap()
}

/// Which slot answers a request that carries these headers.
pub(crate) async fn slot_with(url: &str, headers: &[(&str, &str)]) -> String {
    let mut request = client().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let text = request.send().await.unwrap().text().await.unwrap();
    text.split_whitespace().next().unwrap_or_default().to_owned()
}

pub(crate) async fn slot(url: &str) -> String {
    slot_with(url, &[]).await
}

/// Who answered so many clients, told apart by a header.
pub(crate) async fn count(url: &str, header: &str, clients: usize) -> BTreeMap<String, usize> {
    let client = client();
    let mut counts = BTreeMap::new();
    for number in 0..clients {
        let answer = client
            .get(url)
            .header(header, format!("client-{number}"))
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        *counts
            .entry(text.split_whitespace().next().unwrap().to_owned())
            .or_default() += 1;
    }
    counts
}

/// A connection on which bytes are written by hand.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until the text has come.
    pub(crate) async fn until(&mut self, wanted: &str) -> String {
        let mut seen = Vec::new();
        let mut bytes = [0; 4096];
        loop {
            let count = self.0.read(&mut bytes).await.unwrap();
            seen.extend_from_slice(&bytes[..count]);
            let text = String::from_utf8_lossy(&seen).into_owned();
            if text.contains(wanted) {
                return text;
            }
            assert!(count > 0, "the connection ended before {wanted:?}: {text}");
        }
    }
}
