//! What operators ask for: written beside the lease of whoever is at work.

use std::sync::Arc;

use super::write::{PutError, STORE_PAUSE, entry, line};
use super::{DeployError, Parts};
use crate::lifecycle::{Event, Lifecycle};

impl Parts {
    /// What an operator asks for: one write beside the lease of whoever is at work. `change` looks at
    /// the state and says what happens, or why it cannot.
    pub(super) async fn request(
        &self,
        change: impl Fn(&Lifecycle) -> Result<Event, DeployError>,
    ) -> Result<Arc<Lifecycle>, DeployError> {
        const TRIES: u32 = 50;
        for _ in 0..TRIES {
            let Some((version, record)) = self.load().await? else {
                return Err(DeployError::NothingToDo(
                    "nothing has been deployed yet".to_owned(),
                ));
            };
            let at = self.clock.now();
            let event = change(record.lifecycle())?;
            let mut head = record.head.clone();
            head.lifecycle = Arc::new(record.lifecycle().clone().apply(at, &event));
            let entry = entry(&head.lifecycle, at, event);
            let line = entry.as_ref().map(line).transpose()?;
            let lines: Vec<_> = line.as_deref().into_iter().collect();
            match self.put(Some(&version), &record, &head, &lines).await {
                Ok(_) => {
                    if let Some(entry) = &entry {
                        self.observer.observe(entry);
                    }
                    self.woken.notify_waiters();
                    return Ok(head.lifecycle);
                }
                // Whoever is at work has written; an unknown outcome is asked again on what is there.
                Err(PutError::Conflict | PutError::Unknown(_)) => {}
                Err(PutError::Unavailable(_)) => self.clock.sleep(STORE_PAUSE).await,
                Err(PutError::Fatal(error)) => return Err(error),
            }
        }
        Err(DeployError::NothingToDo(format!(
            "the record changed {TRIES} times while it was being written; try again"
        )))
    }
}
