//! Placeholders in texts of a plan (a copy until `plan::template` is merged): `{slot}`, `{version}`. `{{` and `}}` are braces themselves.
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
/// # Errors
/// When the braces do not pair up, or `lookup` has no value for a placeholder.
pub(crate) fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, TemplateError> {
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

/// Whether a text can be the name of a placeholder: `[a-z][a-z0-9_]*`.
fn is_placeholder_name(name: &str) -> bool {
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
