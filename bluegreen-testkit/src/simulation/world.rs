//! What is around the deployers: routers, a host, workers, a database, a store, all in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bluegreen_core::{
    Fault, InFlight, MigrationPhase, Outcome, Phase, Plan, Readiness, ReadyState, Share, Slot, Split,
    StoreError, StoreVersion, Token,
};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::history::{Act, Actor, Fact, Picture, WORLD, What};
use super::operators;
use super::plans;
use super::provider::Provider;
use super::script::{Call, Deed, MetricData, Mishap, Quality, RouterShape, Script, Site, When};
use super::stored::Stored;
use super::time::Time;

/// One world. A clone is the same.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    time: Time,
    script: Script,
    plan: Arc<Plan>,
    provider: Option<Arc<dyn Provider>>,
    state: Mutex<State>,
}

/// Where a world is: its time, and the provider that its routers are of.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) time: Time,
    pub(crate) provider: Option<Arc<dyn Provider>>,
    /// Whether the host is the provider's too.
    pub(crate) hosts: bool,
}

/// Everything that changes.
pub(crate) struct State {
    /// Of routers that are a provider's, what they were last seen to hold.
    pub(crate) routers: Vec<RouterState>,
    provider: Option<Arc<dyn Provider>>,
    /// Whether the host is the provider's too.
    provider_hosts: bool,
    hosted: [Hosted; 2],
    pub(crate) claiming: [bool; 2],
    migrations: Vec<(MigrationPhase, u32)>,
    record: Option<(u64, Bytes)>,
    /// What the record says.
    pub(crate) stored: Option<Stored>,
    /// When its holder last wrote it.
    renewed_ms: u64,
    /// Calls that nobody answers, with who follows them.
    followed: Vec<(u32, Actor, oneshot::Sender<()>)>,
    follows: u32,
    pub(crate) objects: BTreeMap<String, Bytes>,
    writes: u64,
    sick: [bool; 2],
    /// Whether anything may still go wrong.
    pub(crate) faults: bool,
    counts: [u16; Call::ALL.len()],
    /// The counts when the faults ended.
    pub(crate) counted: Vec<u16>,
    pub(crate) facts: Vec<Fact>,
    /// Of every body, where it is asked for.
    pub(crate) digest: Option<std::hash::DefaultHasher>,
    reached: u64,
    /// Deeds that wait for a phase.
    waiting: Vec<Deed>,
    /// So many processes there were.
    pub(crate) actors: Actor,
    pub(crate) alive: Vec<Actor>,
}

/// A router.
pub(crate) struct RouterState {
    shape: RouterShape,
    /// The splits that were accepted, with when; the last one is held.
    accepted: Vec<(u64, Split)>,
    staged: [bool; 2],
    newest: Token,
}

/// What runs in a slot.
#[derive(Debug, Clone, Copy, Default)]
struct Hosted {
    release: Option<u32>,
    deployment: u64,
    ready_at: u64,
    standby: bool,
}

const fn of<T>(pair: &[T; 2], slot: Slot) -> &T {
    let [blue, green] = pair;
    match slot {
        Slot::Blue => blue,
        Slot::Green => green,
    }
}

fn at<T>(pair: &mut [T; 2], slot: Slot) -> &mut T {
    let [blue, green] = pair;
    match slot {
        Slot::Blue => blue,
        Slot::Green => green,
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World({})", self.0.script.seed)
    }
}

impl World {
    pub(crate) fn new(script: Script, plan: Arc<Plan>, setting: Setting) -> Self {
        let live = Hosted {
            release: Some(0),
            ..Hosted::default()
        };
        let routers = script
            .routers
            .iter()
            .map(|shape| RouterState {
                shape: *shape,
                accepted: vec![(0, Split::all(Slot::Blue))],
                staged: [true, false],
                newest: Token::default(),
            })
            .collect();
        let phase_deeds = |deed: &&Deed| matches!(deed.when, When::Phase(..));
        let Setting {
            time,
            provider,
            hosts,
        } = setting;
        let state = State {
            routers,
            provider: provider.clone(),
            provider_hosts: hosts,
            hosted: [live, Hosted::default()],
            claiming: [true, false],
            migrations: Vec::new(),
            record: None,
            stored: None,
            renewed_ms: 0,
            followed: Vec::new(),
            follows: 0,
            objects: BTreeMap::new(),
            writes: 0,
            sick: [false; 2],
            faults: true,
            counts: [0; Call::ALL.len()],
            counted: Vec::new(),
            facts: Vec::with_capacity(160),
            digest: None,
            reached: 0,
            waiting: script.deeds.iter().filter(phase_deeds).copied().collect(),
            actors: WORLD,
            alive: Vec::new(),
        };
        Self(Arc::new(Inner {
            time,
            script,
            plan,
            provider,
            state: Mutex::new(state),
        }))
    }

