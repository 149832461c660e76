//! Hooks as commands on the machines of a slot.

use async_trait::async_trait;
use bluegreen_core::{Fault, HookAction, HookContext, Op};

use super::command::RemoteCommand;
use super::fleet::Fleet;

/// A hook that runs a command on machines: caches that are warmed before the candidate is verified, caches that are
/// emptied after a rollback.
///
/// ```
/// use bluegreen_aws::ssm::{Fleet, RemoteCommand, RemoteHook};
/// use bluegreen_core::command::CommandSpec;
/// use bluegreen_core::plan::{Hook, HookPoint};
/// use bluegreen_core::{DeployerBuilder, Phase};
///
/// // In the plan: caches are warm before the candidate is verified.
/// let in_plan = Hook::code("warm caches", HookPoint::before(Phase::Verify));
///
/// fn equip(builder: DeployerBuilder, fleet: Fleet) -> DeployerBuilder {
///     let command = RemoteCommand::run(CommandSpec::new(["php", "artisan", "config:cache"]).dir("/srv/api"));
///     builder.hook("warm caches", RemoteHook::new(fleet, command.on_all()))
/// }
/// # let _ = (in_plan, equip);
/// ```
#[derive(Debug, Clone)]
pub struct RemoteHook {
    fleet: Fleet,
    command: RemoteCommand,
    in_both: bool,
}

impl RemoteHook {
    /// A hook that runs a command on the machines of the slot that the operation is about.
    #[must_use]
    pub const fn new(fleet: Fleet, command: RemoteCommand) -> Self {
        Self {
            fleet,
            command,
            in_both: false,
        }
    }

    /// On the machines of both slots, one after the other.
    #[must_use]
    pub const fn in_both_slots(mut self) -> Self {
        self.in_both = true;
        self
    }
}

#[async_trait]
impl HookAction for RemoteHook {
    async fn run(&self, op: &Op, context: &HookContext) -> Result<String, Fault> {
        let mut told = Vec::new();
        let slots = [Some(context.target), self.in_both.then(|| context.target.other())];
        for slot in slots.into_iter().flatten() {
            let call = self.fleet.begin(op, slot);
            let mut values = self.fleet.values(slot).deployment(context.deployment);
            if let Some(release) = &context.release {
                values = values.release(release);
            }
            let (lane, act) = (self.fleet.lane("hook"), format!("{} {slot}", op.id));
            let ran = self
                .fleet
                .ensure(&call, slot, (&lane, &act), (&self.command, &values));
            told.push(ran.await?.evidence);
        }
        Ok(told.join("; "))
    }
}
