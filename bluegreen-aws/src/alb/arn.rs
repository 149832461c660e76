//! The names of groups, listeners and rules.

use bluegreen_core::Slot;

use crate::PerSlot;

/// A name that is not of the kind that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidArn {
    /// It names something else, or nothing.
    #[error("{0:?} is not the ARN of {1}")]
    Other(String, &'static str),
    /// Blue and green are the same group.
    #[error("{0:?} is the group of both slots: a weight between a group and itself moves nothing")]
    Same(String),
}

/// The target groups of the two slots. A group belongs to one balancer, so there is a pair for each balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups(PerSlot<String>);

impl Groups {
    /// The groups of blue and green, by their ARNs.
    ///
    /// # Errors
    /// When one of them is not the ARN of a target group, or both are the same.
    pub fn new(blue: impl Into<String>, green: impl Into<String>) -> Result<Self, InvalidArn> {
        let blue = checked(blue.into(), "targetgroup/", "a target group")?;
        let green = checked(green.into(), "targetgroup/", "a target group")?;
        if blue == green {
            return Err(InvalidArn::Same(blue));
        }
        Ok(Self(PerSlot::new(blue, green)))
    }

    /// The group of a slot.
    #[must_use]
    pub fn of(&self, slot: Slot) -> &str {
        self.0.get(slot)
    }

    /// The slot of a group.
    pub(super) fn slot(&self, arn: &str) -> Option<Slot> {
        Slot::BOTH.into_iter().find(|slot| self.of(*slot) == arn)
    }
}

/// The ARN of a resource of load balancing of this kind.
fn checked(arn: String, kind: &str, name: &'static str) -> Result<String, InvalidArn> {
    let mut parts = arn.splitn(6, ':');
    let mut is = |expected: &str| parts.next() == Some(expected);
    let is_arn = is("arn");
    // The partition: `aws`, `aws-cn`, `aws-us-gov`.
    let _ = parts.next();
    let mut is = |expected: &str| parts.next() == Some(expected);
    let is_service = is("elasticloadbalancing");
    let is_placed = parts.next().is_some_and(|region| !region.is_empty())
        && parts.next().is_some_and(|account| !account.is_empty());
    let is_kind = parts.next().is_some_and(|resource| resource.starts_with(kind));
    let is_plain = arn.len() <= 512 && arn.bytes().all(|byte| byte.is_ascii_graphic());
    if is_arn && is_service && is_placed && is_kind && is_plain {
        Ok(arn)
    } else {
        Err(InvalidArn::Other(arn, name))
    }
}

/// The ARN of a listener of an Application Load Balancer.
pub(super) fn listener(arn: impl Into<String>) -> Result<String, InvalidArn> {
    checked(
        arn.into(),
        "listener/app/",
        "a listener of an Application Load Balancer",
    )
}

/// The ARN of a rule of an Application Load Balancer.
pub(super) fn rule(arn: impl Into<String>) -> Result<String, InvalidArn> {
    checked(
        arn.into(),
        "listener-rule/app/",
        "a rule of an Application Load Balancer",
    )
}

/// What people call it: what follows the kind.
pub(super) fn short(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_kind_is_refused() {
        let arn = |rest: &str| format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:{rest}");
        assert!(listener(arn("listener/app/shop/1/2")).is_ok());
        assert!(rule(arn("listener-rule/app/shop/1/2/3")).is_ok());
        for other in [
            String::new(),
            "shop-blue".to_owned(),
            arn(""),
            arn("targetgroup/shop-blue/1"),
            arn("listener/net/shop/1/2"),
            arn("loadbalancer/app/shop/1"),
            "arn:aws:s3:eu-central-1:1:listener/app/shop/1/2".to_owned(),
            "arn:aws:elasticloadbalancing:::listener/app/shop/1/2".to_owned(),
            arn("listener/app/sh op/1/2"),
        ] {
            assert!(listener(other.clone()).is_err(), "{other:?} was taken");
        }
        let blue = arn("targetgroup/shop-blue/1");
        assert_eq!(Groups::new(&blue, &blue), Err(InvalidArn::Same(blue.clone())));
        assert!(Groups::new(&blue, arn("listener/app/shop/1/2")).is_err());
        let china = "arn:aws-cn:elasticloadbalancing:cn-north-1:1:targetgroup/shop-green/1";
        assert!(Groups::new(blue, china).is_ok());
    }
}
