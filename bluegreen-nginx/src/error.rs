//! What goes wrong with nginx, and what is known of its effect: the one mapping to faults.

use std::io;
use std::path::PathBuf;

use bluegreen_core::{Fault, FaultKind, Slot, Split, Token};

/// Why something could not be done with nginx. Unless an error says otherwise nothing was changed, and
/// nginx goes on with what it had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NginxError {
    /// A newer token was used on this directory.
    #[error("token {sent} is older than {held}, which has acted here: another deployer is at work")]
    Fenced {
        /// The token of the call.
        sent: Token,
        /// The newest token that was used.
        held: Token,
    },
    /// The token was used for another split: nothing orders the two.
    #[error("token {token} was used for the split {held:?} already; a new split needs a new token")]
    TokenReused {
        /// The token.
        token: Token,
        /// The split that it stands for.
        held: Split,
    },
    /// What lies there was not written by this library.
    #[error(
        "{path} was not written by bluegreen: {found}. Move it away and run install, or put back what was there"
    )]
    Foreign {
        /// What.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// The split cannot be held by so many buckets.
    #[error("{split} cannot be held exactly by {steps} buckets")]
    TooFine {
        /// The split.
        split: Split,
        /// The number of buckets.
        steps: u16,
    },
    /// `nginx -t` refused the configuration; the files are as they were.
    #[error("nginx refuses the configuration, the files were put back: {output}")]
    Refused {
        /// What it said.
        output: String,
    },
    /// Another process holds the lock of the directory.
    #[error("{lock} is held by another process")]
    Busy {
        /// The lock file.
        lock: PathBuf,
    },
    /// A file operation failed before anything took effect.
    #[error("cannot {action} {path}")]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program could not be started, or said that it failed.
    #[error("{program} failed: {output}")]
    Program {
        /// The program.
        program: String,
        /// What it said.
        output: String,
    },
    /// Nobody knows whether it was done: the connection was lost, or the last step could not be made
    /// durable.
    #[error("it is not known whether {what} was done: {why}")]
    Lost {
        /// What.
        what: &'static str,
        /// What happened.
        why: String,
    },
    /// The control server did not answer.
    #[error("nginx's control server does not answer at {url}: {why}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
    /// The control server answered something else than what was rendered.
    #[error("{url} is not answered by the control server of this service: {found}. Has install been run?")]
    Unreadable {
        /// The address.
        url: String,
        /// What came.
        found: String,
    },
    /// nginx runs another configuration than the one that is to be used.
    #[error("nginx runs configuration {running}, this router's is {expected}: run install")]
    OtherConfig {
        /// The digest of what runs.
        running: String,
        /// The digest of what should.
        expected: String,
    },
    /// nginx does not see the folder of the split, so it sends everybody to the rendered live slot.
    #[error("nginx does not see {path}: the folder is missing, not mounted, or not readable by its workers")]
    Unseen {
        /// The sentinel.
        path: PathBuf,
    },
    /// The slot that was named as live has no traffic.
    #[error("{live} was named as live, but the split is {split}")]
    WrongLive {
        /// The slot that was named.
        live: Slot,
        /// The split.
        split: Split,
    },
    /// The processes of nginx could not be found.
    #[error("cannot find nginx's processes: {why}")]
    NoMaster {
        /// Why.
        why: String,
    },
    /// The reload was accepted and new workers did not come. The old files are back.
    #[error(
        "the reload did not come to life, the files were put back: {why}. nginx's error log says more (a port that is taken shows only there)"
    )]
    NotReloaded {
        /// What was seen.
        why: String,
    },
    /// A blocking task of the runtime ended early.
    #[error("the runtime ended the task")]
    Interrupted,
}

impl NginxError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// What is known of the effect of the call.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Fenced { .. } => FaultKind::Fenced,
            Self::TokenReused { .. }
            | Self::Foreign { .. }
            | Self::TooFine { .. }
            | Self::Refused { .. }
            | Self::OtherConfig { .. }
            | Self::Unseen { .. }
            | Self::Unreadable { .. }
            | Self::WrongLive { .. }
            | Self::NotReloaded { .. }
            | Self::Program { .. } => FaultKind::Rejected,
            // A full disk can be emptied; a permission does not come by waiting.
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory => FaultKind::Rejected,
                _ => FaultKind::Unavailable { retry_after: None },
            },
            // An nginx that is being started again has no processes for a moment.
            Self::Busy { .. } | Self::Unreachable { .. } | Self::NoMaster { .. } => {
                FaultKind::Unavailable { retry_after: None }
            }
            Self::Lost { .. } | Self::Interrupted => FaultKind::Unknown,
        }
    }

    pub(crate) fn fault(self, operation: &'static str, resource: &str) -> Fault {
        Fault::new(self.kind(), "nginx", operation, self.advice())
            .on(resource)
            .caused_by(self)
    }

    // One line for people; the error itself follows as the source.
    const fn advice(&self) -> &'static str {
        match self {
            Self::Fenced { .. } => "step down",
            Self::Lost { .. } | Self::Interrupted => "ask observe",
            _ => "nginx goes on with what it had",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_file_operation_may_be_repeated_unless_waiting_is_useless() {
        let unavailable = FaultKind::Unavailable { retry_after: None };
        for (kind, expected) in [
            (io::ErrorKind::StorageFull, unavailable),
            (io::ErrorKind::QuotaExceeded, unavailable),
            (io::ErrorKind::Interrupted, unavailable),
            (io::ErrorKind::PermissionDenied, FaultKind::Rejected),
            (io::ErrorKind::ReadOnlyFilesystem, FaultKind::Rejected),
            (io::ErrorKind::NotFound, FaultKind::Rejected),
        ] {
            assert_eq!(
                NginxError::io("write", "/x")(kind.into()).kind(),
                expected,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_fault_says_what_where_and_what_now() {
        let error = NginxError::Lost {
            what: "the change",
            why: "connection reset".to_owned(),
        };
        let fault = error.fault("shift", "/var/lib/bluegreen/shop");
        assert_eq!(fault.kind, FaultKind::Unknown);
        assert_eq!(
            fault.to_string(),
            "nginx: shift of /var/lib/bluegreen/shop: outcome unknown: ask observe: it is not known whether the change was done: connection reset"
        );
    }
}
