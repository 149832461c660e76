//! Durations as people write them: `"5m"`, `"1h30m"`, `"500ms"`. For `#[serde(with = "humane")]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Reads a duration: a number and a unit (`ms`, `s`, `m`, `h`, `d`), several of them from large to small.
///
/// # Errors
/// When the text is anything else, or negative, or longer than a hundred years.
pub fn parse(text: &str) -> Result<Duration, String> {
    let remedy = || {
        format!("{text:?} is no duration: write a number and a unit, such as \"30s\", \"5m\" or \"1h30m\"")
    };
    let span: jiff::SignedDuration = text.parse().map_err(|_| remedy())?;
    let span = Duration::try_from(span).map_err(|_| remedy())?;
    if text.trim_start().starts_with(['P', 'p', '+']) || span > Duration::from_secs(100 * 366 * 86_400) {
        return Err(remedy());
    }
    Ok(span)
}

/// Writes a duration so that [`parse`] reads it.
#[must_use]
pub fn format(span: Duration) -> String {
    let mut millis = span.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        let count = millis / size;
        millis %= size;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    text
}

/// For serde.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*span))
}

/// For serde.
///
/// # Errors
/// When the text is no duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
