//! What parses text of others, on thousands of damaged texts: no panic, and what is read is written and
//! read again as the same. The same functions run for hours under a fuzzer, see `fuzz/README.md`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod mutate;
mod targets;

use mutate::{Corpus, many};

const PLAN: &str = r#"
service = "shop"
migrations = { expand = "after_prepare", backfill = true }
target = "green"
[slots.blue]
url = "http://127.0.0.1:8081"
[slots.green]
url = "http://127.0.0.1:8082"
[[health]]
name = "api"
period = "1m30s"
http = [{ url = "{url}/health", json = { "/status" = "ok" }, headers = { Authorization = { secret = "t" } } }]
[[guards]]
name = "errors"
metric = { name = "error_rate", max = 0.01 }
[[sources]]
name = "app"
scrape = "{url}/metrics"
counters = { requests = "hits_total", errors = "hits_total{code=~'5..'}" }
[thresholds]
p95 = { normal = "500ms", warning = "1s", critical = "2s" }
memory = { of_live = true, critical = "200%" }
[analysis]
tick = "5s"
on_inconclusive = "extend"
[[analysis.metrics]]
name = "errors"
errors = { normal = 0.001, critical = 0.05 }
[[steps]]
weight = "5%"
bake = "5m"
[[steps]]
weight = "100%"
approval = { expires = "2h", default = "proceed" }
[workers]
order = "start_first"
max_depth = 10
[[hooks]]
name = "purge"
at = "after confirm"
on_failure = "warn"
command = { run = ["purge", "{slot}", "{{x}}"], timeout = "10s" }
[[windows.freeze]]
days = ["fri", "sat"]
from = "15:00"
to = "24:00"
zone = "Europe/Berlin"
since = "2026-12-20"
until = "2027-01-06T12:00"
[retry]
factor = 1.5
"#;

#[test]
fn plans_in_toml() {
    many(
        &Corpus::of([PLAN, "service = \"shop\""]),
        1_500,
        targets::plan_toml,
    );
}

#[test]
fn plans_in_json() {
    let json = bluegreen_core::Plan::from_toml(PLAN).unwrap().to_json().unwrap();
    many(
        &Corpus::of([json.as_str(), r#"{"service":"shop"}"#]),
        1_500,
        targets::plan_json,
    );
}

#[test]
fn words_of_plans_and_commands() {
    let words = [
        "1h30m",
        "90s",
        "500ms",
        "2d",
        "0s",
        "5%",
        "12.5%",
        "33.33%",
        "blue",
        "green",
        "15:00",
        "24:00",
        "2026-12-20",
        "2027-01-06T12:00",
        "Europe/Berlin",
        "+02:00",
        "after confirm",
        "before prepare",
        "17-20261121T083000Z",
        "shop",
        "1.2.3+build",
        "await_ready",
        "{url}/health{{}}",
        "{slot}-{other}",
    ];
    many(&Corpus::of(words), 200_000, targets::words);
}

#[test]
fn records() {
    many(&Corpus::records(), 3_000, targets::record);
}

#[test]
fn readings_of_an_analysis() {
    let text: String = ('0'..'z').cycle().take(18 * 40).collect();
    many(
        &Corpus::of([text.as_str(), &"0".repeat(18 * 20)]),
        3_000,
        targets::ticks,
    );
}

#[test]
fn files_of_a_store() {
    many(&Corpus::files(), 2_000, targets::store_file);
}
