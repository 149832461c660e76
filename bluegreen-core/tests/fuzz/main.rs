//! What parses text of others, on thousands of damaged texts: no panic, and what is read is written and
//! read again as the same. The same functions run for hours under a fuzzer, see `fuzz/README.md`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

#[cfg(feature = "http")]
mod answers;
mod targets;

use std::path::Path;

use bluegreen_core::Plan;
use bluegreen_testkit::damage::Corpus;

/// What a target is tried with: these texts, and those that are kept in files, what the fuzzer found among them.
fn corpus(target: &str, texts: impl IntoIterator<Item = Vec<u8>>) -> Corpus {
    let mut all: Vec<_> = texts.into_iter().collect();
    all.extend(kept(target));
    assert!(!all.is_empty(), "nothing is kept for {target}");
    Corpus::of(all)
}

fn kept(target: &str) -> Vec<Vec<u8>> {
    read(&format!("tests/fuzz/corpus/{target}"), "")
}

fn read(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Records as they stand in files: those that are kept for each moment of an operation.
fn files() -> Vec<Vec<u8>> {
    read("tests/compat/format-1", ".record")
}

/// The same without what a store of files adds.
fn records() -> Vec<Vec<u8>> {
    let body = |file: Vec<u8>| file.splitn(2, |byte| *byte == b'\n').last().unwrap().to_vec();
    files().into_iter().map(body).collect()
}

#[test]
fn plans_in_toml() {
    corpus("plan_toml", []).each(1_500, targets::plan_toml);
}

#[test]
fn plans_in_json() {
    let plans = kept("plan_toml").into_iter().filter_map(|toml| {
        let plan = Plan::from_toml(std::str::from_utf8(&toml).ok()?).ok()?;
        plan.to_json().ok().map(String::into_bytes)
    });
    corpus("plan_json", plans).each(1_500, targets::plan_json);
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
    corpus("words", words.map(Vec::from)).each(200_000, targets::words);
}

#[test]
fn records_of_services() {
    corpus("record", records()).each(3_000, targets::record);
}

#[test]
fn readings_of_an_analysis() {
    let text: String = ('0'..'z').cycle().take(18 * 40).collect();
    let texts = [text, "0".repeat(18 * 20)].map(String::into_bytes);
    corpus("ticks", texts).each(3_000, targets::ticks);
}

#[test]
fn files_of_a_store() {
    corpus("store_file", files()).each(2_000, targets::store_file);
}

#[test]
fn pages_of_metrics() {
    corpus("exposition", []).each(50_000, targets::exposition);
}

#[test]
fn migrations() {
    corpus("sql", []).each(6_000, targets::sql);
}

#[cfg(feature = "http")]
#[test]
fn answers_of_services() {
    corpus("http_answer", []).each(600, answers::http_answer);
}
