//! The spec of an app, kept as it came: what is changed is one component, or the routes, and nothing else.

use bluegreen_core::{Slot, Split};
use serde_json::{Map, Value, json};

use crate::PerSlot;

/// The variable by which a component tells for which deployment it runs.
pub(super) const DEPLOYMENT: &str = "BLUEGREEN_DEPLOYMENT";
/// The variable by which a component tells which version it runs.
pub(super) const VERSION: &str = "BLUEGREEN_VERSION";
/// What stands in place of a deployment when a component is kept and must not be used.
pub(super) const RETIRED: &str = "retired";

/// The spec of an app.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spec(pub(super) Value);

/// A service of an app.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Component(Map<String, Value>);

impl Spec {
    fn services(&self) -> impl Iterator<Item = &Map<String, Value>> {
        let services = self.0.get("services").and_then(Value::as_array);
        services.into_iter().flatten().filter_map(Value::as_object)
    }

    pub(super) fn component(&self, name: &str) -> Option<Component> {
        let is_it = |service: &&Map<String, Value>| service.get("name").and_then(Value::as_str) == Some(name);
        self.services().find(is_it).cloned().map(Component)
    }

    /// How many components there are of any kind.
    pub(super) fn components(&self) -> usize {
        let kinds = ["services", "workers", "static_sites", "jobs", "functions"];
        let count = |kind: &str| self.0.get(kind).and_then(Value::as_array).map_or(0, Vec::len);
        kinds.into_iter().map(count).sum()
    }

    /// With a component added, or in the place of the one with its name.
    pub(super) fn with(mut self, component: Component) -> Self {
        let name = component.name().to_owned();
        let component = Value::Object(component.0);
        if let Some(spec) = self.0.as_object_mut() {
            let services = spec.entry("services").or_insert_with(|| json!([]));
            if let Some(services) = services.as_array_mut() {
                match services
                    .iter_mut()
                    .find(|service| service["name"] == name.as_str())
                {
                    Some(place) => *place = component,
                    None => services.push(component),
                }
            }
        }
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        if let Some(services) = self.0.get_mut("services").and_then(Value::as_array_mut) {
            services.retain(|service| service["name"] != name);
        }
        self
    }

    fn domains(&self) -> impl Iterator<Item = &Value> {
        let domains = self.0.get("domains").and_then(Value::as_array);
        domains.into_iter().flatten()
    }

    /// The settings of a domain, if it is there.
    pub(super) fn domain(&self, name: &str) -> Option<Value> {
        self.domains().find(|entry| is_domain(entry, name)).cloned()
    }

    /// With a domain added, or in the place of the one with its name.
    pub(super) fn with_domain(self, name: &str, entry: Value) -> Self {
        let mut spec = self.without_domain(name);
        if let Some(members) = spec.0.as_object_mut() {
            let domains = members.entry("domains").or_insert_with(|| json!([]));
            if let Some(domains) = domains.as_array_mut() {
                domains.push(entry);
            }
        }
        spec
    }

    pub(super) fn without_domain(mut self, name: &str) -> Self {
        if let Some(domains) = self.0.get_mut("domains").and_then(Value::as_array_mut) {
            domains.retain(|entry| !is_domain(entry, name));
        }
        self
    }

    fn rules(&self) -> impl Iterator<Item = &Value> {
        let rules = self.0.pointer("/ingress/rules").and_then(Value::as_array);
        rules.into_iter().flatten()
    }

    /// Whether a rule leads to a component.
    pub(super) fn leads_to(&self, name: &str) -> bool {
        self.rules().any(|rule| target(rule) == Some(name))
    }

