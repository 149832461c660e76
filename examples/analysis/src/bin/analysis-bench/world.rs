//! Traffic of two slots, second by second, from a seed.

use rand_distr::{Distribution as _, Geometric, Poisson, StandardNormal, StandardUniform};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng as _;

use bluegreen_core::analysis::Histogram;

/// What one slot did in a second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slot {
    pub(crate) requests: f64,
    pub(crate) errors: f64,
}

/// What both did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Second {
    pub(crate) candidate: Slot,
    pub(crate) live: Slot,
}

/// How errors come about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Nature {
    /// Independently of each other.
    Independent,
    /// The same, and the candidate is as good as live until so many seconds.
    Late(f64),
    /// In bursts, of a geometric number with this mean.
    Bursts(f64),
    /// And each slot for itself fails altogether for one to five seconds, on average so many seconds apart.
    Outages { every_s: f64 },
    /// And both fail together a tenth of all requests, for five minutes after twenty.
    SharedIncident,
    /// The share of the candidate rises in three steps from a tenth of the stated one, and the errors of both
    /// come and go between the stated share and five times as much.
    RampWithDrift,
}

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Setting {
    pub(crate) requests_per_s: f64,
    pub(crate) candidate_share: f64,
    pub(crate) live_rate: f64,
    pub(crate) candidate_rate: f64,
    pub(crate) nature: Nature,
}

impl Setting {
    /// Slots that are alike.
    pub(crate) const fn alike(requests_per_s: f64, candidate_share: f64, rate: f64) -> Self {
        Self::regression(requests_per_s, candidate_share, rate, rate)
    }

    pub(crate) const fn regression(requests_per_s: f64, candidate_share: f64, from: f64, to: f64) -> Self {
        Self {
            requests_per_s,
            candidate_share,
            live_rate: from,
            candidate_rate: to,
            nature: Nature::Independent,
        }
    }

    pub(crate) const fn with(mut self, nature: Nature) -> Self {
        self.nature = nature;
        self
    }
}

/// The traffic of a setting.
pub(crate) struct World {
    setting: Setting,
    rng: Pcg64Mcg,
    second: u32,
    /// Until when each slot is out.
    out_until: [f64; 2],
}

impl World {
    pub(crate) fn new(setting: Setting, seed: u64) -> Self {
        Self {
            setting,
            rng: Pcg64Mcg::seed_from_u64(seed),
            second: 0,
            out_until: [0.0; 2],
        }
    }

    pub(crate) fn next_second(&mut self) -> Second {
        self.second += 1;
        let at = f64::from(self.second);
        let Setting {
            requests_per_s,
            mut candidate_share,
            mut live_rate,
            mut candidate_rate,
            nature,
        } = self.setting;
        match nature {
            Nature::SharedIncident if (1200.0..1500.0).contains(&at) => {
                live_rate += 0.1;
                candidate_rate += 0.1;
            }
            Nature::Late(onset) if at <= onset => candidate_rate = live_rate,
            Nature::RampWithDrift => {
                candidate_share *= match at {
                    at if at < 1200.0 => 0.1,
                    at if at < 2400.0 => 0.5,
                    _ => 1.0,
                };
                let drift = 3.0 - 2.0 * (at * std::f64::consts::TAU / 1800.0).cos();
                live_rate *= drift;
                candidate_rate *= drift;
            }
            _ => {}
        }
        Second {
            candidate: self.slot(0, requests_per_s * candidate_share, candidate_rate),
            live: self.slot(1, requests_per_s * (1.0 - candidate_share), live_rate),
        }
    }