    pub(crate) fn time(&self) -> &Time {
        &self.0.time
    }

    pub(crate) fn script(&self) -> &Script {
        &self.0.script
    }

    pub(crate) fn provider(&self) -> Option<&Arc<dyn Provider>> {
        self.0.provider.as_ref()
    }

    /// Whether a release starts.
    pub(crate) fn boots(&self, release: u32) -> bool {
        let quality = self.0.script.qualities.get(release as usize);
        !self.state().faults || quality.is_none_or(|quality| quality.boots)
    }

    /// A request of a changing call was carried out by the provider: what has come of it.
    pub(crate) fn arrived(&self, by: Actor, act: Act, token: Token) {
        let Some(provider) = &self.0.provider else { return };
        let at_ms = self.0.time.now_ms();
        let mut state = self.state();
        let State { routers, facts, .. } = &mut *state;
        let mut note = |what| facts.push(Fact { at_ms, by, what });
        if !matches!(act, Act::Shift { .. }) {
            note(What::Landed(act, token));
        }
        for (index, router) in (0u8..).zip(routers) {
            let Some(split) = provider.held(index) else {
                continue;
            };
            match act {
                Act::Shift { router: told, .. } if told == index => {
                    note(What::Landed(Act::Shift { router: told, split }, token));
                }
                _ if split == router.held() => continue,
                _ => note(What::Wrong("what is no shift of a router has changed its split")),
            }
            if split != router.held() {
                router.accept(at_ms, split);
            }
        }
        if let Some(what) = provider.harm() {
            note(What::Wrong(what));
        }
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.0.plan
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what happened.
    pub(crate) fn note(&self, by: Actor, what: What) {
        let at_ms = self.0.time.now_ms();
        self.state().facts.push(Fact { at_ms, by, what });
    }

    /// A call of a kind is made: what goes wrong with it, if anything does.
    pub(crate) fn met(&self, by: Actor, call: Call) -> Option<Mishap> {
        let mut state = self.state();
        if !state.alive.contains(&by) {
            // It has died while it was polled, and is polled to the end of its turn.
            return Some(Mishap::Vanish);
        }
        let count = state.counts.get_mut(call as usize)?;
        *count = count.saturating_add(1);
        let site = Site { call, nth: *count };
        if !state.faults {
            return None;
        }
        let (_, mishap) = self.0.script.mishaps.iter().find(|(at, _)| *at == site)?;
        let fact = Fact {
            at_ms: self.0.time.now_ms(),
            by,
            what: What::Mishap(site, *mishap),
        };
        state.facts.push(fact);
        Some(*mishap)
    }

    /// Something is written or said: no secret of a plan may stand in it. Only plans that warm up have one.
    pub(crate) fn seen(&self, by: Actor, place: &'static str, text: &[u8]) {
        if self.has_secrets() && memchr::memmem::find(text, plans::SECRET.as_bytes()).is_some() {
            self.note(by, What::Leaked(place));
        }
    }

    pub(crate) fn is_alive(&self, actor: Actor) -> bool {
        self.state().alive.contains(&actor)
    }

    pub(crate) fn has_secrets(&self) -> bool {
        self.0.script.plan >= plans::WARM
    }

    /// A process dies at once.
    pub(crate) fn die(&self, actor: Actor) {
        self.state().alive.retain(|other| *other != actor);
        self.note(actor, What::Died);
        self.0.time.kill(actor);
    }

    /// A process is suspended.
    ///
    /// What it waits for goes on as if it were there, until its lease is over. Nobody follows a call from
    /// then on: it is as good as given up.
    pub(crate) fn freeze(&self, actor: Actor, ms: u64) {
        self.note(actor, What::Froze(ms));
        self.0.time.freeze(actor, ms);
        if self.state().followed.is_empty() {
            return;
        }
        let (world, time) = (self.clone(), self.0.time.clone());
        let ttl_ms = u64::try_from(self.0.plan.lease.ttl.as_millis()).unwrap_or(u64::MAX);
        self.0.time.detach(WORLD, async move {
            loop {
                // A write that was under way may renew it still.
                let over_ms = world.state().renewed_ms.saturating_add(ttl_ms);
                let left_ms = over_ms.saturating_sub(time.now_ms());
                if !time.is_frozen(actor) {
                    return;
                }
                if left_ms == 0 {
                    world.state().followed.retain(|(_, by, _)| *by != actor);
                    return;
                }
                time.pass(left_ms).await;
            }
        });
    }

    /// Somebody follows a call that nobody answers, until what is returned first is dropped.
    pub(super) fn follow(&self, actor: Actor) -> (Followed, oneshot::Receiver<()>) {
        let (follower, abandoned) = oneshot::channel();
        let mut state = self.state();
        state.follows += 1;
        let number = state.follows;
        state.followed.push((number, actor, follower));
        let world = self.clone();
        (Followed { world, number }, abandoned)
    }

    /// Somebody changes a router by hand, or all of them.
    pub(crate) fn by_hand(&self, router: Option<u8>, slot: Slot) {
        let now = self.0.time.now_ms();
        let split = Split::all(slot);
        let mut state = self.state();
        let State { routers, facts, .. } = &mut *state;
        for (index, state) in (0u8..).zip(routers) {
            if router.is_none_or(|router| router == index) {
                let provider = self.0.provider.as_ref();
                if provider.is_some_and(|provider| !provider.by_hand(index, slot)) {
                    continue;
                }
                state.accept(now, split);
                let what = What::ByHand { router: index, split };
                facts.push(Fact {
                    at_ms: now,
                    by: WORLD,
                    what,
                });
            }
        }
    }

    /// A slot gets sick, or well.
    pub(crate) fn sicken(&self, slot: Slot, sick: bool) {
        *at(&mut self.state().sick, slot) = sick;
        self.note(WORLD, What::Sick(slot, sick));
    }

    /// From here on nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        let mut state = self.state();
        state.faults = false;
        state.counted = state.counts.to_vec();
        state.sick = [false; 2];
        state.waiting.clear();
        drop(state);
        self.note(WORLD, What::FaultsOff);
    }

