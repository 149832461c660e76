//! A real Prometheus that scrapes a small exporter.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bluegreen_core::metrics::{PrometheusMetrics, ScrapeMetrics};
use bluegreen_core::{Clock, Metrics, Slot, SystemClock};

use super::Expected::{NoData, Number, Rejected};
use super::server::{Server, answer};
use super::{check, context, op};

/// A running Prometheus; ended with the test.
struct Prometheus {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(blue: &Server, green: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let job = |slot: &str, server: &Server| {
            format!(
                "      - targets: ['{}']\n        labels: {{ slot: {slot} }}\n",
                server.address
            )
        };
        let config = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs:\n  - job_name: shop\n    static_configs:\n{}{}",
            job("blue", blue),
            job("green", green),
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        // Prometheus does not tell which port it took, so one is chosen that is free now.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let process = Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                folder.path().join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus can be started");
        Self {
            process,
            url: format!("http://{address}"),
            _folder: folder,
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that has served so many requests, each second one in 0.2 s, and one in ten with an error.
async fn exporter(requests: Arc<AtomicU64>) -> Server {
    Server::start(move |_| {
        let all = requests.load(Ordering::Relaxed);
        let (errors, quick) = (all / 10, all / 2);
        let page = format!(
            "# TYPE hits_total counter\n\
             hits_total{{code=\"200\",path=\"/a,b\\\"}}\\\\\"}} {}\n\
             hits_total{{code=\"500\",path=\"/\"}} {errors}\n\
             # TYPE took_seconds histogram\n\
             took_seconds_bucket{{le=\"0.1\"}} {quick}\n\
             took_seconds_bucket{{le=\"0.25\"}} {all}\n\
             took_seconds_bucket{{le=\"+Inf\"}} {all}\n\
             took_seconds_sum {}\n\
             took_seconds_count {all}\n",
            all - errors,
            all / 8
        );
        answer("200 OK", "text/plain; version=0.0.4", &page)
    })
    .await
}

#[tokio::test]
#[ignore = "needs prometheus"]
async fn prometheus_and_a_scrape_say_the_same() {
    let counts = [Arc::new(AtomicU64::new(1000)), Arc::new(AtomicU64::new(40))];
    let blue = exporter(Arc::clone(&counts[0])).await;
    let green = exporter(Arc::clone(&counts[1])).await;
    let server = Prometheus::scraping(&blue, &green);
    let clock = SystemClock::new();

    let context = context("url", &blue.url(), &green.url());
    let prometheus = PrometheusMetrics::new(context.clone(), &server.url)
        .unwrap()
        .stale_after(Duration::from_secs(5))
        .measured_at("min(timestamp(up{job=\"shop\",slot=\"$slot\"}))")
        .unwrap()
        .counter("requests", "sum by (instance) (hits_total{slot=\"$slot\"})")
        .unwrap()
        .counter(
            "errors",
            "sum by (instance) (hits_total{slot=\"$slot\",code=~\"5..\"})",
        )
        .unwrap()
        .histogram(
            "latency",
            "sum by (le, instance) (took_seconds_bucket{slot=\"$slot\"})",
        )
        .unwrap();
    let scrape = ScrapeMetrics::new(context.clone(), "{url}/metrics")
        .unwrap()
        .counter("requests", "hits_total")
        .unwrap()
        .counter("errors", "hits_total{code=~\"5..\"}")
        .unwrap()
        .histogram("latency", "took_seconds")
        .unwrap();

    let until = |expected: f64, slot: Slot| {
        let (prometheus, clock) = (&prometheus, &clock);
        async move {
            let mut last = String::new();
            for _ in 0..150 {
                match prometheus.read(&op(), "requests", slot).await {
                    Ok(Some(found)) if found == expected => return,
                    found => last = format!("{found:?}"),
                }
                clock.sleep(Duration::from_millis(100)).await;
            }
            panic!("{expected} was not seen for {slot} in 15 s: {last}");
        }
    };
    until(1000.0, Slot::Blue).await;
    until(40.0, Slot::Green).await;
    for slot in Slot::BOTH {
        let one = prometheus.sample(&op(), slot).await.unwrap();
        let other = scrape.sample(&op(), slot).await.unwrap();
        let readings = |sample: &bluegreen_core::Sample| sample.instances.values().next().unwrap().clone();
        assert_eq!(
            (one.instances.len(), readings(&one)),
            (1, readings(&other)),
            "{slot}"
        );
        assert!(clock.now().since(one.at) < Duration::from_secs(5), "{}", one.at);
    }
    let before = prometheus.sample(&op(), Slot::Green).await.unwrap();

    // Four more errors are four, not 4.45.
    counts[1].store(80, Ordering::Relaxed);
    until(80.0, Slot::Green).await;
    let after = prometheus.sample(&op(), Slot::Green).await.unwrap();
    let errors =
        |sample: &bluegreen_core::Sample| sample.instances.values().next().unwrap().counters["errors"];
    assert_eq!(errors(&after) - errors(&before), 4.0);
    assert!(after.at > before.at);
    let times = (Duration::from_secs(5), Duration::from_secs(1));
    let more = prometheus
        .clone()
        .counter("sum", "sum(hits_total{slot=\"$slot\"})")
        .unwrap();
    let history = more.history(&op(), "sum", Slot::Green, times).await.unwrap();
    assert_eq!(history.last().map(|(_, value)| *value), Some(80.0), "{history:?}");

    for (query, expected) in [
        ("hits_total{slot=\"$slot\"}", Rejected("aggregate them with sum")),
        ("sum(hist_total{slot=\"$slot\"})", NoData),
        (
            "sum(hits_total{slot=\"$slot\"}",
            Rejected("unclosed left parenthesis"),
        ),
        ("hits_total{slot=\"$slot\"}[1m]", Rejected("no single numbers")),
        ("0 / 0", NoData),
        ("1 / 0", Number(f64::INFINITY)),
        ("vector(3)", Number(3.0)),
        ("\"text\"", Rejected("no single numbers")),
        ("no_such_function(up)", Rejected("unknown function")),
        ("up * on(job) up", Rejected("many-to-many")),
    ] {
        let source = prometheus.clone().gauge("it", query).unwrap();
        check(query, source.read(&op(), "it", Slot::Green).await, expected);
    }

    // A process that is gone has no numbers, whatever it said before.
    drop(green);
    for _ in 0..100 {
        match prometheus.read(&op(), "requests", Slot::Green).await {
            Ok(None) => return,
            _ => clock.sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("the numbers of a process that is gone are still there after 10 s");
}
