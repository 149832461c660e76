//! Asking the entry itself which slot answers.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use bluegreen_core::{Clock, Share, Slot, Split};
use serde_json::Value;

/// The most that is read of an answer, in bytes.
const MOST_BODY: usize = 64 * 1024;

/// Asks the public entry, on connections of its own, which slot answers.
///
/// The service has to say it: in a header, or in a JSON body. The answer's value is the slot's name, `blue` or
/// `green`.
#[derive(Debug, Clone)]
pub struct SlotProbe {
    url: String,
    marker: Marker,
    times: u32,
    connector: Arc<Connector>,
}

/// Where an answer names its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marker {
    /// In this header.
    Header(String),
    /// At this JSON pointer of the body: `/slot`.
    Json(String),
}

/// A probe that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProbe {
    /// The address is none.
    #[error("{0:?} is no address: write it with http:// or https:// and a host")]
    Address(String),
    /// The marker is none.
    #[error("{0:?} is neither a header nor a JSON pointer that begins with /")]
    Marker(String),
}

/// What the entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answers {
    /// As the split says.
    Right(String),
    /// Not as it says.
    Wrong(String),
    /// Nothing, or nothing that names a slot.
    None(String),
}

impl SlotProbe {
    /// A probe of this address, which has to be answered by the right slot twenty times in a row, and where the
    /// split gives traffic to both, by each of them. Any path that is routed as the service's traffic will do.
    ///
    /// # Errors
    /// When the address or the marker is none.
    pub fn new(url: &str, marker: Marker) -> Result<Self, InvalidProbe> {
        let host = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"));
        let is_address = host
            .is_some_and(|host| host.starts_with(|first: char| first.is_alphanumeric() || first == '['))
            && HttpRequest::get(url).is_ok();
        if !is_address {
            return Err(InvalidProbe::Address(url.to_owned()));
        }
        let is_name = |name: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !name.is_empty() && name.bytes().all(plain)
        };
        match &marker {
            Marker::Header(name) if is_name(name) => {}
            Marker::Json(pointer) if pointer.starts_with('/') => {}
            Marker::Header(text) | Marker::Json(text) => return Err(InvalidProbe::Marker(text.clone())),
        }
        let connector = ConnectorBuilder::default()
            // Each question is a new connection, for which another node may decide.
            .pool_max_idle_per_host(0)
            .proxy_config(ProxyConfig::disabled())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build();
        Ok(Self {
            url: url.to_owned(),
            marker,
            times: 20,
            connector: Arc::new(connector),
        })
    }

    /// How many answers in a row have to come from the right slot; at least 1. Where both slots have traffic, more
    /// are asked for until both are met: with the smaller share at 25 % four times as many at most.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.max(1);
        self
    }

    /// Whether new connections go where the split says. With several slots in it, both have to be met.
    pub(super) async fn ask(&self, clock: &dyn Clock, within: Duration, split: Split) -> Answers {
        tokio::select! {
            biased;
            answer = self.asked(split) => answer,
            () = clock.sleep(within) => Answers::None(
                format!("{} did not answer {} times within {within:?}", self.url, self.times),
            ),
        }
    }

    async fn asked(&self, split: Split) -> Answers {
        let mut missing: Vec<Slot> = Slot::BOTH
            .into_iter()
            .filter(|slot| split.share(*slot) > Share::NONE)
            .collect();
        for number in 1..=self.most(split) {
            let slot = match self.slot().await {
                Ok(slot) => slot,
                Err(why) => return Answers::None(why),
            };
            if split.share(slot) == Share::NONE {
                return Answers::Wrong(format!("answer {number} of {} came from {slot}", self.url));
            }
            missing.retain(|other| *other != slot);
            if number >= self.times && missing.is_empty() {
                return Answers::Right(format!(
                    "{number} new connections to {} were answered as {split} says",
                    self.url
                ));
            }
        }
        let missing: Vec<&str> = missing.iter().map(|slot| slot.as_str()).collect();
        Answers::Wrong(format!(
            "no answer of {} came from {} yet",
            self.url,
            missing.join(" and ")
        ))
    }

    /// How many answers are waited for: so many that a slot with a small share is met too.
    fn most(&self, split: Split) -> u32 {
        let shares = Slot::BOTH.map(|slot| u32::from(split.share(slot).basis_points()));
        let smallest = shares.into_iter().filter(|share| *share > 0).min();
        let whole = u32::from(Share::ALL.basis_points());
        self.times
            .saturating_mul(whole.div_ceil(smallest.unwrap_or(whole)))
    }

    async fn slot(&self) -> Result<Slot, String> {
        let failed = |error: String| format!("{} does not answer: {error}", self.url);
        let mut request = HttpRequest::get(self.url.as_str()).map_err(|error| failed(error.to_string()))?;
        request
            .headers_mut()
            .insert("user-agent", concat!("bluegreen-aws/", env!("CARGO_PKG_VERSION")));
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| failed(crate::account::bounded(&format!("{error:?}"))))?;
        let status = answer.status().as_u16();
        let named = match &self.marker {
            Marker::Header(name) => answer.headers().get(name.as_str()).map(str::to_owned),
            Marker::Json(pointer) => {
                let mut stream = ByteStream::new(answer.into_body());
                let mut body = Vec::new();
                while let Some(part) = stream.next().await {
                    body.extend_from_slice(&part.map_err(|error| failed(error.to_string()))?);
                    if body.len() > MOST_BODY {
                        break;
                    }
                }
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                body.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
            }
        };
        named
            .and_then(|name| name.trim().parse().ok())
            .ok_or_else(|| format!("{} answers {status} and does not say from which slot", self.url))
    }
}
