//! Who does something: processes with a deployer, and people with their hands.

use std::sync::Arc;

use bluegreen_core::command::Secrets;
use bluegreen_core::{DeployError, Deployer, Release, Report, Request, ServiceName, Signed, Version};
use tokio::sync::oneshot;

use super::faulty::{Faulty, Line};
use super::history::{Actor, Said, WORLD, What};
use super::plans;
use super::ports::Part;
use super::script::{Deed, Doing, When};
use super::wire::Wire;
use super::witness::Witness;
use super::world::World;

/// Lets somebody do something at its moment.
pub(crate) fn begin(world: &World, deed: Deed) {
    let world = world.clone();
    let time = world.time().clone();
    time.detach(WORLD, async move {
        let (When::At(ms) | When::Phase(_, ms)) = deed.when;
        if ms > 0 {
            world.time().pass(ms).await;
        }
        if world.state().faults {
            happen(&world, deed.doing).await;
        }
    });
}

async fn happen(world: &World, doing: Doing) {
    match doing {
        Doing::ByHand(router, slot) => world.by_hand(router, slot),
        Doing::Sicken(slot, ms) => {
            world.sicken(slot, true);
            world.time().pass(ms).await;
            if world.state().faults {
                world.sicken(slot, false);
            }
        }
        Doing::Kill => {
            if let Some(actor) = holder(world) {
                world.die(actor);
            }
        }
        Doing::Freeze(ms) => {
            if let Some(actor) = holder(world) {
                world.freeze(actor, ms);
            }
        }
        Doing::Wait(ms) => world.time().pass(ms).await,
        _ => {
            let _ = process(world, doing).await;
        }
    }
}

/// The process that holds the lease, if it lives.
fn holder(world: &World) -> Option<Actor> {
    let state = world.state();
    let holder = state.stored?.holder?;
    state.alive.contains(&holder).then_some(holder)
}

/// A process of its own does something. What it said at its end; nothing if it died.
pub(crate) fn process(world: &World, doing: Doing) -> oneshot::Receiver<Said> {
    let actor = {
        let mut state = world.state();
        state.actors = state.actors.saturating_add(1);
        let actor = state.actors;
        state.alive.push(actor);
        actor
    };
    world.note(actor, What::Born(doing));
    let here = world.clone();
    world.time().spawn(actor, async move {
        let said = match deployer(&here, actor) {
            Ok(deployer) => act(&here, actor, &deployer, doing).await,
            Err(error) => said_of(&error),
        };
        here.state().alive.retain(|other| *other != actor);
        here.note(actor, What::Ended(said));
        said
    })
}

async fn act(world: &World, actor: Actor, deployer: &Deployer, doing: Doing) -> Said {
    let plan = world.plan();
    let by = || Signed::new("ada", "because");
    let report = |answer: Result<Report, DeployError>| {
        if world.has_secrets() {
            world.seen(actor, "a report", format!("{answer:?} {deployer:?}").as_bytes());
        }
        match answer {
            Ok(report) => Said::Report(report.end),
            Err(error) => said_of(&error),
        }
    };
    let done = |answer: Result<(), DeployError>| match answer {
        Ok(()) => Said::Fine,
        Err(error) => said_of(&error),
    };
    let over = || {
        Request::from(by())
            .give_up_standby("it is known to be bad")
            .again("once more")
    };
    match doing {
        Doing::Deploy(number) => match release(number) {
            Some(release) => report(deployer.deploy(plan, release, by()).await),
            None => Said::Refused,
        },
        Doing::DeployOver(number) => match release(number) {
            Some(release) => report(deployer.deploy(plan, release, over()).await),
            None => Said::Refused,
        },
        Doing::Rollback => report(deployer.rollback(by()).await),
        Doing::Retire => report(deployer.retire(by()).await),
        Doing::GiveUp => report(deployer.retire(over()).await),
        Doing::Contract => report(deployer.contract(by()).await),
        Doing::Adopt => report(deployer.adopt(plan, by()).await),
        Doing::Resolve(live) => report(deployer.resolve(live, by()).await),
        Doing::Resume => match deployer.resume().await {
            Ok(Some(report)) => Said::Report(report.end),
            Ok(None) => Said::Nothing,
            Err(error) => said_of(&error),
        },
        Doing::Approve => done(deployer.approve("ada").await),
        Doing::Abort => done(deployer.abort(by()).await),
        Doing::ByHand(..) | Doing::Sicken(..) | Doing::Kill | Doing::Freeze(_) | Doing::Wait(_) => {
            Said::Nothing
        }
    }
}

