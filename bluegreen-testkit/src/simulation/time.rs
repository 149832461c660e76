//! Virtual time, and the tasks that live in it: one thread, one order, the same each time.
//!
//! Tasks are polled in the order in which they were born until none has anything to do; then the time
//! jumps to the next moment that somebody waits for. Nothing is left to a scheduler, and where nobody
//! waits for anything the world is stuck, which is told instead of hanging.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Clock, Monotonic, Timestamp};
use tokio::sync::oneshot;

use super::history::Actor;

/// The wall clock of every world begins here.
const WALL: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A clock and a place for tasks. A clone is the same.
#[derive(Clone)]
pub(crate) struct Time(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now_ms: u64,
    /// Moments that somebody waits for, with the place of who it is, and how often the place was used.
    timers: BinaryHeap<Reverse<(u64, u64, usize, u32)>>,
    sleepers: Vec<(u32, Option<Waker>)>,
    free: Vec<usize>,
    /// Orders timers of the same moment.
    sequence: u64,
    born: Vec<(Actor, Work)>,
    dead: Vec<Actor>,
    frozen: Vec<(Actor, u64)>,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    actor: Actor,
    future: Work,
    flag: Arc<Flag>,
}

/// Says that a task has something to do.
struct Flag {
    raised: AtomicBool,
    /// Who polls the world, where it is polled by a runtime.
    outer: Waker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raised.store(true, Ordering::Relaxed);
        self.outer.wake_by_ref();
    }
}

/// How the time of a world ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The main task has ended.
    Done,
    /// Nobody has anything to do, and nobody waits for a moment.
    Stuck,
    /// It goes on and on.
    Endless,
}

/// What a world may take at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) polls: u64,
    pub(crate) ms: u64,
}

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Time({} ms)", self.now_ms())
    }
}

impl Time {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.state().now_ms
    }

    /// Begins a task. What it returns can be waited for; nothing comes if it is killed.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        actor: Actor,
        future: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        self.detach(actor, async move {
            // Nobody may wait for it.
            let _ = answer.send(future.await);
        });
        answered
    }

    /// Begins a task that nobody waits for.
    pub(crate) fn detach(&self, actor: Actor, future: impl Future<Output = ()> + Send + 'static) {
        self.state().born.push((actor, Box::pin(future)));
    }

    /// Ends all tasks of somebody, in the middle of whatever they do.
    pub(crate) fn kill(&self, actor: Actor) {
        self.state().dead.push(actor);
    }

    /// Lets somebody do nothing for a while, as a process that is suspended.
    pub(crate) fn freeze(&self, actor: Actor, ms: u64) {
        let mut state = self.state();
        let until = state.now_ms.saturating_add(ms);
        state.frozen.push((actor, until));
    }

    pub(crate) async fn pass(&self, ms: u64) {
        Sleep {
            time: self.clone(),
            ms,
            place: None,
        }
        .await;
    }

    /// Runs everything until the first task has ended.
    ///
    /// With `processes` the time stands still while a real process of this thread is at work.
    pub(crate) fn run(&self, bounds: Bounds, processes: bool) -> Running {
        Running {
            time: self.clone(),
            bounds,
            processes,
            tasks: Vec::new(),
        }
    }
}

/// A world that runs. Ready at its first poll, unless it waits for real processes.
pub(crate) struct Running {
    time: Time,
    bounds: Bounds,
    processes: bool,
    tasks: Vec<Option<Task>>,
}

/// Whether a process that this thread has begun is not over, or nobody has heard of its end.
fn processes_run() -> bool {
    std::fs::read_to_string("/proc/thread-self/children").is_ok_and(|children| !children.trim().is_empty())
}

impl Future for Running {
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, outer: &mut Context<'_>) -> Poll<Ending> {
        loop {
            while self.round(outer) {
                if self.tasks.first().is_some_and(Option::is_none) {
                    return Poll::Ready(Ending::Done);
                }
                if self.bounds.polls == 0 {
                    return Poll::Ready(Ending::Endless);
                }
            }
            if self.processes && processes_run() {
                // Whoever waited for it may be dead, and then nobody is woken by its end: look again.
                std::thread::park_timeout(Duration::from_millis(1));
                outer.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut state = self.time.state();
            if !state.advance() {
                return Poll::Ready(Ending::Stuck);
            }
            if state.now_ms > self.bounds.ms {
                return Poll::Ready(Ending::Endless);
            }
        }
    }
}

