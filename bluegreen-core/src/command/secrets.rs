//! Secrets that the embedding program holds, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::redact::Redactor;

/// Secrets by name. Plans name them, the embedding program gives their values; they get into the
/// environments of commands and into requests, and nowhere else. `Debug` shows the names only. Where an
/// output or an answer repeats a value, also as JSON or an address would write it, it is replaced.
///
/// ```
/// use bluegreen_core::command::Secrets;
///
/// let secrets = Secrets::new().with("token", "s3cr3t");
/// assert_eq!(format!("{secrets:?}"), r#"Secrets {"token"}"#);
/// assert_eq!(secrets.redact("401 for s3cr3t"), "401 for ***");
/// ```
#[derive(Clone, Default)]
pub struct Secrets {
    by_name: Arc<BTreeMap<String, SecretString>>,
}

impl Secrets {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more secret; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        Arc::make_mut(&mut self.by_name).insert(name.into(), value.into());
        self
    }

    /// With one more value that is not to be shown, under no name that a plan could use.
    #[cfg(feature = "http")]
    #[must_use]
    pub(crate) fn hiding(self, value: impl Into<SecretString>) -> Self {
        let name = format!("\0{}", self.by_name.len());
        self.with(name, value)
    }

    /// A secret by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.by_name.get(name)
    }

    /// The text with the value of each secret replaced by `***`.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut redactor = self.redactor();
        let mut bytes = Vec::with_capacity(text.len());
        redactor.push(text.as_bytes(), &mut |piece| bytes.extend_from_slice(piece));
        redactor.finish(&mut |piece| bytes.extend_from_slice(piece));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn redactor(&self) -> Redactor {
        Redactor::new(
            self.by_name
                .values()
                .map(|secret| secret.expose_secret().as_bytes()),
        )
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets ")?;
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}
