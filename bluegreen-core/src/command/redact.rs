//! Takes the values of secrets out of a stream of bytes, also where a value comes in pieces.

use std::fmt;

use secrecy::zeroize::Zeroizing;

use super::forms::forms_of;

const REPLACEMENT: &[u8] = b"***";

/// Passes bytes on, with each value replaced. Holds back what may be the beginning of a value.
pub(crate) struct Redactor {
    values: Vec<Zeroizing<Vec<u8>>>,
    pending: Vec<u8>,
}

impl Redactor {
    pub(super) fn new<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        Self {
            values: values.flat_map(forms_of).collect(),
            pending: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) {
        self.pending.extend_from_slice(bytes);
        self.pass_on(true, out);
    }

    /// Passes the rest on: the stream is over.
    pub(crate) fn finish(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.pass_on(false, out);
    }

    fn pass_on(&mut self, more_may_come: bool, out: &mut dyn FnMut(&[u8])) {
        let mut done = 0;
        while let Some(rest) = self.pending.get(done..).filter(|rest| !rest.is_empty()) {
            let begins = |value: &&Zeroizing<Vec<u8>>| value.len() > rest.len() && value.starts_with(rest);
            if more_may_come && self.values.iter().any(|value| begins(&value)) {
                break;
            }
            let whole = self
                .values
                .iter()
                .filter(|value| rest.starts_with(value.as_slice()));
            if let Some(length) = whole.map(|value| value.len()).max() {
                out(REPLACEMENT);
                done += length;
            } else {
                // Up to where a value can begin next.
                let plain = rest
                    .iter()
                    .skip(1)
                    .position(|byte| self.values.iter().any(|value| value.first() == Some(byte)));
                let length = plain.map_or(rest.len(), |position| position + 1);
                out(rest.get(..length).unwrap_or(rest));
                done += length;
            }
        }
        self.pending.drain(..done);
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor of {} values", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redact(values: &[&str], pieces: &[&[u8]]) -> String {
        let mut redactor = Redactor::new(values.iter().map(|value| value.as_bytes()));
        let mut bytes = Vec::new();
        for piece in pieces {
            redactor.push(piece, &mut |piece| bytes.extend_from_slice(piece));
        }
        redactor.finish(&mut |piece| bytes.extend_from_slice(piece));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn values_are_replaced_the_longest_first_and_beginnings_pass() {
        for (values, text, expected) in [
            (&["abc", "abcdef"][..], "xabcdefx abc abcde", "x***x *** ***de"),
            (&["abc"], "ababc ab", "ab*** ab"),
            (&["aab"], "aaab", "a***"),
            (&["", "k"], "key", "***ey"),
            (&[], "nothing to hide", "nothing to hide"),
        ] {
            let whole = redact(values, &[text.as_bytes()]);
            assert_eq!(whole, expected, "{text:?}");
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(redact(values, &bytes), expected, "{text:?} byte by byte");
        }
    }

    #[test]
    fn a_value_that_comes_back_in_another_form_is_replaced_too() {
        let secret = "Bearer pä\"ss/w+d &x";
        for text in [
            "pä\"ss/w+d &x",
            "{\"echo\": \"pä\\\"ss/w+d &x\"}",
            "{\"echo\": \"pä\\\"ss\\/w+d &x\"}",
            "?p=p%C3%A4%22ss%2Fw%2Bd%20%26x",
            "?p=p%c3%a4%22ss%2fw%2bd%20%26x",
            "p=p%C3%A4%22ss%2Fw%2Bd+%26x",
            "/p%C3%A4%22ss%2Fw+d%20&x",
            r#"{"echo": "p\u00e4\"ss\/w+d &x"}"#,
            r#"{"echo": "p\u00e4\"ss/w+d &x"}"#,
            "<i>pä&quot;ss/w+d &amp;x</i>",
        ] {
            let shown = redact(&[secret], &[text.as_bytes()]);
            assert!(shown.contains("***") && !shown.contains("ss"), "{text}: {shown}");
        }
        assert_eq!(redact(&[" spaced\n"], &[b"[spaced]"]), "[***]");
    }

    proptest! {
        #[test]
        fn no_value_comes_through_however_the_stream_is_cut(
            parts in prop::collection::vec(prop_oneof!["[ab]{0,3}", Just("hunter2".to_owned())], 0..12),
            size in 1usize..9,
        ) {
            let text = parts.concat();
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            prop_assert_eq!(redact(&["hunter2"], &pieces), text.replace("hunter2", "***"));
        }
    }
}
