//! nginx's processes: which generation of workers takes requests.
//!
//! `nginx -s reload` returns before the new configuration is live, also when it never will be. What
//! tells is the processes: a reload is done when every worker of before has ended or calls itself
//! "shutting down". Asking a location a few times is not enough, because old workers answer too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bluegreen_core::Clock;

use crate::NginxError;
use crate::transport::Transport;

/// The workers that take requests, by process id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generation(BTreeSet<u32>);

impl Generation {
    /// Reads it from `/proc`: the master's children and their titles.
    pub(crate) async fn read(transport: &dyn Transport, pid_file: &Path) -> Result<Self, NginxError> {
        let missing = |why: String| NginxError::NoMaster { why };
        let file = pid_file.display();
        let text = transport
            .read(pid_file)
            .await?
            .ok_or_else(|| missing(format!("{file} does not exist; does nginx run?")))?;
        let master: u32 = text
            .trim()
            .parse()
            .map_err(|_| missing(format!("{file} holds {text:?}")))?;
        let children = PathBuf::from(format!("/proc/{master}/task/{master}/children"));
        let children = transport
            .read(&children)
            .await?
            .ok_or_else(|| missing(format!("{file} names process {master}, which does not run")))?;
        let mut workers = BTreeSet::new();
        for pid in children
            .split_whitespace()
            .filter_map(|pid| pid.parse::<u32>().ok())
        {
            let title = transport
                .read(Path::new(&format!("/proc/{pid}/cmdline")))
                .await?
                .unwrap_or_default();
            if title.contains("worker process") && !title.contains("shutting down") {
                workers.insert(pid);
            }
        }
        Ok(Self(workers))
    }

    /// Waits until none of these workers takes requests any more and others do.
    pub(crate) async fn replaced(
        &self,
        transport: &dyn Transport,
        pid_file: &Path,
        clock: &dyn Clock,
        limit: Duration,
    ) -> Result<(), NginxError> {
        const PAUSE: Duration = Duration::from_millis(25);
        let began = clock.monotonic();
        loop {
            let now = Self::read(transport, pid_file).await?;
            let old: Vec<&u32> = now.0.intersection(&self.0).collect();
            if old.is_empty() && !now.0.is_empty() {
                return Ok(());
            }
            if clock.monotonic().since(began) >= limit {
                return Err(NginxError::NotReloaded {
                    why: format!("after {limit:?} the workers {old:?} of before still take requests"),
                });
            }
            clock.sleep(PAUSE).await;
        }
    }
}
