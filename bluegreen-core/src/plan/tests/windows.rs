//! When what may be done, where clocks are set forward and back too.
//!
//! In Berlin in 2026 the clocks jump from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on
//! 25 October.

use proptest::prelude::*;

use crate::plan::{Action, Windows};
use crate::{Plan, Timestamp};

fn windows(toml: &str) -> Windows {
    let plan = Plan::from_toml(&format!("service = \"shop\"\n{toml}"));
    plan.unwrap_or_else(|error| panic!("{error}")).windows
}

fn at(moment: &str) -> Timestamp {
    let moment: jiff::Timestamp = moment.parse().unwrap();
    Timestamp::from_millis(moment.as_millisecond())
}

/// Whether a deployment may begin at each of these moments.
fn check(toml: &str, expected: &[(&str, bool)]) {
    let windows = windows(toml);
    for (moment, allowed) in expected {
        let answer = windows.permits(Action::Deploy, at(moment));
        assert_eq!(answer.is_ok(), *allowed, "{moment}: {answer:?}\n{toml}");
    }
}

const NOT_ON_FRIDAYS: &str = r#"
    [[windows.freeze]]
    days = ["fri"]
    from = "15:00"
    zone = "Europe/Berlin"
    reason = "nobody is here to help"
"#;

#[test]
fn not_on_fridays_after_three_in_berlin() {
    check(
        NOT_ON_FRIDAYS,
        &[
            ("2026-11-20T14:59:59.999+01:00", true),
            ("2026-11-20T15:00:00+01:00", false),
            ("2026-11-20T23:59:59.999+01:00", false),
            ("2026-11-21T00:00:00+01:00", true),
            // Friday by UTC is not asked: it is Saturday in Berlin.
            ("2026-11-20T23:30:00Z", true),
            // In summer three o'clock is an hour earlier.
            ("2026-07-17T13:00:00Z", false),
            ("2026-07-17T12:59:00Z", true),
            ("2026-11-20T13:30:00Z", true),
            ("2026-11-19T16:00:00+01:00", true),
        ],
    );
}

#[test]
fn whoever_is_stopped_is_told_by_what_why_and_until_when() {
    let told = windows(NOT_ON_FRIDAYS).permits(Action::Deploy, at("2026-11-20T16:00:00+01:00"));
    assert_eq!(
        told.unwrap_err(),
        "windows.freeze[0], fri 15:00 to 24:00 Europe/Berlin (nobody is here to help), does not allow deploy; it is \
         allowed again from Sat 2026-11-21 00:00 CET"
    );
    let allow =
        windows("[[windows.allow]]\ndays = [\"tue\"]\nfrom = \"09:00\"\nto = \"12:00\"\nzone = \"UTC\"");
    assert_eq!(
        allow
            .permits(Action::Deploy, at("2026-11-20T16:00:00Z"))
            .unwrap_err(),
        "deploy is allowed only in windows.allow[0], tue 09:00 to 12:00 UTC; it is allowed again from Tue 2026-11-24 \
         09:00 UTC"
    );
    let never = windows("[[windows.freeze]]\nzone = \"UTC\"");
    let told = never
        .permits(Action::Deploy, at("2026-11-20T16:00:00Z"))
        .unwrap_err();
    assert!(told.ends_with("no time in the next 400 days allows it"), "{told}");
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    check(
        "[[windows.freeze]]\ndays = [\"fri\"]\nfrom = \"22:00\"\nto = \"06:00\"\nzone = \"Europe/Berlin\"",
        &[
            ("2026-11-20T21:59:00+01:00", true),
            ("2026-11-20T22:00:00+01:00", false),
            ("2026-11-21T05:59:00+01:00", false),
            ("2026-11-21T06:00:00+01:00", true),
            ("2026-11-20T05:00:00+01:00", true),
            ("2026-11-21T23:00:00+01:00", true),
        ],
    );
}