fn release(number: u32) -> Option<Release> {
    Version::new(format!("r{number}")).ok().map(Release::new)
}

fn said_of(error: &DeployError) -> Said {
    match error {
        DeployError::Held { .. } => Said::Held,
        DeployError::LeaseLost { .. } => Said::LeaseLost,
        DeployError::Store(_) => Said::StoreFailed,
        DeployError::NothingToDo(_) => Said::Nothing,
        DeployError::Record { .. } => Said::RecordBroken,
        _ => Said::Refused,
    }
}

const GATES: [&str; 5] = ["up", "login", "errors", "front", "step"];

/// A deployer as a process of its own has it: its ports lead to the same world.
fn deployer(world: &World, actor: Actor) -> Result<Deployer, DeployError> {
    let script = world.script();
    let part = |index: u8, name| Part {
        world: world.clone(),
        actor,
        index,
        name,
    };
    let line = |settle_ms| Line {
        world: world.clone(),
        actor,
        settle_ms,
    };
    let other = script.other_settle_ms;
    let service = ServiceName::new(plans::SERVICE).map_err(|_| DeployError::MissingPart("service"))?;
    let mut builder = Deployer::builder(service)
        .holder(format!("p{actor}"))
        .nonce(u64::from(actor))
        .clock(Arc::new(world.time().clone()))
        .store(Faulty::new(part(0, "store"), line(None)))
        .migrator(Faulty::new(part(0, "migrator"), line(Some(other))))
        .workers(Faulty::new(part(0, "workers"), line(Some(other))))
        .observer(part(0, "observer"))
        .secrets(Secrets::new().with(plans::SECRET_NAME, plans::SECRET))
        .notifier(Faulty::new(part(0, "chat"), line(Some(other))));
    let features = script.features();
    if features.metric {
        builder = builder.metrics(Faulty::new(part(0, "metrics"), line(Some(other))));
    }
    if features.approval.is_some() {
        builder = builder.approver(Faulty::new(part(0, "chat"), line(Some(other))));
    }
    if features.hook.is_some() {
        builder = builder.hook("hook", Faulty::new(part(0, "hook"), line(Some(other))));
    }
    for name in GATES {
        builder = builder.gate(Faulty::new(part(0, name), line(Some(other))));
    }
    let provider = world.provider();
    let wire = |settle_ms| Wire::new(line(settle_ms));
    for (index, shape) in (0u8..).zip(&script.routers) {
        let settle = (!shape.fenced).then_some(shape.settle_ms);
        builder = match provider {
            None => builder.router(Faulty::new(part(index, "router"), line(settle))),
            Some(provider) => {
                let wire = wire(settle);
                let inner = provider.router(index, wire.clone());
                builder.router(Witness { inner, wire, index })
            }
        };
    }
    let settle = Some(script.host_settle_ms);
    let host = provider.and_then(|provider| {
        let (wire, index) = (wire(settle), 0);
        let inner = provider.host(wire.clone())?;
        Some(Witness { inner, wire, index })
    });
    builder = match host {
        Some(host) => builder.host(host),
        None => builder.host(Faulty::new(part(0, "host"), line(settle))),
    };
    builder.build()
}
