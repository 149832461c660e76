//! The plugins keep the contracts of their ports, over the fake: the suites of the test kit.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::time::Duration;

use bluegreen_core::{Slot, Split};
use bluegreen_testkit::conformance::router::RouterSubject;
use bluegreen_testkit::digitalocean::FakeConfig;
use common::{By, OTHER_PORT, PORT, Shop};
use serde_json::json;

/// Sends requests through the entry, each on a connection of its own, and tells who answered.
async fn answered(entry: &str, requests: usize) -> Vec<Slot> {
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .no_proxy()
        .build()
        .unwrap();
    let mut slots = Vec::new();
    for _ in 0..requests {
        let answer = client.get(entry).send().await.unwrap();
        slots.push(answer.headers()["x-slot"].to_str().unwrap().parse().unwrap());
    }
    slots
}

async fn router(by: By) -> RouterSubject {
    let config = FakeConfig::default()
        .active_after(Duration::from_millis(10))
        .keep_alive(false)
        .page_most(3);
    let shop = Shop::with(by, config).await;
    let (cloud, balancer, entry) = (shop.cloud.clone(), shop.balancer.clone(), shop.entry());
    let (console, id) = (cloud.clone(), balancer.clone());
    let droplets = shop.droplets.clone();
    let by_hand = move |split: Split| {
        let green = split.share(Slot::Green).basis_points() / 2_500;
        console.set_by_hand(&id, |settings| match by {
            By::Tag => {
                let slot = split.only().unwrap();
                settings.insert("tag".to_owned(), json!(format!("shop-{slot}")));
            }
            By::Droplets | By::Ratio => {
                let green = usize::from(green);
                let ids: Vec<u64> = droplets.green[..green]
                    .iter()
                    .chain(&droplets.blue[..4 - green])
                    .copied()
                    .collect();
                settings.insert("droplet_ids".to_owned(), json!(ids));
            }
            By::Ports => {
                let port = if split.only().unwrap() == Slot::Blue {
                    PORT
                } else {
                    OTHER_PORT
                };
                for rule in settings["forwarding_rules"].as_array_mut().unwrap() {
                    rule["target_port"] = json!(port);
                }
                settings["health_check"]["port"] = json!(port);
            }
        });
    };
    let (foreign, id) = (cloud.clone(), balancer.clone());
    let spoil = move || {
        foreign.set_by_hand(&id, |settings| {
            if by == By::Ports {
                for rule in settings["forwarding_rules"].as_array_mut().unwrap() {
                    rule["target_port"] = json!(9999);
                }
            } else {
                settings.remove("droplet_ids");
                settings.insert("tag".to_owned(), json!("somebody-else"));
            }
        });
    };
    let again = shop.router();
    RouterSubject::new(shop.router())
        .secret(cloud.token())
        .by_hand(async move |split| by_hand(split))
        .foreign(async move || spoil())
        .traffic(async move |requests| answered(&entry, requests).await)
        .again(async move || again.clone())
        .faults(async move |fault| cloud.disturb(fault).await.is_ok())
        .guard(shop)
}

mod by_tag {
    use super::*;
    bluegreen_testkit::router_conformance!(async || router(By::Tag).await);
}

mod by_droplets {
    use super::*;
    bluegreen_testkit::router_conformance!(async || router(By::Droplets).await);
}

mod by_ports {
    use super::*;
    bluegreen_testkit::router_conformance!(async || router(By::Ports).await);
}

mod by_droplet_ratio {
    use super::*;
    bluegreen_testkit::router_conformance!(async || router(By::Ratio).await);
}

mod apps {
    use super::*;
    use bluegreen_core::Version;
    use bluegreen_testkit::conformance::host::HostSubject;
    use common::apps::{Apps, version_in};

    fn host(apps: Apps) -> HostSubject {
        let (cloud, faults) = (apps.shop.clone(), apps.shop.clone());
        let (places, begun) = (apps.places.clone(), apps.shop.clone());
        HostSubject::new(apps.host())
            .secret(apps.shop.token())
            .ready_within(Duration::from_secs(5))
            .running(async move |slot| {
                let place = places.get(slot);
                let version: Option<Version> = version_in(&cloud.active_spec(&place.app), &place.component);
                version
            })
            .begun(async move || {
                let sent = begun.requests();
                let changes = sent
                    .iter()
                    .filter(|asked| asked.method != "GET" && asked.status == 200);
                u32::try_from(changes.count()).unwrap()
            })
            .faults(async move |fault| faults.disturb(fault).await.is_ok())
            .guard(apps)
    }

