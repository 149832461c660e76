//! The note that the router keeps in the zone: what it did last, and until when resolvers may not follow.

use std::fmt;

use bluegreen_core::{Timestamp, Token};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::Weights;

/// How the text begins; another form gets another number.
const FORM: &str = "bluegreen/1";

/// What the last change was: the text of a TXT record that is written in one batch with the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// Who wrote it.
    pub(super) token: Token,
    /// The weights since then.
    pub(super) weights: Weights,
    /// Until then resolvers may answer by what was before.
    pub(super) until: Timestamp,
    /// Until then they may keep answers for longer than the time to live that was lowered to.
    pub(super) long_until: Timestamp,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            token,
            weights: Weights { blue, green },
            until,
            long_until,
        } = self;
        write!(
            f,
            "{FORM} token={token} blue={blue} green={green} until={until} long={long_until}"
        )
    }
}

impl Marker {
    /// Reads what [`Display`](fmt::Display) writes; `None`: somebody else's text.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut after = |name: &str| words.next()?.strip_prefix(name);
        let is_ours = after(FORM)?.is_empty();
        let (epoch, seq) = after("token=")?.split_once('.')?;
        let token = Token {
            epoch: epoch.parse().ok()?,
            seq: seq.parse().ok()?,
        };
        let weights = Weights {
            blue: after("blue=")?.parse().ok()?,
            green: after("green=")?.parse().ok()?,
        };
        let until = moment(after("until=")?)?;
        let long_until = moment(after("long=")?)?;
        is_ours.then_some(Self {
            token,
            weights,
            until,
            long_until,
        })
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    Timestamp::deserialize(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_marker_reads_back_as_it_was_written(
            epoch in any::<u64>(), seq in any::<u64>(), blue in any::<u8>(), green in any::<u8>(),
            millis in 0i64..4_000_000_000_000,
        ) {
            let marker = Marker {
                token: Token { epoch, seq },
                weights: Weights { blue, green },
                until: Timestamp::from_millis(millis),
                long_until: Timestamp::from_millis(millis / 2),
            };
            prop_assert_eq!(Marker::read(&marker.to_string()), Some(marker));
            prop_assert!(marker.to_string().len() <= 255, "a character string of DNS holds 255 bytes");
        }

        #[test]
        fn no_text_makes_it_stumble(text in ".*") {
            prop_assert_eq!(Marker::read(&text), None);
        }
    }

    #[test]
    fn what_another_form_says_is_not_guessed() {
        let ours = "bluegreen/1 token=1.2 blue=1 green=0 until=2026-11-21T08:30:00.000Z \
            long=1970-01-01T00:00:00.000Z";
        assert!(Marker::read(ours).is_some());
        for text in [
            ours.replace("bluegreen/1", "bluegreen/12"),
            ours.replace("blue=1", "blue=256"),
            ours.replace("token=1.2", "token=1"),
            "v=spf1 -all".to_owned(),
        ] {
            assert_eq!(Marker::read(&text), None, "{text}");
        }
    }
}
