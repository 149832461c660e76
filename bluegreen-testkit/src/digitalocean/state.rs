//! What the account holds.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::apps::App;
use super::balancers::Balancer;
use super::limits::Limits;

/// A moment of no meaning, in the form in which the API writes moments.
pub(super) const SOME_DAY: &str = "2026-01-05T12:00:00Z";

/// One request as the API saw it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// GET, PUT, ….
    pub method: String,
    /// With the query.
    pub path: String,
    /// The body, or null.
    pub body: Value,
    /// The status of its answer.
    pub status: u16,
    /// The answer's body, or null.
    pub answer: Value,
}

/// A droplet: some tags, and what answers on its ports.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Droplet {
    /// Its tags.
    pub tags: Vec<String>,
    /// Where on loopback each of its ports is.
    pub ports: BTreeMap<u16, SocketAddr>,
    /// Its region; `nyc3` if nothing is said.
    pub region: Option<String>,
}

impl Droplet {
    /// With a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// With a port that is answered there.
    #[must_use]
    pub fn port(mut self, port: u16, at: SocketAddr) -> Self {
        self.ports.insert(port, at);
        self
    }

    /// In another region.
    #[must_use]
    pub fn region(mut self, slug: impl Into<String>) -> Self {
        self.region = Some(slug.into());
        self
    }

    pub(super) fn shown(&self, id: u64) -> Value {
        json!({
            "id": id,
            "name": format!("web-{id}"),
            "memory": 1024,
            "vcpus": 1,
            "disk": 25,
            "disk_info": [],
            "locked": false,
            "status": "active",
            "kernel": null,
            "created_at": SOME_DAY,
            "features": [],
            "backup_ids": [],
            "next_backup_window": null,
            "snapshot_ids": [],
            "image": {},
            "volume_ids": [],
            "size": {
                "slug": "s-1vcpu-1gb", "memory": 1024, "vcpus": 1, "disk": 25, "transfer": 1,
                "price_monthly": 6, "price_hourly": 0.00893, "regions": ["nyc3"], "available": true,
                "description": "Basic",
            },
            "size_slug": "s-1vcpu-1gb",
            "networks": {"v4": [], "v6": []},
            "region": region(self.slug()),
            "tags": self.tags,
            "vpc_uuid": "c33931f2-a26a-4e61-b85c-4e95a2ec431b",
        })
    }

    pub(super) fn slug(&self) -> &str {
        self.region.as_deref().unwrap_or("nyc3")
    }
}

/// A region as a GET shows it.
pub(super) fn region(slug: &str) -> Value {
    json!({
        "name": slug.to_uppercase(),
        "slug": slug,
        "sizes": ["s-1vcpu-1gb"],
        "features": ["private_networking", "backups", "ipv6", "metadata"],
        "available": true,
    })
}

/// Everything.
#[derive(Debug)]
pub(super) struct State {
    pub(super) limits: Limits,
    pub(super) droplets: BTreeMap<u64, Droplet>,
    pub(super) balancers: BTreeMap<String, Balancer>,
    pub(super) apps: BTreeMap<String, App>,
    pub(super) domains: BTreeMap<String, BTreeMap<u64, Value>>,
    /// Series by path, id and component: labels, and a value as a string.
    pub(super) metrics: BTreeMap<String, Vec<(Value, String)>>,
    pub(super) requests: Vec<Request>,
    ids: u64,
}

impl State {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            droplets: BTreeMap::new(),
            balancers: BTreeMap::new(),
            apps: BTreeMap::new(),
            domains: BTreeMap::new(),
            metrics: BTreeMap::new(),
            requests: Vec::new(),
            ids: 3_164_443,
        }
    }

    pub(super) const fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub(super) fn next_uuid(&mut self) -> String {
        format!("4de7ac8b-495b-4884-9a69-{:012x}", self.next_id())
    }
}
