//! What one client does until the load ends.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::{Clock, Monotonic, Slot, Timestamp};
use tokio::sync::watch;

use super::answer::Head;
use super::connection::{Connection, NoAnswer};
use super::kind::Kind;
use super::pace::Pace;
use super::report::{Ended, Reason, Tally};
use crate::lock::held;

const POST_LENGTH: usize = 1 << 10;
const UPLOAD_LENGTH: usize = 64 << 10;
const UPLOAD_PIECES: usize = 8;
const UPLOAD_PAUSE: Duration = Duration::from_millis(40);
const ECHO_PAUSE: Duration = Duration::from_millis(100);
/// The pause of a client that is not paced after a failure, so that it does not spin.
const FAILURE_PAUSE: Duration = Duration::from_millis(50);

/// What all clients of a load share.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) target: SocketAddr,
    pub(super) path: String,
    pub(super) timeout: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tally: Arc<Mutex<Tally>>,
    pub(super) pace: Arc<Mutex<Pace>>,
}

/// One client: a kind, at most one connection, and one request at a time.
#[derive(Debug)]
pub(super) struct Client {
    kind: Kind,
    settings: Arc<Settings>,
    stop: watch::Receiver<bool>,
    /// What it sends: the head, and the body that follows it.
    request: (Vec<u8>, Vec<u8>),
    connection: Option<Connection>,
    speaks: Protocol,
}

/// What the connection speaks.
#[derive(Debug, Clone, Copy)]
enum Protocol {
    Http,
    /// Echoes; the slot is the one that was reached by the upgrade.
    Echo(Option<Slot>),
}

/// What is known of a request when it has ended.
struct Trace {
    routed: Option<(Monotonic, Timestamp)>,
    slot: Option<Slot>,
}

impl Client {
    pub(super) fn new(kind: Kind, settings: Arc<Settings>, stop: watch::Receiver<bool>) -> Self {
        let request = request(kind, settings.target, &settings.path);
        Self {
            kind,
            settings,
            stop,
            request,
            connection: None,
            speaks: Protocol::Http,
        }
    }

    pub(super) async fn run(mut self) {
        let mut pause = Duration::ZERO;
        while self.may_go_on(pause).await && held(&self.settings.tally).begin(self.kind) {
            let is_good = self.one().await;
            pause = match self.kind {
                Kind::Upgrade => ECHO_PAUSE,
                _ if is_good => Duration::ZERO,
                _ => FAILURE_PAUSE,
            };
        }
    }

    /// Waits for the next turn. `false`: the load is over.
    async fn may_go_on(&mut self, pause: Duration) -> bool {
        let settings = self.settings.clone();
        let wait = if self.kind.is_paced() {
            held(&settings.pace).turn(settings.clock.monotonic())
        } else {
            pause
        };
        if !wait.is_zero() {
            tokio::select! {
                // The handle is gone or says stop.
                _ = self.stop.wait_for(|stop| *stop) => return false,
                () = settings.clock.sleep(wait) => {}
            }
        }
        !*self.stop.borrow() && self.stop.has_changed().is_ok()
    }

    /// One request from its beginning to its end, and whether it was answered as it should.
    async fn one(&mut self) -> bool {
        let settings = self.settings.clone();
        let begun = settings.clock.monotonic();
        let mut trace = Trace {
            routed: None,
            slot: None,
        };
        let result = match tokio::time::timeout(settings.timeout, self.exchange(&mut trace)).await {
            Ok(result) => result,
            Err(_) => Err((
                Reason::Timeout,
                format!("no answer within {:?}", settings.timeout),
            )),
        };
        let is_good = result.is_ok();
        if !is_good {
            self.hang_up();
        }
        held(&settings.tally).end(Ended {
            kind: self.kind,
            begun,
            routed: trace.routed,
            slot: trace.slot,
            took: settings.clock.monotonic().since(begun),
            result,
        });
        is_good
    }

    async fn exchange(&mut self, trace: &mut Trace) -> Result<(), NoAnswer> {
        let settings = self.settings.clone();
        if self.kind != Kind::KeepAliveUnchecked && self.connection.as_ref().is_some_and(Connection::is_spent)
        {
            if let Protocol::Echo(slot) = self.speaks {
                // Nothing but our echo may end it.
                trace.slot = slot;
                return Err((Reason::Reset, "the upgraded connection was closed".to_owned()));
            }
            self.hang_up();
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(settings.target).await?),
        };
        if let Protocol::Echo(slot) = self.speaks {
            trace.slot = slot;
            return connection.echo(b"are you still there?").await;
        }
        trace.routed = Some((settings.clock.monotonic(), settings.clock.now()));
        let (head, body) = &self.request;
        if self.kind == Kind::SlowUpload {
            connection.send(head).await?;
            for piece in body.chunks(body.len().div_ceil(UPLOAD_PIECES)) {
                settings.clock.sleep(UPLOAD_PAUSE).await;
                connection.send(piece).await?;
            }
        } else {
            connection.send(head).await?;
        }
        let answer = connection.answer().await?;
        trace.slot = answer.slot;
        judge(self.kind, &answer)?;
        if self.kind == Kind::Upgrade {
            self.speaks = Protocol::Echo(answer.slot);
        } else if answer.closes || self.kind == Kind::Fresh {
            self.hang_up();
        }
        Ok(())
    }

    fn hang_up(&mut self) {
        self.connection = None;
        self.speaks = Protocol::Http;
    }
}

/// Whether this is the answer that a client of this kind should have.
fn judge(kind: Kind, answer: &Head) -> Result<(), NoAnswer> {
    let wanted = if kind == Kind::Upgrade { 101..102 } else { 200..300 };
    if !wanted.contains(&answer.status) {
        return Err((Reason::Status, format!("status {}", answer.status)));
    }
    let sent = body_length(kind);
    match answer.received {
        Some(received) if received != sent => {
            let detail = format!("{sent} bytes sent, {received} received");
            Err((Reason::WrongBody, detail))
        }
        _ => Ok(()),
    }
}

const fn body_length(kind: Kind) -> usize {
    match kind {
        Kind::Post => POST_LENGTH,
        Kind::SlowUpload => UPLOAD_LENGTH,
        _ => 0,
    }
}

/// The bytes of a request: what is sent at once, and the body that is sent slowly.
fn request(kind: Kind, target: SocketAddr, path: &str) -> (Vec<u8>, Vec<u8>) {
    let (method, path) = match kind {
        Kind::Post | Kind::SlowUpload => ("POST", path),
        Kind::Long => ("GET", "/slow?ms=3000"),
        _ => ("GET", path),
    };
    let more = match kind {
        Kind::Fresh => "connection: close\r\n".to_owned(),
        Kind::Upgrade => "connection: upgrade\r\nupgrade: echo\r\n".to_owned(),
        Kind::Post | Kind::SlowUpload => format!("content-length: {}\r\n", body_length(kind)),
        _ => String::new(),
    };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {target}\r\n{more}\r\n");
    let mut at_once = head.into_bytes();
    let body = vec![b'x'; body_length(kind)];
    if kind == Kind::SlowUpload {
        return (at_once, body);
    }
    at_once.extend_from_slice(&body);
    (at_once, Vec::new())
}
