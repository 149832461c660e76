//! The rules of other tools, as their documentation and sources have them.

use crate::mann_whitney;
use crate::world::{Second, Slot};

/// Something that is told what happened and says when it would roll back.
pub(crate) trait Rule {
    fn rolls_back(&mut self, second: Second) -> bool;
}

/// Sums over a minute.
#[derive(Default)]
struct Minute {
    second: u32,
    sum: Second,
}

impl Minute {
    fn add(&mut self, second: Second) -> Option<Second> {
        self.second += 1;
        add(&mut self.sum.candidate, second.candidate);
        add(&mut self.sum.live, second.live);
        self.second
            .is_multiple_of(60)
            .then(|| std::mem::take(&mut self.sum))
    }
}

fn add(sum: &mut Slot, more: Slot) {
    sum.requests += more.requests;
    sum.errors += more.errors;
}

fn share(slot: Slot) -> Option<f64> {
    (slot.requests > 0.0).then(|| slot.errors / slot.requests)
}

/// Flagger: a check a minute, success rate at least 99 %; five failed checks in all roll back (`threshold: 5`),
/// and no data is a failed check.
#[derive(Default)]
pub(crate) struct Flagger {
    minute: Minute,
    failed: u32,
}

impl Rule for Flagger {
    fn rolls_back(&mut self, second: Second) -> bool {
        if let Some(minute) = self.minute.add(second) {
            let good = share(minute.candidate).is_some_and(|share| share <= 0.01);
            self.failed += u32::from(!good);
        }
        self.failed >= 5
    }
}

/// Argo Rollouts: a measurement a minute with the same condition; the first that fails aborts
/// (`failureLimit: 0`, the default). A minute without requests gives NaN, which is an error and counted apart.
#[derive(Default)]
pub(crate) struct Argo {
    minute: Minute,
    failed: bool,
}

impl Rule for Argo {
    fn rolls_back(&mut self, second: Second) -> bool {
        if let Some(minute) = self.minute.add(second) {
            self.failed |= share(minute.candidate).is_some_and(|share| share > 0.01);
        }
        self.failed
    }
}

/// "Twice the normal": a minute in which the candidate's share of errors is above twice live's.
#[derive(Default)]
pub(crate) struct Twice {
    minute: Minute,
    failed: bool,
}

impl Rule for Twice {
    fn rolls_back(&mut self, second: Second) -> bool {
        if let Some(minute) = self.minute.add(second)
            && let (Some(candidate), Some(live)) = (share(minute.candidate), share(minute.live))
        {
            self.failed |= candidate > 2.0 * live;
        }
        self.failed
    }
}

/// A two-proportion z-test at 1 %, one-sided, on all counts so far, repeated every minute.
#[derive(Default)]
pub(crate) struct RepeatedZ {
    minute: Minute,
    sum: Second,
    failed: bool,
}

impl Rule for RepeatedZ {
    fn rolls_back(&mut self, second: Second) -> bool {
        if let Some(minute) = self.minute.add(second) {
            add(&mut self.sum.candidate, minute.candidate);
            add(&mut self.sum.live, minute.live);
            let Second { candidate, live } = self.sum;
            let pooled = (candidate.errors + live.errors) / (candidate.requests + live.requests);
            let spread =
                (pooled * (1.0 - pooled) * (candidate.requests.recip() + live.requests.recip())).sqrt();
            let difference = candidate.errors / candidate.requests - live.errors / live.requests;
            self.failed |= difference / spread > 2.326_347_874_040_841;
        }
        self.failed
    }
}

/// Kayenta: the Mann-Whitney classifier of its judge on the error shares of each minute so far, every five
/// minutes: 98 % confidence interval of the shift, tolerance 25 % of its estimate; "high" fails.
#[derive(Default)]
pub(crate) struct Kayenta {
    minute: Minute,
    candidate: Vec<f64>,
    live: Vec<f64>,
    failed: bool,
}

impl Rule for Kayenta {
    fn rolls_back(&mut self, second: Second) -> bool {
        if let Some(minute) = self.minute.add(second) {
            // A point without a value is left out of the series.
            self.candidate.extend(share(minute.candidate));
            self.live.extend(share(minute.live));
            if self.minute.second.is_multiple_of(300) {
                self.failed |= mann_whitney::is_high(&self.candidate, &self.live);
            }
        }
        self.failed
    }
}

/// The sequential probability ratio test of somebody who knows both rates: nobody can be faster with so few
/// false alarms (Wald 1945). It looks at the candidate only.
pub(crate) struct Oracle {
    from: f64,
    to: f64,
    ln_ratio: f64,
}

impl Oracle {
    pub(crate) const fn new(from: f64, to: f64) -> Self {
        Self {
            from,
            to,
            ln_ratio: 0.0,
        }
    }
}

impl Rule for Oracle {
    fn rolls_back(&mut self, second: Second) -> bool {
        let Slot { requests, errors } = second.candidate;
        self.ln_ratio += errors * (self.to / self.from).ln()
            + (requests - errors) * ((1.0 - self.to) / (1.0 - self.from)).ln();
        self.ln_ratio >= 100.0_f64.ln()
    }
}
