//! How commands are found again: by a mark in their comments.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluegreen_core::{Clock, Monotonic, ServiceName};

/// The most characters of a comment, by the service's limit.
const COMMENT: usize = 100;

/// What of a service never runs twice at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane(String);

impl Lane {
    /// `bg shop/migrate: `: short, so that the longest name of a service leaves room for an act.
    pub(super) fn new(service: &ServiceName, what: &str) -> Self {
        Self(format!("bg {service}/{what}: "))
    }

    /// Whether a command with this comment is of the lane.
    pub(super) fn has(&self, comment: &str) -> bool {
        comment.starts_with(&self.0)
    }

    /// The comment of an act in it. One that is too long is cut, and stays one of its own.
    pub(super) fn comment(&self, act: &str) -> String {
        let whole = format!("{}{act}", self.0);
        if whole.chars().count() <= COMMENT {
            return whole;
        }
        format!("{}{:016x}", self.0, fnv(act))
    }
}

/// FNV-1a: the same on every machine and in every version, which the hashes of the standard library are not
/// ([draft](https://datatracker.ietf.org/doc/html/draft-eastlake-fnv)).
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What this process has sent lately, and the service may not show yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Mutex<BTreeMap<Lane, Unseen>>>);

#[derive(Debug)]
struct Unseen {
    comment: String,
    /// How many commands with this comment were shown before.
    before: usize,
    at: Monotonic,
}

impl Memory {
    /// A command is about to be sent; `before` commands with its comment are shown.
    pub(super) fn note(&self, lane: &Lane, comment: &str, before: usize, clock: &dyn Clock) {
        let unseen = Unseen {
            comment: comment.to_owned(),
            before,
            at: clock.monotonic(),
        };
        self.held().insert(lane.clone(), unseen);
    }

    /// Whether something that was sent in a lane may be there and is not among the comments that are shown.
    pub(super) fn is_unseen(&self, lane: &Lane, shown: &[&str], settle: Duration, clock: &dyn Clock) -> bool {
        self.held().get(lane).is_some_and(|unseen| {
            let now = shown.iter().filter(|comment| **comment == unseen.comment).count();
            now <= unseen.before && clock.monotonic().since(unseen.at) < settle
        })
    }

    /// What was sent is over, or was refused.
    pub(super) fn forget(&self, lane: &Lane) {
        self.held().remove(lane);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Lane, Unseen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_of_the_longest_names_fits_and_is_one_of_its_own() {
        let service = ServiceName::new("s".repeat(64)).unwrap();
        let lane = Lane::new(&service, "workers-green");
        let (one, two) = (lane.comment(&"x".repeat(128)), lane.comment(&"y".repeat(128)));
        assert!(one.len() <= COMMENT, "{one} has {}", one.len());
        assert_ne!(one, two);
        assert!(lane.has(&one));
        assert_eq!(fnv("a"), 0xaf63_dc4c_8601_ec8c, "the test vector of the draft");
    }

    #[test]
    fn a_service_does_not_find_the_commands_of_another() {
        let lane = |name| Lane::new(&ServiceName::new(name).unwrap(), "migrate");
        assert!(!lane("shop").has(&lane("shop-2").comment("1")));
        assert!(!lane("shop-2").has(&lane("shop").comment("1")));
    }
}
