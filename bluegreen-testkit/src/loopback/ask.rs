//! One HTTP request over a connection of its own, with the one difference that matters kept: whether
//! anything was sent.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The most that is read of an answer, in bytes.
const ANSWER_MAX: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nothing was sent.
    #[error("{0} cannot be reached: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// The request may have been carried out.
    #[error("{0} did not answer as it should: {1}")]
    Exchange(SocketAddr, Box<dyn std::error::Error + Send + Sync>),
}

/// Sends one request and reads the whole answer. The caller limits the time.
pub(crate) async fn ask(
    address: SocketAddr,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), AskError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| AskError::Connect(address, error))?;
    exchange(stream, address, method, path, body)
        .await
        .map_err(|error| AskError::Exchange(address, error))
}

async fn exchange(
    stream: TcpStream,
    address: SocketAddr,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string())
        .body(Full::new(body))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await?;
        Ok((status, body.to_bytes()))
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end right after it has handed the answer over.
        _ = connection => exchange.await,
    }
}
