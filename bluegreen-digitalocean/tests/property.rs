//! A PUT changes exactly one thing, whatever the balancer is like.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use bluegreen_core::{Router, Slot, Split};
use bluegreen_digitalocean::{LoadBalancerRouter, PerSlot, Targets};
use common::{By, OTHER_PORT, PORT, Shop, op, the_rest};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

/// So many balancers.
const CASES: u32 = 120;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z0-9 /:_.ü\"-]{1,20}"]
}

/// Any value that a setting of a later version could have.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn rule() -> impl Strategy<Value = Value> {
    let protocol = prop::sample::select(vec!["http", "https", "http2", "tcp"]);
    // Some of the rules are not ours.
    let target = prop_oneof![3 => Just(PORT), 1 => 1_u16..7_000];
    (protocol, 1_u16.., target, any::<bool>(), text()).prop_map(|(protocol, entry, target, pass, id)| {
        json!({
            "entry_protocol": protocol, "entry_port": entry, "target_protocol": protocol,
            "target_port": target, "tls_passthrough": pass, "certificate_id": id,
        })
    })
}

fn settings() -> impl Strategy<Value = Map<String, Value>> {
    let some = (
        prop::collection::vec(rule(), 0..5),
        prop::option::of((any::<bool>(), 3_u16..300, text())),
        prop::option::of((any::<bool>(), 2_u32..40_000, text())),
        1_u8..=100,
        30_u16..=600,
        any::<[bool; 4]>(),
        prop::collection::vec("(ip|cidr):[0-9.]{3,12}", 0..4),
        text(),
        prop::collection::btree_map("new_[a-z]{1,8}", anything(), 0..3),
    );
    some.prop_map(
        |(mut rules, health, sticky, size, idle, flags, firewall, name, new)| {
            rules.push(json!({
                "entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": PORT,
            }));
            let mut settings = json!({
                "name": name, "region": "nyc3", "forwarding_rules": rules, "size_unit": size,
                "http_idle_timeout_seconds": idle, "redirect_http_to_https": flags[0],
                "enable_proxy_protocol": flags[1], "enable_backend_keepalive": flags[2],
                "disable_lets_encrypt_dns_records": flags[3],
                "firewall": {"deny": firewall, "allow": []},
            });
            if let Some((ours, interval, path)) = health {
                let port = if ours { PORT } else { 7 };
                settings["health_check"] = json!({
                    "protocol": "http", "port": port, "path": path, "check_interval_seconds": interval,
                    "response_timeout_seconds": 4, "healthy_threshold": 2, "unhealthy_threshold": 9,
                });
            }
            if let Some((none, seconds, cookie)) = sticky {
                settings["sticky_sessions"] = if none {
                    json!({"type": "none"})
                } else {
                    json!({"type": "cookies", "cookie_name": cookie, "cookie_ttl_seconds": seconds})
                };
            }
            let Value::Object(mut settings) = settings else {
                return Map::new();
            };
            settings.extend(new);
            settings
        },
    )
}

/// One balancer after the other, each put there by hand; the shift is one PUT.
#[test]
fn a_put_changes_exactly_one_thing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let shop = runtime.block_on(Shop::open(By::Tag));
    let tags = Targets::Tag(PerSlot::new("shop-blue".to_owned(), "shop-green".to_owned()));
    let ids = Targets::Droplets(shop.droplets.clone());
    let ratio = Targets::DropletRatio(shop.droplets.clone());
    let ports = Targets::Ports(vec![PerSlot::new(PORT, OTHER_PORT)]);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..Default::default()
    });
    let number = std::cell::Cell::new(0_usize);
    runner
        .run(&settings(), |mut settings| {
            number.set(number.get() + 1);
            let (targets, may_change): (_, &[&str]) = match number.get() % 4 {
                0 => (tags.clone(), &["tag", "droplet_ids"]),
                1 => (ids.clone(), &["droplet_ids"]),
                2 => (ratio.clone(), &["droplet_ids"]),
                _ => (ports.clone(), &["forwarding_rules", "health_check"]),
            };
            match &targets {
                Targets::Droplets(ids) | Targets::DropletRatio(ids) => {
                    settings.insert("droplet_ids".to_owned(), json!(ids.blue))
                }
                _ => settings.insert("tag".to_owned(), json!("shop-blue")),
            };
            shop.cloud
                .set_by_hand(&shop.balancer, |now| *now = settings.clone());
            let before = shop.cloud.balancer(&shop.balancer);
            let router = LoadBalancerRouter::new(shop.client(), &shop.balancer, targets.clone()).unwrap();
            let changes = shop.changes();
            runtime
                .block_on(router.shift(&op(1), Split::all(Slot::Green)))
                .unwrap();
            prop_assert_eq!(shop.changes() - changes, 1);
            let after = shop.cloud.balancer(&shop.balancer);
            prop_assert_ne!(&before[may_change[0]], &after[may_change[0]]);
            // What the service fills in by itself was not there before, and nothing of it was asked for.
            for (name, value) in the_rest(&before, may_change).as_object().unwrap() {
                prop_assert_eq!(value, &after[name], "{}", name);
            }
            if matches!(targets, Targets::Ports(_)) {
                only_ports_differ(&before, &after);
            }
            Ok(())
        })
        .unwrap();
}

/// With the ports put back, all is as before.
fn only_ports_differ(before: &Value, after: &Value) {
    let mut back = after.clone();
    let put_back = |holder: &mut Value, name: &str| {
        if holder[name] == json!(OTHER_PORT) {
            holder[name] = json!(PORT);
        }
    };
    for rule in back["forwarding_rules"].as_array_mut().unwrap() {
        put_back(rule, "target_port");
    }
    assert_eq!(before["forwarding_rules"], back["forwarding_rules"]);
    if before.get("health_check").is_some() {
        put_back(&mut back["health_check"], "port");
        for (name, value) in before["health_check"].as_object().unwrap() {
            assert_eq!(value, &back["health_check"][name], "{name}");
        }
    }
}
