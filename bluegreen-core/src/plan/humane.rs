//! Durations as people write them: `"5m"`, `"1h30m"`, `"500ms"`. For `#[serde(with = "humane")]`.

use std::fmt;
use std::time::Duration;

use serde::{Deserializer, Serializer, de};

/// The longest duration that is read: a hundred years.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// How a duration is written, for the remedies of problems.
pub(super) const REMEDY: &str =
    "write a number and a unit (ms, s, m, h, d) in quotes, such as \"30s\", \"5m\" or \"1h30m\"";

/// The units that are written, each with its length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration: a number and a unit (`ms`, `s`, `m`, `h`, `d`), several of them from large to
/// small. The smallest may have a fraction: `"1.5s"`. What is finer than a millisecond is refused,
/// since [`format()`] could not write it.
///
/// ```
/// use std::time::Duration;
/// use bluegreen_core::plan::humane;
///
/// assert_eq!(humane::parse("1h30m"), Ok(Duration::from_secs(5400)));
/// assert!(humane::parse("90").is_err());
/// ```
///
/// # Errors
/// When the text is anything else: a bare number, an ISO 8601 duration, signed, finer than a
/// millisecond, or longer than a hundred years.
pub fn parse(text: &str) -> Result<Duration, String> {
    let refused = || format!("{text:?} is no duration: {REMEDY}");
    let millis = millis(text).ok_or_else(refused)?;
    let span = Duration::from_millis(millis);
    if span > LONGEST { Err(refused()) } else { Ok(span) }
}

/// Own, because jiff reads more forms than people should have to know (signs, ISO 8601, `1:30:00`,
/// "ago"), and no days.
fn millis(text: &str) -> Option<u64> {
    let mut sum: u64 = 0;
    let mut rest = text;
    let mut units = UNITS.iter();
    loop {
        let (whole, after) = digits(rest)?;
        let (part, after) = match after.strip_prefix('.') {
            Some(after) => digits(after)?,
            None => ("", after),
        };
        let letters = after
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(after.len());
        let (name, after) = after.split_at_checked(letters)?;
        // The iterator goes on from the last unit: a larger one, or the same again, is not found.
        let (_, size) = units.find(|(unit, _)| *unit == name)?;
        // A fraction must come out in whole milliseconds, and nothing may follow it.
        let scale = 10u64.checked_pow(u32::try_from(part.len()).ok()?)?;
        let scaled = format!("{whole}{part}").parse::<u64>().ok()?.checked_mul(*size)?;
        if scaled % scale != 0 || (!part.is_empty() && !after.is_empty()) {
            return None;
        }
        sum = sum.checked_add(scaled / scale)?;
        if after.is_empty() {
            return Some(sum);
        }
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
}

/// The digits with which a text begins, at least one, and what follows.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end)
        .filter(|(digits, _)| !digits.is_empty())
}

/// Writes a duration so that [`parse`] reads it, to the millisecond: `1h30m`.
#[must_use]
pub fn format(span: Duration) -> String {
    Humane(span).to_string()
}

struct Humane(Duration);

impl fmt::Display for Humane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = self.0.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS {
            let count = millis / u128::from(size);
            millis %= u128::from(size);
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// For serde.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Humane(*span))
}

/// For serde.
///
/// # Errors
/// When the text is no duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Text;

    impl de::Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            parse(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("2d", 172_800_000),
            ("0.5d", 43_200_000),
            ("1d 2h3m4s5ms", 93_784_005),
            ("1h 1.250s", 3_601_250),
            ("36600d", 3_162_240_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_told_what_was_expected() {
        let error = serde_json::from_str::<crate::RetryPolicy>("{\"first\": 5}").unwrap_err();
        assert!(error.to_string().contains("expected a duration"), "{error}");
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_way_to_write_one() {
        for text in [
            "36600d1ms",
            "",
            " ",
            "5",
            "0",
            "1.5",
            "-5m",
            "+5m",
            "5m-",
            "PT5M",
            "P1D",
            "pt5m",
            "5m ago",
            "01:30:00",
            "5 parsecs",
            "m",
            "5m1h",
            "5m5m",
            "1.5h30m",
            "1h  5m",
            "5m ",
            "1.s",
            ".5s",
            "1.0005s",
            "1H",
            "0.00000000000000000000001s",
            "soon",
            " 5m",
            "1us",
            "0.5ms",
            "1y",
            "36601d",
            "99999999999999999999h",
            "５m",
        ] {
            let refused = parse(text).expect_err(text);
            assert!(refused.ends_with(REMEDY), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_reads_back_as_it_was_written(millis in 0u64..=3_162_240_000_000) {
            let span = Duration::from_millis(millis);
            prop_assert_eq!(parse(&format(span)), Ok(span), "{}", format(span));
        }

        #[test]
        fn whatever_is_read_is_written_so_that_it_reads_the_same(text in "[0-9. dhms]{1,12}|.{0,8}") {
            if let Ok(span) = parse(&text) {
                prop_assert_eq!(parse(&format(span)), Ok(span));
            }
        }
    }
}
