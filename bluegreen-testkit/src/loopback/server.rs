//! An HTTP/1.1 server on loopback whose connections can be refused, ended gracefully or cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, SystemClock};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// A response of a text.
pub(crate) fn text(status: StatusCode, content: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(content.into()).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

/// What answers the requests of a server.
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        tie: Tie,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// What the connections of a server are told.
#[derive(Debug, Clone, Copy)]
struct Life {
    is_stopping: bool,
    /// Connections that began before the last cut are dropped.
    cuts: u64,
}

/// Ties a task to the connection that began it. [`Server::stop`] waits for it.
#[derive(Clone)]
pub(crate) struct Tie {
    life: watch::Receiver<Life>,
    born: u64,
}

impl Tie {
    /// Waits until the connection is to be dropped.
    pub(crate) async fn cut(&mut self) {
        let born = self.born;
        // An error says that the server is gone: cut as well.
        let _ = self.life.wait_for(|life| life.cuts > born).await;
    }
}

/// Whether connections are taken, with somewhere to say that it was done.
type Order = (bool, oneshot::Sender<io::Result<()>>);

/// A server. Dropped, it drops its connections.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    life: watch::Sender<Life>,
    orders: mpsc::Sender<Order>,
}

impl Server {
    pub(crate) async fn start(handler: Arc<impl Handler>) -> io::Result<Self> {
        Self::start_at(handler, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    pub(crate) async fn start_at(handler: Arc<impl Handler>, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (orders, inbox) = mpsc::channel(1);
        let (life, told) = watch::channel(Life {
            is_stopping: false,
            cuts: 0,
        });
        tokio::spawn(accept(Door::Open(listener), address, handler, told, inbox));
        Ok(Self {
            address,
            life,
            orders,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes or refuses new connections. The port stays ours.
    pub(crate) async fn set_open(&self, is_open: bool) -> io::Result<()> {
        let gone = || io::Error::other("the server has stopped");
        let (done, reply) = oneshot::channel();
        self.orders.send((is_open, done)).await.map_err(|_| gone())?;
        reply.await.map_err(|_| gone())?
    }

    /// Drops all connections, in the middle of whatever they do.
    pub(crate) fn cut(&self) {
        self.life.send_modify(|life| life.cuts += 1);
    }

    /// Something that drops all connections, for whoever answers the requests.
    #[cfg(any(feature = "aws", feature = "digitalocean"))]
    pub(crate) fn cutter(&self) -> impl Fn() + Send + Sync + 'static {
        let life = self.life.clone();
        move || life.send_modify(|life| life.cuts += 1)
    }

    /// Takes no more connections and requests, lets the begun ones finish for at most `grace`, and
    /// drops what is left.
    pub(crate) async fn stop(&self, grace: Duration) {
        self.life.send_modify(|life| life.is_stopping = true);
        if tokio::time::timeout(grace, self.life.closed()).await.is_err() {
            self.cut();
            self.life.closed().await;
        }
    }
}

/// Where connections come in.
enum Door {
    Open(TcpListener),
    /// Bound and not listening: connections are refused, and nobody else can take the port.
    Shut(TcpSocket),
    /// The port could not be bound again.
    Lost,
}

impl Door {
    fn shut(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self::Shut(socket))
    }

    /// The door as it was ordered, and whether that worked.
    fn set(self, is_open: bool, address: SocketAddr) -> (Self, io::Result<()>) {
        let changed = match (self, is_open) {
            (Self::Shut(socket), true) => socket.listen(1024).map(Self::Open),
            (Self::Open(listener), false) => {
                drop(listener);
                Self::shut(address)
            }
            (Self::Lost, true) => Self::shut(address).and_then(|door| match door {
                Self::Shut(socket) => socket.listen(1024).map(Self::Open),
                door => Ok(door),
            }),
            (door, _) => Ok(door),
        };
        match changed {
            Ok(door) => (door, Ok(())),
            Err(error) => (Self::Lost, Err(error)),
        }
    }

    async fn accept(&self) -> io::Result<TcpStream> {
        match self {
            Self::Open(listener) => listener.accept().await.map(|(stream, _)| stream),
            Self::Shut(_) | Self::Lost => std::future::pending().await,
        }
    }
}

async fn accept(
    mut door: Door,
    address: SocketAddr,
    handler: Arc<impl Handler>,
    mut life: watch::Receiver<Life>,
    mut inbox: mpsc::Receiver<Order>,
) {
    loop {
        tokio::select! {
            accepted = door.accept() => match accepted {
                Ok(stream) => {
                    let tie = Tie { born: life.borrow().cuts, life: life.clone() };
                    tokio::spawn(serve(stream, handler.clone(), tie));
                }
                Err(error) => {
                    tracing::warn!(%address, %error, "a connection could not be accepted");
                    SystemClock::new().sleep(Duration::from_millis(10)).await;
                }
            },
            order = inbox.recv() => {
                let Some((is_open, done)) = order else { return };
                let result;
                (door, result) = door.set(is_open, address);
                // Whoever asked may have stopped waiting.
                let _ = done.send(result);
            }
            told = life.changed() => if told.is_err() || life.borrow().is_stopping { return },
        }
    }
}

async fn serve(stream: TcpStream, handler: Arc<impl Handler>, tie: Tie) {
    // Without it small answers may wait for an acknowledgement; harmless where it fails.
    let _ = stream.set_nodelay(true);
    let mut life = tie.life.clone();
    let born = tie.born;
    let answer = service_fn(move |request| {
        let (handler, tie) = (handler.clone(), tie.clone());
        async move { Ok::<_, std::convert::Infallible>(handler.handle(request, tie).await) }
    });
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            told = life.changed() => {
                let now = *life.borrow();
                if told.is_err() || now.cuts > born {
                    return;
                }
                if now.is_stopping {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
