//! The real lifecycle and the deployer's protocol keep every promise in every state that can be reached, and
//! the checker finds what is made wrong on purpose.
//!
//! The sizes here suit an unoptimised build. The sizes that are meant for every change, and larger ones, are run by
//! the program `model`.

use bluegreen_core::Operation;
use bluegreen_testkit::model::{Checked, Config, Twist, check};

/// Small enough for an unoptimised build.
fn small() -> Config {
    Config {
        crashes: 1,
        faults: 1,
        ..Config::default()
    }
}

#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn checked(config: &Config) -> Checked {
    check(config).unwrap()
}

#[expect(clippy::panic, reason = "it is how a test fails")]
fn keeps_every_promise(config: &Config) -> Checked {
    let checked = checked(config);
    assert!(checked.whole, "not everything was explored");
    for promise in &checked.promises {
        if let Some(trace) = &promise.trace {
            panic!(
                "promise {}, {}:\n{}",
                promise.number,
                promise.text,
                trace.join("\n")
            );
        }
    }
    checked
}

fn breaks(twist: Twist, config: Config, promises: &[u32]) {
    let config = Config {
        twist: Some(twist),
        threads: 1,
        ..config
    };
    let broken = checked(&config).broken();
    assert!(
        broken.iter().any(|number| promises.contains(number)),
        "{} broke {broken:?}, one of {promises:?} was expected",
        twist.as_str()
    );
}

#[test]
fn a_deployment_keeps_every_promise_over_routers_that_settle() {
    let checked = keeps_every_promise(&small());
    assert!(checked.states > 10_000, "only {} states", checked.states);
}

#[test]
fn a_deployment_keeps_every_promise_over_routers_that_compare_tokens() {
    keeps_every_promise(&Config {
        fenced: true,
        ..small()
    });
}

#[test]
fn two_routers_keep_every_promise() {
    keeps_every_promise(&Config {
        routers: 2,
        steps: 1,
        crashes: 0,
        ..small()
    });
}

#[test]
fn an_approval_keeps_every_promise() {
    keeps_every_promise(&Config {
        approval: true,
        crashes: 0,
        ..small()
    });
}

#[test]
fn what_follows_a_deployment_keeps_every_promise() {
    for operations in [
        vec![Operation::Deploy, Operation::Rollback],
        vec![Operation::Deploy, Operation::Retire, Operation::Rollback],
        vec![Operation::Deploy, Operation::Retire, Operation::Contract],
        vec![Operation::Deploy, Operation::Deploy],
    ] {
        keeps_every_promise(&Config {
            operations,
            steps: 1,
            crashes: 0,
            requests: 0,
            ..small()
        });
    }
}

#[test]
fn with_crashes_it_ends_where_it_can_end_without() {
    let with = Config { ills: 0, ..small() };
    let without = Config {
        crashes: 0,
        faults: with.crashes + with.faults,
        ..with.clone()
    };
    let (with, without) = (keeps_every_promise(&with), keeps_every_promise(&without));
    let new: Vec<_> = with.ends.difference(&without.ends).collect();
    assert!(new.is_empty(), "only with crashes: {new:#?}");
}

#[test]
fn without_the_lease_it_breaks() {
    breaks(Twist::NoLease, small(), &[7, 8]);
}

#[test]
fn without_the_settle_time_it_breaks() {
    breaks(Twist::NoSettle, small(), &[3, 7]);
}

#[test]
fn with_tokens_that_are_only_an_epoch_it_breaks() {
    let fenced = Config {
        fenced: true,
        ..small()
    };
    breaks(Twist::EpochOnly, fenced, &[3, 7]);
}

#[test]
fn acting_before_storing_breaks_it() {
    breaks(Twist::ActBeforeStore, small(), &[7]);
}

#[test]
fn a_skipped_confirmation_breaks_it() {
    breaks(Twist::SkipConfirm, small(), &[3, 12]);
}

#[test]
fn stopping_the_old_slot_before_the_confirmation_breaks_it() {
    breaks(Twist::DrainBeforeConfirm, small(), &[4]);
}

#[test]
fn a_timer_over_a_gate_breaks_it() {
    breaks(Twist::TimerOverGate, small(), &[1, 10]);
}

#[test]
fn a_process_that_sleeps_between_its_check_and_its_call_breaks_routers_that_settle() {
    breaks(Twist::Oversleeps, small(), &[7, 8]);
}

fn two_operators() -> Config {
    Config {
        requests: 2,
        steps: 1,
        ..small()
    }
}

#[test]
fn two_operators_at_once_keep_every_promise() {
    for fenced in [false, true] {
        keeps_every_promise(&Config {
            fenced,
            ..two_operators()
        });
    }
}

#[test]
fn an_operators_word_that_is_carried_out_whatever_has_become_of_it_breaks_it() {
    let without_deaths = Config {
        crashes: 0,
        ..two_operators()
    };
    breaks(Twist::ResolvesBlindly, without_deaths, &[3]);
}