    pub(crate) fn picture(&self) -> Picture {
        let now = self.0.time.now_ms();
        let state = self.state();
        Picture {
            splits: state.live(now).collect(),
            releases: Slot::BOTH.map(|slot| state.running(slot)),
            claiming: state.claiming,
            migrations: state.migrations.clone(),
            digest: state.digest.as_ref().map_or(0, Hasher::finish),
        }
    }

    /// A phase is reached: for the first time, what was to happen then begins.
    pub(crate) fn reached(&self, phase: Phase) {
        let mut state = self.state();
        if state.waiting.is_empty() || state.reached & (1 << phase as u32) != 0 {
            return;
        }
        state.reached |= 1 << phase as u32;
        let due = |deed: &Deed| matches!(deed.when, When::Phase(at, _) if at == phase);
        let deeds: Vec<_> = state.waiting.iter().filter(|deed| due(deed)).copied().collect();
        drop(state);
        for deed in deeds {
            operators::begin(self, deed);
        }
    }

    /// Writes the record, as a store does that compares versions.
    pub(crate) fn store(
        &self,
        by: Actor,
        key: &str,
        expected: Option<&StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        let at_ms = self.0.time.now_ms();
        self.seen(by, "the record", &body);
        let mut state = self.state();
        let current = state.record.as_ref().map(|(version, _)| version.to_string());
        if current.as_deref() != expected.map(|version| version.0.as_str()) {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        state.writes += 1;
        let version = state.writes;
        if let Some(digest) = &mut state.digest {
            digest.write(&body);
        }
        let stored = Stored::read(&body);
        if let Some(stored) = stored {
            state.stored = Some(stored);
            if stored.holder == Some(by) {
                state.renewed_ms = at_ms;
            }
            state.facts.push(Fact {
                at_ms,
                by,
                what: What::Stored(stored),
            });
        }
        state.record = Some((version, body));
        let phase = stored
            .and_then(|stored| stored.run)
            .map_or(Phase::Ended, |run| run.phase);
        drop(state);
        self.reached(phase);
        Ok(StoreVersion(version.to_string()))
    }
}

/// A call that nobody answers, while somebody follows it.
pub(super) struct Followed {
    world: World,
    number: u32,
}

impl Drop for Followed {
    fn drop(&mut self) {
        let number = self.number;
        self.world.state().followed.retain(|(other, ..)| *other != number);
    }
}

impl RouterState {
    fn accept(&mut self, now: u64, split: Split) {
        for slot in Slot::BOTH {
            if split.share(slot) > Share::NONE {
                *at(&mut self.staged, slot) = true;
            }
        }
        self.accepted.push((now, split));
    }

