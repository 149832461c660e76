//! A record set of a zone.

use std::cmp::Ordering;

use roxmltree::Node;

use super::super::wire::{around, element};

/// A record set as it stands in a zone.
///
/// ```
/// use bluegreen_testkit::aws::DnsRecord;
///
/// let blue = DnsRecord::new("shop.example.com", "A")
///     .weighted("blue", 100)
///     .ttl(300)
///     .value("10.0.0.1");
/// assert_eq!(blue.name, "shop.example.com.");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsRecord {
    /// The whole name, in small letters, with a dot at the end.
    pub name: String,
    /// Its type: `A`.
    pub kind: String,
    /// What tells records of one name and type apart.
    pub set_identifier: Option<String>,
    /// Its weight among them.
    pub weight: Option<i64>,
    /// Its time to live in seconds; an alias has none.
    pub ttl: Option<i64>,
    /// Its values.
    pub values: Vec<String>,
    /// What it is an alias for.
    pub alias: Option<AliasTarget>,
    /// The health check that it is served by.
    pub health_check: Option<String>,
}

/// What an alias leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AliasTarget {
    /// The zone of the target.
    pub zone: String,
    /// The name of the target.
    pub dns_name: String,
    /// Whether the record is as healthy as its target.
    pub evaluate_health: bool,
}

impl DnsRecord {
    /// A record with nothing in it yet.
    #[must_use]
    pub fn new(name: &str, kind: impl Into<String>) -> Self {
        Self {
            name: full(name),
            kind: kind.into(),
            ..Self::default()
        }
    }

    /// One of several with a weight.
    #[must_use]
    pub fn weighted(mut self, set_identifier: impl Into<String>, weight: i64) -> Self {
        self.set_identifier = Some(set_identifier.into());
        self.weight = Some(weight);
        self
    }

    /// With a time to live in seconds.
    #[must_use]
    pub const fn ttl(mut self, seconds: i64) -> Self {
        self.ttl = Some(seconds);
        self
    }

    /// With a value more.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.values.push(value.into());
        self
    }

    /// As an alias.
    #[must_use]
    pub fn alias(mut self, zone: impl Into<String>, dns_name: &str, evaluate_health: bool) -> Self {
        self.alias = Some(AliasTarget {
            zone: zone.into(),
            dns_name: full(dns_name),
            evaluate_health,
        });
        self
    }

    /// Served while this check is healthy.
    #[must_use]
    pub fn health_check(mut self, id: impl Into<String>) -> Self {
        self.health_check = Some(id.into());
        self
    }

    /// Whether it is one and the same record set as another.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }

    /// Whether both belong to one group.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind
    }

    /// The order of lists: by labels from the last to the first, then by type and identifier.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |record: &Self| {
            let id = record.set_identifier.clone().unwrap_or_default();
            (reversed(&record.name), record.kind.clone(), id)
        };
        key(self).cmp(&key(other))
    }

    /// As it stands in answers.
    pub(super) fn xml(&self) -> String {
        let mut inside = element("Name", &escaped(&self.name)) + &element("Type", &self.kind);
        if let Some(id) = &self.set_identifier {
            inside += &element("SetIdentifier", id);
        }
        if let Some(weight) = self.weight {
            inside += &element("Weight", &weight.to_string());
        }
        if let Some(ttl) = self.ttl {
            inside += &element("TTL", &ttl.to_string());
        }
        if !self.values.is_empty() {
            let values: String = self
                .values
                .iter()
                .map(|value| around("ResourceRecord", &element("Value", value)))
                .collect();
            inside += &around("ResourceRecords", &values);
        }
        if let Some(alias) = &self.alias {
            let target = element("HostedZoneId", &alias.zone)
                + &element("DNSName", &escaped(&alias.dns_name))
                + &element("EvaluateTargetHealth", &alias.evaluate_health.to_string());
            inside += &around("AliasTarget", &target);
        }
        if let Some(id) = &self.health_check {
            inside += &element("HealthCheckId", id);
        }
        around("ResourceRecordSet", &inside)
    }

    /// Reads what stands in a request. `Err` says which field is wrong.
    pub(super) fn read(node: Node<'_, '_>) -> Result<Self, String> {
        let text = |name: &str| child(node, name).map(text_of);
        let number = |name: &str| {
            let parsed = text(name).map(|text| text.parse::<i64>());
            parsed.transpose().map_err(|_| format!("{name} is not a number"))
        };
        let values = child(node, "ResourceRecords").map(|records| {
            let records = records
                .children()
                .filter(|child| child.has_tag_name_of("ResourceRecord"));
            let values = records.filter_map(|record| child(record, "Value").map(text_of));
            values.collect::<Vec<_>>()
        });
        let alias = child(node, "AliasTarget").map(|target| {
            let field = |name: &str| {
                let missing = || format!("Missing field '{name}'");
                child(target, name).map(text_of).ok_or_else(missing)
            };
            Ok::<_, String>(AliasTarget {
                zone: field("HostedZoneId")?,
                dns_name: full(&field("DNSName")?),
                evaluate_health: field("EvaluateTargetHealth")? == "true",
            })
        });
        for other in [
            "Region",
            "Failover",
            "GeoLocation",
            "MultiValueAnswer",
            "CidrRoutingConfig",
        ] {
            if child(node, other).is_some() {
                return Err(format!("{other} is not known to this fake"));
            }
        }
        Ok(Self {
            name: full(&text("Name").ok_or("Missing field 'Name'")?),
            kind: text("Type").ok_or("Missing field 'Type'")?,
            set_identifier: text("SetIdentifier"),
            weight: number("Weight")?,
            ttl: number("TTL")?,
            values: values.unwrap_or_default(),
            alias: alias.transpose()?,
            health_check: text("HealthCheckId"),
        })
    }
}

/// As errors name it.
impl std::fmt::Display for DnsRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[name='{}', type='{}'", escaped(&self.name), self.kind)?;
        if let Some(id) = &self.set_identifier {
            write!(f, ", set-identifier='{id}'")?;
        }
        write!(f, "]")
    }
}

/// Names of elements, whatever their namespace.
pub(super) trait Named {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Named for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name_of(name))
}

pub(super) fn text_of(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

/// A name as Route 53 keeps it: whole, in small letters, without escapes.
pub(super) fn full(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace("\\052", "*");
    if name.ends_with('.') {
        name
    } else {
        format!("{name}.")
    }
}

/// A name as Route 53 shows it: what is no letter, digit, hyphen or underscore as an octal number.
pub(super) fn escaped(name: &str) -> String {
    name.replace('*', "\\052")
}

fn reversed(name: &str) -> Vec<String> {
    name.trim_end_matches('.')
        .split('.')
        .rev()
        .map(str::to_owned)
        .collect()
}
