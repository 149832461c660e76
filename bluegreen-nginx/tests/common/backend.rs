//! A backend that says who it is.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, LOCATION, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers `<name> <path and query> <bytes of the body>`.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) served: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Backend {
    pub(crate) async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        count.fetch_add(1, Ordering::Relaxed);
                        answer(name, request)
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        Self {
            address,
            served,
            task,
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(name: &'static str, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let uri = request.uri().clone();
    let reply = |status, text: String| {
        Response::builder()
            .status(status)
            .header("x-slot", name)
            .body(Full::from(text))
            .unwrap()
    };
    let host = request
        .headers()
        .get(HOST)
        .map(|host| host.to_str().unwrap().to_owned())
        .unwrap_or_default();
    Ok(match uri.path() {
        "/socket" => upgrade(name, request),
        "/redirect" => {
            let mut response = reply(StatusCode::FOUND, String::new());
            response
                .headers_mut()
                .insert(LOCATION, format!("http://{host}/target").parse().unwrap());
            response
        }
        "/missing" => reply(StatusCode::NOT_FOUND, format!("{name} has it not")),
        "/broken" => reply(StatusCode::INTERNAL_SERVER_ERROR, format!("{name} is broken")),
        path if path.starts_with("/late/") => {
            super::pause(path.trim_start_matches("/late/").parse().unwrap()).await;
            reply(StatusCode::INTERNAL_SERVER_ERROR, format!("{name} is broken"))
        }
        path => {
            if let Some(millis) = path.strip_prefix("/slow/") {
                super::pause(millis.parse().unwrap()).await;
            }
            match request.into_body().collect().await {
                Ok(body) => reply(StatusCode::OK, format!("{name} {uri} {}", body.to_bytes().len())),
                Err(_) => reply(StatusCode::BAD_REQUEST, "the body ended early".to_owned()),
            }
        }
    })
}

// After the upgrade each byte comes back.
fn upgrade(name: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    tokio::spawn(async move {
        let mut stream = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            if stream.write_all(&bytes[..count]).await.is_err() {
                break;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header("x-slot", name)
        .body(Full::default())
        .unwrap()
}
