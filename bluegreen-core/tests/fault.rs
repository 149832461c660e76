//! What a fault says, and what it keeps of the call that failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bluegreen_core::{Fault, FaultKind};

/// An error with another below it.
#[derive(Debug)]
struct Layer(&'static str, Option<Box<Layer>>);

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Layer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|below| below as &dyn Error)
    }
}

#[test]
fn each_kind_is_told_in_its_words() {
    let wait = |secs| FaultKind::Unavailable {
        retry_after: Some(Duration::from_secs(secs)),
    };
    for (fault, kind, text) in [
        (
            Fault::rejected("alb", "ModifyRule", "no such rule"),
            FaultKind::Rejected,
            "alb: ModifyRule: rejected: no such rule",
        ),
        (
            Fault::unavailable("alb", "ModifyRule", "throttled"),
            FaultKind::Unavailable { retry_after: None },
            "alb: ModifyRule: unavailable: throttled",
        ),
        (
            Fault::new(wait(3), "alb", "ModifyRule", "throttled"),
            wait(3),
            "alb: ModifyRule: unavailable, retry after 3s: throttled",
        ),
        (
            Fault::unknown("alb", "ModifyRule", "no answer"),
            FaultKind::Unknown,
            "alb: ModifyRule: outcome unknown: no answer",
        ),
        (
            Fault::fenced("alb", "ModifyRule", "epoch 7 acts"),
            FaultKind::Fenced,
            "alb: ModifyRule: fenced off: epoch 7 acts",
        ),
    ] {
        assert_eq!((fault.kind, fault.to_string()), (kind, text.to_owned()));
        assert!(fault.resource.is_none() && fault.request_id.is_none() && fault.source.is_none());
    }
}

#[test]
fn a_fault_names_its_resource_its_request_and_everything_below() {
    let below = Layer("connection reset", Some(Box::new(Layer("by the peer", None))));
    let fault = Fault::unknown("alb", "ModifyRule", "no answer")
        .on("rule/7")
        .request_id("r-1")
        .caused_by(below);
    assert_eq!(
        fault.to_string(),
        "alb: ModifyRule of rule/7: outcome unknown: no answer: connection reset: by the peer (request r-1)"
    );
    assert!(Error::source(&fault).is_none(), "the chain would be told twice");
}
