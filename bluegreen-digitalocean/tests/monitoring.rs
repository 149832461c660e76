//! Numbers from DigitalOcean's monitoring.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;

use bluegreen_core::{Metrics, Slot};
use bluegreen_digitalocean::{Client, Combine, Measured, Monitoring, PerSlot, Place};
use bluegreen_testkit::conformance::metrics::MetricsSubject;
use bluegreen_testkit::digitalocean::{FakeConfig, FakeDigitalOcean};
use common::op;
use serde_json::json;

fn cpu(client: Client) -> Monitoring {
    let places = PerSlot::new(Place::new("app", "api-blue"), Place::new("app", "api-green"));
    let measured = Measured::App {
        places,
        metric: "cpu_percentage".to_owned(),
    };
    Monitoring::new(client).metric("cpu", measured, Combine::Max)
}

mod conformance {
    use super::*;

    bluegreen_testkit::metrics_conformance!(async || {
        let cloud = Arc::new(FakeDigitalOcean::start(FakeConfig::default()).await.unwrap());
        let client = Client::at(&cloud.url(), cloud.token().to_owned()).unwrap();
        let (values, faults) = (cloud.clone(), cloud.clone());
        MetricsSubject::new(cpu(client), "cpu")
            .secret(cloud.token())
            .values(async move |slot, value| {
                let series = value.map(|value| (json!({"app_uuid": "app"}), value.to_string()));
                let component = format!("api-{slot}");
                values.set_metric(
                    "apps/cpu_percentage",
                    "app",
                    &component,
                    series.into_iter().collect(),
                );
                true
            })
            .faults(async move |fault| faults.disturb(fault).await.is_ok())
            .guard(cloud)
    });
}

#[tokio::test]
async fn values_are_strings_and_the_share_of_failed_responses_is_a_number() {
    let cloud = FakeDigitalOcean::start(FakeConfig::default()).await.unwrap();
    let client = Client::at(&cloud.url(), cloud.token().to_owned()).unwrap();
    let responses = |combine| {
        let measured = Measured::LoadBalancer {
            id: "lb-1".to_owned(),
            metric: "frontend_http_responses".to_owned(),
        };
        Monitoring::new(client.clone()).metric("errors", measured, combine)
    };
    let failed = Combine::Share {
        label: "code".to_owned(),
        value: "5xx".to_owned(),
    };
    let series = |ok: &str, bad: &str| {
        vec![
            (json!({"code": "2xx"}), ok.to_owned()),
            (json!({"code": "5xx"}), bad.to_owned()),
        ]
    };
    let path = "load_balancer/frontend_http_responses";
    for (ok, bad, combine, expected) in [
        ("97.5", "2.5", failed.clone(), Some(0.025)),
        ("0", "0", failed.clone(), None),
        ("97.5", "2.5", Combine::Sum, Some(100.0)),
        ("97.5", "NaN", Combine::Sum, Some(97.5)),
        ("97.5", "2.5", Combine::Max, Some(97.5)),
    ] {
        cloud.set_metric(path, "lb-1", "", series(ok, bad));
        let read = responses(combine)
            .read(&op(1), "errors", Slot::Green)
            .await
            .unwrap();
        assert_eq!(read, expected, "{ok} and {bad}");
    }
}
