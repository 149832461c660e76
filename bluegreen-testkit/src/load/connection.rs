//! One connection of a client.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::{BodyLength, Head, chunked_end, head};
use super::report::Reason;

/// The longest body that is taken, in bytes.
const BODY_MAX: usize = 8 << 20;

/// Why there was no answer.
pub(super) type NoAnswer = (Reason, String);

/// A connection, and what was read from it and not yet used.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(target: SocketAddr) -> Result<Self, NoAnswer> {
        let stream = TcpStream::connect(target)
            .await
            .map_err(|error| (Reason::Connect, error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| reset(&error))?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(1024),
        })
    }

    /// Whether the other side has closed it, or sent what nobody asked for, while it was idle.
    pub(super) fn is_spent(&self) -> bool {
        let nothing = self.stream.try_read(&mut [0]);
        !matches!(nothing, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), NoAnswer> {
        self.stream.write_all(bytes).await.map_err(|error| reset(&error))
    }

    /// Reads a whole answer, and forgets its body.
    pub(super) async fn answer(&mut self) -> Result<Head, NoAnswer> {
        let head = loop {
            match head(&self.buffer).map_err(wrong)? {
                Some(head) => break head,
                None => self.read_more().await?,
            }
        };
        let end = match head.body {
            BodyLength::Exactly(length) => {
                let end = head.end.saturating_add(length);
                while self.buffer.len() < end {
                    self.read_more().await?;
                }
                end
            }
            BodyLength::Chunked => loop {
                let body = self.buffer.get(head.end..).unwrap_or_default();
                match chunked_end(body).map_err(wrong)? {
                    Some(length) => break head.end + length,
                    None => self.read_more().await?,
                }
            },
            BodyLength::UntilClosed => {
                while self.read().await? > 0 {}
                self.buffer.len()
            }
        };
        self.buffer.drain(..end.min(self.buffer.len()));
        Ok(head)
    }

    /// Sends a message over an upgraded connection and waits for the same to come back.
    pub(super) async fn echo(&mut self, message: &[u8]) -> Result<(), NoAnswer> {
        self.send(message).await?;
        while self.buffer.len() < message.len() {
            self.read_more().await?;
        }
        let echo: Vec<u8> = self.buffer.drain(..message.len()).collect();
        if echo == message {
            Ok(())
        } else {
            Err(wrong("another echo than was sent".to_owned()))
        }
    }

    async fn read_more(&mut self) -> Result<(), NoAnswer> {
        if self.read().await? > 0 {
            return Ok(());
        }
        let so_far = self.buffer.len();
        Err((
            Reason::Reset,
            format!("closed after {so_far} bytes of the answer"),
        ))
    }

    async fn read(&mut self) -> Result<usize, NoAnswer> {
        if self.buffer.len() > BODY_MAX {
            return Err(wrong(format!("an answer of more than {BODY_MAX} bytes")));
        }
        self.stream
            .read_buf(&mut self.buffer)
            .await
            .map_err(|error| reset(&error))
    }
}

fn reset(error: &io::Error) -> NoAnswer {
    (Reason::Reset, error.to_string())
}

fn wrong(detail: String) -> NoAnswer {
    (Reason::WrongBody, detail)
}
