//! Every kind of request that the client sends, and every answer of the fake, against DigitalOcean's own description
//! of its API. The description is not part of this project: `BLUEGREEN_DIGITALOCEAN_OPENAPI` says where it is, as JSON.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bluegreen_core::{
    Assignment, DeploymentId, Host, Metrics, Release, Router, Slot, Split, Timestamp, Version,
};
use bluegreen_digitalocean::{
    AppDomainRouter, Client, Combine, DnsRouter, Measured, Monitoring, PerSlot, Record,
};
use bluegreen_testkit::digitalocean::{Ends, FakeConfig, FakeDigitalOcean, Request};
use common::apps::Apps;
use common::domain::{DOMAIN, entry, spec};
use common::{By, Shop, op, pause, switch};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

const GREEN: Split = Split::all(Slot::Green);

/// The description, where there is one.
fn description() -> Option<Value> {
    let named = std::env::var_os("BLUEGREEN_DIGITALOCEAN_OPENAPI").map(PathBuf::from);
    let text = std::fs::read_to_string(named.or_else(beside)?).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// A description that lies in a folder beside the workspace.
fn beside() -> Option<PathBuf> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .read_dir()
        .ok()?;
    folders
        .filter_map(|folder| {
            Some(
                folder
                    .ok()?
                    .path()
                    .join("contracts/digitalocean-openapi-subset.json"),
            )
        })
        .find(|path| path.exists())
}

/// Everything that the client does, once.
async fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for by in [By::Tag, By::Droplets, By::Ports, By::Ratio] {
        let shop = Shop::with(by, FakeConfig::default().page_most(3)).await;
        shop.router().stage(&op(1), Slot::Green).await.unwrap();
        switch(&shop.router(), GREEN).await;
        all.extend(shop.cloud.requests());
    }
    all.extend(apps().await);
    all.extend(domain().await);
    all.extend(records().await);
    all.extend(numbers().await);
    all
}

async fn apps() -> Vec<Request> {
    let release = Release::new(Version::new("2.0").unwrap());
    let assignment = |number| Assignment {
        slot: Slot::Green,
        release: release.clone(),
        deployment: DeploymentId::new(number, Timestamp::from_millis(1_700_000_000_000)),
    };
    let apps = Apps::one_running().await;
    let host = apps.host();
    apps.shop.next_deployment_ends(&apps.places.blue.app, Ends::Error);
    for number in [1, 2] {
        host.deploy(&op(number), &assignment(number)).await.unwrap();
        pause(100).await;
        host.readiness(&op(number), Slot::Green).await.unwrap();
    }
    switch(&apps.router(), GREEN).await;
    host.standby(&op(3), Slot::Blue).await.unwrap();
    pause(100).await;
    host.retire(&op(4), Slot::Blue).await.unwrap();
    apps.shop.requests()
}

async fn domain() -> Vec<Request> {
    let cloud = FakeDigitalOcean::start(FakeConfig::default()).await.unwrap();
    let blue = cloud.add_app(spec(Slot::Blue, &[entry()])).await.unwrap();
    let green = cloud.add_app(spec(Slot::Green, &[])).await.unwrap();
    let client = Client::at(&cloud.url(), cloud.token().to_owned()).unwrap();
    let router = AppDomainRouter::new(client, DOMAIN, PerSlot::new(blue, green));
    let router = router.resolvers_follow_within(Duration::ZERO);
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, GREEN).await;
    cloud.requests()
}

async fn records() -> Vec<Request> {
    let cloud = FakeDigitalOcean::start(FakeConfig::default()).await.unwrap();
    let fields = json!({"type": "A", "name": "shop", "data": "10.0.0.1", "ttl": 1800});
    let id = cloud.add_record("example.com", &fields);
    let addresses = PerSlot::new("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let client = Client::at(&cloud.url(), cloud.token().to_owned()).unwrap();
    let router = DnsRouter::new(client.clone(), "example.com", id, Record::A(addresses)).unwrap();
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), GREEN).await.unwrap();
    // A record that is not there.
    let router = DnsRouter::new(client, "example.com", id + 1, Record::A(addresses)).unwrap();
    router.observe(&op(3)).await.unwrap_err();
    cloud.requests()
}

async fn numbers() -> Vec<Request> {
    let cloud = FakeDigitalOcean::start(FakeConfig::default()).await.unwrap();
    let client = Client::at(&cloud.url(), cloud.token().to_owned()).unwrap();
    let series = vec![(json!({"lb_id": "a"}), "0.25".to_owned())];
    cloud.set_metric("load_balancer/droplets_queue_size", "a", "", series);
    let metrics = Monitoring::new(client).metric(
        "queue",
        Measured::LoadBalancer {
            id: "a".to_owned(),
            metric: "droplets_queue_size".to_owned(),
        },
        Combine::Max,
    );
    metrics.read(&op(1), "queue", Slot::Green).await.unwrap();
    cloud.requests()
}

