//! Asking the entry itself which slot answers.

use std::time::Duration;

use bluegreen_core::{Clock, Share, Slot, Split, Verification};
use reqwest::Url;
use reqwest::header::HeaderName;
use serde_json::Value;

/// The most that is read of an answer, in bytes.
const MOST_BODY: usize = 64 * 1024;

/// Asks the public entry, on connections of its own, which slot answers.
///
/// The service has to say it: in a header, or in a JSON body. The answer's value is the slot's name, `blue`
/// or `green`.
#[derive(Debug, Clone)]
pub struct SlotProbe {
    url: Url,
    marker: Marker,
    times: u32,
    http: reqwest::Client,
}

/// Where an answer names its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// In this header.
    Header(String),
    /// At this JSON pointer of the body: `/slot`.
    Json(String),
}

/// A probe that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProbe {
    /// The address is none.
    #[error("{0:?} is no address: write it with http:// or https:// and a host")]
    Address(String),
    /// The marker is none.
    #[error("{0:?} is neither a header nor a JSON pointer that begins with /")]
    Marker(String),
    /// No HTTP client can be built.
    #[error("no HTTP client can be built")]
    Http(#[source] reqwest::Error),
}

impl SlotProbe {
    /// A probe of this address, which has to be answered by the right slot eight times in a row, and where the
    /// split gives traffic to both, by each of them.
    ///
    /// # Errors
    /// When the address or the marker is none.
    pub fn new(url: &str, marker: Marker) -> Result<Self, InvalidProbe> {
        let parsed: Option<Url> = url.parse().ok();
        let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let parsed = parsed.ok_or_else(|| InvalidProbe::Address(url.to_owned()))?;
        match &marker {
            Marker::Header(name) if HeaderName::from_bytes(name.as_bytes()).is_ok() => {}
            Marker::Json(pointer) if pointer.starts_with('/') => {}
            Marker::Header(text) | Marker::Json(text) => return Err(InvalidProbe::Marker(text.clone())),
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // Each question is a new connection, which the balancer decides anew.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .user_agent(concat!("bluegreen-digitalocean/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(InvalidProbe::Http)?;
        Ok(Self {
            url: parsed,
            marker,
            times: 8,
            http,
        })
    }

    /// How many answers in a row have to come from the right slot; at least 1. Where both slots have traffic,
    /// more are asked for until both are met: with the smaller share at 25 % four times as many at most.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.max(1);
        self
    }

    /// Whether new connections go where the split says. With several slots in it, both have to be met.
    pub(crate) async fn ask(&self, clock: &dyn Clock, within: Duration, split: Split) -> Verification {
        tokio::select! {
            biased;
            answer = self.asked(split) => answer,
            () = clock.sleep(within) => Verification::Unknown {
                why: format!("{} did not answer {} times within {within:?}", self.url, self.times),
            },
        }
    }

    async fn asked(&self, split: Split) -> Verification {
        let mut missing: Vec<Slot> = Slot::BOTH
            .into_iter()
            .filter(|slot| split.share(*slot).basis_points() > 0)
            .collect();
        for number in 1..=self.most(split) {
            let slot = match self.slot().await {
                Ok(slot) => slot,
                Err(why) => return Verification::Unknown { why },
            };
            if split.share(slot).basis_points() == 0 {
                let why = format!("answer {number} of {} came from {slot}", self.url);
                return Verification::NotYet { why };
            }
            missing.retain(|other| *other != slot);
            if number >= self.times && missing.is_empty() {
                let evidence = format!(
                    "the balancer is active, and {number} new connections to {} were answered as {split} says",
                    self.url
                );
                return Verification::Live { evidence };
            }
        }
        let missing: Vec<&str> = missing.iter().map(|slot| slot.as_str()).collect();
        let why = format!(
            "no answer of {} came from {} yet",
            self.url,
            missing.join(" and ")
        );
        Verification::NotYet { why }
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
        let failed = |error: reqwest::Error| format!("{} does not answer: {}", self.url, error.without_url());
        let mut response = self.http.get(self.url.clone()).send().await.map_err(failed)?;
        let status = response.status();
        let named = match &self.marker {
            Marker::Header(name) => {
                let value = response.headers().get(name.as_str());
                value.and_then(|value| value.to_str().ok()).map(str::to_owned)
            }
            Marker::Json(pointer) => {
                let mut body = Vec::new();
                while let Some(part) = response.chunk().await.map_err(failed)? {
                    body.extend_from_slice(&part);
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