impl Running {
    /// Polls everybody who has something to do, once; `false` where nobody has.
    fn round(&mut self, outer: &Context<'_>) -> bool {
        let mut busy = false;
        let mut index = 0;
        loop {
            self.take_in(outer);
            let Some(place) = self.tasks.get_mut(index) else {
                break;
            };
            index += 1;
            let Some(task) = place else { continue };
            if !task.flag.raised.load(Ordering::Relaxed) || self.time.is_frozen(task.actor) {
                continue;
            }
            task.flag.raised.store(false, Ordering::Relaxed);
            self.bounds.polls = self.bounds.polls.saturating_sub(1);
            busy = true;
            let waker = Waker::from(Arc::clone(&task.flag));
            if task
                .future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                *place = None;
            }
            self.bury();
        }
        busy
    }

    fn take_in(&mut self, outer: &Context<'_>) {
        let mut state = self.time.state();
        if state.born.is_empty() {
            return;
        }
        for (actor, future) in std::mem::take(&mut state.born) {
            let flag = Arc::new(Flag {
                raised: AtomicBool::new(true),
                outer: outer.waker().clone(),
            });
            let task = Task { actor, future, flag };
            match self.tasks.iter_mut().skip(1).find(|place| place.is_none()) {
                Some(place) => *place = Some(task),
                None => self.tasks.push(Some(task)),
            }
        }
    }

    fn bury(&mut self) {
        let dead = {
            let mut state = self.time.state();
            if state.dead.is_empty() {
                return;
            }
            std::mem::take(&mut state.dead)
        };
        for place in &mut self.tasks {
            if place.as_ref().is_some_and(|task| dead.contains(&task.actor)) {
                *place = None;
            }
        }
    }
}

impl Time {
    /// Whether somebody is suspended.
    pub(crate) fn is_frozen(&self, actor: Actor) -> bool {
        let state = self.state();
        let now = state.now_ms;
        state
            .frozen
            .iter()
            .any(|(who, until)| *who == actor && *until > now)
    }
}

impl State {
    /// Jumps to the next moment that somebody waits for; `false` where there is none.
    fn advance(&mut self) -> bool {
        let mut woke = false;
        let thaw = self
            .frozen
            .iter()
            .map(|(_, until)| *until)
            .filter(|until| *until > self.now_ms)
            .min();
        while let Some(Reverse((at, _, place, generation))) = self.timers.peek().copied() {
            if woke && at > self.now_ms || !woke && thaw.is_some_and(|thaw| thaw < at) {
                break;
            }
            self.timers.pop();
            if let Some((current, waker)) = self.sleepers.get_mut(place)
                && *current == generation
                && let Some(waker) = waker.take()
            {
                self.now_ms = self.now_ms.max(at);
                woke = true;
                waker.wake();
            }
        }
        if let (false, Some(thaw)) = (woke, thaw) {
            self.now_ms = thaw;
            woke = true;
        }
        woke
    }
}

/// A wait. Dropped, it is forgotten: the time does not go there for its sake.
struct Sleep {
    time: Time,
    ms: u64,
    /// The moment, and the place in the list with its generation.
    place: Option<(u64, usize, u32)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.time.state();
        let waker = context.waker();
        if let Some((until, place, _)) = this.place {
            if state.now_ms >= until {
                return Poll::Ready(());
            }
            if let Some((_, kept)) = state.sleepers.get_mut(place)
                && !kept.as_ref().is_some_and(|kept| kept.will_wake(waker))
            {
                *kept = Some(waker.clone());
            }
            return Poll::Pending;
        }
        let until = state.now_ms.saturating_add(this.ms);
        let place = state.free.pop().unwrap_or_else(|| {
            state.sleepers.push((0, None));
            state.sleepers.len() - 1
        });
        let mut generation = 0;
        if let Some(sleeper) = state.sleepers.get_mut(place) {
            generation = sleeper.0;
            sleeper.1 = Some(waker.clone());
        }
        state.sequence += 1;
        let sequence = state.sequence;
        state.timers.push(Reverse((until, sequence, place, generation)));
        this.place = Some((until, place, generation));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((_, place, generation)) = self.place {
            let mut state = self.time.state();
            if let Some(sleeper) = state.sleepers.get_mut(place) {
                *sleeper = (generation.wrapping_add(1), None);
            }
            state.free.push(place);
        }
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        WALL.plus(Duration::from_millis(self.now_ms()))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(Duration::from_millis(self.now_ms()))
    }

    async fn sleep(&self, span: Duration) {
        // Counted in whole milliseconds, as timers are: never less than was asked for.
        let ms = span.as_nanos().div_ceil(1_000_000);
        self.pass(u64::try_from(ms).unwrap_or(u64::MAX)).await;
    }
}
