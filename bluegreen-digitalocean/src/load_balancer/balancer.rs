//! What the API shows of a balancer, and what it wants in return.

use serde_json::{Map, Value};

/// What a PUT takes. Every field that is left out is reset, so all of them go back as they came.
const WRITABLE: &[&str] = &[
    "name",
    "project_id",
    "size_unit",
    "size",
    "algorithm",
    "forwarding_rules",
    "health_check",
    "sticky_sessions",
    "redirect_http_to_https",
    "enable_proxy_protocol",
    "enable_backend_keepalive",
    "http_idle_timeout_seconds",
    "vpc_uuid",
    "disable_lets_encrypt_dns_records",
    "firewall",
    "network",
    "network_stack",
    "type",
    "domains",
    "glb_settings",
    "target_load_balancer_ids",
    "tls_cipher_policy",
];

/// What a GET shows and a PUT does not take.
const READ_ONLY: &[&str] = &["id", "ip", "ipv6", "status", "created_at"];

/// What a GET shows in another form than a PUT takes it.
const MAPPED: &[&str] = &["region", "tag", "droplet_ids"];

/// Whether a change has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// A change is on its way.
    New,
    /// What is shown is what is done.
    Active,
    /// It could not be done.
    Errored,
    /// A word that was not there when this was written.
    Other(String),
}

/// Who gets the traffic of a balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pool {
    /// All droplets with a tag.
    Tag(String),
    /// These droplets.
    Droplets(Vec<u64>),
}

/// A balancer as a GET shows it. It is kept as it came: whatever else is in it goes back with a PUT.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Balancer(pub(super) Map<String, Value>);

/// The whole body of a PUT.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings(pub(super) Map<String, Value>);

