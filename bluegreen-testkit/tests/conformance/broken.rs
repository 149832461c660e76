//! Plugins that are broken on purpose: the suite names the case that notices each. A suite in which
//! nothing can fail proves nothing.

mod gates_and_numbers;
mod hooks;
mod hosts_and_jobs;
mod people;
mod routers;
mod stores;

use bluegreen_testkit::conformance::Report;

/// The suite finds it broken in these cases at least.
#[track_caller]
fn caught(report: &Report, defect: impl std::fmt::Debug, by: &[&str]) {
    let broken = report.broken();
    for case in by {
        assert!(
            broken.contains(case),
            "{defect:?} was not caught by {case}:\n{report}"
        );
    }
}

/// The same plugin without a defect is not blamed.
#[track_caller]
fn sound(report: &Report) {
    assert!(report.broken().is_empty(), "without a defect:\n{report}");
}
