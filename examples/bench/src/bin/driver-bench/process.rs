//! What the operating system says of this process.

use std::time::Duration;

use crate::Failure;

/// Resident memory in MiB.
pub(crate) fn resident_mib() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or("/proc/self/status does not tell VmRSS")?
        .parse()?;
    Ok(kib / 1024.0)
}

/// How long something takes in real time, while tokio's time is virtual.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = std::time::Instant::now();
    let value = work();
    (value, began.elapsed())
}
