//! What the operating system says of this process.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

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

/// What something took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// Real time, while tokio's time is virtual.
    pub(crate) seconds: f64,
    /// The processor's time of this process: what is left of the above on a machine that has other work.
    pub(crate) cpu_seconds: f64,
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Result<(T, Took), Failure> {
    let (began, cpu) = (std::time::Instant::now(), cpu_time()?);
    let value = work();
    let took = Took {
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds: cpu_time()?.saturating_sub(cpu).as_secs_f64(),
    };
    Ok((value, took))
}

fn cpu_time() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let total = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(u64::try_from(total.num_microseconds())?))
}
