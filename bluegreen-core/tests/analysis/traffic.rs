//! Traffic for tests: seeded, or as steady as can be.

use std::time::Duration;

use bluegreen_core::analysis::{Action, Analysis, AnalysisSpec, ErrorsSpec, MetricSpec, Side, Tick};

/// `SplitMix64` (Steele, Lea and Flood 2014).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// By counting exponential gaps; for small means.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        let (mut count, mut at) = (-1.0, 0.0);
        while at <= mean {
            at -= self.uniform().max(1e-12).ln();
            count += 1.0;
        }
        count
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::unnecessary_wraps, reason = "a tick takes it so")]
pub(crate) fn side(requests: f64, errors: f64) -> Option<Side> {
    Some(
        Side::default()
            .count("requests", requests)
            .count("errors", errors),
    )
}

/// Errors compared with live's, without a warm-up.
pub(crate) fn errors_spec(change: impl FnOnce(&mut ErrorsSpec)) -> AnalysisSpec {
    let mut errors = ErrorsSpec::default();
    change(&mut errors);
    let mut spec = AnalysisSpec::new([MetricSpec::errors("errors", errors)]);
    spec.warm_up = Duration::ZERO;
    spec
}

/// An analysis with one step that is watched for so long.
pub(crate) fn begin(spec: AnalysisSpec, bake: Duration) -> Analysis {
    let mut analysis = Analysis::new(spec, bake).unwrap();
    analysis.begin_step(bake);
    analysis
}

#[expect(clippy::needless_pass_by_value, reason = "it is made for each call")]
/// Takes in so many ticks of 5 s that are all the same, after those that it has had.
pub(crate) fn feed(
    analysis: &mut Analysis,
    from_tick: u64,
    ticks: u64,
    candidate: Option<Side>,
    live: Option<Side>,
) -> Action {
    for tick in from_tick..from_tick + ticks {
        analysis.observe(&Tick {
            at: seconds(5 * (tick + 1)),
            live: live.clone(),
            candidate: candidate.clone(),
        });
    }
    analysis.action()
}
