//! Scripts drawn from a seed.

#![expect(
    clippy::indexing_slicing,
    reason = "each place is drawn below the length of its list"
)]

use std::sync::Arc;

use bluegreen_core::{Outcome, Phase, Slot};
use fastrand::Rng;

use super::plans::{self, WARM};
use super::provider::{Providers, Shape};
use super::script::{Call, Deed, Doing, MetricData, Mishap, Quality, Script, Site, When};
use super::time::Time;

/// The world of a seed.
pub(crate) fn draw(seed: u64) -> Script {
    let mut random = Rng::with_seed(seed);
    let random = &mut random;
    let plan = if random.u16(0..20_000) == 0 {
        WARM + random.usize(0..2)
    } else {
        random.usize(0..WARM)
    };
    let mut script = Script::quiet(seed, plan);
    script.qualities = vec![
        seldom_bad(random, 40),
        seldom_bad(random, 2),
        seldom_bad(random, 4),
    ];
    script.story = story(random, script.features().keep_ms);
    for _ in 0..[0, 1, 1, 2, 2, 3, 4, 6][random.usize(0..8)] {
        let mishap = mishap(random);
        script.mishaps.push(mishap);
    }
    for _ in 0..[0, 0, 0, 1, 1, 2, 3][random.usize(0..7)] {
        let deed = deed(random, script.routers.len());
        script.deeds.push(deed);
    }
    if script.features().approval.is_some() && random.u8(0..3) > 0 {
        let after = random.u64(0..6000);
        script.deeds.push(Deed {
            when: When::Phase(Phase::Approval, after),
            doing: Doing::Approve,
        });
    }
    // An adoption takes what a router says for the truth: it must not be a stale copy.
    if script.story.contains(&Doing::Adopt) {
        script.mishaps.retain(|(_, mishap)| *mishap != Mishap::Stale);
    }
    script
}

/// The world of a seed with a provider: what goes wrong with routers and hosts goes wrong with their requests.
pub(crate) fn with_provider(seed: u64, providers: &Providers) -> Result<Script, String> {
    let time = Time::new();
    let shape = Shape::of(&providers(seed, Arc::new(time.clone())), &time)?;
    let mut script = draw(seed);
    let random = &mut Rng::with_seed(seed.rotate_left(32));
    // There is one that fits: all at once.
    for _ in 0..1_000 {
        script.plan = random.usize(0..WARM);
        if shape.fits(&*plans::plan(script.plan)?) {
            break;
        }
    }
    let is_provided = |call: Call| {
        let router = matches!(
            call,
            Call::Observe | Call::Stage | Call::Shift | Call::Verify | Call::InFlight
        );
        let host = matches!(
            call,
            Call::Deploy | Call::Readiness | Call::Standby | Call::Retire
        );
        router || host && shape.host_settle_ms.is_some()
    };
    script.mishaps.retain(|(site, _)| !is_provided(site.call));
    for _ in 0..[0, 1, 1, 2, 3, 4, 6, 9][random.usize(0..8)] {
        script.mishaps.push(request_mishap(random));
    }
    script.story = story(random, script.features().keep_ms);
    let routers = u64::try_from(shape.routers.len()).unwrap_or(1).max(1);
    for deed in &mut script.deeds {
        if let Doing::ByHand(Some(router), _) = &mut deed.doing {
            *router = u8::try_from(u64::from(*router) % routers).unwrap_or(0);
        }
    }
    Ok(script)
}

/// What goes wrong with a request of a provider's plugin.
fn request_mishap(random: &mut Rng) -> (Site, Mishap) {
    let (call, most) = [(Call::Read, 60), (Call::Change, 5), (Call::Change, 12)][random.usize(0..3)];
    let nth = 1 + random.u16(0..most);
    let ms = [0, 1, 300, 1200, 2500][random.usize(0..5)];
    let late = [0, 10, 400, 1500, 5000, 15_000][random.usize(0..6)];
    let mishap = match random.u8(0..24) {
        0 => Mishap::Refuse,
        1..=2 => Mishap::Throttle(ms),
        3 => Mishap::Unreachable,
        4 => Mishap::LoseRequest,
        5..=6 => Mishap::LoseAnswer,
        7..=9 => Mishap::LandLate(late),
        10 => Mishap::Delay(ms),
        11..=12 => Mishap::Hang(late),
        13 => Mishap::Vanish,
        14..=16 => Mishap::CrashBefore,
        17..=19 => Mishap::CrashAfter,
        20 => Mishap::FailBefore,
        21 => Mishap::FailAfter,
        _ if call == Call::Change => Mishap::Spoil,
        _ => Mishap::FailBefore,
    };
    (Site { call, nth }, mishap)
}

fn story(random: &mut Rng, keep_ms: u64) -> Vec<Doing> {
    use Doing::{Adopt, Contract, Deploy, DeployOver, GiveUp, Retire, Rollback, Wait};
    match random.u8(0..24) {
        0..=13 => vec![Deploy(1)],
        14 => vec![Deploy(1), Rollback],
        15 => vec![Deploy(1), Wait(keep_ms + 1000), Retire],
        16 => vec![Deploy(1), GiveUp, Contract],
        17 => vec![Deploy(1), DeployOver(2)],
        18 => vec![Deploy(1), Wait(keep_ms + 1000), Deploy(2)],
        19 => vec![Adopt, Deploy(1)],
        20 => vec![Deploy(1), Retire, Rollback],
        21 => vec![Deploy(1), Contract, Rollback],
        22 => vec![Deploy(1), Deploy(2)],
        _ => vec![Deploy(1), GiveUp, Rollback],
    }
}

