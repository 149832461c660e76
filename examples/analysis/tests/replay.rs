//! `analysis-replay` as people use it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what the tests share is not marked as a test, and a panic is how it fails"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs it on a text.
fn replay(rows: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_analysis-replay"))
        .arg("-")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("it has an input");
    let rows = rows.to_owned();
    let writer = std::thread::spawn(move || {
        // It may end before it has read everything.
        let _ = input.write_all(rows.as_bytes());
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("everything was written");
    output
}

/// Rows every so many seconds; live has one error in a thousand.
fn rows(count: u32, apart_s: u32, candidate_errors: impl Fn(u32) -> u32) -> String {
    let mut text = "t,role,requests,errors\n".to_owned();
    for index in 0..count {
        let (t, errors) = (1_700_000_000 + index * apart_s, candidate_errors(index));
        writeln!(text, "{t},live,1000,1\n{t},candidate,200,{errors}").expect("a text takes everything");
    }
    text
}

fn decisions(output: &Output) -> Vec<(f64, String)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("each line is JSON");
        let t = line["t"].as_f64().expect("t is a number");
        (
            t,
            line["decision"]
                .as_str()
                .expect("a decision is a word")
                .to_owned(),
        )
    };
    text.lines().map(line).collect()
}

fn last(output: &Output) -> String {
    decisions(output).pop().expect("there is a decision").1
}

#[test]
fn a_good_candidate_is_held_until_its_bake_is_over() {
    let output = replay(&rows(150, 5, |index| u32::from(index % 5 == 0)), &["--json"]);
    assert_eq!(output.status.code(), Some(0));
    let decisions = decisions(&output);
    assert_eq!(decisions.len(), 150);
    assert!(decisions.iter().take(120).all(|(_, decision)| decision == "hold"));
    assert_eq!(last(&output), "continue");
}

#[test]
fn a_bad_candidate_is_rolled_back_and_stays_so() {
    let output = replay(&rows(120, 5, |index| if index < 30 { 0 } else { 8 }), &["--json"]);
    let found = decisions(&output);
    let first = found
        .iter()
        .position(|(_, decision)| decision == "rollback")
        .expect("it is found");
    assert!((30..60).contains(&first), "{first}");
    assert!(
        found
            .iter()
            .skip(first)
            .all(|(_, decision)| decision == "rollback")
    );
    let text = replay(&rows(120, 5, |_| 8), &[]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(
        text.contains("rollback: errors has failed") && text.contains("worse than live"),
        "{text}"
    );
}

#[test]
fn rows_a_minute_apart_are_ticks_of_a_minute() {
    assert_eq!(last(&replay(&rows(30, 60, |_| 8), &["--json"])), "rollback");
    assert_eq!(last(&replay(&rows(60, 60, |_| 0), &["--json"])), "continue");
}

#[test]
fn counters_are_counted_from_one_row_to_the_next() {
    let cumulative = |reset: bool| {
        let mut text = "t,role,requests,errors\n".to_owned();
        for index in 1..=150 {
            let since = if reset && index > 75 { index - 75 } else { index };
            let (t, live, candidate) = (5 * index, 1000 * index, 200 * since);
            writeln!(
                text,
                "{t},live,{live},{index}\n{t},candidate,{candidate},{}",
                since / 5
            )
            .expect("a text");
        }
        text
    };
    for reset in [false, true] {
        let output = replay(&cumulative(reset), &["--json", "--cumulative"]);
        assert_eq!(
            (last(&output).as_str(), output.status.code()),
            ("continue", Some(0)),
            "{reset}"
        );
    }
}

#[test]
fn bad_rows_are_told_with_their_lines_and_the_others_are_used() {
    let mut text = rows(60, 5, |_| 8);
    text.push_str("soon,live,1,0\n1800000000,green,1,0\n1800000001,live,1\n1,live,5,0\n");
    text.push_str("1800000002,candidate,-5,0\n1800000003,candidate,5,6\n1800000004,candidate,NaN,0\n");
    text.push_str("1800000005,candidate,x,0\n1800000006,live,5,0\n1800000006,live,5,0\n1800000007,live,,\n");
    let output = replay(&text, &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last(&output), "rollback");
    let complaints = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = complaints.lines().collect();
    assert_eq!(lines.len(), 9, "{complaints}");
    for (line, part) in [
        (122, "\"soon\" is no time"),
        (123, "\"green\" is no role"),
        (124, "3 fields, and the heading has 4"),
        (125, "before the row above"),
        (126, "-5 is no count"),
        (127, "more errors (6) than requests (5)"),
        (128, "NaN is no count"),
        (129, "\"x\" is no number"),
        (131, "there is a row of live at t = 1800000006 already"),
    ] {
        let told = format!("line {line}: ");
        assert!(
            lines
                .iter()
                .any(|line| line.contains(&told) && line.contains(part)),
            "{line} {part}: {complaints}"
        );
    }
}

#[test]
fn a_candidate_without_data_is_held() {
    let mut text = "t,role,requests,errors\n".to_owned();
    for index in 0..300 {
        let t = 5 * index;
        writeln!(text, "{t},live,1000,1").expect("a text");
        match index % 3 {
            0 => writeln!(text, "{t},candidate,0,0").expect("a text"),
            1 => writeln!(text, "{t},candidate,,").expect("a text"),
            _ => {}
        }
    }
    let output = replay(&text, &["--json"]);
    assert!(decisions(&output).iter().all(|(_, decision)| decision == "hold"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("no_data") && text.contains("nothing was read of the candidate"));
}

#[test]
fn latencies_are_compared_where_there_are_columns_for_them() {
    let rows = |slower: u32| {
        let mut text = "t,role,requests,errors,le_0.1,le_0.25,le_0.5\n".to_owned();
        for index in 0..150 {
            let t = 5 * index;
            writeln!(text, "{t},live,1000,1,500,900,990").expect("a text");
            let (fast, fair) = (100 - slower, 180 - slower);
            writeln!(text, "{t},candidate,200,0,{fast},{fair},198").expect("a text");
        }
        text
    };
    let plan = "[analysis]\n[[analysis.metrics]]\nname = \"speed\"\nlatency = { ratio = 1 }\n";
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), plan).expect("it is written");
    let plan = file.path().to_str().expect("a path of text");
    assert_eq!(last(&replay(&rows(0), &["--json", "--plan", plan])), "continue");
    assert_eq!(last(&replay(&rows(40), &["--json", "--plan", plan])), "rollback");
    assert_eq!(last(&replay(&rows(60), &["--json"])), "rollback");
}

