//! One request and its answer, bounded in time and size.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, Request};
use tokio::time::timeout;

use super::PROVIDER;
use super::answer::Answer;
use crate::plan::humane;
use crate::{Clock, Fault, SystemClock};

/// How much of a body is read.
const MOST_BODY: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::gate) enum NoAnswer {
    /// The slot's failure.
    OfSlot(String),
    /// Nothing is known of the slot.
    OfMeasurement(Fault),
}

/// Sends a request and reads the whole answer, the body up to its limit.
pub(in crate::gate) async fn exchange(
    client: &Client,
    title: &str,
    request: Request,
    limit: Duration,
) -> Result<Answer, NoAnswer> {
    let clock = SystemClock::new();
    match timeout(limit, send(client, request)).await {
        Ok(Ok(answer)) => Ok(Answer {
            latency: clock.monotonic().0,
            ..answer
        }),
        Ok(Err(error)) => Err(what_went_wrong(title, error)),
        Err(_) => Err(NoAnswer::OfSlot(format!(
            "no answer within {}",
            humane::format(limit)
        ))),
    }
}

async fn send(client: &Client, request: Request) -> Result<Answer, reqwest::Error> {
    let mut response = client.execute(request).await?;
    let mut body = Vec::new();
    let mut cut = false;
    while let Some(chunk) = response.chunk().await? {
        let room = MOST_BODY.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body,
        cut,
        latency: Duration::ZERO,
    })
}

/// What a request without an answer says: of the slot, or of the measurement.
fn what_went_wrong(title: &str, error: reqwest::Error) -> NoAnswer {
    // The address is in the title, without what may be secret in it.
    let error = error.without_url();
    let mut text = error.to_string();
    let mut below: Option<&dyn Error> = error.source();
    while let Some(cause) = below {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        below = cause.source();
    }
    if error.is_builder() {
        return NoAnswer::OfMeasurement(Fault::rejected(PROVIDER, "request", text).on(title));
    }
    // hyper-util gives this error no type that could be asked; a test holds it to this text.
    if error.is_connect() && text.contains("dns error") {
        return NoAnswer::OfMeasurement(Fault::unavailable(PROVIDER, "resolve", text).on(title));
    }
    NoAnswer::OfSlot(text)
}
