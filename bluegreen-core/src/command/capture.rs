//! What is kept of the output of a command: its beginning and its end.

use std::collections::VecDeque;

use super::redact::Redactor;

/// How many bytes of a stream are kept: errors are mostly at its end, their cause sometimes at its
/// beginning. Both streams of a command together: 16 KiB.
const HEAD: usize = 2 * 1024;
const TAIL: usize = 6 * 1024;

/// Takes in any number of bytes and keeps a few.
#[derive(Debug)]
pub(super) struct Capture {
    redactor: Redactor,
    kept: Kept,
}

#[derive(Debug, Default)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Capture {
    pub(super) const fn new(redactor: Redactor) -> Self {
        let kept = Kept {
            head: Vec::new(),
            tail: VecDeque::new(),
            left_out: 0,
        };
        Self { redactor, kept }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let kept = &mut self.kept;
        self.redactor.push(bytes, &mut |piece| kept.push(piece));
    }

    /// The text that was kept; bytes that are no UTF-8 are replaced.
    pub(super) fn into_text(mut self) -> String {
        let kept = &mut self.kept;
        self.redactor.finish(&mut |piece| kept.push(piece));
        self.kept.into_text()
    }
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.left_out += surplus as u64;
    }

    fn into_text(mut self) -> String {
        let tail = self.tail.make_contiguous();
        if self.left_out == 0 {
            self.head.extend_from_slice(tail);
            return String::from_utf8_lossy(&self.head).into_owned();
        }
        let head = String::from_utf8_lossy(without_half_character(&self.head));
        let inside = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let skip = tail.iter().take(3).take_while(|byte| inside(byte)).count();
        let tail = String::from_utf8_lossy(tail.get(skip..).unwrap_or_default());
        format!("{head}\n… {} bytes left out …\n{tail}", self.left_out)
    }
}

/// Without a character whose last bytes were cut off.
fn without_half_character(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or(bytes),
        _ => bytes,
    }
}

/// The end of a text, at most so many bytes, beginning at a character.
pub(super) fn tail_of(text: &str, most: usize) -> &str {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::Secrets;
    use super::*;

    fn captured(pieces: &[&[u8]]) -> String {
        let mut capture = Capture::new(Secrets::new().with("s", "hunter2").redactor());
        for piece in pieces {
            capture.push(piece);
        }
        capture.into_text()
    }

    #[test]
    fn short_output_is_kept_whole() {
        assert_eq!(captured(&[b"a", b"", b"b\n"]), "ab\n");
        let full = "x".repeat(HEAD + TAIL);
        assert_eq!(captured(&[full.as_bytes()]), full);
    }

    #[test]
    fn of_long_output_the_beginning_and_the_end_are_kept_cut_between_characters() {
        for offset in 0..4 {
            let text = format!("{}{}END", "x".repeat(offset), "日本".repeat(10_000));
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(1_000).collect();
            let kept = captured(&pieces);
            assert!(kept.len() <= HEAD + TAIL + 64);
            assert!(kept.contains("bytes left out") && kept.ends_with("本END"));
            assert!(!kept.contains('\u{fffd}'), "cut within a character at {offset}");
        }
    }

    #[test]
    fn a_secret_at_the_cut_does_not_come_through_in_part() {
        let text = format!("{}hunter2{}", "x".repeat(HEAD - 3), "y".repeat(2 * TAIL));
        assert!(!captured(&[text.as_bytes()]).contains("hun"));
    }

    #[test]
    fn a_tail_begins_at_a_character() {
        assert_eq!(tail_of("aé", 1), "");
        assert_eq!(tail_of("aé", 2), "é");
        assert_eq!(tail_of("aé", 9), "aé");
    }
}