fn seldom_bad(random: &mut Rng, good: u8) -> Quality {
    let mut quality = Quality::GOOD;
    if random.u8(0..=good) > 0 {
        return quality;
    }
    match random.u8(0..9) {
        0 => quality.boots = false,
        1 => quality.instances = 1,
        2 => quality.healthy = false,
        3 => quality.smoke = false,
        4 | 5 => quality.errors_from = Some([1, 2500, 5000, 10_000][random.usize(0..4)]),
        6 => quality.public = false,
        7 => quality.step = false,
        _ => quality.metric = [MetricData::Bad, MetricData::Missing][random.usize(0..2)],
    }
    quality
}

pub(crate) fn phase(random: &mut Rng) -> Phase {
    Phase::ALL
        .get(random.usize(0..Phase::ALL.len()))
        .copied()
        .unwrap_or(Phase::Bake)
}

fn deed(random: &mut Rng, routers: usize) -> Deed {
    let when = if random.u8(0..8) == 0 {
        When::At(random.u64(0..20_000))
    } else {
        When::Phase(phase(random), [0, 0, 1, 200, 1500, 3000][random.usize(0..6)])
    };
    let slot = if random.bool() { Slot::Blue } else { Slot::Green };
    let router = u8::try_from(random.usize(0..routers)).unwrap_or(0);
    let doing = match random.u8(0..21) {
        0..=3 => Doing::Abort,
        4..=5 => Doing::Rollback,
        6 => Doing::Deploy(1),
        7 => Doing::Deploy(2),
        8 => Doing::Resume,
        9 => Doing::ByHand(random.bool().then_some(router), slot),
        10..=11 => Doing::Sicken(slot, [500, 4000, 60_000][random.usize(0..3)]),
        12..=13 => Doing::Kill,
        14..=15 => Doing::Freeze([1000, 5000, 9000, 20_000][random.usize(0..4)]),
        16 => Doing::Resolve(slot),
        17 => Doing::Approve,
        18 => Doing::GiveUp,
        19 => Doing::Contract,
        _ => Doing::DeployOver(2),
    };
    Deed { when, doing }
}

/// How often the call of a kind is made in a deployment, about.
const fn usual(call: Call) -> u16 {
    match call {
        Call::Load | Call::Store => 24,
        Call::Gate | Call::Readiness | Call::Observe => 14,
        Call::Verify | Call::Shift | Call::Stage => 8,
        Call::Metric | Call::Ask | Call::Notify => 4,
        _ => 2,
    }
}

const CALLS: [Call; 30] = [
    Call::Shift,
    Call::Shift,
    Call::Shift,
    Call::Shift,
    Call::Store,
    Call::Store,
    Call::Store,
    Call::Store,
    Call::Store,
    Call::Load,
    Call::Stage,
    Call::Verify,
    Call::Verify,
    Call::Observe,
    Call::Deploy,
    Call::Readiness,
    Call::Migrate,
    Call::Quiesce,
    Call::StartWorkers,
    Call::Depth,
    Call::Gate,
    Call::Gate,
    Call::Gate,
    Call::Metric,
    Call::Retire,
    Call::Standby,
    Call::InFlight,
    Call::Notify,
    Call::Hook,
    Call::PutNew,
];

fn mishap(random: &mut Rng) -> (Site, Mishap) {
    let call = match random.u8(0..40) {
        0 => Call::Get,
        1 => Call::List,
        2 => Call::Ask,
        _ => CALLS[random.usize(0..CALLS.len())],
    };
    let nth = 1 + random.u16(0..usual(call));
    let ms = [0, 1, 300, 1200, 2500][random.usize(0..5)];
    let late = [0, 10, 400, 1500, 5000, 15_000][random.usize(0..6)];
    let mishap = match random.u8(0..24) {
        0 => Mishap::Refuse,
        1..=2 => Mishap::Throttle(ms),
        3 => Mishap::Unreachable,
        4 => Mishap::LoseRequest,
        5..=6 => Mishap::LoseAnswer,
        7..=8 => Mishap::LandLate(late),
        9..=10 => Mishap::Delay(ms),
        // A store ends its own calls: it is given no budget.
        11..=12 if call.is_store() => Mishap::LandLate(late),
        11 => Mishap::Hang(late),
        12 => Mishap::Vanish,
        13..=16 => Mishap::CrashBefore,
        17..=20 => Mishap::CrashAfter,
        _ => match call {
            Call::Gate | Call::Metric => Mishap::Say(if random.bool() {
                Outcome::Fail
            } else {
                Outcome::Inconclusive
            }),
            Call::Store => Mishap::Conflict,
            Call::Observe | Call::Verify | Call::Readiness => Mishap::Stale,
            _ => Mishap::LandLate(late),
        },
    };
    (Site { call, nth }, mishap)
}
