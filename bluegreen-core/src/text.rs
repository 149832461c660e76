//! Texts that stay small.

use std::fmt;

/// Writes what `Display` shows, with the width that was asked for. Without one nothing is allocated.
pub(crate) fn pad(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    if f.width().is_none() && f.precision().is_none() {
        f.write_fmt(text)
    } else {
        f.pad(&text.to_string())
    }
}

/// `text`, cut in the middle to at most `max` bytes: beginnings say what it is, ends say why.
pub(crate) fn bounded(text: impl Into<String>, max: usize) -> String {
    const GAP: &str = " … ";
    let text = text.into();
    if text.len() <= max {
        return text;
    }
    let half = max.saturating_sub(GAP.len()) / 2;
    let (head, _) = text.split_at(text.floor_char_boundary(half));
    let (_, tail) = text.split_at(text.ceil_char_boundary(text.len().saturating_sub(half)));
    format!("{head}{GAP}{tail}")
}

#[cfg(test)]
mod tests {
    use super::bounded;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bounded_text_is_never_longer_and_keeps_short_ones(text in ".*", max in 5usize..200) {
            let cut = bounded(text.as_str(), max);
            prop_assert!(cut.len() <= max);
            prop_assert!(text.len() > max || cut == text);
        }
    }
}
