//! What each command does to the world, through the ports.

use std::time::Duration;

use super::parts::{event_of, millis};
use super::routers::Counted;
use super::watch::{Asking, Watchers};
use super::{DeployError, Parts};
use crate::gate::GateParts;
use crate::lifecycle::{Command, Event, Hold, Lifecycle, Run, Signed};
use crate::plan::{Action, Undrained};
use crate::{Answer, ApprovalRequest, Assignment, Fault, Op, Outcome, Slot, Split, Verdict, Verification};

/// Whether a command only waits or reads, so that it can be ended early.
pub(super) const fn is_interruptible(command: &Command) -> bool {
    matches!(
        command,
        Command::Wait(_)
            | Command::Reconcile
            | Command::Preflight
            | Command::Drain(_)
            | Command::AwaitReady
            | Command::Verify
            | Command::AwaitApproval
            | Command::Confirm(_)
            | Command::Watch
            | Command::AwaitQueues
    )
}

/// Whether a command may change the world: the state is stored before it.
pub(super) const fn acts(command: &Command) -> bool {
    !is_interruptible(command) && !matches!(command, Command::Assess | Command::Rest | Command::AskOperator)
}

/// Whether a command is itself the watching of the phase's gates.
pub(super) const fn is_watch(command: &Command) -> bool {
    matches!(command, Command::Verify | Command::Watch)
}

/// One command to carry out.
pub(super) struct Act<'a> {
    pub(super) parts: &'a Parts,
    pub(super) lifecycle: &'a Lifecycle,
    pub(super) run: &'a Run,
    pub(super) op: &'a Op,
    /// What is left of the phase's time.
    pub(super) left: Duration,
    pub(super) gates: &'a GateParts,
}

