//! What others say or leave behind, damaged in thousands of ways. The same functions run for hours under a
//! fuzzer, see `fuzz/README.md`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod targets;

use bluegreen_core::Slot;
use bluegreen_testkit::damage::Corpus;

const STATE: &str = "config=0123456789abcdef\nlive=blue\nfolder=ready\nmarked=\n";

/// Or nothing would be tried but a foreign configuration.
#[test]
fn the_whole_answer_is_believed() {
    assert_eq!(targets::live_by(STATE.as_bytes()), [Slot::Blue]);
    assert_eq!(
        targets::live_by(STATE.replace("ready", "absent").as_bytes()),
        [Slot::Blue]
    );
    let part = STATE.replace("marked=", "marked=00 01 02");
    assert_eq!(targets::live_by(part.as_bytes()), []);
}

#[test]
fn answers_of_nginx() {
    let whole = [
        STATE,
        "config=0123456789abcdef\nlive=blue\nfolder=ready\nmarked=00 01 02\n",
        "config=0123456789abcdef\nlive=green\nfolder=absent\nmarked=\n",
        "generation=7\ngreen=300\nof=100\nmarked=3\ntoken=1 2\n",
        "2 5 300\n",
    ];
    Corpus::of(whole).each(3_000, targets::answers);
}

#[test]
fn the_file_of_the_fence() {
    let whole = ["2 4 0\n", "2 5 10000\n", "18446744073709551615 0 5000\n", ""];
    Corpus::of(whole).each(80, targets::fence);
}
