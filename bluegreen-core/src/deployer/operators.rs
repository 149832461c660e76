//! What operators ask for while a deployment is open: written beside the lease of whoever is at work.

use std::sync::Arc;
use std::time::Duration;

use super::record::Lines;
use super::write::{PutError, STORE_PAUSE, entry};
use super::{DeployError, Deployer, Parts, Report};
use crate::lifecycle::{Event, Lifecycle, Moment};
use crate::{Op, Phase, Signed, Slot, Split, Token};

impl Deployer {
    /// Tells how a halted operation ended: which slot has all traffic. It has to be so: what may still act
    /// is waited for, all routers are told that split once more, which shuts out what was sent to them
    /// before, and have to confirm that it is live.
    ///
    /// # Errors
    /// [`DeployError::NothingToDo`] where nothing is halted, [`DeployError::Contradicted`] where a router
    /// says otherwise or cannot be asked, [`DeployError::Held`] where somebody is at work.
    pub async fn resolve(&self, live: Slot, by: Signed) -> Result<Report, DeployError> {
        let by = by.bounded();
        // Before anything is written.
        self.parts.agree(live).await?;
        let record = self.parts.load().await?.map(|(_, record)| record);
        let run = record.as_ref().and_then(|record| record.lifecycle().halted());
        let plan = run.ok_or_else(nothing_halted)?.plan.clone();
        let held = self.claim(&plan).await?;
        self.drive_resolved(held, live, by).await
    }

    /// Says yes to the step that waits for it; or, in the bake of a step that is analysed, that it may go on
    /// although it cannot be told whether the candidate is good. What is shown to be bad goes back all the same.
    ///
    /// # Errors
    /// [`DeployError::NothingToDo`] where nothing waits.
    pub async fn approve(&self, by: impl Into<String>) -> Result<(), DeployError> {
        let by = crate::text::bounded(by, 200);
        let ask = |lifecycle: &Lifecycle| match lifecycle.open() {
            Some(run)
                if run.moment == Moment::Act && (run.phase == Phase::Approval || run.can_be_waved_on()) =>
            {
                Ok(Event::Approved {
                    by: by.clone(),
                    step: run.step + 1,
                })
            }
            Some(run) => Err(DeployError::NothingToDo(format!(
                "nothing waits for an approval: {} is in phase {}",
                run.id, run.phase
            ))),
            None => Err(DeployError::NothingToDo(
                "nothing is open, so nothing waits for an approval".to_owned(),
            )),
        };
        self.parts.request(ask).await.map(drop)
    }

    /// Asks to stop what is open, and returns at once: back if traffic has moved. Whoever is at work
    /// does it; where nobody is, [`resume`](Self::resume) does.
    ///
    /// # Errors
    /// [`DeployError::NothingToDo`] where nothing can be stopped.
    pub async fn abort(&self, by: Signed) -> Result<(), DeployError> {
        let by = by.bounded();
        let ask = |lifecycle: &Lifecycle| match lifecycle.open() {
            Some(run) if run.phase.is_forward() => Ok(Event::AbortRequested { by: by.clone() }),
            Some(run) if run.phase == Phase::Halted => Err(DeployError::NothingToDo(format!(
                "{} is halted: roll it back or resolve it",
                run.id
            ))),
            Some(run) => Err(DeployError::NothingToDo(format!(
                "{} is on its way back already",
                run.id
            ))),
            None => Err(DeployError::NothingToDo(
                "nothing is open, so there is nothing to abort".to_owned(),
            )),
        };
        self.parts.request(ask).await.map(drop)
    }
}

pub(super) fn nothing_halted() -> DeployError {
    DeployError::NothingToDo("nothing is halted, so there is nothing to resolve".to_owned())
}

impl Parts {
    /// Whether all routers say that a slot has all traffic, as somebody told it.
    pub(super) async fn agree(&self, live: Slot) -> Result<(), DeployError> {
        let op = Op::new(Token::default(), "resolve", Duration::from_secs(10));
        let seen = self.observe_all(&op).await;
        let against: Vec<_> = seen
            .into_iter()
            .filter_map(|(name, seen)| match seen {
                Ok(seen) if seen.split == Split::all(live) => None,
                Ok(seen) => Some(format!("{name}: {}", seen.split)),
                Err(fault) => Some(fault.to_string()),
            })
            .collect();
        if against.is_empty() {
            Ok(())
        } else {
            Err(DeployError::Contradicted(against.join("; ")))
        }
    }

    /// One write beside the lease of whoever is at work. `change` looks at
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
            let mut lines = Lines::default();
            if let Some(entry) = &entry {
                lines.push(entry)?;
            }
            let (next, body) = record.next(head, &lines)?;
            match self.put(Some(&version), body).await {
                Ok(_) => {
                    if let Some(entry) = &entry {
                        self.observer.observe(entry);
                    }
                    self.woken.notify_waiters();
                    return Ok(next.head.lifecycle);
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