#[test]
fn the_plan_of_a_service_is_replayed_as_it_is() {
    let plan = r#"
        [plan]
        service = "shop"
        [[plan.steps]]
        weight = "20%"
        bake = "5m"
        [[plan.steps]]
        weight = "100%"
        [[plan.analysis.metrics]]
        name = "failures"
        errors = { normal = "0.1%", critical = "5%" }
    "#;
    for text in [plan.to_owned(), plan.replace("[plan]", "").replace("plan.", "")] {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("it is written");
        let plan = file.path().to_str().expect("a path of text");
        let output = replay(
            &rows(150, 5, |index| u32::from(index % 5 == 0)),
            &["--json", "--plan", plan],
        );
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{complaints}");
        // The bake of the first step, five minutes, and the warm-up.
        let found = decisions(&output);
        let over = found.iter().position(|(_, decision)| decision == "continue");
        assert!(over.is_some_and(|over| (60..66).contains(&over)), "{over:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"failures\""));
    }
}

#[test]
fn what_cannot_be_used_is_said_and_nothing_is_printed() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "[analysis]\nalpha = 7\nbeta = 0\n").expect("it is written");
    let plan = file.path().to_str().expect("a path of text");
    for (text, arguments, part) in [
        ("", vec![], "no column \"t\""),
        ("t,role,requests,errors\n", vec![], "no row that can be used"),
        ("role,requests\nlive,1\n", vec![], "no column \"t\""),
        (
            "t,role,requests,le_0.5,le_0.1\n1,live,1,1,1\n",
            vec![],
            "the le_ columns",
        ),
        (
            "t,role,requests,errors\n1,live,1,0\n",
            vec!["--plan", plan],
            "analysis.beta",
        ),
        (
            "t,role,requests,errors\n1,live,1,0\n",
            vec!["--plan", "/nowhere"],
            "/nowhere",
        ),
    ] {
        let output = replay(text, &arguments);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{text:?}"
        );
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains(part), "{text:?}: {complaint}");
    }
}
