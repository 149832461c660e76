//! One world from its beginning to its end: first everything may go wrong, then nothing more, and
//! everything must heal.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bluegreen_core::{Phase, ReadyState, Role, Slot, Split};

use tokio::runtime::Runtime;

use super::history::{History, Said, WORLD};
use super::operators::{self, process};
use super::plans;
use super::provider::{Providers, Shape};
use super::script::{Doing, Script, When};
use super::time::{Bounds, Ending, Time};
use super::world::{Setting, World};

/// What one world may take: far more than any needs.
const BOUNDS: Bounds = Bounds {
    polls: 60_000,
    ms: 3_600_000,
};

/// The release of the last deployment of every world, which must succeed.
pub(crate) const LAST: u32 = 99;

/// Plays a world and returns its true history.
///
/// # Errors
/// When a plan of the list is not valid, which a test rules out.
pub(crate) fn play(
    runtime: &Runtime,
    script: &Script,
    providers: Option<&Providers>,
    digest: bool,
) -> Result<History, String> {
    play_counted(runtime, script, providers, digest).map(|(history, _)| history)
}

/// The same, and how many calls of each kind were made while something could go wrong.
pub(crate) fn play_counted(
    runtime: &Runtime,
    script: &Script,
    providers: Option<&Providers>,
    digest: bool,
) -> Result<(History, Vec<u16>), String> {
    let plan = plans::plan(script.plan)?;
    let mut script = script.clone();
    let setting = setting(&mut script, providers)?;
    let world = World::new(script, plan, setting);
    if digest {
        world.state().digest = Some(std::hash::DefaultHasher::new());
    }
    let conducted = world.clone();
    world
        .time()
        .detach(WORLD, async move { conduct(&conducted).await });
    let processes = !world.plan().warm_up.is_empty();
    let running = world.time().run(BOUNDS, processes);
    let ending = if processes {
        // Commands are real processes, and need a runtime to be waited for.
        runtime.block_on(running)
    } else {
        // Only entered, never driven: what asks tokio for a timer gets one that never rings.
        let _entered = runtime.enter();
        let mut running = pin!(running);
        match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ending) => ending,
            Poll::Pending => Ending::Stuck,
        }
    };
    let end = world.picture();
    let facts = std::mem::take(&mut world.state().facts);
    let history = History {
        plan: world.plan().clone(),
        script: world.script().clone(),
        facts,
        end,
        ending,
    };
    let counts = world.state().counted.clone();
    Ok((history, counts))
}

/// Where a world is. With a provider its routers are what the provider's say that they are.
fn setting(script: &mut Script, providers: Option<&Providers>) -> Result<Setting, String> {
    let time = Time::new();
    let provider = providers.map(|make| make(script.seed, Arc::new(time.clone())));
    let mut hosts = false;
    if let Some(provider) = &provider {
        let shape = Shape::of(provider, &time)?;
        hosts = shape.host_settle_ms.is_some();
        script.host_settle_ms = shape.host_settle_ms.unwrap_or(script.host_settle_ms);
        script.routers = shape.routers;
    }
    Ok(Setting {
        time,
        provider,
        hosts,
    })
}

async fn conduct(world: &World) {
    for deed in &world.script().deeds {
        if matches!(deed.when, When::At(_)) {
            operators::begin(world, *deed);
        }
    }
    for doing in &world.script().story {
        tell(world, *doing).await;
    }
    heal(world).await;
}

/// One part of the story: begun anew after a death or a failure, as a CI job or a person would.
async fn tell(world: &World, doing: Doing) {
    const TRIES: u32 = 6;
    if let Doing::Wait(ms) = doing {
        return world.time().pass(ms).await;
    }
    let mut now = doing;
    for _ in 0..TRIES {
        match process(world, now).await {
            Err(_) | Ok(Said::LeaseLost | Said::StoreFailed | Said::Held) => {
                world.time().pass(world.script().again_after_ms).await;
                if !matches!(doing, Doing::Deploy(_) | Doing::DeployOver(_)) {
                    now = Doing::Resume;
                }
            }
            // Before anybody is called who can help, time goes by.
            Ok(Said::Report(None)) => return world.time().pass(world.script().again_after_ms).await,
            Ok(_) => return,
        }
    }
}

/// Nothing goes wrong any more: what is open is brought to its end, and the next release goes out.
async fn heal(world: &World) {
    world.calm();
    // What people have changed by hand is live then.
    world.time().pass(500).await;
    for attempt in 0..40 {
        let Some(phase) = open(world) else { break };
        let doing = match phase {
            Phase::Halted if attempt % 2 == 0 => Doing::Rollback,
            Phase::Halted => Doing::Resolve(mended(world)),
            _ => Doing::Resume,
        };
        let said = process(world, doing).await;
        if matches!(said, Err(_) | Ok(Said::Held | Said::LeaseLost)) {
            world.time().pass(1500).await;
        }
    }
    let live = mended(world);
    let recorded = world.state().stored.and_then(|stored| {
        Slot::BOTH
            .into_iter()
            .find(|slot| stored.role(*slot) == Role::Live)
    });
    if recorded.is_some_and(|recorded| recorded != live) {
        let _ = process(world, Doing::Adopt).await;
    }
    for _ in 0..20 {
        // Who was told to do something before the faults ended may still be at it.
        match process(world, Doing::DeployOver(LAST)).await {
            Err(_) | Ok(Said::Held | Said::LeaseLost | Said::Refused) => world.time().pass(1500).await,
            Ok(_) => break,
        }
    }
}

/// The phase of what is open.
fn open(world: &World) -> Option<Phase> {
    let run = world.state().stored?.run?;
    run.end.is_none().then_some(run.phase)
}

/// The slot that has all traffic. Where people have left the routers in disorder, or have given the
/// traffic to a slot in which nothing runs, they clear it up.
fn mended(world: &World) -> Slot {
    let splits = world.picture().splits;
    let first = splits.first().copied().unwrap_or(Split::all(Slot::Blue));
    let runs =
        |slot: Slot| world.state().readiness(world.script(), u64::MAX, slot).state == ReadyState::Ready;
    if let Some(live) = first.only()
        && splits.iter().all(|split| *split == first)
        && runs(live)
    {
        return live;
    }
    let origin = world
        .state()
        .stored
        .and_then(|stored| stored.run)
        .map(|run| run.origin);
    let live = origin
        .into_iter()
        .chain(Slot::BOTH)
        .find(|slot| runs(*slot))
        .unwrap_or(Slot::Blue);
    world.by_hand(None, live);
    live
}
