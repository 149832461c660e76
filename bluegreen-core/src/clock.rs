//! Time is an input: everything that waits or measures does it through [`Clock`].

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A moment on the wall clock, to the millisecond. Stored and shown in RFC 3339 form, in UTC.
///
/// ```
/// use bluegreen_core::Timestamp;
///
/// let moment = Timestamp::from_millis(1_700_000_000_000);
/// assert_eq!(moment.to_string(), "2023-11-14T22:13:20.000Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// The first and the last millisecond that RFC 3339 can write: the years 0000 to 9999.
const RANGE: (i64, i64) = (-62_167_219_200_000, 253_402_207_200_000);

impl Timestamp {
    /// So many milliseconds after the beginning of 1970. Moments that RFC 3339 cannot write
    /// (before year 0, after year 9999) become the nearest one that it can.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < RANGE.0 {
            Self(RANGE.0)
        } else if millis > RANGE.1 {
            Self(RANGE.1)
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since the beginning of 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment and so much later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// The time from `earlier` to this moment; nothing if the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// To the second, without separators, for ids and file names: `20261121T083000Z`.
    #[must_use]
    pub fn compact(self) -> String {
        self.to_compact().as_str().to_owned()
    }

    /// Reads what [`compact`](Self::compact) writes.
    pub(crate) fn from_compact(text: &str) -> Option<Self> {
        let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
        let moment = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Self::from_millis(moment.as_millisecond()))
    }

    /// In RFC 3339 form. Each write of a record has a handful of moments in it, and the general way of
    /// formatting them would be a tenth of its time.
    fn to_text(self) -> Ascii<24> {
        let civil = self.civil();
        let ([c1, c2], [y1, y2]) = (two(civil.year() / 100), two(civil.year() % 100));
        let ([m1, m2], [d1, d2]) = (two(civil.month().into()), two(civil.day().into()));
        let ([h1, h2], [n1, n2]) = (two(civil.hour().into()), two(civil.minute().into()));
        let [s1, s2] = two(civil.second().into());
        let ([_, f1], [f2, f3]) = (two(civil.millisecond() / 100), two(civil.millisecond() % 100));
        Ascii([
            c1, c2, y1, y2, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'.', f1,
            f2, f3, b'Z',
        ])
    }

    /// What [`compact`](Self::compact) gives.
    pub(crate) fn to_compact(self) -> Ascii<16> {
        let [
            c1,
            c2,
            y1,
            y2,
            _,
            m1,
            m2,
            _,
            d1,
            d2,
            t,
            h1,
            h2,
            _,
            n1,
            n2,
            _,
            s1,
            s2,
            ..,
            z,
        ] = self.to_text().0;
        Ascii([c1, c2, y1, y2, m1, m2, d1, d2, t, h1, h2, n1, n2, s1, s2, z])
    }

    fn civil(self) -> jiff::civil::DateTime {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        jiff::tz::Offset::UTC.to_datetime(moment)
    }
}

/// A number below a hundred in two digits.
fn two(number: i16) -> [u8; 2] {
    let digit = |digit: i16| b'0' + u8::try_from(digit % 10).unwrap_or_default();
    [digit(number / 10), digit(number)]
}

/// A short text of digits and letters whose length is known.
pub(crate) struct Ascii<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> Ascii<LENGTH> {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_text().as_str())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.to_text().as_str())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self::from_millis(moment.as_millisecond()))
    }
}

/// A moment on a clock that never goes backwards; only differences mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The time from `earlier` to this moment.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where the time comes from. Production takes [`SystemClock::new`]; a test takes
/// [`SystemClock::starting_at`] on a runtime with paused time, and waits cost nothing.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock: for what is stored and shown, and for windows. It may jump.
    fn now(&self) -> Timestamp;

    /// The clock that measures: it never goes backwards, and its zero means nothing.
    fn monotonic(&self) -> Monotonic;

    /// Waits for so long. Dropping the future ends the wait.
    async fn sleep(&self, span: Duration);
}

/// The clock of the machine, through tokio: on a runtime with paused time its waits are virtual. For a
/// wall clock that moves with them, take [`starting_at`](Self::starting_at).
#[derive(Debug, Clone)]
pub struct SystemClock {
    anchor: tokio::time::Instant,
    started: Option<Timestamp>,
}

impl SystemClock {
    /// The clock of the machine.
    #[must_use]
    pub fn new() -> Self {
        Self {
            anchor: tokio::time::Instant::now(),
            started: None,
        }
    }

    /// A clock whose wall time begins at `wall` now and moves with tokio's time. For tests and
    /// simulations: with paused time two runs see the same moments.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self {
            anchor: tokio::time::Instant::now(),
            started: Some(wall),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the machine's time is read"
)]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        if let Some(wall) = self.started {
            return wall.plus(self.anchor.elapsed());
        }
        let since_1970 = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::default().plus(since_1970)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.anchor.elapsed())
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_timestamp_is_written_as_the_calendar_says(millis in RANGE.0..=RANGE.1) {
            let moment = Timestamp::from_millis(millis);
            let by_calendar = jiff::Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(moment.to_string(), format!("{by_calendar:.3}"));
            prop_assert_eq!(moment.compact(), by_calendar.strftime("%Y%m%dT%H%M%SZ").to_string());
        }
    }

    #[test]
    fn a_timestamp_reads_back_as_it_was_written_at_the_ends_of_its_range_too() {
        for millis in [i64::MIN, RANGE.0, -1, 0, 1, 1_700_000_000_123, RANGE.1, i64::MAX] {
            let moment = Timestamp::from_millis(millis);
            let text = serde_json::to_string(&moment).unwrap();
            assert_eq!(
                serde_json::from_str::<Timestamp>(&text).unwrap(),
                moment,
                "{text}"
            );
        }
    }
}
