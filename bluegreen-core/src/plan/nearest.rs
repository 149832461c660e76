//! Which known word was meant.

/// The known word that a mistyped one is nearest to, when it is near enough to be meant: at most a
/// third of its letters differ.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be put in, taken out, replaced or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (row, letter) in from.chars().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&last, column) + usize::from(letter != *other);
            let mut cost = replaced.min(at(&last, column + 1) + 1).min(at(&next, column) + 1);
            let crossed = column
                .checked_sub(1)
                .filter(|left| previous == Some(*other) && to.get(*left) == Some(&letter));
            if let Some(left) = crossed {
                cost = cost.min(at(&before, left) + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut last, next);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found_and_nothing_is_made_up() {
        let known = ["weight", "bake", "gates", "approval"];
        for (word, meant) in [
            ("wieght", Some("weight")),
            ("Weight", Some("weight")),
            ("gate", Some("gates")),
            ("aproval", Some("approval")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word:?}");
        }
    }

    #[test]
    fn what_is_put_in_taken_out_replaced_or_swapped_counts_as_one_letter_each() {
        for (from, to, letters) in [
            ("", "", 0),
            ("bake", "bake", 0),
            ("", "bake", 4),
            ("bake", "", 4),
            ("bke", "bake", 1),
            ("baake", "bake", 1),
            ("boke", "bake", 1),
            ("abke", "bake", 1),
            ("abek", "bake", 2),
            ("ebka", "bake", 3),
            ("aab", "aba", 1),
            ("abc", "cab", 2),
            ("\u{fc}ber", "uber", 1),
        ] {
            assert_eq!(distance(from, to), letters, "{from:?} {to:?}");
        }
    }
}
