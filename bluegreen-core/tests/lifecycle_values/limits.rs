//! What fits into a record, and what is refused.

use super::*;

#[test]
fn what_is_asked_for_fits_into_a_record_or_is_refused() {
    let text = |bytes| "x".repeat(bytes);
    type Change = Box<dyn Fn(&mut Begin, usize)>;
    let change = |change: fn(&mut Begin, String)| -> Change {
        Box::new(move |begin, bytes| change(begin, "x".repeat(bytes)))
    };
    let release = |begin: &mut Begin, with: &dyn Fn(Release) -> Release| {
        begin.release = begin.release.take().map(with);
    };
    let cases: [(&str, usize, Change); 9] = [
        (
            "what is said of the release",
            4096,
            Box::new(move |begin, bytes| release(begin, &|r| r.artifact("x".repeat(bytes)))),
        ),
        (
            "what is said of the release",
            4096,
            Box::new(move |begin, bytes| {
                release(begin, &|r| {
                    r.artifact("1234567890")
                        .label("12345", "1234567")
                        .label("k", "x".repeat(bytes - 23))
                });
            }),
        ),
        (
            "who asks, and why",
            1024,
            change(|begin, text| begin.by = Signed::new(text, "")),
        ),
        (
            "who asks, and why",
            1024,
            change(|begin, text| begin.by = Signed::new("", text)),
        ),
        (
            "who asks, and why",
            1024,
            change(|begin, text| begin.by = Signed::new(&text[..3], &text[3..])),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| begin.overrides.again = Some(Signed::new(text, ""))),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| begin.overrides.give_up_standby = Some(Signed::new("", text))),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| begin.overrides.skip_smoke = Some(Signed::new("", text))),
        ),
        (
            "what was decided against the plan",
            2048,
            change(|begin, text| {
                begin.overrides.again = Some(Signed::new(&text[..9], &text[9..99]));
                begin.overrides.window = Some(Signed::new("", &text[99..]));
            }),
        ),
    ];
    for (part, max, change) in cases {
        for (bytes, fits) in [(max - 1, true), (max, true), (max + 1, false), (max + 50, false)] {
            let mut asked = ask(Operation::Deploy, Some(plan()));
            change(&mut asked, bytes);
            let expected = CannotBegin::TooLong {
                what: part,
                bytes,
                max,
            };
            match Lifecycle::default().begin(AT, asked) {
                Ok(_) => assert!(fits, "{part}: {bytes} bytes were taken"),
                Err(error) => assert_eq!((error, fits), (expected, false)),
            }
        }
    }
    let mut asked = ask(Operation::Deploy, Some(plan()));
    asked.by = Signed::new(text(1000), text(100));
    assert_eq!(
        Lifecycle::default().begin(AT, asked).unwrap_err().to_string(),
        "who asks, and why is 1100 bytes long, at most 1024 are kept: shorten it"
    );
}
