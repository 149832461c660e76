//! The loop: ask the lifecycle what to do, do it, store what came of it; and meanwhile keep the lease
//! and the guards alive.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::act::{Act, acts, is_interruptible, is_watch, not_live};
use super::lease::Held;
use super::operators::nothing_halted;
use super::watch::Watchers;
use super::{DeployError, Deployer, Report};
use crate::gate::GateParts;
use crate::lifecycle::{CheckResult, Command, Event, Lifecycle, Moment, Run};
use crate::{Monotonic, Op, Phase, Signed, Slot, Split, Timestamp};

impl Deployer {
    /// Drives what is open to its end, or to where an operator is needed.
    pub(super) async fn drive(&self, held: Held) -> Result<Report, DeployError> {
        let mut drive = Drive::new(self, held);
        drive.run_to_end().await?;
        self.conclude(drive.held).await
    }

    /// Tells people how the last operation ended, where its deployer died before it could.
    pub(super) async fn tell_the_end(&self, held: Held) -> Result<Held, DeployError> {
        let mut drive = Drive::new(self, held);
        drive.run_to_end().await?;
        self.file_report(&drive.held).await?;
        Ok(drive.held)
    }

    /// Ends a halted operation as an operator says it has ended.
    pub(super) async fn drive_resolved(
        &self,
        held: Held,
        live: Slot,
        by: Signed,
    ) -> Result<Report, DeployError> {
        let mut drive = Drive::new(self, held);
        // Up to where nothing of it can act any more. By then somebody else may have ended it, or the
        // traffic may have moved.
        drive.run_to_end().await?;
        drive.held.renew().await?;
        match drive.keep_up(live).await {
            Ok(()) => {}
            Err(error @ DeployError::LeaseLost { .. }) => return Err(error),
            Err(error) => {
                drive.held.release().await?;
                return Err(error);
            }
        }
        drive.held.apply(Event::Resolved { by, live })?;
        drive.run_to_end().await?;
        self.conclude(drive.held).await
    }
}

struct Drive<'a> {
    deployer: &'a Deployer,
    /// The service and the operation, as the ids of all its acts begin.
    name: String,
    held: Held,
    watchers: Watchers,
    /// The part of the phase that is timed, and the end of its time by the clock that does not jump.
    limit: Option<(TimedPart, Monotonic)>,
    gates: Option<GateParts>,
}

/// A part of a phase that has a time limit of its own.
type TimedPart = (Phase, Moment, usize, Timestamp);

/// What a wait is ended by.
enum Ended {
    /// The act's own event.
    By(Event),
    /// Guards that failed; the act's event, if there was one to wait for, comes first.
    ByGuards(Option<Event>, Vec<CheckResult>),
}

impl<'a> Drive<'a> {
    fn new(deployer: &'a Deployer, held: Held) -> Self {
        let id = held.lifecycle().run().map(|run| run.id.to_string());
        Self {
            deployer,
            name: format!("{}.{}", deployer.parts.service, id.unwrap_or_default()),
            held,
            watchers: Watchers::default(),
            limit: None,
            gates: None,
        }
    }

    /// Tells all routers the split that they have, and sees it live on each of them.
    async fn keep_up(&self, live: Slot) -> Result<(), DeployError> {
        let parts = &*self.deployer.parts;
        let run = self.held.lifecycle().halted().ok_or_else(nothing_halted)?;
        parts.agree(live).await?;
        let (split, lease) = (Split::all(live), &run.plan.lease);
        let op = Op::new(self.held.token(), op_id(&self.name, run), lease.call);
        let told = parts.shift_all(&op, split).await?;
        if let Event::Failed { reason } | Event::Deferred { reason, .. } | Event::Unknown { reason, .. } =
            told
        {
            return Err(DeployError::Contradicted(reason));
        }
        match not_live(&parts.confirm_all(&op, split, lease.call, lease.poll).await) {
            None => Ok(()),
            Some(open) => Err(DeployError::Contradicted(format!(
                "{split} is not live yet: {open}"
            ))),
        }
    }

    async fn run_to_end(&mut self) -> Result<(), DeployError> {
        loop {
            let lifecycle = Arc::clone(self.held.lifecycle());
            let command = lifecycle.command();
            let Some(run) = lifecycle.run() else {
                return Ok(());
            };
            if matches!(command, Command::Rest | Command::AskOperator) {
                self.held.store().await?;
                if Arc::ptr_eq(&lifecycle, self.held.lifecycle()) {
                    return Ok(());
                }
                // Somebody has stored an abort first: it does not end like this.
                continue;
            }
            // An abort that was asked for while nobody was at work, or during an act.
            if run.abort.is_some() && run.phase.is_forward() {
                self.held.apply(Event::Interrupted)?;
                continue;
            }
            let left = self.time_left(run);
            let timed = !matches!(command, Command::RunHooks(_) | Command::Notify(_));
            if timed && left.is_some_and(|left| left.is_zero()) {
                self.held.apply(Event::Expired)?;
                continue;
            }
            if acts(&command) || command == Command::AwaitApproval {
                self.held.store().await?;
                // A call is not begun unless it can end while the lease is good.
                if self.held.remaining() < run.plan.lease.call.min(self.held.ttl()) {
                    self.held.renew().await?;
                }
            } else {
                self.held.keep(run.plan.lease.poll).await?;
            }
            if !Arc::ptr_eq(&lifecycle, self.held.lifecycle()) {
                // An operator has asked for something in between.
                continue;
            }
            match self.carry_out(&lifecycle, run, &command, left).await? {
                Ended::By(event) => {
                    self.follow_changes(&lifecycle, &command, &event).await;
                    self.held.apply(event)?;
                }
                Ended::ByGuards(event, results) => {
                    // What would lead on does not: it may lead to the end, and a guard has failed before.
                    if let Some(
                        event @ (Event::Unknown { .. } | Event::Failed { .. } | Event::Deferred { .. }),
                    ) = event
                    {
                        self.held.apply(event)?;
                    }
                    self.held.apply(Event::Watched {
                        watched_ms: 0,
                        results,
                    })?;
                }
            }
        }
    }

