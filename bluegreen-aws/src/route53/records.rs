//! Which records a router is for.

use aws_sdk_route53::types::RrType;
use bluegreen_core::Slot;

use super::group::whole;

/// The type of weighted records. An alias is a record of type A or AAAA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordKind {
    /// Addresses of IPv4, or an alias.
    A,
    /// Addresses of IPv6, or an alias.
    Aaaa,
    /// The names of hosts.
    Cname,
}

impl RecordKind {
    pub(super) const fn as_sent(self) -> RrType {
        match self {
            Self::A => RrType::A,
            Self::Aaaa => RrType::Aaaa,
            Self::Cname => RrType::Cname,
        }
    }

    pub(super) const fn as_label(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::Aaaa => "aaaa",
            Self::Cname => "cname",
        }
    }
}

/// Two weighted records of one name and type, one for each slot. They exist already; the router changes
/// their weights and their time to live, and keeps everything else as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightedRecords {
    pub(super) zone: String,
    pub(super) name: String,
    pub(super) kind: RecordKind,
    identifiers: [String; 2],
}

/// Records that cannot be switched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the weighted records: {0}")]
pub struct InvalidRecords(String);

impl WeightedRecords {
    /// The records of this whole name and type in a hosted zone, with the `SetIdentifier`s `blue` and `green`.
    ///
    /// ```
    /// use bluegreen_aws::route53::{RecordKind, WeightedRecords};
    ///
    /// let records = WeightedRecords::new("Z1D633PJN98FT9", "shop.example.com", RecordKind::A)?
    ///     .identifiers("fleet-1", "fleet-2")?;
    /// # drop(records);
    /// # Ok::<(), bluegreen_aws::route53::InvalidRecords>(())
    /// ```
    ///
    /// # Errors
    /// When the zone is no id, or the name no name.
    pub fn new(zone: &str, name: &str, kind: RecordKind) -> Result<Self, InvalidRecords> {
        // As Route 53 shows it: `/hostedzone/Z1D633PJN98FT9`.
        let zone = zone.trim_start_matches("/hostedzone/");
        if zone.is_empty() || zone.len() > 32 || !zone.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(InvalidRecords(format!("«{zone}» is not the id of a hosted zone")));
        }
        let name = whole(name);
        // With the label of the marker a name still has 255 bytes at most.
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
        if !(1..=230).contains(&name.len())
            || !name.bytes().all(is_good)
            || name.split('.').any(str::is_empty)
        {
            return Err(InvalidRecords(format!("«{name}» is not the name of a record")));
        }
        Ok(Self {
            zone: zone.to_owned(),
            name,
            kind,
            identifiers: Slot::BOTH.map(|slot| slot.as_str().to_owned()),
        })
    }

    /// With other `SetIdentifier`s.
    ///
    /// # Errors
    /// When both are the same, or one has not 1 to 128 characters.
    pub fn identifiers(
        mut self,
        blue: impl Into<String>,
        green: impl Into<String>,
    ) -> Result<Self, InvalidRecords> {
        self.identifiers = [blue.into(), green.into()];
        let [blue, green] = &self.identifiers;
        if blue == green {
            return Err(InvalidRecords(
                "both slots have the same SetIdentifier".to_owned(),
            ));
        }
        let is_good = |id: &String| (1..=128).contains(&id.chars().count());
        if is_good(blue) && is_good(green) {
            Ok(self)
        } else {
            Err(InvalidRecords(
                "a SetIdentifier has 1 to 128 characters".to_owned(),
            ))
        }
    }

    pub(super) fn identifier(&self, slot: Slot) -> &str {
        let [blue, green] = &self.identifiers;
        match slot {
            Slot::Blue => blue,
            Slot::Green => green,
        }
    }

    /// Where the router keeps its note.
    pub(super) fn marker_name(&self) -> String {
        format!("_bluegreen-{}.{}", self.kind.as_label(), self.name)
    }
}
