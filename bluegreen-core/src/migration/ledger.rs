//! Which release is in which slot, and what it needs: whether something may be taken away, and whether a
//! release still works on a schema.

use std::collections::BTreeMap;
use std::fmt;

use super::needs::{Loss, Needs};
use crate::lifecycle::Slots;
use crate::{Role, Slot, Version};

/// Which release is in which slot, and what each needs.
///
/// ```
/// use bluegreen_core::migration::{Ledger, Loss, Needs};
/// use bluegreen_core::{Role, Slot, Version};
///
/// let ledger = Ledger::default()
///     .in_slot(Slot::Blue, Role::Standby, Some(Version::new("1.1.0")?))
///     .in_slot(Slot::Green, Role::Live, Some(Version::new("1.2.0")?))
///     .needs(Version::new("1.1.0")?, Needs::from_toml(r#"customers = ["id", "name"]"#)?)
///     .needs(Version::new("1.2.0")?, Needs::from_toml(r#"customers = ["id", "full_name"]"#)?);
///
/// let drop = [Loss::Column("customers".to_owned(), "name".to_owned())];
/// let refused = ledger.contract(&drop);
/// assert_eq!(refused[0].to_string(), "release 1.1.0 in blue (standby) needs customers.name");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    slots: Vec<(Slot, Role, Option<Version>)>,
    needs: BTreeMap<Version, Needs>,
}

/// What keeps something from being taken away: a release that has or may get traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Where it runs.
    pub slot: Slot,
    /// What the slot is.
    pub role: Role,
    /// The release, where it is known.
    pub version: Option<Version>,
    /// What it would lose; empty when it is not known what it needs.
    pub losses: Vec<Loss>,
}

impl Ledger {
    /// With what is in both slots. A slot counts as long as it has traffic or may get some: live, candidate,
    /// standby, and one that was not drained yet.
    #[must_use]
    pub fn of(slots: &Slots) -> Self {
        Slot::BOTH
            .into_iter()
            .map(|slot| (slot, slots.get(slot)))
            .filter(|(_, state)| state.role != Role::Empty || state.undrained)
            .fold(Self::default(), |ledger, (slot, state)| {
                let version = state.release.as_ref().map(|release| release.version.clone());
                ledger.in_slot(slot, state.role, version)
            })
    }

    /// With a release in a slot; `None` when it is not known which.
    #[must_use]
    pub fn in_slot(mut self, slot: Slot, role: Role, version: Option<Version>) -> Self {
        self.slots.push((slot, role, version));
        self
    }

    /// With what a release needs.
    #[must_use]
    pub fn needs(mut self, version: Version, needs: Needs) -> Self {
        self.needs.insert(version, needs);
        self
    }

    /// The releases in the slots.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.slots.iter().filter_map(|(_, _, version)| version.as_ref())
    }

    /// Who keeps this from being taken away; it may be when there is nobody. A release of which it is not
    /// known what it needs is taken to need everything.
    #[must_use]
    pub fn contract(&self, losses: &[Loss]) -> Vec<Obstacle> {
        if losses.is_empty() {
            return Vec::new();
        }
        let obstacle = |(slot, role, version): &(Slot, Role, Option<Version>)| {
            let needs = version.as_ref().and_then(|version| self.needs.get(version));
            let hurt: Vec<Loss> = needs.map_or_else(Vec::new, |needs| {
                losses.iter().filter(|loss| loss.hurts(needs)).cloned().collect()
            });
            (needs.is_none() || !hurt.is_empty()).then(|| Obstacle {
                slot: *slot,
                role: *role,
                version: version.clone(),
                losses: hurt,
            })
        };
        self.slots.iter().filter_map(obstacle).collect()
    }

    /// What a release would miss on a schema: nothing when it can come back. `None` when it is not known
    /// what it needs.
    #[must_use]
    pub fn missing(&self, version: &Version, now: &Needs) -> Option<Vec<Loss>> {
        Some(self.needs.get(version)?.without(now).collect())
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "release {version} in {} ({})", self.slot, self.role)?,
            None => write!(f, "the release in {} ({})", self.slot, self.role)?,
        }
        if self.losses.is_empty() {
            return f.write_str(" is not known: say what it needs");
        }
        f.write_str(" needs ")?;
        for (at, loss) in self.losses.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            loss.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Release;

    fn version(text: &str) -> Version {
        Version::new(text).unwrap_or_else(|_| unreachable!())
    }

    fn name_is_dropped() -> [Loss; 1] {
        [Loss::Column("customers".to_owned(), "name".to_owned())]
    }

    fn ledger(role: Role, needs: &str) -> Ledger {
        let needs = Needs::from_toml(needs).unwrap_or_default();
        Ledger::default()
            .in_slot(Slot::Blue, role, Some(version("1.0")))
            .needs(version("1.0"), needs)
    }

    #[test]
    fn nothing_is_taken_from_a_slot_that_has_or_may_get_traffic() {
        for role in [Role::Live, Role::Candidate, Role::Standby] {
            assert_eq!(
                ledger(role, "customers = ['name']")
                    .contract(&name_is_dropped())
                    .len(),
                1,
                "{role}"
            );
            assert!(
                ledger(role, "customers = ['id']")
                    .contract(&name_is_dropped())
                    .is_empty()
            );
        }
    }

    #[test]
    fn who_is_not_known_needs_everything() {
        let unknown = Ledger::default().in_slot(Slot::Blue, Role::Live, None);
        assert_eq!(
            unknown.contract(&name_is_dropped())[0].to_string(),
            "the release in blue (live) is not known: say what it needs"
        );
        assert!(unknown.contract(&[]).is_empty());
        assert_eq!(unknown.missing(&version("1.0"), &Needs::default()), None);
    }

    #[test]
    fn an_empty_slot_counts_until_it_is_drained() {
        let mut slots = Slots::default();
        slots.blue.release = Some(Release::new(version("1.0")));
        assert_eq!(Ledger::of(&slots).versions().count(), 0);
        slots.blue.undrained = true;
        assert_eq!(Ledger::of(&slots).versions().count(), 1);
    }

    #[test]
    fn a_release_comes_back_only_to_what_it_needs() {
        let ledger = ledger(Role::Standby, "customers = ['id', 'name']");
        let now = Needs::from_toml("customers = ['id', 'name', 'full_name']").unwrap_or_default();
        assert_eq!(ledger.missing(&version("1.0"), &now), Some(Vec::new()));
        let contracted = Needs::from_toml("customers = ['id', 'full_name']").unwrap_or_default();
        assert_eq!(
            ledger.missing(&version("1.0"), &contracted),
            Some(name_is_dropped().to_vec())
        );
    }
}