    pub(crate) fn held(&self) -> Split {
        self.accepted
            .last()
            .map_or(Split::all(Slot::Blue), |(_, split)| *split)
    }

    /// What was held before the last change.
    pub(crate) fn held_before(&self) -> Split {
        self.accepted
            .iter()
            .rev()
            .nth(1)
            .map_or(self.held(), |(_, split)| *split)
    }

    /// By which split new requests are divided now.
    pub(crate) fn live(&self, now: u64) -> Split {
        let mut since = self.accepted.iter().rev();
        let live = since.find(|(at, _)| now >= at + self.shape.lag_ms);
        live.or(self.accepted.first())
            .map_or(self.held(), |(_, split)| *split)
    }

    pub(crate) fn in_flight(&self, now: u64, slot: Slot) -> InFlight {
        let had_traffic = self
            .accepted
            .iter()
            .rev()
            .any(|(at, split)| split.share(slot) > Share::NONE && *at <= now);
        let lost_at = self
            .accepted
            .iter()
            .rev()
            .take_while(|(_, split)| split.share(slot) == Share::NONE);
        let lost_at = lost_at.last().map_or(u64::MAX, |(at, _)| *at);
        let lingers = had_traffic && now < lost_at.saturating_add(self.shape.lag_ms + self.shape.linger_ms);
        match (lingers, self.shape.counts_in_flight) {
            (_, false) => InFlight::Unknown,
            (true, true) => InFlight::AtLeast(2),
            (false, true) => InFlight::None,
        }
    }

    fn fence(&mut self, token: Token, operation: &'static str) -> Result<(), Fault> {
        if self.shape.fenced && token < self.newest {
            let message = format!("token {token} is older than {}", self.newest);
            return Err(Fault::fenced("router", operation, message));
        }
        self.newest = self.newest.max(token);
        Ok(())
    }

    fn stage(&mut self, token: Token, slot: Slot) -> Result<(), Fault> {
        self.fence(token, "stage")?;
        *at(&mut self.staged, slot) = true;
        Ok(())
    }

    fn shift(&mut self, token: Token, now: u64, split: Split) -> Result<(), Fault> {
        let unready = Slot::BOTH
            .into_iter()
            .find(|slot| split.share(*slot) > Share::NONE && !*at(&mut self.staged, *slot));
        if let Some(slot) = unready {
            return Err(Fault::rejected(
                "router",
                "shift",
                format!("{slot} was not staged"),
            ));
        }
        self.fence(token, "shift")?;
        self.accept(now, split);
        Ok(())
    }
}

impl State {
    /// A changing call takes effect.
    pub(crate) fn land(
        &mut self,
        by: Actor,
        now: u64,
        act: Act,
        token: Token,
        deployment: u64,
    ) -> Result<(), Fault> {
        let landed = match act {
            Act::Stage { router, slot } => self.router(router, |state| state.stage(token, slot)),
            Act::Shift { router, split } => self.router(router, |state| state.shift(token, now, split)),
            Act::Deploy { slot, release } => {
                let hosted = at(&mut self.hosted, slot);
                if hosted.deployment != deployment || hosted.release.is_none() {
                    *hosted = Hosted {
                        release: Some(release),
                        deployment,
                        ready_at: now + 300,
                        standby: false,
                    };
                }
                Ok(())
            }
            Act::Standby(slot) => {
                at(&mut self.hosted, slot).standby = true;
                Ok(())
            }
            Act::Retire(slot) => {
                *at(&mut self.hosted, slot) = Hosted::default();
                Ok(())
            }
            Act::Migrate { phase, release } => {
                if !self.migrations.contains(&(phase, release)) {
                    self.migrations.push((phase, release));
                }
                Ok(())
            }
            Act::Quiesce(slot) => {
                *at(&mut self.claiming, slot) = false;
                Ok(())
            }
            Act::StartWorkers(slot) => {
                *at(&mut self.claiming, slot) = true;
                Ok(())
            }
        };
        let what = if landed.is_ok() {
            What::Landed(act, token)
        } else {
            What::Bounced(act, token)
        };
        self.facts.push(Fact { at_ms: now, by, what });
        landed
    }