    /// The split that the routes hold, or what else is there.
    pub(super) fn held(&self, components: &PerSlot<String>) -> Result<Split, String> {
        let deprecated = |service: &&Map<String, Value>| {
            let name = service.get("name").and_then(Value::as_str).unwrap_or_default();
            let routes = service.get("routes").and_then(Value::as_array);
            routes.is_some_and(|routes| !routes.is_empty())
                && (name == components.blue || name == components.green)
        };
        if let Some(service) = self.services().find(deprecated) {
            return Err(format!(
                "component {} has `routes` of its own, which are deprecated: write them as ingress rules",
                service.get("name").and_then(Value::as_str).unwrap_or_default()
            ));
        }
        let count = |slot| {
            self.rules()
                .filter(|rule| target(rule) == Some(components.get(slot)))
                .count()
        };
        match (count(Slot::Blue), count(Slot::Green)) {
            (0, 0) => Err(format!(
                "no ingress rule leads to {} or {}",
                components.blue, components.green
            )),
            (_, 0) => Ok(Split::all(Slot::Blue)),
            (0, _) => Ok(Split::all(Slot::Green)),
            (blue, green) => Err(format!(
                "{blue} ingress rules lead to {} and {green} to {}",
                components.blue, components.green
            )),
        }
    }

    /// With all rules of one slot's component leading to the other's.
    pub(super) fn routed(mut self, components: &PerSlot<String>, slot: Slot) -> Self {
        let (to, from) = (components.get(slot), components.get(slot.other()));
        let rules = self.0.pointer_mut("/ingress/rules").and_then(Value::as_array_mut);
        for rule in rules.into_iter().flatten() {
            if target(rule) == Some(from)
                && let Some(name) = rule.pointer_mut("/component/name")
            {
                *name = json!(to);
            }
        }
        self
    }
}

/// Whether the settings of a domain are those of this one.
pub(super) fn is_domain(entry: &Value, name: &str) -> bool {
    let known = entry.get("domain").and_then(Value::as_str).unwrap_or_default();
    known.trim_end_matches('.').eq_ignore_ascii_case(name)
}

fn target(rule: &Value) -> Option<&str> {
    rule.pointer("/component/name").and_then(Value::as_str)
}

impl Component {
    /// A component of this name, which is like another.
    pub(super) fn named(name: &str, like: &Map<String, Value>) -> Self {
        let mut component = like.clone();
        component.insert("name".to_owned(), json!(name));
        Self(component)
    }

    pub(super) fn like(&self, name: &str) -> Self {
        Self::named(name, &self.0)
    }

    fn name(&self) -> &str {
        self.0.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of a variable.
    pub(super) fn variable(&self, key: &str) -> Option<&str> {
        let variables = self.0.get("envs").and_then(Value::as_array);
        let is_it = |variable: &&Value| variable.get("key").and_then(Value::as_str) == Some(key);
        variables
            .into_iter()
            .flatten()
            .find(is_it)?
            .get("value")?
            .as_str()
    }

    pub(super) fn with_variable(mut self, key: &str, value: &str) -> Self {
        let variables = self.0.entry("envs").or_insert_with(|| json!([]));
        if let Some(variables) = variables.as_array_mut() {
            variables.retain(|variable| variable["key"] != key);
            variables.push(json!({"key": key, "value": value, "scope": "RUN_TIME"}));
        }
        self
    }

    pub(super) fn instances(&self) -> u32 {
        let count = self.0.get("instance_count").and_then(Value::as_u64).unwrap_or(1);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// With so many instances; a component that scales by itself is left alone.
    pub(super) fn with_instances(mut self, count: u32) -> Self {
        if !self.0.contains_key("autoscaling") {
            self.0.insert("instance_count".to_owned(), json!(count));
        }
        self
    }

    /// With another image: a tag, or a digest that begins with `sha256:`. A component that is built from
    /// source is built anew and has none.
    pub(super) fn with_image(mut self, artifact: &str) -> Result<Self, String> {
        let Some(image) = self.0.get_mut("image").and_then(Value::as_object_mut) else {
            return Ok(self);
        };
        let (name, other) = if artifact.starts_with("sha256:") {
            ("digest", "tag")
        } else {
            ("tag", "digest")
        };
        let is_good = (1..=128).contains(&artifact.len())
            && artifact
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte))
            && (name == "digest" || !artifact.contains(':'));
        if !is_good {
            return Err(format!(
                "{:?} is neither a tag nor a digest of an image",
                crate::client::bounded(artifact)
            ));
        }
        image.remove(other);
        image.insert(name.to_owned(), json!(artifact));
        Ok(self)
    }
}
