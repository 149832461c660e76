//! Pages of metrics.

use bluegreen_core::Timestamp;
use bluegreen_core::metrics::{Exposition, InvalidExposition, Kind};
use proptest::prelude::*;

fn parse(page: &str) -> Exposition {
    Exposition::parse(page.as_bytes()).unwrap()
}

#[test]
fn a_line_says_a_name_labels_a_number_and_perhaps_a_moment() {
    for (line, expected) in [
        ("hits 3", "hits{} 3"),
        ("hits{} 3", "hits{} 3"),
        ("hits \t 3 \t", "hits{} 3"),
        ("  hits 3\r", "hits{} 3"),
        ("job:hits:rate5m 0.5", "job:hits:rate5m{} 0.5"),
        ("hits{b=\"2\",a=\"1\"} 1e3", "hits{a=\"1\",b=\"2\",} 1000"),
        ("hits { a = \"1\" , } 3", "hits{a=\"1\",} 3"),
        ("hits{a=\"\"} 3", "hits{a=\"\",} 3"),
        // What other readers fall over: commas, quotes, braces, backslashes and line ends in a value.
        ("hits{a=\"1,b=2\"} 3", "hits{a=\"1,b=2\",} 3"),
        ("hits{a=\"}\",b=\"{ #\"} 3", "hits{a=\"}\",b=\"{ #\",} 3"),
        (r#"hits{a="\"\\\n"} 3"#, r#"hits{a="\"\\\n",} 3"#),
        (r#"hits{a="C:\dir\\"} 3"#, r#"hits{a="C:\\dir\\",} 3"#),
        ("hits{a=\"ü 漢\"} 3", "hits{a=\"ü 漢\",} 3"),
        ("hits NaN", "hits{} NaN"),
        ("hits +Inf", "hits{} inf"),
        ("hits -Inf", "hits{} -inf"),
        ("hits -1.5e-3", "hits{} -0.0015"),
        ("hits 3 1700000000123", "hits{} 3 1700000000123"),
        ("hits 3 -1", "hits{} 3 -1"),
        // An exemplar.
        (
            "hits_bucket{le=\"0.5\"} 3 # {trace_id=\"a # b\"} 0.4 1700000000.5",
            "hits_bucket{le=\"0.5\",} 3",
        ),
        ("hits 3 1700000000123 # {} 1", "hits{} 3 1700000000123"),
        // Names that need quotes, as Prometheus 3 writes them.
        (
            "{\"http.hits\",\"http.code\"=\"500\"} 3",
            "{\"http.hits\",\"http.code\"=\"500\",} 3",
        ),
        ("{\"hits\",a=\"1\"} 3", "hits{a=\"1\",} 3"),
    ] {
        let page = parse(&format!("{line}\n"));
        assert_eq!(page.bad_lines, [], "{line}");
        assert_eq!(page.to_string(), format!("{expected}\n"), "{line}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_told_and_takes_nothing_with_it() {
    for (line, problem) in [
        ("<html>", "no name"),
        ("3", "no name"),
        ("{a=\"1\"} 3", "no name"),
        ("hits", "no number"),
        ("hits x", "no number"),
        ("hits 1,000", "no number"),
        ("hits{a=\"1\" 3", "not closed"),
        ("hits{a=\"1} 3", "not a text in quotes"),
        ("hits{a=1} 3", "not a text in quotes"),
        ("hits{a} 3", "no value"),
        ("hits{=\"1\"} 3", "no name"),
        ("hits{a=\"1\",a=\"2\"} 3", "twice"),
        ("hits 3 4 5", "behind"),
        ("hits 3 1.5", "milliseconds"),
        ("# TYPE hits number", "no such kind"),
        ("# TYPE", "no name"),
    ] {
        let page = parse(&format!("before 1\n{line}\nafter 2\n"));
        assert_eq!(page.series.len(), 2, "{line}");
        assert_eq!((page.bad_lines.len(), page.bad_lines[0].line), (1, 2), "{line}");
        assert!(
            page.bad_lines[0].problem.contains(problem),
            "{line}: {}",
            page.bad_lines[0]
        );
    }
    let page = Exposition::parse(b"before 1\nhits{a=\"\xff\"} 3\nafter 2\n").unwrap();
    assert_eq!((page.series.len(), page.bad_lines.len()), (2, 1));
    assert!(page.is_damaged("hits") && !page.is_damaged("after"));
}

#[test]
fn a_number_that_is_cut_off_is_not_believed() {
    let page = parse("before 1\nhits 12");
    assert_eq!(page.series.len(), 1);
    assert!(page.bad_lines[0].problem.contains("ends in the middle"));
    assert!(page.is_damaged("hits"));
}

#[test]
fn open_metrics_counts_moments_in_seconds_and_says_where_it_ends() {
    let page = "# TYPE hits counter\n# UNIT hits 1\n# HELP hits a \"b\" {c}\nhits_total{a=\"1\"} 3 1700000000.123 # {t=\"x\"} 1\n\
                hits_created 1700000000.0\n# TYPE build info\nbuild_info{v=\"1\"} 1\n# EOF";
    for end in ["", "\n"] {
        let page = parse(&format!("{page}{end}"));
        assert_eq!(page.bad_lines, []);
        assert!(page.ended);
        assert_eq!(page.kinds["hits"], Kind::Counter);
        assert_eq!(page.kinds["build"], Kind::Other);
        assert_eq!(page.series[0].at, Some(Timestamp::from_millis(1_700_000_000_123)));
    }
    let page = parse("hits 3\n# EOF\nhits 4\n# EOF\n");
    assert_eq!((page.series.len(), page.bad_lines.len()), (1, 2));
}

#[test]
fn a_whole_page_of_all_kinds_is_read() {
    let page = parse(
        "# HELP http_requests_total The total number of HTTP requests.\n\
         # TYPE http_requests_total counter\n\
         http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n\
         http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n\
         \n\
         # A comment.\n\
         metric_without_timestamp_and_labels 12.47\n\
         something_weird{problem=\"division by zero\"} +Inf -3982045\n\
         # TYPE http_request_duration_seconds histogram\n\
         http_request_duration_seconds_bucket{le=\"0.05\"} 24054\n\
         http_request_duration_seconds_bucket{le=\"+Inf\"} 144320\n\
         http_request_duration_seconds_sum 53423\n\
         http_request_duration_seconds_count 144320\n\
         # TYPE rpc_duration_seconds summary\n\
         rpc_duration_seconds{quantile=\"0.99\"} NaN\n\
         # TYPE temperature gauge\n\
         temperature -3\n\
         # TYPE odd untyped\n\
         odd 1\n",
    );
    assert_eq!(
        (page.series.len(), page.bad_lines.len(), page.ended),
        (11, 0, false)
    );
    let kinds: Vec<_> = page.kinds.values().copied().collect();
    assert_eq!(
        kinds,
        [
            Kind::Histogram,
            Kind::Counter,
            Kind::Other,
            Kind::Summary,
            Kind::Gauge
        ]
    );
}

#[test]
fn what_is_read_is_bounded() {
    let many = "a 1\n".repeat(200_001);
    assert_eq!(
        Exposition::parse(many.as_bytes()),
        Err(InvalidExposition::TooLong)
    );
    let bad = "<p>\n".repeat(1_000);
    let error = Exposition::parse(bad.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("line 1: there is no name: \"<p>\""), "{error}");
    let large = vec![b'#'; 16 * 1024 * 1024 + 1];
    assert_eq!(Exposition::parse(&large), Err(InvalidExposition::TooLong));
    let labels = |count: usize| {
        let labels: Vec<_> = (0..count).map(|n| format!("l{n}=\"\"")).collect();
        labels.join(",")
    };
    let page = parse(&format!(
        "a{{{}}} 1\nb{{{}}} 1\nc{{l=\"{}\"}} 1\n",
        labels(64),
        labels(65),
        "x".repeat(70_000)
    ));
    assert_eq!((page.series.len(), page.bad_lines.len()), (1, 2));
    assert!(page.bad_lines.iter().all(|bad| bad.text.chars().count() <= 120));
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,10}|[^\r\n]{1,10}",
        labels in proptest::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,10}|.{1,5}", any::<String>(), 0..5),
        value in any::<f64>(),
        at in proptest::option::of(-62_167_219_200_000_i64..253_402_207_200_000),
    ) {
        let quoted = |text: &str| {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("\"{text}\"")
        };
        let labels_text: Vec<String> = labels
            .iter()
            .map(|(label, text)| format!(", {} = {}", quoted(label), quoted(text)))
            .collect();
        let labels_text = labels_text.concat();
        let at_text = at.map(|at| format!(" {at}")).unwrap_or_default();
        let page = parse(&format!("{{{}{labels_text}}} {value}{at_text}\n", quoted(&name)));
        prop_assert_eq!(&page.bad_lines, &[]);
        let series = &page.series[0];
        prop_assert_eq!(&series.name, &name);
        prop_assert_eq!(&series.labels, &labels);
        prop_assert!(series.value == value || series.value.is_nan() && value.is_nan());
        prop_assert_eq!(series.at, at.map(Timestamp::from_millis));
        let printed = page.to_string();
        let again = parse(&printed);
        prop_assert_eq!(&again.bad_lines, &[]);
        prop_assert_eq!(again.to_string(), printed);
    }
}
