//! How a balancer tells the slots apart.

use bluegreen_core::{Granularity, Slot, Split};
use serde::{Deserialize, Serialize};

use super::balancer::{Balancer, Pool, Settings};
use crate::PerSlot;

/// How a balancer tells the slots apart. Its targets are droplets in each case: apps of App Platform cannot
/// be put behind a balancer.
///
/// A balancer has no weights. All modes but [`DropletRatio`](Self::DropletRatio) are all or nothing, and say
/// so in the router's capabilities, so that a plan with a step of 5 % is refused in preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Targets {
    /// The droplets of a slot carry its tag, and no droplet carries both.
    Tag(PerSlot<String>),
    /// The ids of the droplets of each slot.
    Droplets(PerSlot<Vec<u64>>),
    /// Both slots run on the same droplets, on ports of their own. Each pair stands for one forwarding rule
    /// or several; rules that send to other ports are left alone. A health check on one of the ports moves
    /// with the rules.
    Ports(Vec<PerSlot<u16>>),
    /// A coarse canary: as many droplets in each slot, of which `k` of green's and the others of blue's are
    /// in the pool. With 4 and 4 droplets the steps are 25 %, 50 %, 75 % and 100 %. The balancer divides by
    /// connections or requests, so a share is exact only in the long run; and the pool has one slot's size.
    DropletRatio(PerSlot<Vec<u64>>),
}

/// Targets that cannot be told apart, or are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the targets of the balancer: {0}")]
pub struct InvalidTargets(pub(super) String);

impl Targets {
    pub(super) fn check(&self) -> Result<(), InvalidTargets> {
        let wrong = |what: &str| Err(InvalidTargets(what.to_owned()));
        match self {
            Self::Tag(tags) => {
                if tags.blue.is_empty() || tags.green.is_empty() {
                    return wrong("each slot needs a tag");
                }
                // Tags are compared by the service without regard to case.
                if tags.blue.eq_ignore_ascii_case(&tags.green) {
                    return wrong("the tags of both slots are the same");
                }
            }
            Self::Droplets(ids) | Self::DropletRatio(ids) => {
                if ids.blue.is_empty() || ids.green.is_empty() {
                    return wrong("each slot needs a droplet");
                }
                let mut all: Vec<u64> = ids.blue.iter().chain(&ids.green).copied().collect();
                all.sort_unstable();
                if all.windows(2).any(|pair| pair.first() == pair.last()) {
                    return wrong("a droplet is named twice; each belongs to one slot");
                }
                let is_ratio = matches!(self, Self::DropletRatio(_));
                if is_ratio && ids.blue.len() != ids.green.len() {
                    return wrong("a ratio needs as many droplets in each slot");
                }
                if ids.blue.len() > 500 || ids.green.len() > 500 {
                    return wrong("more than 500 droplets in a slot");
                }
            }
            Self::Ports(pairs) => {
                let mut all: Vec<u16> = pairs.iter().flat_map(|pair| [pair.blue, pair.green]).collect();
                all.sort_unstable();
                if all.is_empty() {
                    return wrong("there is no pair of ports");
                }
                if all.contains(&0) || all.windows(2).any(|pair| pair.first() == pair.last()) {
                    return wrong("a port is 0 or named twice; each belongs to one slot");
                }
            }
        }
        Ok(())
    }

    pub(super) fn granularity(&self) -> Granularity {
        match self {
            Self::DropletRatio(ids) => match u16::try_from(ids.blue.len()) {
                Ok(count) if count > 1 => Granularity::Steps(count),
                _ => Granularity::AllOrNothing,
            },
            _ => Granularity::AllOrNothing,
        }
    }