    /// When migrations have run: how far the changes are that take several deployments. The next write of the
    /// record takes it along.
    async fn follow_changes(&mut self, lifecycle: &Lifecycle, command: &Command, event: &Event) {
        let (Command::Migrate(phase), Event::Done { .. }, Some(run)) = (command, event, lifecycle.run())
        else {
            return;
        };
        let op = Op::new(self.held.token(), op_id(&self.name, run), run.plan.lease.call);
        let parts = &self.deployer.parts;
        let known = self.held.underway();
        if let Some(now) = parts.underway(lifecycle, *phase, &op, known).await {
            self.held.underway = Some(Arc::new(now));
        }
    }

    /// The time that the part of the phase has left. Counted by the clock that does not jump while this
    /// process lives, and by the wall clock over a restart.
    fn time_left(&mut self, run: &Run) -> Option<Duration> {
        let limit = run.time_limit()?;
        let clock = &self.deployer.parts.clock;
        let now = clock.monotonic();
        let part = (run.phase, run.moment, run.step, run.since);
        let end = match self.limit {
            Some((timed, end)) if timed == part => end,
            _ => Monotonic(
                now.0
                    .saturating_add(limit.saturating_sub(clock.now().since(run.since))),
            ),
        };
        self.limit = Some((part, end));
        Some(end.since(now))
    }

    /// Carries a command out, and meanwhile renews the lease, listens to operators and watches the
    /// guards. What changes something is let finish; what only waits is ended early.
    async fn carry_out(
        &mut self,
        lifecycle: &Lifecycle,
        run: &Run,
        command: &Command,
        left: Option<Duration>,
    ) -> Result<Ended, DeployError> {
        let parts = &*self.deployer.parts;
        let lease = &run.plan.lease;
        let interruptible = is_interruptible(command);
        let watching = is_watch(command);
        let guarded = run.exposed && run.phase.is_forward() && !watching;
        let gates = self.gates.get_or_insert_with(|| parts.gate_parts(run));
        if watching || guarded {
            // While a split is being changed, what the routers say is the act's own affair.
            let asks_routers = run.exposed && watching && run.phase != Phase::VerifyReturn;
            let builtin = || parts.split_watch(run.split(), run.target, Duration::from_secs(10));
            let builtin = asks_routers.then_some(&builtin as &(dyn Fn() -> _ + Sync));
            let analyst = self.held.analyst(run);
            self.watchers
                .sync(run, gates, builtin, analyst.as_ref(), parts.clock.monotonic());
        }
        let op = Op::new(self.held.token(), op_id(&self.name, run), lease.call);
        let act = Act {
            parts,
            lifecycle,
            run,
            op: &op,
            left: left.unwrap_or(lease.call),
            gates,
        };
        let (mut for_act, mut for_guard) = (None, None);
        if watching {
            for_act = Some(&mut self.watchers);
        } else if guarded {
            for_guard = Some(&mut self.watchers);
        }
        let asking = act.asking();
        let acting = act.carry_out(command, for_act.take());
        let guarding = async {
            match for_guard.take() {
                Some(watchers) => watchers.until_failure(asking).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(acting, guarding);
        let third = self.held.ttl() / 3;
        let tick = if acts(command) {
            third
        } else {
            lease.poll.min(third)
        };
        let mut failed = None;
        loop {
            tokio::select! {
                biased;
                event = &mut acting => {
                    return Ok(match failed {
                        Some(results) => Ended::ByGuards(Some(event?), results),
                        None => Ended::By(event?),
                    });
                }
                results = &mut guarding, if failed.is_none() => {
                    if interruptible {
                        return Ok(Ended::ByGuards(None, results));
                    }
                    failed = Some(results);
                }
                () = parts.woken.notified(), if interruptible => self.held.look().await?,
                // Set up only for an act that takes time.
                () = async { parts.clock.sleep(tick).await } => self.held.keep(tick).await?,
            }
            let lifecycle = self.held.lifecycle();
            let aborted = lifecycle
                .run()
                .is_some_and(|run| run.abort.is_some() && run.phase.is_forward());
            if interruptible && (aborted || lifecycle.command() != *command) {
                return Ok(Ended::By(Event::Interrupted));
            }
        }
    }
}

/// The same for every repetition of one act, other for another.
fn op_id(operation: &str, run: &Run) -> String {
    // A phase and a step, generously.
    const MORE: usize = 32;
    let mut id = String::with_capacity(operation.len() + MORE);
    id.push_str(operation);
    id.push('.');
    id.push_str(run.phase.as_str());
    if run.phase.belongs_to_a_step() {
        // Writing to a string cannot fail.
        let _ = write!(id, ".{}", run.step + 1);
    }
    id
}
