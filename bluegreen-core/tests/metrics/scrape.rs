//! Scraping, against a server that gives pages, and other things.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bluegreen_core::metrics::ScrapeMetrics;
use bluegreen_core::{FaultKind, Metrics, Slot, SystemClock, Timestamp, plan};

use super::Expected::{self, NoData, Number, Rejected, Unavailable};
use super::server::{Server, answer};
use super::{check, context, op};

const PAGE: &str = "\
# TYPE hits_total counter
hits_total{code=\"200\",path=\"/a,b\"} 90
hits_total{code=\"404\",path=\"/}\"} 5
hits_total{code=\"500\",path=\"/\"} 3
hits_total{code=\"503\",path=\"/\"} 2
# TYPE quiet_total counter
# TYPE took_seconds histogram
took_seconds_bucket{path=\"/\",le=\"0.1\"} 50
took_seconds_bucket{path=\"/\",le=\"0.5\"} 90
took_seconds_bucket{path=\"/\",le=\"+Inf\"} 100
took_seconds_bucket{path=\"/a\",le=\"0.1\"} 1
took_seconds_bucket{path=\"/a\",le=\"0.5\"} 2
took_seconds_bucket{path=\"/a\",le=\"+Inf\"} 3
took_seconds_sum{path=\"/\"} 12
# TYPE waits_seconds summary
waits_seconds{quantile=\"0.5\"} 0.1
# TYPE open gauge
open{pool=\"a\"} 3
open{pool=\"b\"} 4
broken_total{code=\"500\"} 7 x
broken_total{code=\"200\"} 7
nan_total NaN
nan NaN
negative_total -1
endless_total +Inf
old_total 5 1700000000000
fresh_total 5 1700000599000
twice_total{a=\"1\"} 1
twice_total{a=\"1\"} 1
uneven_bucket{le=\"0.1\",path=\"/\"} 1
uneven_bucket{le=\"+Inf\",path=\"/\"} 1
uneven_bucket{le=\"0.2\",path=\"/a\"} 1
uneven_bucket{le=\"+Inf\",path=\"/a\"} 1
";

async fn page(text: &'static str) -> Server {
    Server::start(move |_| answer("200 OK", "text/plain; version=0.0.4", text)).await
}

fn source(server: &Server) -> ScrapeMetrics {
    let context = context("url", "http://127.0.0.1:1", &server.url());
    let clock = SystemClock::starting_at(Timestamp::from_millis(1_700_000_600_000));
    ScrapeMetrics::new(context, "{url}/metrics")
        .unwrap()
        .clock(Arc::new(clock))
}

#[tokio::test]
async fn series_are_selected_and_summed() {
    let server = page(PAGE).await;
    for (selector, expected) in [
        ("hits_total", Number(100.0)),
        ("hits_total{code=~\"5..\"}", Number(5.0)),
        ("hits_total{code!~\"2..\",path!=\"/}\"}", Number(5.0)),
        ("hits_total{path=\"/a,b\"}", Number(90.0)),
        ("hits_total{code=~\"6..\"}", Number(0.0)),
        ("quiet_total", Number(0.0)),
        ("quiet_total{code=\"500\"}", Number(0.0)),
        ("took_seconds_bucket{le=\"0.1\"}", Number(51.0)),
        // A typing error must never look like no errors.
        ("hist_total", NoData),
        ("hits_total{cod=~\"5..\"}", Rejected("has the label \"cod\"")),
        ("hits_total{cod!=\"200\"}", Rejected("has the label \"cod\"")),
        ("open", Rejected("open is a gauge")),
        ("waits_seconds", Rejected("is a summary")),
        (
            "broken_total{code=\"200\"}",
            Unavailable("line 20: its moment is no number"),
        ),
        ("nan_total", NoData),
        ("negative_total", NoData),
        ("endless_total", NoData),
        (
            "old_total",
            Unavailable("old_total is of 2023-11-14T22:13:20.000Z"),
        ),
        ("fresh_total", Number(5.0)),
        ("twice_total", Unavailable("two of twice_total{a=\"1\",} 1")),
    ] {
        let source = source(&server).counter("it", selector).unwrap();
        check(selector, source.read(&op(), "it", Slot::Green).await, expected);
    }
    for (selector, expected) in [
        ("open", Number(7.0)),
        ("open{pool=\"a\"}", Number(3.0)),
        ("open{pool=\"c\"}", NoData),
        ("closed", NoData),
        ("nan", NoData),
        ("took_seconds", Rejected("is a histogram")),
    ] {
        let source = source(&server).gauge("it", selector).unwrap();
        check(selector, source.read(&op(), "it", Slot::Green).await, expected);
    }
    let source = source(&server)
        .counter("hits", "hits_total")
        .unwrap()
        .histogram("took", "took_seconds")
        .unwrap();
    for (name, expected) in [
        ("hist", Rejected("no such metric; it knows \"hits\", \"took\"")),
        ("took", Rejected("histogram")),
    ] {
        check(name, source.read(&op(), name, Slot::Green).await, expected);
    }
    assert_eq!(server.requests().len(), 26, "what is not known is not asked");
}

#[tokio::test]
async fn a_sample_has_all_of_one_page() {
    let server = page(PAGE).await;
    let source = source(&server)
        .counter("requests", "hits_total")
        .unwrap()
        .counter("errors", "hits_total{code=~\"5..\"}")
        .unwrap()
        .counter("absent", "absent_total")
        .unwrap()
        .gauge("open", "open")
        .unwrap()
        .histogram("latency", "took_seconds")
        .unwrap()
        .histogram("latency of /a", "took_seconds{path=\"/a\"}")
        .unwrap()
        .histogram("no latency", "absent_seconds")
        .unwrap();
    let sample = source.sample(&op(), Slot::Green).await.unwrap();
    assert!(!sample.is_empty());
    assert!(sample.at >= Timestamp::from_millis(1_700_000_600_000));
    let (instance, readings) = sample.instances.first_key_value().unwrap();
    assert_eq!(*instance, format!("{}/metrics", server.url()));
    let counters: Vec<_> = readings
        .counters
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    assert_eq!(counters, [("errors", 5.0), ("requests", 100.0)]);
    assert_eq!(readings.gauges["open"], 7.0);
    let latency = &readings.histograms["latency"];
    assert_eq!(latency.bounds(), [0.1, 0.5]);
    assert_eq!(latency.cumulative(), [51.0, 92.0, 103.0]);
    assert_eq!(readings.histograms["latency of /a"].each(), [1.0, 1.0, 1.0]);
    assert_eq!((readings.histograms.len(), server.requests().len()), (2, 1));

    let uneven = ScrapeMetrics::histogram(self::source(&server), "it", "uneven").unwrap();
    let fault = uneven.sample(&op(), Slot::Green).await.unwrap_err();
    assert!(fault.to_string().contains("different bounds"), "{fault}");
}

#[tokio::test]
async fn buckets_may_stand_in_any_order_and_one_that_is_missing_or_impossible_is_a_fault() {
    const UNSORTED: &str =
        "took_bucket{le=\"+Inf\"} 10\ntook_bucket{le=\"0.5\"} 9\ntook_bucket{le=\"0.1\"} 4\n";
    const ENDLESS: &str = "took_bucket{le=\"0.1\"} 4\ntook_bucket{le=\"0.5\"} 9\n";
    const FALLING: &str =
        "took_bucket{le=\"0.1\"} 9\ntook_bucket{le=\"0.5\"} 4\ntook_bucket{le=\"+Inf\"} 10\n";
    const UNBOUND: &str = "took_bucket{le=\"often\"} 4\ntook_bucket{le=\"+Inf\"} 10\n";
    for (text, expected) in [
        (UNSORTED, Ok([4.0, 5.0, 1.0])),
        (ENDLESS, Err("+Inf")),
        (FALLING, Err("count")),
        (UNBOUND, Err("the bound \"often\" is no number")),
    ] {
        let server = page(text).await;
        let source = source(&server).histogram("it", "took").unwrap();
        let sample = source.sample(&op(), Slot::Green).await;
        match (sample, expected) {
            (Ok(sample), Ok(counts)) => {
                let (_, readings) = sample.instances.first_key_value().unwrap();
                assert_eq!(readings.histograms["it"].each(), counts);
            }
            (Err(fault), Err(part)) => assert!(fault.to_string().contains(part), "{text}: {fault}"),
            (sample, _) => panic!("{text}: {sample:?}"),
        }
    }
}

#[tokio::test]
async fn each_process_of_a_slot_counts_on_its_own_and_all_have_to_answer() {
    let one = page("# TYPE hits_total counter\nhits_total 5\nlimit 9\n").await;
    let served = Arc::new(AtomicU32::new(0));
    let rising = Arc::clone(&served);
    let other = Server::start(move |_| {
        let count = rising.fetch_add(1, Ordering::Relaxed);
        match count {
            0 => answer("200 OK", "text/plain", "hits_total 1000\n"),
            // Begun anew: the sum has risen, and hides it.
            1 => answer("200 OK", "text/plain", "hits_total 1\n"),
            _ => answer("503 Service Unavailable", "text/plain", ""),
        }
    })
    .await;
    let both = format!("{}/metrics  {}/metrics", one.url(), other.url());
    let source = ScrapeMetrics::new(context("metrics", "http://127.0.0.1:1", &both), "{metrics}")
        .unwrap()
        .counter("hits", "hits_total")
        .unwrap()
        .gauge("limit", "limit")
        .unwrap();
    let other_name = format!("{}/metrics", other.url());
    for expected in [1000.0, 1.0] {
        let sample = source.sample(&op(), Slot::Green).await.unwrap();
        assert_eq!(sample.instances.len(), 2);
        assert_eq!(sample.instances[&other_name].counters["hits"], expected);
    }
    let fault = source.sample(&op(), Slot::Green).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(fault.to_string().contains("503"), "{fault}");

    served.store(0, Ordering::Relaxed);
    check(
        "sum",
        source.read(&op(), "hits", Slot::Green).await,
        Number(1005.0),
    );
    check("a part", source.read(&op(), "limit", Slot::Green).await, NoData);
}

#[tokio::test]
async fn what_is_no_page_is_a_fault() {
    let large = "x".repeat(17 * 1024 * 1024);
    let server = Server::start(move |path| match path {
        "/500" => answer("500 Oops", "text/plain", "hits_total 5\n"),
        "/429" => "HTTP/1.1 429 Slow down\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "/404" => answer("404 Not Found", "text/plain", ""),
        "/302" => "HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "/html" => answer(
            "200 OK",
            "text/html; charset=utf-8",
            "<!doctype html>\n<p>hits_total 5",
        ),
        "/shy-html" => answer("200 OK", "text/plain", "\n <html>\nhits_total 5\n"),
        "/json" => answer("200 OK", "application/json", "{\"hits_total\": 5}\n"),
        "/empty" => answer("200 OK", "text/plain", ""),
        "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhits_total 5\n".to_owned(),
        "/unfinished" => "HTTP/1.1 200 OK\r\n\r\nhits_total 5".to_owned(),
        "/no-eof" => answer(
            "200 OK",
            "application/openmetrics-text; version=1.0.0",
            "hits_total 5\n",
        ),
        "/eof" => answer(
            "200 OK",
            "application/openmetrics-text; version=1.0.0",
            "hits_total 5\n# EOF\n",
        ),
        "/misnamed" => answer("200 OK", "text/plain", "# TYPE hits counter\nhits_total 5\n"),
        "/quiet" => answer(
            "200 OK",
            "application/openmetrics-text; version=1.0.0",
            "# TYPE hits counter\n# EOF\n",
        ),
        "/large" => answer("200 OK", "text/plain", &large),
        _ => String::new(),
    })
    .await;
    let cases: [(&str, &str, Expected); 17] = [
        ("/500", "hits_total", Unavailable("500")),
        ("/429", "hits_total", Unavailable("retry after 7s")),
        ("/404", "hits_total", Rejected("404")),
        ("/302", "hits_total", Rejected("302")),
        ("/html", "hits_total", Rejected("HTML")),
        ("/shy-html", "hits_total", Rejected("HTML")),
        ("/json", "hits_total", Rejected("no page of metrics: line 1")),
        ("/empty", "hits_total", NoData),
        ("/cut", "hits_total", Unavailable("no whole answer")),
        ("/unfinished", "hits_total", Rejected("ends in the middle")),
        ("/no-eof", "hits_total", Unavailable("cut off")),
        ("/eof", "hits_total", Number(5.0)),
        ("/misnamed", "hits", Rejected("called hits_total")),
        ("/quiet", "hits_total", Number(0.0)),
        ("/quiet", "hits", Rejected("called hits_total")),
        ("/large", "hits_total", Rejected("longer than 16777216 bytes")),
        ("/silent", "hits_total", Unavailable("no answer within 1s")),
    ];
    for (path, selector, expected) in cases {
        let context = context("url", "http://127.0.0.1:1", &server.url());
        let source = ScrapeMetrics::new(context, &format!("{{url}}{path}"))
            .unwrap()
            .timeout(Duration::from_secs(1))
            .counter("hits", selector)
            .unwrap();
        check(path, source.read(&op(), "hits", Slot::Green).await, expected);
        if path == "/500" {
            let refused = Unavailable("onnection refused");
            check("refused", source.read(&op(), "hits", Slot::Blue).await, refused);
        }
    }
}

#[tokio::test]
async fn secrets_go_into_headers_and_nowhere_else() {
    let server = page("hits_total 5\n").await;
    let secret = plan::HeaderValue::Secret {
        secret: "token".to_owned(),
    };
    let source = source(&server)
        .counter("hits", "hits_total")
        .unwrap()
        .header("Authorization", secret)
        .unwrap();
    check("hits", source.read(&op(), "hits", Slot::Green).await, Number(5.0));
    assert!(server.requests().concat().contains("authorization: hunter2\r\n"));
    assert!(!format!("{source:?}").contains("hunter2"));
}

#[test]
fn mistakes_are_told_before_anything_is_asked() {
    let new = |blue: &str, addresses: &str| {
        let context = context("url", blue, "http://127.0.0.1:2");
        ScrapeMetrics::new(context, addresses)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    for (blue, addresses, part) in [
        ("http://127.0.0.1:1", "{ulr}/metrics", "{ulr} has no value"),
        (
            "http://127.0.0.1:1",
            "http://127.0.0.1:3/metrics",
            "is there twice",
        ),
        ("http://127.0.0.1:2", "{url}", "is there twice"),
        ("127.0.0.1:1", "{url}", "for blue: \"127.0.0.1:1\" is no address"),
        ("", "{url}", "for blue: there is none"),
    ] {
        let error = new(blue, addresses);
        assert!(error.contains(part), "{addresses}: {error}");
    }
    let source = ScrapeMetrics::new(
        context("url", "http://127.0.0.1:1", "http://127.0.0.1:2"),
        "{url}",
    )
    .unwrap();
    let twice = source.clone().counter("a", "a").unwrap().gauge("a", "b");
    assert!(twice.unwrap_err().to_string().contains("already"));
    for selector in ["sum(a)", "a{b=~\"(\"}"] {
        assert!(source.clone().counter("a", selector).is_err(), "{selector}");
    }
    let bucket = source.clone().histogram("a", "a_bucket").unwrap_err().to_string();
    assert!(bucket.contains("without `_bucket`"), "{bucket}");
    let secret = plan::HeaderValue::Secret {
        secret: "tokne".to_owned(),
    };
    assert!(
        source
            .header("Authorization", secret)
            .unwrap_err()
            .to_string()
            .contains("\"tokne\"")
    );
}
