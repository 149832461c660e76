//! The HTTP API of Prometheus, against answers as it gives them.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::metrics::PrometheusMetrics;
use bluegreen_core::{Metrics, Slot, SystemClock, Timestamp, plan};

use super::Expected::{self, NoData, Number, Rejected, Unavailable};
use super::server::{Server, answer};
use super::{check, context, op};

/// The server's now.
const NOW: i64 = 1_700_000_000_781;

fn json(body: &str) -> String {
    answer("200 OK", "application/json", body)
}

fn data(kind: &str, result: &str) -> String {
    json(&format!(
        r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#
    ))
}

/// Answers every query but that for the moment with the same.
async fn server(found: String) -> Server {
    Server::start(move |path| {
        if path.contains("query=time%28%29") {
            data("scalar", "[1700000000.781,\"1700000000.781\"]")
        } else {
            found.clone()
        }
    })
    .await
}

fn source(server: &Server) -> PrometheusMetrics {
    let clock = SystemClock::starting_at(Timestamp::from_millis(NOW));
    PrometheusMetrics::new(context("url", "b", "g"), &format!("{}/prometheus/", server.url()))
        .unwrap()
        .clock(Arc::new(clock))
        .timeout(Duration::from_secs(1))
}

/// Asks for a gauge where the server finds this.
async fn check_gauge(what: &str, found: String, expected: Expected) {
    let server = server(found).await;
    let source = source(&server).gauge("it", "x{slot=\"$slot\"}").unwrap();
    check(what, source.read(&op(), "it", Slot::Green).await, expected);
}