#[test]
fn a_freeze_that_is_once_ends_and_a_date_is_meant_with_its_whole_day() {
    check(
        "[[windows.freeze]]\nsince = 2026-12-23\nuntil = 2026-12-27\nzone = \"Europe/Berlin\"",
        &[
            ("2026-12-22T23:59:00+01:00", true),
            ("2026-12-23T00:00:00+01:00", false),
            ("2026-12-25T12:00:00+01:00", false),
            ("2026-12-27T23:59:00+01:00", false),
            ("2026-12-28T00:00:00+01:00", true),
        ],
    );
    check(
        "[[windows.freeze]]\nsince = \"2026-12-23T18:00\"\nuntil = 2026-12-24T08:30:00\nzone = \"Europe/Berlin\"",
        &[
            ("2026-12-23T17:59:00+01:00", true),
            ("2026-12-23T18:00:00+01:00", false),
            ("2026-12-24T08:29:00+01:00", false),
            ("2026-12-24T08:30:00+01:00", true),
        ],
    );
}

#[test]
fn a_time_that_the_clocks_jump_over_is_the_moment_of_the_jump() {
    check(
        "[[windows.freeze]]\nfrom = \"02:30\"\nto = \"04:00\"\nzone = \"Europe/Berlin\"",
        &[
            ("2026-03-29T01:59:59+01:00", true),
            ("2026-03-29T03:00:00+02:00", false),
            ("2026-03-29T03:59:00+02:00", false),
            ("2026-03-29T04:00:00+02:00", true),
        ],
    );
    check(
        "[[windows.freeze]]\nfrom = \"01:00\"\nto = \"02:30\"\nzone = \"Europe/Berlin\"",
        &[
            ("2026-03-29T01:59:59+01:00", false),
            ("2026-03-29T03:00:00+02:00", true),
        ],
    );
    // The first reading that is not there is the moment of the jump itself.
    check(
        "[[windows.freeze]]\nfrom = \"02:00\"\nto = \"03:00\"\nsince = 2026-03-29\nzone = \"Europe/Berlin\"",
        &[
            ("2026-03-29T01:59:59+01:00", true),
            ("2026-03-29T03:00:00+02:00", true),
            ("2026-03-30T02:00:00+02:00", false),
        ],
    );
    check(
        "[[windows.freeze]]\nfrom = \"02:00\"\nto = \"04:00\"\nzone = \"Europe/Berlin\"",
        &[
            ("2026-03-29T01:59:59+01:00", true),
            ("2026-03-29T03:00:00+02:00", false),
        ],
    );
    // Wholly within the hour that is not there: it is over before it begins.
    check(
        "[[windows.freeze]]\nfrom = \"02:10\"\nto = \"02:50\"\nzone = \"Europe/Berlin\"",
        &[
            ("2026-03-29T01:59:59+01:00", true),
            ("2026-03-29T03:00:00+02:00", true),
            ("2026-03-30T02:30:00+02:00", false),
        ],
    );
}

#[test]
fn a_time_that_the_clocks_show_twice_begins_with_the_first_and_ends_with_the_second() {
    check(
        "[[windows.freeze]]\nfrom = \"02:15\"\nto = \"02:30\"\nzone = \"Europe/Berlin\"",
        &[
            ("2026-10-25T02:14:00+02:00", true),
            ("2026-10-25T02:15:00+02:00", false),
            ("2026-10-25T02:45:00+02:00", false),
            ("2026-10-25T02:05:00+01:00", false),
            ("2026-10-25T02:29:00+01:00", false),
            ("2026-10-25T02:30:00+01:00", true),
        ],
    );
}

#[test]
fn the_whole_of_a_day_has_twenty_three_or_twenty_five_hours_where_the_clocks_change() {
    check(
        "[[windows.freeze]]\ndays = [\"sun\"]\nzone = \"Europe/Berlin\"",
        &[
            ("2026-03-28T22:59:59Z", true),
            ("2026-03-28T23:00:00Z", false),
            ("2026-03-29T21:59:59Z", false),
            ("2026-03-29T22:00:00Z", true),
            ("2026-10-24T21:59:59Z", true),
            ("2026-10-24T22:00:00Z", false),
            ("2026-10-25T22:59:59Z", false),
            ("2026-10-25T23:00:00Z", true),
        ],
    );
}

#[test]
fn outside_all_allowances_nothing_begins_and_a_freeze_wins() {
    check(
        r#"
            [[windows.allow]]
            days = ["mon", "wed"]
            from = "09:00"
            to = "17:00"
            zone = "UTC"
            [[windows.allow]]
            days = ["fri"]
            zone = "UTC"
            [[windows.freeze]]
            from = "12:00"
            to = "13:00"
            zone = "UTC"
        "#,
        &[
            ("2026-11-16T09:00:00Z", true),
            ("2026-11-16T08:59:00Z", false),
            ("2026-11-17T10:00:00Z", false),
            ("2026-11-18T16:59:00Z", true),
            ("2026-11-18T12:30:00Z", false),
            ("2026-11-20T23:00:00Z", true),
        ],
    );
}