/// What a GET must show to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has no `{0}` that can be read")]
pub(super) struct Missing(pub(super) &'static str);

impl Balancer {
    /// Reads the answer of a GET or a PUT.
    pub(super) fn read(mut answer: Value) -> Result<Self, Missing> {
        match answer.get_mut("load_balancer").map(Value::take) {
            Some(Value::Object(members)) => Ok(Self(members)),
            _ => Err(Missing("load_balancer")),
        }
    }

    pub(super) fn status(&self) -> Status {
        match self.text("status") {
            "new" => Status::New,
            "active" => Status::Active,
            "errored" => Status::Errored,
            other => Status::Other(other.to_owned()),
        }
    }

    /// Whether it distributes to droplets: a global one distributes to balancers.
    pub(super) fn is_global(&self) -> bool {
        self.text("type") == "GLOBAL"
    }

    pub(super) fn has_sticky_sessions(&self) -> bool {
        let kind = self
            .0
            .get("sticky_sessions")
            .and_then(|sticky| sticky.get("type"));
        kind.and_then(Value::as_str).is_some_and(|kind| kind != "none")
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn pool(&self) -> Pool {
        match self.text("tag") {
            "" => {
                let ids = self.0.get("droplet_ids").and_then(Value::as_array);
                let mut ids: Vec<u64> = ids.into_iter().flatten().filter_map(Value::as_u64).collect();
                ids.sort_unstable();
                Pool::Droplets(ids)
            }
            tag => Pool::Tag(tag.to_owned()),
        }
    }

    /// The port that each forwarding rule sends to.
    pub(super) fn target_ports(&self) -> Vec<u64> {
        let rules = self.0.get("forwarding_rules").and_then(Value::as_array);
        let ports = rules.into_iter().flatten();
        ports
            .filter_map(|rule| rule.get("target_port")?.as_u64())
            .collect()
    }

    /// How many seconds a droplet takes until it counts as healthy, from the moment that it is looked at.
    pub(super) fn seconds_to_healthy(&self) -> u64 {
        let number = |name, default| {
            let check = self.0.get("health_check").and_then(|check| check.get(name));
            check.and_then(Value::as_u64).unwrap_or(default)
        };
        number("check_interval_seconds", 10)
            .saturating_mul(number("healthy_threshold", 3))
            .saturating_add(number("response_timeout_seconds", 5))
    }

    /// What a PUT has to send to leave everything as it is.
    ///
    /// Fields that this version does not know go back too: a new setting is not reset, and where it cannot be
    /// written the service refuses before anything is changed.
    pub(super) fn settings(&self) -> Result<Settings, Missing> {
        let mut body = Map::new();
        for (name, value) in &self.0 {
            let goes_back = WRITABLE.contains(&name.as_str())
                || !(READ_ONLY.contains(&name.as_str()) || MAPPED.contains(&name.as_str()));
            if goes_back && !value.is_null() {
                body.insert(name.clone(), value.clone());
            }
        }
        // Shown side by side, taken one at a time; `size` is the older one.
        if body.contains_key("size_unit") {
            body.remove("size");
        }
        let region = match self.0.get("region") {
            Some(Value::Object(region)) => region.get("slug").cloned(),
            Some(Value::String(slug)) => Some(Value::String(slug.clone())),
            _ => None,
        };
        body.insert("region".to_owned(), region.ok_or(Missing("region"))?);
        let settings = Settings(body);
        Ok(settings.with_pool(&self.pool()))
    }
}

impl Settings {
    /// The slug of the region.
    pub(super) fn region(&self) -> &str {
        self.0.get("region").and_then(Value::as_str).unwrap_or_default()
    }

    /// With other targets: a tag or droplets, never both.
    pub(super) fn with_pool(mut self, pool: &Pool) -> Self {
        match pool {
            Pool::Tag(tag) => {
                self.0.remove("droplet_ids");
                self.0.insert("tag".to_owned(), tag.clone().into());
            }
            Pool::Droplets(ids) => {
                self.0.remove("tag");
                self.0.insert("droplet_ids".to_owned(), ids.clone().into());
            }
        }
        self
    }

    /// With other ports on the droplets, in the rules and, where it looks at one of them, in the health check.
    pub(super) fn with_ports(mut self, other: impl Fn(u64) -> Option<u64>) -> Self {
        let swap = |holder: &mut Value, name: &str| {
            if let Some(port) = holder.get_mut(name)
                && let Some(new) = port.as_u64().and_then(&other)
            {
                *port = new.into();
            }
        };
        let rules = self.0.get_mut("forwarding_rules").and_then(Value::as_array_mut);
        for rule in rules.into_iter().flatten() {
            swap(rule, "target_port");
        }
        if let Some(check) = self.0.get_mut("health_check") {
            swap(check, "port");
        }
        self
    }

    /// The names of the fields that are not as they were sent. What the service fills in by itself is no
    /// difference.
    pub(super) fn differences(&self, shown: &Self) -> Vec<&str> {
        let lost = self.0.iter().filter(|(name, sent)| {
            let shown = shown.0.get(name.as_str()).unwrap_or(&Value::Null);
            !is_kept(sent, shown)
        });
        lost.map(|(name, _)| name.as_str()).collect()
    }
}

/// Whether what was sent is shown. Nothing, null and an empty text are the same; ids have no order.
pub(crate) fn is_kept(sent: &Value, shown: &Value) -> bool {
    let is_nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
    match (sent, shown) {
        (Value::Object(sent), Value::Object(shown)) => sent
            .iter()
            .all(|(name, sent)| is_kept(sent, shown.get(name).unwrap_or(&Value::Null))),
        (Value::Array(sent), Value::Array(shown)) if sent.len() == shown.len() => {
            let (sent, shown) = (in_order(sent), in_order(shown));
            sent.iter().zip(shown).all(|(sent, shown)| is_kept(sent, shown))
        }
        _ => sent == shown || (is_nothing(sent) && is_nothing(shown)),
    }
}

fn in_order(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<&Value> = items.iter().collect();
    if items.iter().all(|item| item.is_u64()) {
        items.sort_by_key(|item| item.as_u64());
    }
    items
}