fn one(value: &str) -> String {
    data(
        "vector",
        &format!(r#"[{{"metric":{{}},"value":[1700000000.781,{value}]}}]"#),
    )
}

#[tokio::test]
async fn one_number_is_a_number_and_everything_else_is_not() {
    let two = r#"[{"metric":{"code":"200"},"value":[1700000000,"1"]},{"metric":{"code":"500"},"value":[1700000000,"2"]}]"#;
    for (what, found, expected) in [
        ("a number", one("\"4.5\""), Number(4.5)),
        ("a scalar", data("scalar", "[1700000000,\"7\"]"), Number(7.0)),
        ("infinite", one("\"+Inf\""), Number(f64::INFINITY)),
        ("negative", one("\"-3\""), Number(-3.0)),
        ("0/0", one("\"NaN\""), NoData),
        ("empty", data("vector", "[]"), NoData),
        (
            "several",
            data("vector", two),
            Rejected("(2 now) and not one: aggregate"),
        ),
        ("range", data("matrix", "[]"), Rejected("no single numbers")),
        (
            "text",
            data("string", "[1700000000,\"x\"]"),
            Rejected("no single numbers"),
        ),
        (
            "native histogram",
            data(
                "vector",
                r#"[{"metric":{},"histogram":[1700000000,{"count":"1","sum":"1","buckets":[]}]}]"#,
            ),
            Rejected("native histogram"),
        ),
    ] {
        check_gauge(what, found, expected).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_fault() {
    let error = |status: &str, kind: &str, message: &str| {
        let body = format!(r#"{{"status":"error","errorType":"{kind}","error":"{message}"}}"#);
        answer(status, "application/json", &body)
    };
    for (what, found, expected) in [
        (
            "bad query",
            error(
                "400 Bad Request",
                "bad_data",
                "1:5: parse error: unclosed left parenthesis",
            ),
            Rejected("1:5: parse error: unclosed left parenthesis"),
        ),
        (
            "422",
            error("422 Unprocessable Entity", "execution", "many-to-many"),
            Rejected("many-to-many"),
        ),
        (
            "401",
            answer("401 Unauthorized", "text/plain", "who are you"),
            Rejected("401"),
        ),
        (
            "404",
            answer("404 Not Found", "text/html", "<html>"),
            Rejected("404"),
        ),
        (
            "moved",
            answer("302 Found", "text/html", "<html>"),
            Rejected("302"),
        ),
        (
            "503",
            error("503 Service Unavailable", "timeout", "query timed out"),
            Unavailable("query timed out"),
        ),
        (
            "502",
            answer("502 Bad Gateway", "text/html", "<html>"),
            Unavailable("502"),
        ),
        (
            "error and 200",
            json(r#"{"status":"error","error":"odd"}"#),
            Rejected("odd"),
        ),
        (
            "HTML",
            answer("200 OK", "text/html", "<html>sign in"),
            Rejected("not answer as Prometheus"),
        ),
        ("other JSON", json("[]"), Rejected("not answer as Prometheus")),
        (
            "cut",
            json(r#"{"status":"success","data":{"resultType":"vec"#),
            Unavailable("cut off"),
        ),
        ("no number", one("\"many\""), Rejected("not answer as Prometheus")),
        (
            "a part only",
            json(
                r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["store b is away"]}"#,
            ),
            Unavailable("store b is away"),
        ),
        (
            "a remark",
            json(
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]},"warnings":["PromQL info: metric might not be a counter"]}"#,
            ),
            Number(2.0),
        ),
        (
            "large",
            answer("200 OK", "application/json", &" ".repeat(5_000_000)),
            Rejected("longer than"),
        ),
        ("silent", String::new(), Unavailable("no answer within 1s")),
    ] {
        check_gauge(what, found, expected).await;
    }
    let nobody = PrometheusMetrics::new(context("url", "b", "g"), "http://127.0.0.1:1").unwrap();
    let nobody = nobody.gauge("it", "x").unwrap();
    check(
        "refused",
        nobody.read(&op(), "it", Slot::Green).await,
        Unavailable("onnection refused"),
    );
}

#[tokio::test]
async fn the_query_is_for_the_slot_and_of_the_servers_moment() {
    let server = server(data("vector", "[]")).await;
    let secret = plan::HeaderValue::Secret {
        secret: "token".to_owned(),
    };
    let source = source(&server)
        .counter(
            "errors",
            r#"sum(hits_total{slot="$slot",url="$url",code=~"5.{2}"})"#,
        )
        .unwrap()
        .header("Authorization", secret)
        .unwrap();
    check("errors", source.read(&op(), "errors", Slot::Green).await, NoData);
    let requests = server.requests();
    let first = "GET /prometheus/api/v1/query?query=time%28%29&timeout=1000ms HTTP/1.1\r\n";
    assert!(requests[0].starts_with(first), "{}", requests[0]);
    let query =
        "query=sum%28hits_total%7Bslot%3D%22green%22%2Curl%3D%22g%22%2Ccode%3D%7E%225.%7B2%7D%22%7D%29";
    let second = format!("GET /prometheus/api/v1/query?{query}&timeout=1000ms&time=1700000000.781 ");
    assert!(requests[1].starts_with(&second), "{}", requests[1]);
    assert!(
        requests
            .iter()
            .all(|request| request.contains("authorization: hunter2\r\n"))
    );
    assert!(!format!("{source:?}").contains("hunter2"));
    check(
        "misnamed",
        source.read(&op(), "error", Slot::Green).await,
        Rejected("knows \"errors\""),
    );
}

#[tokio::test]
async fn counters_and_histograms_are_aggregated_to_instances_at_most() {
    let counters =
        r#"[{"metric":{"instance":"a:1"},"value":[1,"1000"]},{"metric":{"instance":"b:1"},"value":[1,"5"]}]"#;
    let server_of_counters = server(data("vector", counters)).await;
    let metrics = source(&server_of_counters)
        .counter("hits", "h{s=\"$slot\"}")
        .unwrap();
    check(
        "sum",
        metrics.read(&op(), "hits", Slot::Green).await,
        Number(1005.0),
    );
    let sample = metrics.sample(&op(), Slot::Green).await.unwrap();
    assert_eq!(sample.at, Timestamp::from_millis(NOW));
    assert_eq!(sample.instances["a:1"].counters["hits"], 1000.0);
    assert_eq!(sample.instances["b:1"].counters["hits"], 5.0);
    let gauge = source(&server_of_counters).gauge("it", "g").unwrap();
    check(
        "gauges",
        gauge.read(&op(), "it", Slot::Green).await,
        Rejected("aggregate"),
    );

    // One series today, and several as soon as there is an error.
    let labelled = server(data("vector", r#"[{"metric":{"code":"200"},"value":[1,"5"]}]"#)).await;
    let metrics = source(&labelled).counter("hits", "h{s=\"$slot\"}").unwrap();
    check(
        "labels",
        metrics.read(&op(), "hits", Slot::Green).await,
        Rejected("hits: the query gives series with labels"),
    );

    for (what, buckets, expected) in [
        (
            "whole",
            r#"[{"metric":{"le":"0.1"},"value":[1,"5"]},{"metric":{"le":"+Inf"},"value":[1,"9"]},{"metric":{"le":"0.5"},"value":[1,"8"]}]"#,
            Ok(Some([5.0, 3.0, 1.0])),
        ),
        ("none", "[]", Ok(None)),
        (
            "no bounds",
            r#"[{"metric":{},"value":[1,"5"]}]"#,
            Err("sum by (le)"),
        ),
        (
            "not whole",
            r#"[{"metric":{"le":"0.1"},"value":[1,"5"]},{"metric":{"le":"0.5"},"value":[1,"8"]}]"#,
            Err("+Inf"),
        ),
        (
            "not rising",
            r#"[{"metric":{"le":"0.1"},"value":[1,"5"]},{"metric":{"le":"+Inf"},"value":[1,"4"]}]"#,
            Err("rise"),
        ),
        (
            "more labels",
            r#"[{"metric":{"le":"0.1","path":"/"},"value":[1,"5"]}]"#,
            Err("sum by (le, instance)"),
        ),
    ] {
        let server = server(data("vector", buckets)).await;
        let metrics = source(&server).histogram("took", "h{s=\"$slot\"}").unwrap();
        match (metrics.sample(&op(), Slot::Green).await, expected) {
            (Ok(sample), Ok(Some(each))) => {
                assert_eq!(sample.instances[""].histograms["took"].each(), each, "{what}");
            }
            (Ok(sample), Ok(None)) => assert!(sample.is_empty(), "{what}"),
            (Err(fault), Err(part)) => assert!(fault.to_string().contains(part), "{what}: {fault}"),
            (found, _) => panic!("{what}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn data_that_is_too_old_is_not_taken() {
    for (what, moment, expected) in [
        (
            "fresh",
            r#"{"metric":{},"value":[1700000000.781,"1699999990"]}"#,
            Number(5.0),
        ),
        (
            "old data",
            r#"{"metric":{},"value":[1700000000.781,"1699999000"]}"#,
            Unavailable("the newest data of green is of 2023-11-14T21:56:40.000Z"),
        ),
        (
            "old answer",
            r#"{"metric":{},"value":[1699999000,"1699999000"]}"#,
            Unavailable("a clock is wrong, or the answer old"),
        ),
        (
            "answer of tomorrow",
            r#"{"metric":{},"value":[1700090000,"1700090000"]}"#,
            Unavailable("a clock is wrong"),
        ),
        (
            "not known",
            r#"{"metric":{},"value":[1700000000.781,"NaN"]}"#,
            NoData,
        ),
        ("nothing", "", NoData),
    ] {
        let moment = data("vector", &format!("[{moment}]"));
        let server = Server::start(move |path| {
            if path.contains("timestamp") {
                moment.clone()
            } else {
                data("vector", r#"[{"metric":{},"value":[1700000000.781,"5"]}]"#)
            }
        })
        .await;
        let source = source(&server)
            .measured_at("min(timestamp(up{slot=\"$slot\"}))")
            .unwrap()
            .counter("hits", "sum(hits{slot=\"$slot\"})")
            .unwrap();
        let read = source.read(&op(), "hits", Slot::Green).await;
        let sample = source.sample(&op(), Slot::Green).await;
        match &read {
            Ok(Some(_)) => assert_eq!(
                sample.unwrap().at,
                Timestamp::from_millis(1_699_999_990_000),
                "{what}"
            ),
            Ok(None) => assert!(sample.unwrap().is_empty(), "{what}"),
            Err(_) => assert!(sample.is_err(), "{what}"),
        }
        check(what, read, expected);
    }
}

#[tokio::test]
async fn history_is_a_series_over_time() {
    let found = r#"[{"metric":{},"values":[[1699999990,"1"],[1699999995,"NaN"],[1700000000,"3"]]}]"#;
    let server = server(data("matrix", found)).await;
    let source = source(&server).gauge("share", "x{slot=\"$slot\"}").unwrap();
    let times = (Duration::from_secs(10), Duration::from_millis(2500));
    let history = source.history(&op(), "share", Slot::Blue, times).await.unwrap();
    let at = Timestamp::from_millis;
    assert_eq!(
        history,
        [(at(1_699_999_990_000), 1.0), (at(1_700_000_000_000), 3.0)]
    );
    let request = server.requests().pop().unwrap();
    assert!(
        request.contains("/query_range?query=x%7Bslot%3D%22blue%22%7D"),
        "{request}"
    );
    assert!(
        request.contains("&start=1699999990.781&end=1700000000.781&step=2.5 "),
        "{request}"
    );
}

#[test]
fn mistakes_are_told_before_anything_is_asked() {
    let new = |base: &str| PrometheusMetrics::new(context("url", "b", "g"), base);
    for (base, part) in [
        ("prometheus:9090", "no address"),
        ("ftp://prometheus", "no address"),
        ("http://me:secret@prometheus", "secret header"),
    ] {
        let error = new(base).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("me:"), "{base}: {error}");
    }
    let source = new("http://prometheus").unwrap();
    let counter = |query: &str| source.clone().counter("it", query).unwrap_err().to_string();
    assert!(counter("sum(hits)").contains("tell them apart with $slot"));
    assert!(counter("sum(hits{slot=\"$slto\"})").contains("for blue: the placeholder $slto has no value"));
    assert!(source.clone().gauge("it", "sum(hits)").is_ok());
    assert!(source.measured_at("timestamp(up{slot=\"$slto\"})").is_err());
}
