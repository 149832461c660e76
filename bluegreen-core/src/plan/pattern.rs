//! Regular expressions in plans.

use regex_lite::{Regex, RegexBuilder};

/// How large a compiled expression may be. The time to search an answer grows with it.
const LARGEST_BYTES: usize = 64 * 1024;

/// Compiles an expression of a plan.
///
/// # Errors
/// Why it is none, in words.
pub(crate) fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).size_limit(LARGEST_BYTES).build();
    built.map_err(|error| error.to_string())
}
