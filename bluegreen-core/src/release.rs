//! A version of a service and the names around it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {remedy}")]
pub struct InvalidName {
    /// What it should have been: "version", "service name".
    pub what: &'static str,
    /// The text that was refused.
    pub text: String,
    /// What to write instead.
    pub remedy: &'static str,
}

/// A text newtype that holds only what its check lets through, also when it is deserialised.
macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $first:expr, $rest:expr, $remedy:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text and takes it.
            ///
            /// # Errors
            /// When the text is empty, too long or holds a character that is not allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let first: fn(char) -> bool = $first;
                let rest: fn(char) -> bool = $rest;
                let fits = text.len() <= $max
                    && text.chars().next().is_some_and(first)
                    && text.chars().all(rest);
                if fits { Ok(Self(text.into())) } else { Err(InvalidName { what: $what, text, remedy: $remedy }) }
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

checked_name!(
    /// The version of a release: a tag, a semantic version, a commit, a branch name.
    ///
    /// It ends up in command lines, file names and tags of providers, so it holds only letters,
    /// digits and `. _ - + / : @`, begins with a letter or a digit, and is at most 128 bytes long.
    ///
    /// ```
    /// use bluegreen_core::Version;
    ///
    /// assert!(Version::new("1.4.0-rc.1+7").is_ok());
    /// assert!(Version::new("1.4; rm -rf /").is_err());
    /// assert!(Version::new("--help").is_err());
    /// ```
    Version,
    "version",
    128,
    |c| c.is_ascii_alphanumeric(),
    |c| c.is_ascii_alphanumeric() || "._-+/:@".contains(c),
    "use letters, digits and . _ - + / : @, begin with a letter or a digit, at most 128 characters"
);

checked_name!(
    /// The name of a service: the key under which its record is stored.
    ///
    /// Lower-case letters, digits, `-`, `_` and `.`, at most 64 bytes, beginning with a letter or a digit,
    /// so that it is a file name, an object key and a tag everywhere.
    ServiceName,
    "service name",
    64,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit(),
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c),
    "use lower-case letters, digits and . _ -, begin with a letter or a digit, at most 64 characters"
);

/// A version and what belongs to it.
///
/// ```
/// use bluegreen_core::{Release, Version};
///
/// let release = Release::new(Version::new("1.4.0")?).artifact("registry/shop:1.4.0").label("commit", "2f1c9aa");
/// assert_eq!(release.version.as_str(), "1.4.0");
/// # Ok::<(), bluegreen_core::InvalidName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which version.
    pub version: Version,
    /// Where its artifact is: an image, a bundle, a revision. What it means is the host's affair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// What people want to see with it: commit, branch, ticket. Never a secret: it is stored and shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Release {
    /// A release of a version, with nothing else said.
    #[must_use]
    pub const fn new(version: Version) -> Self {
        Self {
            version,
            artifact: None,
            labels: BTreeMap::new(),
        }
    }

    /// With the place of its artifact.
    #[must_use]
    pub fn artifact(mut self, artifact: impl Into<String>) -> Self {
        self.artifact = Some(artifact.into());
        self
    }

    /// With one more label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_a_shell_or_an_option_parser_could_read_is_refused() {
        for text in [
            "",
            "-rf",
            "1;ls",
            "$(id)",
            "`id`",
            "a b",
            "1.0\n",
            "a'b",
            "a\"b",
            "a&b",
            "a|b",
            "ü",
            &"x".repeat(129),
        ] {
            let refused = Version::new(text).unwrap_err();
            assert_eq!(refused.what, "version");
            assert!(
                serde_json::from_value::<Version>(text.into()).is_err(),
                "{text:?} was deserialised"
            );
        }
    }
}