#[tokio::test]
async fn requests_and_answers_are_as_digitalocean_describes_them() {
    let Some(description) = description() else {
        eprintln!("not run: BLUEGREEN_DIGITALOCEAN_OPENAPI names no description of the API");
        return;
    };
    let contract = Contract::new(description);
    let mut seen = BTreeMap::<String, usize>::new();
    let mut wrong = BTreeSet::new();
    for request in requests().await {
        // The logs of a deployment are in the whole description, and may be missing in a part of it.
        if request.path.contains("/logs") && contract.path(&request.path).is_none() {
            continue;
        }
        match contract.check(&request) {
            Ok(operation) => *seen.entry(operation).or_default() += 1,
            Err(problems) => wrong.extend(problems),
        }
    }
    for (operation, times) in &seen {
        eprintln!("{times:>5}  {operation}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for operation in [
        "PUT /v2/load_balancers/{lb_id} 200",
        "GET /v2/droplets 200",
        "PUT /v2/apps/{id} 200",
        "GET /v2/apps/{app_id}/deployments 200",
        "PATCH /v2/domains/{domain_name}/records/{domain_record_id} 200",
        "GET /v2/domains/{domain_name}/records/{domain_record_id} 404",
        "GET /v2/monitoring/metrics/load_balancer/droplets_queue_size 200",
    ] {
        assert!(
            seen.contains_key(operation),
            "{operation} was not tried: {seen:#?}"
        );
    }
}

#[test]
fn what_is_not_as_described_is_found() {
    let Some(description) = description() else {
        eprintln!("not run: BLUEGREEN_DIGITALOCEAN_OPENAPI names no description of the API");
        return;
    };
    let contract = Contract::new(description);
    let described = "/v2/load_balancers/{lb_id}";
    let request =
        contract.0["paths"][described]["put"]["requestBody"]["content"]["application/json"]["schema"].clone();
    let schema = contract.schema(&request);
    let rule =
        json!({"entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": 1});
    assert!(schema.is_valid(&json!({"region": "nyc3", "tag": "a", "forwarding_rules": [rule]})));
    assert!(
        !schema.is_valid(&json!({"region": "nyc3", "tag": "a"})),
        "rules are required"
    );
    assert!(
        !schema.is_valid(&json!({"region": "nyc3", "tag": "a", "forwarding_rules": [{"entry_port": "80"}]}))
    );
}

/// The description, as JSON schemas.
struct Contract(Value);

impl Contract {
    fn new(mut description: Value) -> Self {
        nulls_are_a_type(&mut description);
        Self(description)
    }

    fn schema(&self, schema: &Value) -> Validator {
        let whole = json!({"allOf": [schema], "components": self.0["components"]});
        // OpenAPI 3.0 is written in a form of JSON Schema's fourth draft.
        jsonschema::options()
            .with_draft(Draft::Draft4)
            .build(&whole)
            .unwrap()
    }

    /// Follows a reference.
    fn whole<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(to) => self.whole(self.0.pointer(to.trim_start_matches('#')).unwrap()),
            None => value,
        }
    }

    /// The operation that a request is, with its status, or what is wrong with it.
    fn check(&self, request: &Request) -> Result<String, Vec<String>> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let method = request.method.to_lowercase();
        let (template, item) = self
            .path(path)
            .ok_or_else(|| vec![format!("{path} is no path")])?;
        let name = format!("{} {template} {}", request.method, request.status);
        let operation = item
            .get(&method)
            .ok_or_else(|| vec![format!("{name}: no such method")])?;
        let mut problems = Vec::new();

        let parameters = [item.get("parameters"), operation.get("parameters")];
        let parameters: Vec<&Value> = parameters
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .map(|parameter| self.whole(parameter))
            .collect();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let key = pair.split('=').next().unwrap_or_default();
            let is_it = |parameter: &&&Value| parameter["name"] == key && parameter["in"] == "query";
            if !parameters.iter().any(|parameter| is_it(&parameter)) {
                problems.push(format!("{name}: there is no parameter {key}"));
            }
        }

        if let Some(described) = operation.get("requestBody") {
            let schema = &self.whole(described)["content"]["application/json"]["schema"];
            problems.extend(self.differences(&format!("{name}: request"), schema, &request.body));
        } else if !request.body.is_null() {
            problems.push(format!("{name}: it takes no body"));
        }

        let status = request.status.to_string();
        match operation["responses"].get(&status) {
            None => problems.push(format!("{name}: no such status")),
            Some(described) => {
                if let Some(schema) = self.whole(described).pointer("/content/application~1json/schema") {
                    problems.extend(self.differences(&format!("{name}: answer"), schema, &request.answer));
                }
            }
        }
        if problems.is_empty() {
            Ok(name)
        } else {
            Err(problems)
        }
    }

    fn differences(&self, what: &str, schema: &Value, value: &Value) -> Vec<String> {
        let schema = self.schema(schema);
        let errors = schema.iter_errors(value);
        errors
            .map(|error| format!("{what}: {} at {}", error, error.instance_path()))
            .collect()
    }

    /// The path with the fewest placeholders that fits.
    fn path(&self, path: &str) -> Option<(&String, &Value)> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let placeholders: Vec<&str> = template.split('/').collect();
            placeholders.len() == parts.len()
                && placeholders
                    .iter()
                    .zip(&parts)
                    .all(|(placeholder, part)| placeholder.starts_with('{') || placeholder == part)
        };
        let paths = self.0["paths"].as_object()?.iter();
        paths
            .filter(|(template, _)| fits(template))
            .min_by_key(|(template, _)| template.matches('{').count())
    }
}

/// `nullable` is what `OpenAPI` says, and JSON Schema's is another type.
fn nulls_are_a_type(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("nullable") == Some(&json!(true))
                && let Some(kind) = members.get_mut("type")
            {
                *kind = json!([kind.clone(), "null"]);
            }
            members.values_mut().for_each(nulls_are_a_type);
        }
        Value::Array(items) => items.iter_mut().for_each(nulls_are_a_type),
        _ => {}
    }
}
