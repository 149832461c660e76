//! [`humane`](super::humane) for durations that may be left out.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

use super::humane;

#[expect(clippy::ref_option, reason = "serde's `with` gives a reference")]
pub(crate) fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => humane::serialize(span, serializer),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| humane::parse(&text))
        .transpose()
        .map_err(serde::de::Error::custom)
}