#[test]
fn an_action_that_no_window_names_may_be_begun_at_any_time() {
    let windows = windows(
        "[[windows.allow]]\ndays = [\"mon\"]\nzone = \"UTC\"\n[[windows.freeze]]\nzone = \"UTC\"\nactions = [\"contract\"]",
    );
    let tuesday = at("2026-11-17T10:00:00Z");
    assert!(windows.permits(Action::Shift, tuesday).is_ok());
    assert!(windows.permits(Action::Deploy, tuesday).is_err());
    assert!(windows.permits(Action::Retire, tuesday).is_err());
    let monday = at("2026-11-16T10:00:00Z");
    assert!(windows.permits(Action::Deploy, monday).is_ok());
    assert!(windows.permits(Action::Contract, monday).is_err());
}

#[test]
fn going_back_can_not_be_named_in_a_window() {
    for action in ["rollback", "abort"] {
        let toml =
            format!("service = \"shop\"\n[[windows.freeze]]\nzone = \"UTC\"\nactions = [\"{action}\"]");
        let error = Plan::from_toml(&toml).unwrap_err();
        assert_eq!(error.problems[0].path, "windows.freeze[0].actions[0]", "{error}");
        assert_eq!(
            error.problems[0].remedy,
            "the words are deploy, shift, retire, contract"
        );
    }
}

proptest! {
    // The moment that is told as the next opening does allow, and the one before it does not.
    #[test]
    fn the_opening_that_is_told_opens(
        minutes in 0i64..60 * 24 * 400,
        from in 0u16..24, to in 1u16..=24, other in 0u16..23,
    ) {
        prop_assume!(from != to);
        let windows = windows(&format!(
            "[[windows.allow]]\ndays = [\"mon\", \"sun\"]\nfrom = \"{from:02}:00\"\nto = \"{to:02}:00\"\nzone = \"Europe/Berlin\"
             [[windows.freeze]]\nfrom = \"{other:02}:00\"\nto = \"{other:02}:30\"\nzone = \"America/New_York\""
        ));
        let at = jiff::Timestamp::from_millisecond(1_767_225_600_000 + minutes * 60_000).unwrap();
        if let Some(opening) = windows.next_opening(Action::Deploy, at) {
            let moment = |at: jiff::Timestamp, later: i64| Timestamp::from_millis(at.as_millisecond() + later);
            prop_assert!(windows.permits(Action::Deploy, moment(opening, 0)).is_ok());
            if opening > at {
                prop_assert!(windows.permits(Action::Deploy, moment(opening, -1)).is_err());
                prop_assert!(windows.permits(Action::Deploy, moment(at, 0)).is_err());
            }
        }
    }
}

#[test]
fn an_opening_is_looked_for_over_400_days() {
    // The freeze is over 400 days after the moment, and a second later than that.
    for (until, told) in [
        (
            "2027-02-05T00:00:00",
            "it is allowed again from Fri 2027-02-05 00:00 UTC",
        ),
        ("2027-02-05T00:00:01", "no time in the next 400 days allows it"),
    ] {
        let windows = windows(&format!(
            "[[windows.freeze]]\nsince = \"2026-01-01\"\nuntil = \"{until}\"\nzone = \"UTC\""
        ));
        let refused = windows
            .permits(Action::Deploy, at("2026-01-01T00:00:00Z"))
            .unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn an_opening_is_found_behind_hundreds_of_allowances_that_a_freeze_covers() {
    // Two looks for each day: from the freeze's end to the allowance, and from there to the freeze's end.
    let windows = windows(
        "[[windows.allow]]\nfrom = \"12:00\"\nto = \"13:00\"\nzone = \"UTC\"\n\
         [[windows.freeze]]\nfrom = \"11:00\"\nto = \"14:00\"\nuntil = \"2026-12-27\"\nzone = \"UTC\"",
    );
    let refused = windows
        .permits(Action::Deploy, at("2026-01-01T12:30:00Z"))
        .unwrap_err();
    assert!(
        refused.contains("it is allowed again from Mon 2026-12-28 12:00 UTC"),
        "{refused}"
    );
}
