//! The forms in which the value of a secret comes back from programs and services.

use std::fmt::Write as _;

use secrecy::zeroize::Zeroizing;

/// A value as it is; without the scheme of a header (`Bearer …`); and each of these as it is written in
/// JSON, in HTML, in an address and in a form. None is empty, none is there twice.
pub(super) fn forms_of(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms = vec![
        Zeroizing::new(value.to_vec()),
        Zeroizing::new(value.trim_ascii().to_vec()),
    ];
    if let Ok(text) = std::str::from_utf8(value) {
        for text in [Some(text), without_scheme(text)].into_iter().flatten() {
            let written = [
                text.to_owned(),
                json(text, Slashes::Plain, Letters::All),
                json(text, Slashes::Plain, Letters::Ascii),
                json(text, Slashes::Escaped, Letters::All),
                json(text, Slashes::Escaped, Letters::Ascii),
                html(text, "&#39;"),
                html(text, "&#x27;"),
                address(text, "-._~", str::to_uppercase),
                address(text, "-._~", str::to_lowercase),
                // What libraries leave as it is in a path (RFC 3986, section 3.3).
                address(text, "-._~!$&'()*+,;=:@", str::to_uppercase),
                // Forms write a plus for a space.
                address(text, "-._* ", str::to_uppercase).replace(' ', "+"),
            ];
            forms.extend(written.map(|form| Zeroizing::new(form.into_bytes())));
        }
    }
    let mut different: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    for form in forms {
        if !form.is_empty() && !different.contains(&form) {
            different.push(form);
        }
    }
    different
}

/// What follows `Bearer` and its like.
fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(' ')?;
    let is_known = ["basic", "bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str());
    is_known.then_some(rest.trim())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slashes {
    Plain,
    /// As PHP writes them.
    Escaped,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    All,
    /// As Python and PHP write them: the others as `\u00e4`.
    Ascii,
}

/// The inside of a JSON text.
fn json(text: &str, slashes: Slashes, letters: Letters) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => written.extend(['\\', letter]),
            '/' if slashes == Slashes::Escaped => written.push_str("\\/"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            _ if letter.is_control() || (letters == Letters::Ascii && !letter.is_ascii()) => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    // Writing to a string cannot fail.
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
            _ => written.push(letter),
        }
    }
    written
}

fn html(text: &str, apostrophe: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', apostrophe)
}

fn address(text: &str, plain: &str, case: fn(&str) -> String) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || (letter.is_ascii() && plain.contains(letter)) {
            written.push(letter);
        } else {
            written.push('%');
            written.push_str(&case(&format!("{byte:02x}")));
        }
    }
    written
}
