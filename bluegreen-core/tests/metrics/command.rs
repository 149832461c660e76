//! Commands that print a number.

use std::time::Duration;

use bluegreen_core::command::CommandSpec;
use bluegreen_core::metrics::CommandMetrics;
use bluegreen_core::{Metrics, Slot};

use super::Expected::{NoData, Number, Rejected, Unavailable};
use super::{check, context, op};

fn script(text: &str) -> CommandSpec {
    CommandSpec::new(["sh", "-c", text]).timeout(Duration::from_millis(500))
}

fn source() -> CommandMetrics {
    CommandMetrics::new(context("port", "8081", "8082"))
}

#[tokio::test]
async fn a_number_is_what_a_command_prints() {
    for (text, expected) in [
        ("echo 1.5", Number(1.5)),
        ("printf ' -2e3 '", Number(-2000.0)),
        ("echo +Inf", Number(f64::INFINITY)),
        ("echo note >&2; echo {port}", Number(8082.0)),
        ("test {slot} = green && echo 1", Number(1.0)),
        ("true", NoData),
        ("echo NaN", NoData),
        ("echo 5; exit 75", NoData),
        (
            "echo 5 errors",
            Rejected("it printed no number: ended with 0: 5 errors"),
        ),
        ("echo 1; echo 2", Rejected("no number")),
        ("seq 100000", Rejected("no number")),
        ("echo 5; exit 1", Rejected("ended with 1")),
        ("kill -9 $$", Unavailable("signal 9")),
        ("echo 5; sleep 30", Unavailable("was ended after")),
    ] {
        let source = source().gauge("it", script(text)).unwrap();
        check(text, source.read(&op(), "it", Slot::Green).await, expected);
    }
    let negative = source().counter("it", script("echo -1")).unwrap();
    check("negative", negative.read(&op(), "it", Slot::Green).await, NoData);
    let absent = source()
        .gauge("it", CommandSpec::new(["/nonexistent/command"]))
        .unwrap();
    check(
        "absent",
        absent.read(&op(), "it", Slot::Green).await,
        Rejected("cannot start"),
    );
    check(
        "misnamed",
        absent.read(&op(), "ti", Slot::Green).await,
        Rejected("no such metric"),
    );
}

#[tokio::test]
async fn a_value_stays_one_argument() {
    let context = context("note", "", "1; echo 2");
    let command = CommandSpec::new(["printf", "%.1s", "{note}"]);
    let source = CommandMetrics::new(context).gauge("it", command).unwrap();
    check("note", source.read(&op(), "it", Slot::Green).await, Number(1.0));
}

#[tokio::test]
async fn a_sample_asks_all_commands_and_leaves_out_what_has_no_data() {
    let source = source()
        .counter("requests", script("echo 7"))
        .unwrap()
        .gauge("open", script("echo 3"))
        .unwrap()
        .gauge("unknown", script("true"))
        .unwrap();
    let sample = source.sample(&op(), Slot::Blue).await.unwrap();
    let readings = &sample.instances[""];
    assert_eq!(readings.counters["requests"], 7.0);
    assert_eq!(readings.gauges.len(), 1);
    let broken = source.gauge("broken", script("exit 1")).unwrap();
    assert!(broken.sample(&op(), Slot::Blue).await.is_err());
}

#[test]
fn a_command_that_cannot_be_filled_in_is_told_before_it_is_run() {
    let error = source()
        .gauge("it", CommandSpec::new(["echo", "{prot}"]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the metric \"it\": for blue: argument 1: the placeholder {prot} has no value here"
    );
}
