//! Sources of metrics, against pages, servers and commands.
#![cfg(feature = "http")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test that cannot go on has failed, and sums of whole numbers are exact"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::command::{CommandContext, Secrets};
use bluegreen_core::{Fault, FaultKind, Op, ServiceName, Slot, Token};

mod command;
mod exposition;
mod prometheus;
mod real;
mod scrape;
mod server;

/// A service whose slots have a variable each.
fn context(name: &str, blue: &str, green: &str) -> CommandContext {
    let variable = |value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    CommandContext::new(ServiceName::new("shop").unwrap())
        .slots(BTreeMap::from([
            (Slot::Blue, variable(blue)),
            (Slot::Green, variable(green)),
        ]))
        .secrets(Secrets::new().with("token", "hunter2"))
}

fn op() -> Op {
    Op::new(Token { epoch: 1, seq: 1 }, "17-1.1", Duration::from_secs(20))
}

/// What is expected of a reading: a number, nothing, or a fault that says so.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Number(f64),
    NoData,
    Unavailable(&'static str),
    Rejected(&'static str),
}

fn check(what: &str, found: Result<Option<f64>, Fault>, expected: Expected) {
    match (found, expected) {
        (Ok(Some(found)), Expected::Number(number)) => assert_eq!(found, number, "{what}"),
        (Ok(None), Expected::NoData) => {}
        (Err(fault), Expected::Unavailable(part)) => {
            assert!(
                matches!(fault.kind, FaultKind::Unavailable { .. }),
                "{what}: {fault}"
            );
            assert!(fault.to_string().contains(part), "{what}: {fault}");
        }
        (Err(fault), Expected::Rejected(part)) => {
            assert_eq!(fault.kind, FaultKind::Rejected, "{what}: {fault}");
            assert!(fault.to_string().contains(part), "{what}: {fault}");
        }
        (found, _) => panic!("{what}: {found:?} and not {expected:?}"),
    }
}
