//! How names are answered: by weights and health, from servers that follow at their own pace, through
//! resolvers that keep what they were told.

use std::time::Duration;

use bluegreen_core::Monotonic;

use super::super::cloud::Cloud;
use super::record::{DnsRecord, full};
use super::{State, Zone};

/// The time to live of an alias of a load balancer.
const ALIAS_TTL: i64 = 60;

/// What a resolver says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The value: an address, a host, the name that an alias leads to.
    pub value: String,
    /// How long the resolver keeps it.
    pub keeps_for: Duration,
}

/// What a resolver was told, and until when it keeps it.
#[derive(Debug)]
pub(super) struct Kept {
    value: String,
    until: Monotonic,
}

impl State {
    pub(super) fn resolve(
        &mut self,
        cloud: &Cloud,
        name: &str,
        kind: &str,
        resolver: &str,
    ) -> Option<Resolved> {
        let now = cloud.clock.monotonic();
        let key = (resolver.to_owned(), full(name), kind.to_owned());
        if let Some(kept) = self.kept.get(&key).filter(|kept| kept.until > now) {
            return Some(Resolved {
                value: kept.value.clone(),
                keeps_for: kept.until.since(now),
            });
        }
        let zone = self.zones.iter().find(|zone| zone.holds(&key.1))?;
        // A server near this resolver follows a part of the way after the change.
        let lag = cloud.config.insync_after.mul_f64(fraction(resolver, 0));
        let records = zone.seen(now, lag);
        let group: Vec<&DnsRecord> = records
            .iter()
            .filter(|record| record.name == key.1 && record.kind == kind)
            .collect();
        self.asked += 1;
        let record = self.chosen(&group, fraction(resolver, self.asked))?;
        let value = match &record.alias {
            Some(alias) => alias.dns_name.clone(),
            None => record.values.first()?.clone(),
        };
        let ttl = u64::try_from(record.ttl.unwrap_or(ALIAS_TTL)).unwrap_or(0);
        let keeps_for = Duration::from_secs(ttl);
        let kept = Kept {
            value: value.clone(),
            until: Monotonic(now.0 + keeps_for),
        };
        self.kept.insert(key, kept);
        Some(Resolved { value, keeps_for })
    }

    /// [How Route 53 chooses records when health checking is
    /// configured](https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html).
    fn chosen<'a>(&self, group: &[&'a DnsRecord], at: f64) -> Option<&'a DnsRecord> {
        let has_weight = |record: &&&DnsRecord| record.weight.unwrap_or(1) > 0;
        let healthy = |record: &&&DnsRecord| self.is_healthy(record);
        let some = |records: Vec<&'a DnsRecord>| (!records.is_empty()).then_some(records);
        let of_weight = some(group.iter().filter(has_weight).copied().collect());
        let first = some(group.iter().filter(has_weight).filter(healthy).copied().collect());
        let then = some(group.iter().filter(healthy).copied().collect());
        // When all are unhealthy, all count as healthy.
        let candidates = first.or(then).or(of_weight).unwrap_or_else(|| group.to_vec());
        let weight = |record: &DnsRecord| u32::try_from(record.weight.unwrap_or(1)).unwrap_or(0);
        let sum: u32 = candidates.iter().map(|record| weight(record)).sum();
        // All of weight 0: equal shares.
        let share = |record: &DnsRecord| if sum == 0 { 1 } else { weight(record) };
        let whole: u32 = candidates.iter().map(|record| share(record)).sum();
        let mut left = at * f64::from(whole);
        candidates.into_iter().find(|record| {
            left -= f64::from(share(record));
            left < 0.0
        })
    }

    fn is_healthy(&self, record: &DnsRecord) -> bool {
        let by_check = record.health_check.as_ref().and_then(|id| self.checks.get(id));
        let by_target = record.alias.as_ref().filter(|alias| alias.evaluate_health);
        let by_target = by_target.is_none_or(|alias| !self.sick_targets.contains(&alias.dns_name));
        by_check.copied().unwrap_or(true) && by_target
    }
}

impl Zone {
    pub(super) fn holds(&self, name: &str) -> bool {
        name == self.name || name.ends_with(&format!(".{}", self.name))
    }

    /// The records by which a server answers that is so far behind.
    fn seen(&self, now: Monotonic, lag: Duration) -> &[DnsRecord] {
        let before = self.history.iter().rev();
        let mut before = before.filter(|(until, _)| now.since(*until) < lag);
        // The oldest change that has not reached it yet: it answers by what was before that.
        match before.next_back() {
            Some((_, records)) => records,
            None => &self.records,
        }
    }
}

/// Between 0 and 1, always the same for the same, without a pattern.
fn fraction(text: &str, number: u64) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in text.bytes().chain(number.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 29;
    let top = u32::try_from(hash >> 32).unwrap_or(0);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}
