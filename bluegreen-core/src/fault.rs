//! Why a call failed, and what is known of its effect.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What is known of the effect of a failed call. It answers two questions: was it applied, and may
/// it be sent again?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Not applied, and sending it again is useless: the request itself is refused.
    Rejected,
    /// Not applied; it may be sent again, not before `retry_after` if that is known.
    Unavailable {
        /// The wait that the provider asks for.
        retry_after: Option<Duration>,
    },
    /// Perhaps applied, perhaps later. Nothing new is sent before the settle time; then the state is
    /// read back and ensured again. Whatever is not classified is this.
    Unknown,
    /// Not applied: somebody with a newer token acts on this resource. Step down.
    Fenced,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected => f.write_str("rejected"),
            Self::Unavailable { retry_after: None } => f.write_str("unavailable"),
            Self::Unavailable {
                retry_after: Some(wait),
            } => write!(f, "unavailable, retry after {wait:?}"),
            Self::Unknown => f.write_str("outcome unknown"),
            Self::Fenced => f.write_str("fenced off"),
        }
    }
}

/// A failed call to a port: what kind of failure, where, and the source.
///
/// ```
/// use bluegreen_core::{Fault, FaultKind};
///
/// let fault = Fault::rejected("nginx", "shift", "the directory is not ours").on("/var/lib/bluegreen/shop");
/// assert_eq!(fault.kind, FaultKind::Rejected);
/// assert_eq!(
///     fault.to_string(),
///     "nginx: shift of /var/lib/bluegreen/shop: rejected: the directory is not ours"
/// );
/// ```
#[derive(Debug)]
pub struct Fault {
    /// What is known of the effect.
    pub kind: FaultKind,
    /// The plugin: "nginx", "alb", "command".
    pub provider: &'static str,
    /// The call: "shift", `ModifyRule`.
    pub operation: &'static str,
    /// What it was about, if one thing can be named.
    pub resource: Option<String>,
    /// The provider's own id of the request, for its support and its logs.
    pub request_id: Option<String>,
    /// What happened, for people. Never holds a secret.
    pub message: String,
    /// The error below.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault of a kind.
    pub fn new(
        kind: FaultKind,
        provider: &'static str,
        operation: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            provider,
            operation,
            resource: None,
            request_id: None,
            message: message.into(),
            source: None,
        }
    }

    /// [`FaultKind::Rejected`].
    pub fn rejected(provider: &'static str, operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultKind::Rejected, provider, operation, message)
    }

    /// [`FaultKind::Unavailable`], with no wait asked for.
    pub fn unavailable(provider: &'static str, operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(
            FaultKind::Unavailable { retry_after: None },
            provider,
            operation,
            message,
        )
    }

    /// [`FaultKind::Unknown`].
    pub fn unknown(provider: &'static str, operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultKind::Unknown, provider, operation, message)
    }

    /// [`FaultKind::Fenced`].
    pub fn fenced(provider: &'static str, operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultKind::Fenced, provider, operation, message)
    }

    /// Names what the call was about.
    #[must_use]
    pub fn on(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Adds the provider's request id.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Adds the error below.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.provider, self.operation)?;
        if let Some(resource) = &self.resource {
            write!(f, " of {resource}")?;
        }
        write!(f, ": {}: {}", self.kind, self.message)?;
        let mut below = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(source) = below {
            write!(f, ": {source}")?;
            below = source.source();
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

// The chain is already in the text, so it is not offered a second time through `source()`.
impl Error for Fault {}
