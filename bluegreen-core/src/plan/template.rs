//! Placeholders in texts of a plan: `{slot}`, `{version}`. `{{` and `}}` are braces themselves.
//!
//! A text is read once, from left to right: a value that is put in is never read again, so a
//! version called `{artifact}` stays what it is.

/// A text whose placeholders cannot be read, or cannot be filled in. Holds no value of a
/// placeholder, since one may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A placeholder that has no value here.
    #[error("the placeholder {{{name}}} has no value here")]
    Unknown {
        /// The name between the braces.
        name: String,
    },
    /// A brace that opens a placeholder that never ends.
    #[error(
        "the brace that opens at character {at} is never closed: close it, or write \"{{{{\" for a brace"
    )]
    Unclosed {
        /// Which character, counted from 1.
        at: usize,
    },
    /// A brace that closes nothing.
    #[error("the brace at character {at} closes nothing: write \"}}}}\" for a brace")]
    Unopened {
        /// Which character, counted from 1.
        at: usize,
    },
    /// Between the braces stands no name.
    #[error(
        "{{{text}}} is no placeholder: a name is lower-case letters, digits and _, beginning with a letter; \
         write \"{{{{\" and \"}}}}\" for braces"
    )]
    InvalidName {
        /// What stands there.
        text: String,
    },
}

/// A text with its placeholders filled in.
///
/// ```
/// use bluegreen_core::plan::expand;
///
/// let value = |name: &str| (name == "slot").then(|| "green".to_owned());
/// assert_eq!(expand("app-{slot}.{{json}}", &value)?, "app-green.{json}");
/// assert!(expand("{slto}", &value).is_err());
/// # Ok::<(), bluegreen_core::plan::TemplateError>(())
/// ```
///
/// # Errors
/// When the braces do not pair up, or `lookup` has no value for a placeholder.
pub fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, TemplateError> {
    let mut expanded = String::with_capacity(text.len());
    for piece in pieces(text)? {
        match piece {
            Piece::Text(plain) => expanded.push_str(plain),
            Piece::Placeholder(name) => expanded.push_str(&lookup(name).ok_or_else(|| {
                let name = name.to_owned();
                TemplateError::Unknown { name }
            })?),
        }
    }
    Ok(expanded)
}

/// The names of a text's placeholders, in the order in which they stand there.
///
/// # Errors
/// When the braces do not pair up, or there is no name between them.
pub fn placeholders(text: &str) -> Result<Vec<&str>, TemplateError> {
    let names = pieces(text)?.into_iter().filter_map(|piece| match piece {
        Piece::Placeholder(name) => Some(name),
        Piece::Text(_) => None,
    });
    Ok(names.collect())
}

/// Whether a text can be the name of a placeholder: `[a-z][a-z0-9_]*`.
pub(super) fn is_placeholder_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((plain, brace)) = rest.find(['{', '}']).map(|at| rest.split_at(at)) {
        // Where the brace stands, for people: characters, counted from 1.
        let at = text.chars().count() - brace.chars().count() + 1;
        pieces.push(Piece::Text(plain));
        rest = if let Some(after) = brace.strip_prefix("{{") {
            pieces.push(Piece::Text("{"));
            after
        } else if let Some(after) = brace.strip_prefix("}}") {
            pieces.push(Piece::Text("}"));
            after
        } else if let Some(inside) = brace.strip_prefix('{') {
            let (name, after) = inside.split_once('}').ok_or(TemplateError::Unclosed { at })?;
            if !is_placeholder_name(name) {
                let text = name.to_owned();
                return Err(TemplateError::InvalidName { text });
            }
            pieces.push(Piece::Placeholder(name));
            after
        } else {
            return Err(TemplateError::Unopened { at });
        };
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(name: &str) -> Option<String> {
        match name {
            "slot" => Some("green".to_owned()),
            "version" => Some("{slot}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn placeholders_are_filled_in_once_and_doubled_braces_are_braces() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{slot}", "green"),
            ("a-{slot}-{slot}.ü", "a-green-green.ü"),
            ("{version}", "{slot}"),
            ("{{slot}}", "{slot}"),
            ("{{{slot}}}", "{green}"),
            ("{{\"a\": \"{slot}\"}}", "{\"a\": \"green\"}"),
        ] {
            assert_eq!(expand(text, &value).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        let invalid = |text: &str| TemplateError::InvalidName {
            text: text.to_owned(),
        };
        for (text, expected) in [
            ("{slot", TemplateError::Unclosed { at: 1 }),
            ("ü {slot", TemplateError::Unclosed { at: 3 }),
            ("a}", TemplateError::Unopened { at: 2 }),
            ("{{a}", TemplateError::Unopened { at: 4 }),
            ("{}", invalid("")),
            ("{Slot}", invalid("Slot")),
            ("{ slot }", invalid(" slot ")),
            ("{1a}", invalid("1a")),
            ("{a{slot}", invalid("a{slot")),
        ] {
            assert_eq!(expand(text, &value), Err(expected.clone()), "{text:?}");
            assert_eq!(placeholders(text), Err(expected), "{text:?}");
        }
        let unknown = TemplateError::Unknown {
            name: "slto".to_owned(),
        };
        assert_eq!(unknown.to_string(), "the placeholder {slto} has no value here");
        assert_eq!(expand("{slto}", &value), Err(unknown));
    }

    #[test]
    fn the_placeholders_of_a_text_are_listed_as_they_stand() {
        assert_eq!(placeholders("{b}{{c}}{a} {b}"), Ok(vec!["b", "a", "b"]));
    }

    proptest! {
        #[test]
        fn a_text_with_its_braces_doubled_comes_out_as_it_was(text in any::<String>()) {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(expand(&escaped, &value).unwrap(), text);
        }

        #[test]
        fn nothing_that_is_put_in_is_read_again(put_in in any::<String>()) {
            let lookup = |_: &str| Some(put_in.clone());
            prop_assert_eq!(expand("{slot}", &lookup).unwrap(), put_in.clone());
        }
    }
}