    fn slot(&mut self, index: usize, per_s: f64, rate: f64) -> Slot {
        let at = f64::from(self.second);
        let out_until = self.out_until.get(index).copied().unwrap_or(0.0);
        if let Nature::Outages { every_s } = self.setting.nature {
            let begins = at >= out_until && self.uniform() < 1.0 / every_s;
            let until = at + (1.0 + 4.0 * self.uniform()).round();
            if begins && let Some(out_until) = self.out_until.get_mut(index) {
                *out_until = until;
            }
            if self.out_until.get(index).is_some_and(|until| at < *until) {
                let requests = self.poisson(per_s);
                return Slot {
                    requests,
                    errors: requests,
                };
            }
        }
        if let Nature::Bursts(mean) = self.setting.nature {
            let requests = self.poisson(per_s);
            let bursts = self.poisson(per_s * rate / mean);
            let mut errors = 0.0;
            let mut left = bursts;
            while left > 0.0 {
                errors += self.geometric(mean);
                left -= 1.0;
            }
            return Slot {
                requests: requests.max(errors),
                errors,
            };
        }
        let errors = self.poisson(per_s * rate);
        Slot {
            requests: errors + self.poisson(per_s * (1.0 - rate)),
            errors,
        }
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(&mut self.rng))
    }

    /// 1 and more.
    fn geometric(&mut self, mean: f64) -> f64 {
        let failures = Geometric::new(1.0 / mean).map_or(0, |geometric| geometric.sample(&mut self.rng));
        1.0 + f64::from(u32::try_from(failures).unwrap_or(u32::MAX))
    }

    fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.rng)
    }

    fn uniform(&mut self) -> f64 {
        StandardUniform.sample(&mut self.rng)
    }
}

/// Latencies: lognormal, each slot with the same shape.
pub(crate) struct Latencies {
    world: World,
    grid: Histogram,
    /// Times the candidate's latencies.
    slowdown: f64,
    /// Each slot for itself stands still: on average so many seconds apart, for two.
    stall_every_s: Option<f64>,
    stalled_until: [u32; 2],
}

/// The median of the simulated latencies.
const MEDIAN_S: f64 = 0.125;
/// The spread of their logarithm: p95 is 284 ms, p99 is 400 ms.
const SIGMA: f64 = 0.5;
/// A stalled slot answers no faster than this.
const STALLED_S: f64 = 1.0;

/// The latencies of both slots in a second.
pub(crate) struct Measured {
    pub(crate) candidate: Histogram,
    pub(crate) live: Histogram,
}

impl Latencies {
    pub(crate) fn new(setting: Setting, slowdown: f64, stall_every_s: Option<f64>, seed: u64) -> Self {
        Self {
            world: World::new(setting, seed),
            grid: Histogram::fine(),
            slowdown,
            stall_every_s,
            stalled_until: [0; 2],
        }
    }

    /// The latencies of the next so many seconds.
    pub(crate) fn next_seconds(&mut self, seconds: u32) -> Option<Measured> {
        let setting = self.world.setting;
        let share = setting.candidate_share;
        let mut sums = [0, 1].map(|_| vec![0.0; self.grid.counts().len()]);
        for _ in 0..seconds {
            self.world.second += 1;
            for (index, (share, slowdown)) in [(share, self.slowdown), (1.0 - share, 1.0)]
                .into_iter()
                .enumerate()
            {
                let floor = if self.stalls(index) { STALLED_S } else { 0.0 };
                let mut left = self.world.poisson(setting.requests_per_s * share);
                while left > 0.0 {
                    left -= 1.0;
                    let took = (MEDIAN_S * slowdown * (SIGMA * self.world.normal()).exp()).max(floor);
                    let place = self.grid.bounds().partition_point(|bound| *bound < took);
                    if let Some(count) = sums.get_mut(index).and_then(|sum| sum.get_mut(place)) {
                        *count += 1.0;
                    }
                }
            }
        }
        let [candidate, live] = sums;
        Some(Measured {
            candidate: self.grid.clone().with_counts(candidate).ok()?,
            live: self.grid.clone().with_counts(live).ok()?,
        })
    }

    fn stalls(&mut self, index: usize) -> bool {
        let Some(every_s) = self.stall_every_s else {
            return false;
        };
        let now = self.world.second;
        let begins = self.world.uniform() < 1.0 / every_s;
        let Some(until) = self.stalled_until.get_mut(index) else {
            return false;
        };
        if begins && now >= *until {
            *until = now + 2;
        }
        now < *until
    }
}