    /// In a word, for people.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Tag(_) => "tag",
            Self::Droplets(_) => "droplets",
            Self::Ports(_) => "ports",
            Self::DropletRatio(_) => "droplet ratio",
        }
    }

    /// The split that a balancer holds, or what else is there.
    pub(super) fn held(&self, balancer: &Balancer) -> Result<Split, String> {
        match (self, balancer.pool()) {
            (Self::Tag(tags), Pool::Tag(tag)) => {
                let is_it = |slot: &Slot| tags.get(*slot).eq_ignore_ascii_case(&tag);
                let slot = Slot::BOTH.into_iter().find(is_it);
                slot.map(Split::all).ok_or_else(|| {
                    format!(
                        "it sends to the tag {tag:?}; the slots have {:?} and {:?}",
                        tags.blue, tags.green
                    )
                })
            }
            (Self::Tag(_), Pool::Droplets(ids)) => Err(format!(
                "it sends to {} droplets by their ids, and is to be switched by tags",
                ids.len()
            )),
            (Self::Droplets(slots) | Self::DropletRatio(slots), Pool::Droplets(ids)) => {
                self.held_by_ids(slots, &ids)
            }
            (Self::Droplets(_) | Self::DropletRatio(_), Pool::Tag(tag)) => Err(format!(
                "it sends to the tag {tag:?}, and is to be switched by droplets"
            )),
            (Self::Ports(pairs), _) => held_by_ports(pairs, &balancer.target_ports()),
        }
    }

    fn held_by_ids(&self, slots: &PerSlot<Vec<u64>>, ids: &[u64]) -> Result<Split, String> {
        let of = |slot| ids.iter().filter(|id| slots.get(slot).contains(id)).count();
        let (blue, green) = (of(Slot::Blue), of(Slot::Green));
        let strangers = ids.len() - blue - green;
        if strangers > 0 || ids.is_empty() {
            return Err(format!(
                "of its {} droplets {strangers} belong to no slot",
                ids.len()
            ));
        }
        match (blue, green) {
            (_, 0) => Ok(Split::all(Slot::Blue)),
            (0, _) => Ok(Split::all(Slot::Green)),
            _ => {
                let share = green * 10_000;
                let is_even = share.is_multiple_of(ids.len());
                let points = u16::try_from(share / ids.len()).ok().filter(|_| is_even);
                let share = points.and_then(|points| bluegreen_core::Share::from_basis_points(points).ok());
                match (self, share) {
                    (Self::DropletRatio(_), Some(share)) if ids.len() == slots.blue.len() => {
                        Ok(Split::with(Slot::Green, share))
                    }
                    _ => Err(format!(
                        "it sends to {blue} droplets of blue and {green} of green"
                    )),
                }
            }
        }
    }

    /// The settings that hold a split; nothing else about them is different.
    pub(super) fn apply(&self, settings: Settings, split: Split) -> Option<Settings> {
        match self {
            Self::Tag(tags) => Some(settings.with_pool(&Pool::Tag(tags.get(split.only()?).clone()))),
            Self::Droplets(ids) => {
                let ids = sorted(ids.get(split.only()?).iter().copied());
                Some(settings.with_pool(&Pool::Droplets(ids)))
            }
            Self::DropletRatio(ids) => {
                let of_green = usize::from(split.share(Slot::Green).basis_points()) * ids.green.len();
                let green = of_green.is_multiple_of(10_000).then_some(of_green / 10_000)?;
                let blue = ids.blue.len().checked_sub(green)?;
                let pool = ids.green.iter().take(green).chain(ids.blue.iter().take(blue));
                Some(settings.with_pool(&Pool::Droplets(sorted(pool.copied()))))
            }
            Self::Ports(pairs) => {
                let slot = split.only()?;
                Some(settings.with_ports(|port| {
                    let pair = pairs
                        .iter()
                        .find(|pair| u64::from(*pair.get(slot.other())) == port)?;
                    Some(u64::from(*pair.get(slot)))
                }))
            }
        }
    }
}

fn sorted(ids: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut ids: Vec<u64> = ids.collect();
    ids.sort_unstable();
    ids
}

fn held_by_ports(pairs: &[PerSlot<u16>], ports: &[u64]) -> Result<Split, String> {
    let rules_of = |slot: Slot| {
        let ours = |port: &&u64| pairs.iter().any(|pair| u64::from(*pair.get(slot)) == **port);
        ports.iter().filter(ours).count()
    };
    match (rules_of(Slot::Blue), rules_of(Slot::Green)) {
        (0, 0) => Err(format!(
            "none of its forwarding rules sends to a slot's port; they send to {ports:?}"
        )),
        (_, 0) => Ok(Split::all(Slot::Blue)),
        (0, _) => Ok(Split::all(Slot::Green)),
        (blue, green) => Err(format!(
            "{blue} of its forwarding rules send to blue and {green} to green"
        )),
    }
}
