//! Texts that stay small.

/// `text`, cut in the middle to at most `max` bytes: beginnings say what it is, ends say why.
pub(crate) fn bounded(text: &str, max: usize) -> String {
    const GAP: &str = " … ";
    if text.len() <= max {
        return text.to_owned();
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
            let cut = bounded(&text, max);
            prop_assert!(cut.len() <= max);
            prop_assert!(text.len() > max || cut == text);
        }
    }
}
