//! Damaged texts, the same ones in each run: what a parser of others' texts is tried with, in seconds and
//! on a stable compiler. The same function can be given to a fuzzer for hours.
//!
//! ```
//! use bluegreen_core::Share;
//! use bluegreen_testkit::damage::Corpus;
//!
//! /// What is read as a share is written and read again as the same.
//! fn share(data: &[u8]) {
//!     let Ok(text) = std::str::from_utf8(data) else { return };
//!     if let Ok(share) = text.parse::<Share>() {
//!         assert_eq!(share.to_string().parse(), Ok(share));
//!     }
//! }
//!
//! Corpus::of(["5%", "12.5%", "100%"]).each(1_000, share);
//! ```

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whole texts, to be damaged.
#[derive(Debug, Clone)]
pub struct Corpus(Vec<Vec<u8>>);

impl Corpus {
    /// Of these texts.
    pub fn of(texts: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        Self(texts.into_iter().map(Into::into).collect())
    }

    /// Gives a target every whole text, and then so many that are damaged in one to four places: a bit
    /// turned, a piece left out, doubled, cut off, or taken from another text or from what parsers stumble
    /// over.
    ///
    /// # Panics
    /// When the target panics. The text is in the message.
    pub fn each(&self, count: usize, target: fn(&[u8])) {
        let mut dice = Dice(1);
        let damaged = (0..count).filter_map(|_| self.damaged(&mut dice));
        for text in self.0.iter().cloned().chain(damaged) {
            let done = catch_unwind(AssertUnwindSafe(|| target(&text)));
            assert!(done.is_ok(), "on {:?}", String::from_utf8_lossy(&text));
        }
    }

    fn damaged(&self, dice: &mut Dice) -> Option<Vec<u8>> {
        let mut text = dice.one_of(&self.0)?.clone();
        for _ in 0..=dice.below(4) {
            let range = dice.range(text.len());
            match dice.below(6) {
                0 => {
                    let (at, bit) = (dice.below(text.len()), dice.below(8));
                    if let Some(byte) = text.get_mut(at) {
                        *byte ^= 1 << bit;
                    }
                }
                1 => drop(text.drain(range)),
                2 => text.extend_from_within(range),
                3 => text.truncate(range.start),
                4 => {
                    let other = dice.one_of(&self.0)?;
                    let piece = other.get(dice.range(other.len()))?.to_vec();
                    text.splice(range, piece);
                }
                _ => drop(text.splice(range, dice.one_of(&PIECES)?.bytes())),
            }
        }
        Some(text)
    }
}

/// What parsers stumble over.
const PIECES: [&str; 12] = [
    "-1",
    "18446744073709551616",
    "1e999",
    "\"",
    "{",
    "}",
    "[",
    "\u{0}",
    "ü",
    "%",
    "\n",
    "null",
];

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    /// A number below `max`; 0 when nothing is.
    fn below(&mut self, max: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let max = u64::try_from(max).unwrap_or(u64::MAX).max(1);
        usize::try_from(mixed % max).unwrap_or_default()
    }

    /// A short piece of what is so long.
    fn range(&mut self, length: usize) -> Range<usize> {
        let begin = self.below(length + 1);
        begin..(begin + self.below(24)).min(length)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}