    fn router<T>(
        &mut self,
        index: u8,
        change: impl FnOnce(&mut RouterState) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match self.routers.get_mut(usize::from(index)) {
            Some(router) => change(router),
            None => Err(Fault::rejected("router", "find", "there is no such router")),
        }
    }

    pub(crate) fn record(&self) -> Option<(u64, Bytes)> {
        self.record.clone()
    }

    /// By which splits new requests are divided now.
    fn live(&self, now: u64) -> impl Iterator<Item = Split> {
        let seen = (0u8..).zip(&self.routers);
        seen.map(move |(index, router)| match &self.provider {
            None => router.live(now),
            Some(provider) => provider
                .live(index)
                .or_else(|| provider.held(index))
                .unwrap_or(router.held()),
        })
    }

    /// The release that runs in a slot.
    fn running(&self, slot: Slot) -> Option<u32> {
        match &self.provider {
            Some(provider) if self.provider_hosts => provider.running(slot)?.get(1..)?.parse().ok(),
            _ => of(&self.hosted, slot).release,
        }
    }

    fn quality(&self, script: &Script, slot: Slot) -> Option<Quality> {
        let release = self.running(slot)?;
        let quality = script
            .qualities
            .get(release as usize)
            .copied()
            .unwrap_or(Quality::GOOD);
        Some(if self.faults { quality } else { Quality::GOOD })
    }

    pub(crate) fn readiness(&self, script: &Script, now: u64, slot: Slot) -> Readiness {
        let hosted = of(&self.hosted, slot);
        match self.quality(script, slot) {
            None => Readiness::new(ReadyState::Stopped, "nothing runs there"),
            Some(quality) if !quality.boots => Readiness::new(ReadyState::Failed, "it does not start"),
            Some(_) if now < hosted.ready_at => Readiness::new(ReadyState::Starting, "it starts"),
            Some(quality) => {
                let instances = if hosted.standby { 1 } else { quality.instances };
                Readiness::new(ReadyState::Ready, "it runs").instances(instances)
            }
        }
    }

    /// What a gate would truly find.
    pub(crate) fn judge(&self, script: &Script, now: u64, gate: &str, slot: Slot) -> Outcome {
        let Some(quality) = self.quality(script, slot) else {
            return Outcome::Fail;
        };
        let runs = quality.boots && now >= of(&self.hosted, slot).ready_at;
        let well = runs && !*of(&self.sick, slot);
        let share = self.live(now).map(|live| live.share(slot).basis_points()).max();
        let good = match gate {
            "up" => well && quality.healthy,
            "login" => runs && quality.smoke,
            "errors" => well && quality.errors_from.is_none_or(|from| share.unwrap_or(0) < from),
            "front" => well && quality.public,
            "step" => runs && quality.step,
            _ => runs,
        };
        if good { Outcome::Pass } else { Outcome::Fail }
    }

    pub(crate) fn metric(&self, script: &Script, slot: Slot) -> Option<f64> {
        match self.quality(script, slot)?.metric {
            MetricData::Good => Some(0.1),
            MetricData::Bad => Some(0.9),
            MetricData::Missing => None,
        }
    }
}
