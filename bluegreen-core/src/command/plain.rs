//! Output of programs as plain text: what they say to a terminal taken out.

/// A text without colours, movements of the cursor and other control characters; lines stay, and of a line
/// that was written over again (`\r`) only the last state.
pub(crate) fn plain(text: &str) -> String {
    let lines = without_sequences(text);
    let visible = |state: &str| {
        let letters = state
            .chars()
            .filter(|letter| *letter == '\t' || !letter.is_control());
        letters.collect::<String>()
    };
    let last = |line: &str| {
        let mut states = line.rsplit('\r').map(visible);
        states.find(|state| !state.trim().is_empty()).unwrap_or_default()
    };
    lines.split('\n').map(last).collect::<Vec<_>>().join("\n")
}

/// Without escape sequences (ECMA-48): `ESC [ … letter` and `ESC ] … BEL`, and `ESC` with one more.
fn without_sequences(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            shown.push(letter);
            continue;
        }
        match letters.next() {
            Some('[') => {
                letters.by_ref().find(|letter| ('@'..='~').contains(letter));
            }
            // Ends with BEL, or with ESC and a backslash, which is skipped then.
            Some(']') => {
                let end = letters
                    .by_ref()
                    .find(|letter| ['\u{7}', '\u{1b}'].contains(letter));
                end.filter(|end| *end == '\u{1b}').and_then(|_| letters.next());
            }
            _ => {}
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_show_stays() {
        for (text, shown) in [
            ("plain\n\ttext ✓", "plain\n\ttext ✓"),
            ("\u{1b}[31m1 failed\u{1b}[39m\u{1b}[1;2m x", "1 failed x"),
            (
                "running 10%\rrunning 50%\rrunning 100%\r\ndone\r\n",
                "running 100%\ndone\n",
            ),
            (
                "\u{1b}]8;;http://a\u{7}link\u{1b}]8;;\u{1b}\\ here\u{1b}[2K",
                "link here",
            ),
            ("bell\u{7} and \u{0}nothing\u{1b}", "bell and nothing"),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_moves_a_cursor_comes_through(text in "(.|\u{1b}|\n|\r|\\[|\u{7}){0,40}") {
            let shown = plain(&text);
            prop_assert!(shown.chars().all(|letter| letter == '\n' || letter == '\t' || !letter.is_control()));
            prop_assert_eq!(plain(&shown), shown);
        }
    }
}