    mod one_app_with_two_components {
        use super::*;
        bluegreen_testkit::host_conformance!(async || host(Apps::one_empty().await));
    }

    mod two_apps {
        use super::*;
        bluegreen_testkit::host_conformance!(async || host(Apps::two_retired().await));
    }

    mod routes {
        use super::*;
        bluegreen_testkit::router_conformance!(async || {
            let apps = Apps::one_running().await;
            let (console, foreign, faults) = (apps.shop.clone(), apps.shop.clone(), apps.shop.clone());
            let (id, other) = (apps.places.blue.app.clone(), apps.places.blue.app.clone());
            let (again, entry) = (apps.router(), apps.entry());
            RouterSubject::new(apps.router())
                .secret(apps.shop.token())
                .by_hand(async move |split: Split| {
                    let slot = split.only().unwrap();
                    console.set_spec_by_hand(&id, |spec| {
                        spec["ingress"]["rules"][0]["component"]["name"] = json!(format!("api-{slot}"));
                    });
                })
                .foreign(async move || {
                    foreign.set_spec_by_hand(&other, |spec| {
                        spec["ingress"]["rules"][0]["component"]["name"] = json!("site");
                    });
                })
                .traffic(async move |requests| answered(&entry, requests).await)
                .again(async move || again.clone())
                .faults(async move |fault| faults.disturb(fault).await.is_ok())
                .guard(apps)
        });
    }
}

mod dns {
    use super::*;
    use async_trait::async_trait;
    use bluegreen_core::{Fault, InFlight, Observation, Op, Router, RouterCapabilities, Verification};
    use bluegreen_digitalocean::{Client, DnsRouter, PerSlot, Record};
    use bluegreen_testkit::digitalocean::FakeDigitalOcean;
    use common::Leaping;
    use std::sync::Arc;

    /// Whoever looks and sees that it is too early comes back ten seconds later.
    #[derive(Debug, Clone)]
    struct Waited {
        router: DnsRouter,
        clock: Arc<Leaping>,
    }

    #[async_trait]
    impl Router for Waited {
        fn name(&self) -> &str {
            self.router.name()
        }

        fn capabilities(&self) -> RouterCapabilities {
            self.router.capabilities()
        }

        async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
            self.router.observe(op).await
        }

        async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
            self.router.stage(op, slot).await
        }

        async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
            self.router.shift(op, split).await
        }

        async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
            let answer = self.router.verify(op, split).await;
            if matches!(answer, Ok(Verification::NotYet { .. })) {
                self.clock.leap(Duration::from_secs(10));
            }
            answer
        }

        async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
            self.router.in_flight(op, slot).await
        }
    }

    bluegreen_testkit::router_conformance!(async || {
        let cloud = Arc::new(
            FakeDigitalOcean::start(FakeConfig::default().keep_alive(false))
                .await
                .unwrap(),
        );
        let fields = json!({"type": "A", "name": "shop", "data": "10.0.0.1", "ttl": 60});
        let id = cloud.add_record("example.com", &fields);
        let client = Client::at(&cloud.url(), cloud.token().to_owned()).unwrap();
        let clock = Arc::new(Leaping::default());
        let client = client.clock(clock.clone());
        let record = Record::A(PerSlot::new(
            "10.0.0.1".parse().unwrap(),
            "10.0.0.2".parse().unwrap(),
        ));
        let router = DnsRouter::new(client, "example.com", id, record)
            .unwrap()
            .settle(Duration::from_millis(100))
            .servers_follow_within(Duration::from_millis(50));
        let router = Waited { router, clock };
        let (console, foreign, faults, again) = (cloud.clone(), cloud.clone(), cloud.clone(), router.clone());
        RouterSubject::new(router)
            .secret(cloud.token())
            .by_hand(async move |split: Split| {
                let address = if split == Split::all(Slot::Blue) {
                    "10.0.0.1"
                } else {
                    "10.0.0.2"
                };
                console.set_record_by_hand("example.com", id, "data", json!(address));
            })
            .foreign(async move || foreign.set_record_by_hand("example.com", id, "data", json!("192.0.2.1")))
            .again(async move || again.clone())
            .faults(async move |fault| faults.disturb(fault).await.is_ok())
            .guard(cloud)
    });
}
