//! Damaged texts, the same ones in each run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Whole texts, to be damaged.
#[derive(Debug)]
pub(crate) struct Corpus(Vec<Vec<u8>>);

impl Corpus {
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().map(|text| text.as_bytes().to_vec()).collect())
    }

    /// Records as they stand in files: those that are kept for each moment of an operation.
    pub(crate) fn files() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/format-1");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "record"))
            .collect();
        paths.sort();
        Self(paths.iter().map(|path| std::fs::read(path).unwrap()).collect())
    }

    /// The same without what a store of files adds.
    pub(crate) fn records() -> Self {
        let mut files = Self::files();
        for file in &mut files.0 {
            let line = file.iter().position(|byte| *byte == b'\n').unwrap();
            file.drain(..=line);
        }
        files
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, max: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(max.max(1)).unwrap()).unwrap()
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let begin = self.below(length + 1);
        begin..(begin + self.below(24)).min(length)
    }
}

/// Gives a target so many texts, each damaged in one to four places.
pub(crate) fn many(corpus: &Corpus, count: usize, target: fn(&[u8])) {
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
    let mut dice = Dice(1);
    let whole = &corpus.0;
    for text in whole {
        target(text);
    }
    for _ in 0..count {
        let mut text = whole[dice.below(whole.len())].clone();
        for _ in 0..=dice.below(4) {
            let range = dice.range(text.len());
            match dice.below(6) {
                0 if !text.is_empty() => {
                    let at = dice.below(text.len());
                    text[at] ^= 1 << dice.below(8);
                }
                1 => drop(text.drain(range)),
                2 => text.extend_from_within(range),
                3 => text.truncate(range.start),
                4 => {
                    let other = &whole[dice.below(whole.len())];
                    let piece = other[dice.range(other.len())].to_vec();
                    text.splice(range, piece);
                }
                _ => {
                    let piece = PIECES[dice.below(PIECES.len())];
                    text.splice(range, piece.bytes());
                }
            }
        }
        let done = catch_unwind(AssertUnwindSafe(|| target(&text)));
        assert!(done.is_ok(), "on {:?}", String::from_utf8_lossy(&text));
    }
}
