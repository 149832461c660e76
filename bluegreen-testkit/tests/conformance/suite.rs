//! The suites themselves: nothing is left out in silence, nothing is left behind.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bluegreen_core::store::MemoryStore;
use bluegreen_testkit::conformance::store::{self, StoreSubject};
use bluegreen_testkit::conformance::{
    CaseResult, Unproven, approver, gate, hook, host, metrics, migrator, notifier, observer, router, workers,
};

/// The names of the functions in a source file that are cases.
fn cases_in(source: &str) -> BTreeSet<&str> {
    let functions = source.split("pub async fn ").skip(1);
    let names = functions.filter_map(|text| text.split_once('(').map(|(name, _)| name));
    names.filter(|name| *name != "prove_all").collect()
}

#[test]
fn every_case_that_is_written_is_run() {
    macro_rules! source {
        ($($file:literal),+) => { concat!($(include_str!(concat!("../../src/conformance/", $file))),+) };
    }
    for (port, cases, source) in [
        ("approver", approver::CASES, source!("approver.rs")),
        ("gate", gate::CASES, source!("gate.rs")),
        ("hook", hook::CASES, source!("hook.rs")),
        ("host", host::CASES, source!("host/mod.rs", "host/effects.rs")),
        ("metrics", metrics::CASES, source!("metrics.rs")),
        ("migrator", migrator::CASES, source!("migrator.rs")),
        ("notifier", notifier::CASES, source!("notifier.rs")),
        ("observer", observer::CASES, source!("observer.rs")),
        (
            "router",
            router::CASES,
            source!(
                "router/splits.rs",
                "router/tokens.rs",
                "router/effects.rs",
                "router/texts.rs"
            ),
        ),
        (
            "store",
            store::CASES,
            source!(
                "store/mod.rs",
                "store/registers.rs",
                "store/objects.rs",
                "store/races.rs",
                "store/records.rs"
            ),
        ),
        ("workers", workers::CASES, source!("workers.rs")),
    ] {
        let run: BTreeSet<&str> = cases.iter().copied().collect();
        let written = cases_in(source);
        assert!(written.len() > 4, "{port}: {written:?}");
        let forgotten: Vec<_> = written.difference(&run).collect();
        assert!(
            forgotten.is_empty(),
            "{port}: written and never run: {forgotten:?}"
        );
    }
}

/// The line is there although the test passes and its output is captured.
#[test]
fn a_case_that_is_not_run_says_so_in_the_output_of_the_tests() {
    let test = "conformance::stores::memory::secrets_are_not_in_debug";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let line = format!("not run: store conformance: {test}: the subject names no `secret`");
    assert!(said.contains(&line), "{said}");
}

struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn every_case_has_a_fresh_subject_whose_guard_is_dropped_however_it_ends() {
    let (made, dropped) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
    let shared = MemoryStore::new();
    // One store for all cases: many of them fail, which is what is wanted here.
    let report = store::prove_all(async || {
        made.fetch_add(1, Ordering::Relaxed);
        StoreSubject::new(shared.clone()).guard(Counted(Arc::clone(&dropped)))
    })
    .await;
    let cases = u32::try_from(store::CASES.len()).unwrap();
    assert!(
        report.broken().len() > 5 && !report.not_run().is_empty(),
        "{report}"
    );
    assert_eq!(
        (made.into_inner(), dropped.load(Ordering::Relaxed)),
        (cases, cases)
    );
}

#[tokio::test]
async fn a_subject_that_cannot_be_made_is_a_broken_case_and_not_the_end_of_the_suite() {
    let report = store::prove_all(async || -> StoreSubject { panic!("no database here") }).await;
    assert_eq!(report.broken().len(), store::CASES.len());
    assert!(report.to_string().contains("no database here"), "{report}");
}

/// A case is a function like any other.
#[tokio::test]
async fn a_case_can_be_called_by_itself() {
    let fresh = || StoreSubject::new(MemoryStore::new());
    let result: CaseResult = store::an_object_is_written_once(&fresh()).await;
    assert_eq!(result, Ok(()));
    let result = store::two_instances_see_one_store(&fresh()).await;
    assert!(matches!(result, Err(Unproven::NotRun(why)) if why.contains("`again`")));
}
