//! Which keys a store takes: every store holds to the same rule.

use crate::StoreError;

/// The longest key, in bytes: with what a store adds to it, it still is a file name everywhere.
pub(super) const LONGEST: usize = 180;

/// Lets through the keys that [`Store`](crate::Store) promises to take: for stores of your own.
///
/// # Errors
/// [`StoreError::Refused`], with what is wrong, and the key in a length that can be shown.
pub fn check(key: &str) -> Result<(), StoreError> {
    let problem = if key.is_empty() {
        "it is empty"
    } else if key.len() > LONGEST {
        "it is longer than 180 bytes"
    } else if !key.bytes().all(is_allowed) {
        "it may hold a-z 0-9 . _ - / only"
    } else if key.starts_with('/') || key.ends_with('/') {
        "it may not begin or end with /"
    } else if key.as_bytes().windows(2).any(|pair| pair == b"..") {
        "it may not hold two dots in a row"
    } else {
        return Ok(());
    };
    Err(StoreError::Refused {
        // It may be anything, and of any length.
        key: crate::text::bounded(key, LONGEST),
        message: format!("this is no key: {problem}"),
    })
}

/// Lets through prefixes of keys: anything that a key can begin with, and nothing at all for all keys.
///
/// # Errors
/// [`StoreError::Refused`], as [`check`].
pub fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    match prefix.strip_suffix('/').unwrap_or(prefix) {
        "" if prefix.is_empty() => Ok(()),
        without_slash => check(without_slash),
    }
}

const fn is_allowed(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused() {
        for key in [
            "shop",
            "shop/events/0001",
            "a.b_c-d",
            ".a",
            "0",
            &"x".repeat(LONGEST),
        ] {
            assert!(check(key).is_ok(), "{key:?}");
        }
        for key in [
            "",
            "/",
            "/a",
            "a/",
            "..",
            "a/../b",
            "a..b",
            "A",
            "a b",
            "a\\b",
            "a+b",
            "a%b",
            "a\0",
            "ü",
            "a\n",
            &"x".repeat(LONGEST + 1),
        ] {
            assert!(
                matches!(check(key), Err(StoreError::Refused { .. })),
                "{key:?} was taken"
            );
        }
    }

    #[test]
    fn the_refusal_of_an_endless_key_is_short() {
        let refused = check(&"x".repeat(100_000)).unwrap_err().to_string();
        assert!(refused.len() < 300, "{} bytes", refused.len());
    }

    #[test]
    fn a_prefix_may_be_empty_or_end_with_a_slash() {
        for prefix in ["", "shop", "shop/", "shop/events/00"] {
            assert!(check_prefix(prefix).is_ok(), "{prefix:?}");
        }
        for prefix in ["/", "//", "../", "A"] {
            assert!(check_prefix(prefix).is_err(), "{prefix:?} was taken");
        }
    }
}