impl Act<'_> {
    pub(super) async fn carry_out(
        &self,
        command: &Command,
        watchers: Option<&mut Watchers>,
    ) -> Result<Event, DeployError> {
        let parts = self.parts;
        match command {
            Command::Rest | Command::AskOperator => Ok(Event::Interrupted),
            Command::Wait(time) => {
                parts.clock.sleep(*time).await;
                Ok(Event::Waited)
            }
            Command::RunHooks(at) => Ok(self.run_hooks(*at).await),
            Command::Notify(kind) => Ok(self.notify(*kind).await),
            Command::Reconcile => parts.reconcile(self.op).await,
            Command::Preflight => Ok(self.preflight().await),
            Command::Drain(slot) => self.drain(*slot).await,
            Command::Retire(slot) => self.retire(*slot).await,
            Command::Stage(slot) => {
                let failed = parts.stage_all(self.op, *slot).await?;
                Ok(failed.unwrap_or_else(|| done("all routers are ready")))
            }
            Command::Migrate(phase) => self.migrate(*phase).await,
            Command::Deploy => self.deploy().await,
            Command::AwaitReady => self.await_ready().await,
            Command::WarmUp => self.warm_up().await,
            Command::Verify | Command::Watch => Ok(self.watch(watchers).await),
            Command::AwaitApproval => self.await_approval().await,
            Command::CheckReady => self.check_ready().await,
            Command::Shift(split) => parts.shift_all(self.op, *split).await,
            Command::Confirm(split) => Ok(parts
                .confirm_all(self.op, *split, self.left, self.run.plan.lease.poll)
                .await),
            Command::Quiesce(slot) => self.workers(*slot, false).await,
            Command::StartWorkers(slot) => self.workers(*slot, true).await,
            Command::AwaitQueues => self.await_queues().await,
            Command::Assess => Ok(self.assess().await),
            Command::ReturnWorkers => match self.workers(self.run.target, false).await? {
                Event::Done { .. } => self.workers(self.run.origin, true).await,
                failed => Ok(failed),
            },
        }
    }

    pub(super) const fn asking(&self) -> Asking<'_> {
        Asking {
            parts: self.parts,
            slots: self.lifecycle.slots(),
            run: self.run,
            op: self.op,
        }
    }

    /// A call that may take what is left of the phase.
    pub(super) fn long(&self) -> Op {
        Op {
            budget: self.left,
            ..self.op.clone()
        }
    }

    pub(super) fn assignment(&self) -> Result<Assignment, Event> {
        let release = self.run.release.clone();
        let nothing = || Event::Failed {
            reason: "it is not known which release runs there".to_owned(),
        };
        Ok(Assignment {
            slot: self.run.target,
            release: release.ok_or_else(nothing)?,
            deployment: self.run.id,
        })
    }

    /// All checks; what could not be told because a read was lost is asked again.
    async fn preflight(&self) -> Event {
        const TRIES: u32 = 3;
        let parts = self.parts;
        let began = parts.clock.monotonic();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let results = parts.preflight(self.lifecycle, self.run, self.op).await;
            let has = |outcome| results.iter().any(|result| result.outcome == outcome);
            let wait = self.run.plan.retry.wait(attempt, self.run.id.number());
            let left = self.left.saturating_sub(parts.clock.monotonic().since(began));
            if has(Outcome::Fail) || !has(Outcome::Inconclusive) || attempt == TRIES || wait >= left {
                return Event::Checked { results };
            }
            parts.clock.sleep(wait).await;
        }
    }

    async fn drain(&self, slot: Slot) -> Result<Event, DeployError> {
        let parts = self.parts;
        let plan = &self.run.plan;
        let off = Split::all(slot.other());
        let routed = parts.split_held(self.op, off, slot).await;
        if routed.outcome != Outcome::Pass {
            return Ok(Event::Failed {
                reason: format!("{slot} cannot be drained: {}", routed.evidence),
            });
        }
        // Accepted is not live: a router may still send requests there.
        let confirmed = parts
            .confirm_all(self.op, off, self.left / 2, plan.lease.poll)
            .await;
        if let Some(open) = not_live(&confirmed) {
            return Ok(Event::Failed {
                reason: format!("{slot} cannot be drained: {open}"),
            });
        }
        let began = parts.clock.monotonic();
        loop {
            let (in_flight, evidence) = parts.in_flight(self.op, slot).await;
            let waited = parts.clock.monotonic().since(began);
            let over = waited.saturating_add(plan.lease.poll) >= self.left;
            match in_flight {
                Counted::None => return Ok(done("nothing is in flight")),
                Counted::Never if waited >= plan.retention.drain => {
                    return Ok(done(format!(
                        "waited {waited:?}: the routers cannot count what is in flight"
                    )));
                }
                Counted::Some | Counted::NotNow if over && plan.retention.undrained == Undrained::Cut => {
                    return Ok(done(format!("{evidence}: cut, as the plan says")));
                }
                Counted::Some | Counted::NotNow if over => {
                    return Ok(Event::Failed {
                        reason: format!("{evidence}; {slot} was left running"),
                    });
                }
                Counted::Some | Counted::NotNow | Counted::Never => {
                    parts.clock.sleep(plan.lease.poll).await;
                }
            }
        }
    }

    /// One tick of a watched phase: until the next gate is due or the phase's time is full.
    async fn watch(&self, watchers: Option<&mut Watchers>) -> Event {
        let parts = self.parts;
        let began = parts.clock.monotonic();
        let mut results = Vec::new();
        if let Some(watchers) = watchers {
            let watched = Duration::from_millis(self.run.watched_ms);
            let missing = self.run.watch_time().saturating_sub(watched);
            let idle = watchers.idle(began).unwrap_or(missing);
            // Before the time is full the end of it counts, after it only what the gates say.
            let wait = if missing.is_zero() {
                idle
            } else {
                idle.min(missing)
            };
            parts.wait(wait.min(self.left)).await;
            watchers.ask(self.asking()).await;
            results = watchers.results();
        }
        if !self.run.exposed {
            results.push(parts.capacity(self.run, self.op).await);
        }
        // What has failed is told first.
        let failed = results.iter().any(|result| result.outcome == Outcome::Fail);
        if self.run.hold == Some(Hold::Asked)
            && !failed
            // The question is whether it may go on: a yes to the step that is held was another answer.
            && let Some(answer) = self.ask_approver(self.run.step + 1).await
        {
            return answer;
        }
        let watched_ms = millis(parts.clock.monotonic().since(began));
        Event::Watched { watched_ms, results }
    }

    async fn await_approval(&self) -> Result<Event, DeployError> {
        let parts = self.parts;
        if parts.approver.is_none() || self.run.release.is_none() {
            parts.clock.sleep(self.left).await;
            return Ok(Event::Interrupted);
        }
        let began = parts.clock.monotonic();
        loop {
            if let Some(answer) = self.ask_approver(self.run.step).await {
                return Ok(answer);
            }
            let left = self.left.saturating_sub(parts.clock.monotonic().since(began));
            if left.is_zero() {
                return Ok(Event::Interrupted);
            }
            parts.clock.sleep(self.run.plan.lease.poll.min(left)).await;
        }
    }

    /// What the approver says to the weight of a step, if there is one and it has decided.
    async fn ask_approver(&self, next: usize) -> Option<Event> {
        let parts = self.parts;
        let (approver, release) = (parts.approver.as_ref()?, self.run.release.as_ref()?);
        let request = ApprovalRequest::new(
            parts.service.clone(),
            self.run.id,
            release.clone(),
            self.run.weight(next),
            self.run.since.plus(self.run.time_limit().unwrap_or_default()),
        );
        let answer = parts.bounded(self.op.budget, "ask", approver.ask(self.op, &request));
        match answer.await {
            Ok(Answer::Approved { by }) => Some(Event::Approved {
                by,
                step: self.run.step + 1,
            }),
            Ok(Answer::Denied { by, reason }) => Some(Event::AbortRequested {
                by: Signed::new(by, reason),
            }),
            // Somebody may still answer through the deployer, so a fault only costs this way.
            Ok(Answer::Pending) | Err(_) => None,
        }
    }

    /// All routers staged and unchanged, the candidate above its floor, the window open.
    async fn check_ready(&self) -> Result<Event, DeployError> {
        let parts = self.parts;
        if let Some(failed) = parts.stage_all(self.op, self.run.target).await? {
            return Ok(failed);
        }
        let mut fresh = Watchers::default();
        fresh.sync(self.run, self.gates, None, None, parts.clock.monotonic());
        let (routers, capacity, mut results) = futures_util::join!(
            parts.split_held(self.op, self.run.split(), self.run.target),
            parts.capacity(self.run, self.op),
            fresh.until_decided(self.asking(), self.left),
        );
        let window = match (
            self.run.plan.windows.permits(Action::Shift, parts.clock.now()),
            &self.run.overrides.window,
        ) {
            (Err(why), None) => Verdict::fail(why),
            _ => Verdict::pass("open"),
        };
        results.extend([
            routers,
            capacity,
            super::preflight::result("window", self.run.target, window),
        ]);
        Ok(Event::Checked { results })
    }

    pub(super) fn after(answer: Result<String, Fault>, settle: Duration) -> Result<Event, DeployError> {
        match answer {
            Ok(evidence) => Ok(done(evidence)),
            Err(fault) => event_of(&fault, settle),
        }
    }
}

/// What keeps a split from being live on all routers.
pub(super) fn not_live(confirmed: &Event) -> Option<String> {
    let Event::Verified { routers, .. } = confirmed else {
        return None;
    };
    let open: Vec<_> = routers
        .iter()
        .filter_map(|(name, answer)| match answer {
            Verification::Live { .. } => None,
            Verification::NotYet { why } | Verification::Unknown { why } => Some(format!("{name}: {why}")),
        })
        .collect();
    (!open.is_empty()).then(|| open.join("; "))
}

pub(super) fn done(evidence: impl Into<String>) -> Event {
    Event::Done {
        evidence: crate::text::bounded(evidence, super::watch::EVIDENCE_BYTES),
    }
}
