//! Which call may act: tokens compared under the lock of the directory.
//!
//! The file `fence` holds one line, `<epoch> <seq> <green's basis points>`: the newest token that has
//! acted, and the split that it stands for. The script of the command transport does the same comparison.

use std::path::Path;

use bluegreen_core::{Share, Slot, Split, Token};

use crate::NginxError;

/// The right to act that a call claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Its token.
    pub token: Token,
    /// The split that the token stands for. None: the token is compared and not recorded.
    pub split: Option<Split>,
}

impl Claim {
    /// A claim that records its token with the split.
    #[must_use]
    pub const fn of(token: Token, split: Split) -> Self {
        Self {
            token,
            split: Some(split),
        }
    }

    /// A claim that is only compared.
    #[must_use]
    pub const fn compared(token: Token) -> Self {
        Self { token, split: None }
    }
}

/// The newest claim that has acted on a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) token: Token,
    pub(crate) split: Split,
}

impl Fence {
    /// An older token is refused, and so is the same token for another split.
    pub(crate) fn admit(&self, claim: &Claim) -> Result<(), NginxError> {
        if claim.token < self.token {
            return Err(NginxError::Fenced {
                sent: claim.token,
                held: self.token,
            });
        }
        match claim.split {
            Some(split) if claim.token == self.token && split != self.split => Err(NginxError::TokenReused {
                token: self.token,
                held: self.split,
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn line(self) -> String {
        format!(
            "{} {} {}\n",
            self.token.epoch,
            self.token.seq,
            green_points(self.split)
        )
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, NginxError> {
        let mut words = text.split_whitespace();
        let mut number = || words.next()?.parse::<u64>().ok();
        let fence = (|| {
            let token = Token {
                epoch: number()?,
                seq: number()?,
            };
            Some(Self {
                token,
                split: split_of_green(number()?)?,
            })
        })();
        fence.ok_or_else(|| NginxError::Foreign {
            path: path.to_owned(),
            found: format!("no token and split in {text:?}"),
        })
    }
}

/// How splits are written in files: green's share in basis points.
pub(crate) fn green_points(split: Split) -> u16 {
    split.share(Slot::Green).basis_points()
}

/// Reads green's share in basis points.
pub(crate) fn split_of_green(points: u64) -> Option<Split> {
    let share = Share::from_basis_points(u16::try_from(points).ok()?).ok()?;
    Some(Split::with(Slot::Green, share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(points: u64) -> Split {
        split_of_green(points).unwrap()
    }

    #[test]
    fn only_the_newest_token_acts_and_stands_for_one_split() {
        let held = Fence {
            token: Token { epoch: 2, seq: 5 },
            split: split(500),
        };
        let outcome = |epoch, seq, points: Option<u64>| {
            let claim = Claim {
                token: Token { epoch, seq },
                split: points.map(split),
            };
            match held.admit(&claim) {
                Ok(()) => "admitted",
                Err(NginxError::Fenced { .. }) => "fenced",
                Err(NginxError::TokenReused { .. }) => "reused",
                Err(other) => panic!("{other}"),
            }
        };
        for (epoch, seq, points, expected) in [
            (2, 4, Some(500), "fenced"),
            (1, 9, Some(500), "fenced"),
            (1, 9, None, "fenced"),
            (2, 5, Some(500), "admitted"),
            (2, 5, None, "admitted"),
            (2, 5, Some(600), "reused"),
            (2, 6, Some(600), "admitted"),
            (3, 0, Some(0), "admitted"),
        ] {
            assert_eq!(
                outcome(epoch, seq, points),
                expected,
                "{epoch}.{seq} for {points:?}"
            );
        }
    }

    #[test]
    fn a_fence_reads_back_and_a_damaged_one_is_refused() {
        let fence = Fence {
            token: Token { epoch: 7, seq: 12 },
            split: split(9_990),
        };
        let path = Path::new("/fence");
        assert_eq!(Fence::parse(&fence.line(), path).unwrap(), fence);
        for text in ["", "1 2", "1 2 10001", "x 2 3", "-1 2 3"] {
            assert!(
                matches!(Fence::parse(text, path), Err(NginxError::Foreign { .. })),
                "{text:?}"
            );
        }
    }
}
