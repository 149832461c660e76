//! Local times as windows write them: zones, times of the day, dates.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time zone of the IANA database, such as `Europe/Berlin`. The database is part of the program;
/// the machine's is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Which end of a window a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Begin,
    End,
}

impl Zone {
    /// The moment in which the clocks of the zone show a date and a time. Where they are set back and
    /// show it twice, a window begins with the first and ends with the second; where they are set
    /// forward and never show it, it is the moment of the jump.
    pub(super) fn moment(&self, local: civil::DateTime, edge: Edge) -> Option<jiff::Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().ok(),
            AmbiguousOffset::Fold { .. } if edge == Edge::Begin => ambiguous.earlier().ok(),
            AmbiguousOffset::Fold { .. } => ambiguous.later().ok(),
            AmbiguousOffset::Gap { .. } => {
                // The later reading lies less than the length of the jump after it.
                let after = ambiguous
                    .later()
                    .ok()?
                    .checked_add(jiff::SignedDuration::from_nanos(1))
                    .ok()?;
                self.0.preceding(after).next().map(|jump| jump.timestamp())
            }
        }
    }

    /// What the clocks of the zone show in a moment.
    pub(super) fn local(&self, at: jiff::Timestamp) -> jiff::Zoned {
        at.to_zoned(self.0.clone())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.iana_name().unwrap_or("UTC"))
    }
}

/// A time of the day, to the minute: `"15:00"`. `"24:00"` is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// The beginning of the day.
    pub const BEGIN: Self = Self { minutes: 0 };
    /// The end of the day.
    pub const END: Self = Self { minutes: 24 * 60 };

    /// This time on a date; the end of the day is the beginning of the next.
    pub(super) fn on(self, date: civil::Date) -> Option<civil::DateTime> {
        if self == Self::END {
            return Some(date.tomorrow().ok()?.to_datetime(civil::Time::midnight()));
        }
        let (hour, minute) = (
            i8::try_from(self.minutes / 60).ok()?,
            i8::try_from(self.minutes % 60).ok()?,
        );
        Some(date.to_datetime(civil::Time::new(hour, minute, 0, 0).ok()?))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

/// The first or the last moment of a window that does not return for ever, in its zone: a date,
/// `"2026-12-24"`, or a date with a time, `"2026-12-24T18:00"`. A date as the end is the end of that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// The whole of a day.
    Date(civil::Date),
    /// A moment of it.
    DateTime(civil::DateTime),
}

impl Boundary {
    pub(super) fn local(self, edge: Edge) -> Option<civil::DateTime> {
        match (self, edge) {
            (Self::DateTime(moment), _) => Some(moment),
            (Self::Date(date), Edge::Begin) => TimeOfDay::BEGIN.on(date),
            (Self::Date(date), Edge::End) => TimeOfDay::END.on(date),
        }
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{date}"),
            Self::DateTime(moment) => write!(f, "{moment}"),
        }
    }
}

/// A local time that cannot be read, with the way to write one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: write {remedy}")]
pub struct InvalidLocalTime {
    what: &'static str,
    text: String,
    remedy: &'static str,
}

impl FromStr for Zone {
    type Err = InvalidLocalTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(text).ok();
        // "UTC" is no name of the database's, but everybody's.
        let zone = zone.or_else(|| (text == "UTC").then_some(TimeZone::UTC));
        zone.map(Self).ok_or_else(|| InvalidLocalTime {
            what: "time zone",
            text: text.to_owned(),
            remedy: "a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"",
        })
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidLocalTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |digits: &str| {
            let fits = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
            fits.then(|| digits.parse::<u16>().ok()).flatten()
        };
        text.split_once(':')
            .and_then(|(hours, minutes)| Some((number(hours)?, number(minutes)?)))
            .filter(|(_, minutes)| *minutes < 60)
            .map(|(hours, minutes)| Self {
                minutes: hours * 60 + minutes,
            })
            .filter(|time| *time <= Self::END)
            .ok_or_else(|| InvalidLocalTime {
                what: "time of the day",
                text: text.to_owned(),
                remedy: "hours and minutes, \"00:00\" to \"24:00\"",
            })
    }
}

impl FromStr for Boundary {
    type Err = InvalidLocalTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLocalTime {
            what: "date",
            text: text.to_owned(),
            remedy: "\"2026-12-24\" or \"2026-12-24T18:00\", without an offset: the window's zone says where",
        };
        // jiff passes over what follows a date or a time, and we must not.
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let plain = |text: &str, mark: char, lengths: &[usize]| {
            lengths.contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit() || c == mark)
        };
        if !plain(date, '-', &[10]) || !time.is_none_or(|time| plain(time, ':', &[5, 8])) {
            return Err(invalid());
        }
        let date: civil::Date = date.parse().map_err(|_| invalid())?;
        match time {
            None => Ok(Self::Date(date)),
            Some(time) => Ok(Self::DateTime(
                date.to_datetime(time.parse().map_err(|_| invalid())?),
            )),
        }
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Zone TimeOfDay Boundary);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_read_back_as_they_were_written() {
        for text in ["00:00", "09:05", "23:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        for text in ["2026-12-24", "2026-12-24T18:00:00"] {
            assert_eq!(text.parse::<Boundary>().unwrap().to_string(), text);
        }
        for text in ["Europe/Berlin", "UTC", "America/New_York"] {
            assert_eq!(text.parse::<Zone>().unwrap().to_string(), text);
        }
        assert_eq!(
            "2026-12-24 18:00".parse::<Boundary>(),
            "2026-12-24T18:00:00".parse()
        );
    }

    #[test]
    fn what_is_no_local_time_is_refused() {
        for text in [
            "", "9:00", "24:01", "25:00", "12:60", "12", "12:0", "+1:00", "12:00:00", "１2:00",
        ] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text:?} was taken");
        }
        for text in [
            "",
            "2026-13-01",
            "2026-02-30",
            "24.12.2026",
            "2026-12-24T18:00Z",
            "20261224",
            "2026-12-24T18",
            "2026-12-24T180000",
            "2026-12-24T18:00+01:00",
            "18:00",
        ] {
            assert!(text.parse::<Boundary>().is_err(), "{text:?} was taken");
        }
        for text in [
            "",
            "Berlin",
            "Europe/Berlim",
            "CET-1",
            "+01:00",
            "../../etc/passwd",
        ] {
            assert!(text.parse::<Zone>().is_err(), "{text:?} was taken");
        }
    }
}
