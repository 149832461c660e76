//! Gates on numbers: limits and thresholds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::gate::build;
use bluegreen_core::{Fault, FaultKind, GateContext, Metrics, Op, Outcome, ServiceName, Slot, Split, Token};

use crate::{ask, parts, spec};

/// Candidate (green) and live (blue) have numbers of their own.
#[derive(Debug)]
struct Both(Option<f64>, Option<f64>);

#[async_trait]
impl Metrics for Both {
    async fn read(&self, _: &Op, _: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        Ok(if slot == Slot::Green { self.0 } else { self.1 })
    }
}

/// Thresholds, the candidate's number, live's, the outcome and a part of the evidence.
#[expect(clippy::type_complexity, reason = "a row of a table")]
#[rustfmt::skip] // a row a line
const THRESHOLDS: &[(&str, Option<f64>, Option<f64>, Outcome, &str)] = &[
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(0.4), None, Outcome::Pass, "m = 400ms, not above 1s"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(0.7), None, Outcome::Pass, "above normal (500ms)"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(1.0), None, Outcome::Pass, "m = 1s"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(1.5), None, Outcome::Inconclusive, "m = 1s500ms, above warning (1s)"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(2.5), None, Outcome::Fail, "above critical (2s)"),
    ("normal = '0.1%', warning = '1%', critical = '5%'", Some(0.06), None, Outcome::Fail, "m = 6%, above critical (5%)"),
    ("critical = '5%'", Some(0.05), None, Outcome::Pass, "m = 5%"),
    ("critical = 90", None, None, Outcome::Inconclusive, "no data"),
    ("critical = 90", Some(f64::NAN), None, Outcome::Inconclusive, "no data"),
    ("critical = 90, on_missing = 'rollback'", None, None, Outcome::Fail, "no data"),
    ("below = true, warning = 10, critical = 2", Some(12.0), None, Outcome::Pass, "not below 10"),
    ("below = true, warning = 10, critical = 2", Some(9.0), None, Outcome::Inconclusive, "below warning (10)"),
    ("below = true, warning = 10, critical = 2", Some(1.0), None, Outcome::Fail, "below critical (2)"),
    ("of_live = true, critical = '200%'", Some(1.9), Some(1.0), Outcome::Pass, "which is 190%"),
    ("of_live = true, critical = '200%'", Some(2.1), Some(1.0), Outcome::Fail, "m = 2.1, live's is 1, which is 210%, above critical (200%)"),
    ("of_live = true, critical = 2, warning = 1.5", Some(1.6), Some(1.0), Outcome::Inconclusive, "above warning (1.5)"),
    ("of_live = true, critical = 2, normal = '500ms'", Some(0.4), Some(0.1), Outcome::Pass, "what is normal (500ms)"),
    ("of_live = true, critical = 2, normal = '500ms'", Some(0.6), Some(0.1), Outcome::Fail, "600%|which is 6"),
    ("of_live = true, below = true, critical = '80%'", Some(70.0), Some(100.0), Outcome::Fail, "which is 70%, below critical (80%)"),
    ("of_live = true, critical = 2", Some(1.0), None, Outcome::Inconclusive, "no data of live"),
    ("of_live = true, critical = 2", Some(1.0), Some(0.0), Outcome::Inconclusive, "no data of live"),
    ("of_live = true, critical = 2, on_missing = 'rollback'", Some(1.0), None, Outcome::Fail, "no data of live"),
];

#[tokio::test]
async fn thresholds_are_judged_as_operators_write_them() {
    for (levels, candidate, live, outcome, part) in THRESHOLDS {
        let parts = parts("").metrics(Arc::new(Both(*candidate, *live)));
        let gate = build(&spec(&format!("metric = {{ name = 'm', {levels} }}")), &parts).unwrap();
        let split = Split::with(Slot::Green, bluegreen_core::Share::from_percent(5).unwrap());
        let context = GateContext::new(ServiceName::new("shop").unwrap(), Slot::Green, None, split);
        let op = Op::new(Token::default(), "test", Duration::from_secs(5));
        let verdict = gate.check(&op, &context).await.unwrap();
        let told = format!("{levels} {candidate:?} {live:?}: {verdict:?}");
        assert_eq!(verdict.outcome, *outcome, "{told}");
        assert!(
            part.split('|').any(|part| verdict.evidence.contains(part)),
            "{told}"
        );
        // Once live has no traffic there is nothing to compare with.
        if levels.contains("of_live") {
            let context = GateContext::new(
                ServiceName::new("shop").unwrap(),
                Slot::Green,
                None,
                Split::all(Slot::Green),
            );
            assert_eq!(
                gate.check(&op, &context).await.unwrap().outcome,
                Outcome::Pass,
                "{told}"
            );
        }
    }
}

/// Knows the values of one metric; of every other it knows nothing.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) Option<f64>);

#[async_trait]
impl Metrics for Fixed {
    async fn read(&self, _: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        match (metric, slot) {
            ("error_rate", Slot::Green) => Ok(self.0),
            ("slow", _) => std::future::pending().await,
            _ => Err(Fault::rejected("fixed", "read", "no such metric").on(metric)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_is_compared_with_its_limits_and_no_data_is_inconclusive() {
    use Outcome::{Fail, Inconclusive, Pass};
    for (limits, value, outcome) in [
        ("max = 0.01", Some(0.01), Pass),
        ("max = 0.01", Some(0.02), Fail),
        ("max = 0.01", Some(f64::INFINITY), Fail),
        ("min = 5", Some(5.0), Pass),
        ("min = 5", Some(4.9), Fail),
        ("min = 0, max = 1", Some(-0.1), Fail),
        ("max = 0.01", None, Inconclusive),
        ("min = 5", Some(f64::NAN), Inconclusive),
    ] {
        let parts = parts("").metrics(Arc::new(Fixed(value)));
        let gate = build(
            &spec(&format!("metric = {{ name = 'error_rate', {limits} }}")),
            &parts,
        )
        .unwrap();
        let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
        assert_eq!(
            verdict.outcome, outcome,
            "{limits}, {value:?}: {}",
            verdict.evidence
        );
    }
    let parts = parts("").metrics(Arc::new(Fixed(Some(0.0))));
    for (name, kind) in [
        ("misnamed", FaultKind::Rejected),
        ("slow", FaultKind::Unavailable { retry_after: None }),
    ] {
        let gate = build(&spec(&format!("metric = {{ name = '{name}', max = 1 }}")), &parts).unwrap();
        assert_eq!(ask(gate.as_ref(), Slot::Green).await.unwrap_err().kind, kind);
    }
}
