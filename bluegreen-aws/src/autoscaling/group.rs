//! One group, as it is and as it shall be.

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};

/// A group as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) desired: u32,
    /// Machines in service, and healthy as Auto Scaling sees it.
    pub(super) in_service: u32,
    /// All machines, also those that come and go.
    pub(super) machines: u32,
    /// The processes that somebody has suspended.
    pub(super) suspended: Vec<String>,
}

/// The bounds and the size that a group shall have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) min: u32,
    pub(super) desired: u32,
}

impl Group {
    pub(super) fn read(group: &AutoScalingGroup) -> Self {
        let number = |size: Option<i32>| size.and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
        let count = |machines: usize| u32::try_from(machines).unwrap_or(u32::MAX);
        let serves = group.instances().iter().filter(|machine| {
            machine.lifecycle_state() == Some(&LifecycleState::InService)
                && machine.health_status() == Some("Healthy")
        });
        let suspended = group.suspended_processes().iter();
        Self {
            name: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
            min: number(group.min_size()),
            max: number(group.max_size()),
            desired: number(group.desired_capacity()),
            in_service: count(serves.count()),
            machines: count(group.instances().len()),
            suspended: suspended
                .filter_map(|process| process.process_name().map(str::to_owned))
                .collect(),
        }
    }

    /// What it has to become to take the traffic of the other; `None`: it is large enough. Only ever larger.
    pub(super) fn like(&self, other: &Self, least: u32) -> Result<Option<Size>, String> {
        let wanted = other.desired.max(least);
        if self.desired >= wanted {
            return Ok(None);
        }
        if wanted > self.max {
            return Err(format!(
                "{} may have {} machines at most, and {wanted} are needed to take the traffic of {}, which has {}: raise \
                 its maximum",
                self.name, self.max, other.name, other.desired
            ));
        }
        Ok(Some(Size {
            min: self.min.max(other.min.min(wanted)),
            desired: wanted,
        }))
    }

    /// What it has to become to be no larger than this; `None`: it is not.
    pub(super) fn at_most(&self, machines: u32) -> Option<Size> {
        let size = Size {
            min: self.min.min(machines),
            desired: self.desired.min(machines),
        };
        (size.min != self.min || size.desired != self.desired).then_some(size)
    }

    /// How it stands, for people.
    pub(super) fn evidence(&self) -> String {
        let suspended = if self.suspended.is_empty() {
            String::new()
        } else {
            format!("; suspended: {}", self.suspended.join(", "))
        };
        format!(
            "{}: {} of {} machines in service{suspended}",
            self.name, self.in_service, self.desired
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(min: u32, max: u32, desired: u32) -> Group {
        Group {
            name: "a group".to_owned(),
            min,
            max,
            desired,
            in_service: desired,
            machines: desired,
            suspended: Vec::new(),
        }
    }

    #[test]
    fn the_idle_slot_is_made_as_large_as_the_live_one_and_never_smaller() {
        let size = |min, desired| Ok(Some(Size { min, desired }));
        for (ours, live, least, expected) in [
            (group(0, 10, 0), group(2, 10, 6), 1, size(2, 6)),
            (group(0, 10, 0), group(0, 10, 0), 2, size(0, 2)),
            (group(1, 10, 8), group(2, 10, 6), 1, Ok(None)),
            (group(3, 10, 3), group(2, 10, 6), 1, size(3, 6)),
            (group(0, 10, 0), group(6, 10, 4), 1, size(4, 4)),
        ] {
            assert_eq!(ours.like(&live, least), expected, "{ours:?} like {live:?}");
        }
        assert!(group(0, 5, 0).like(&group(0, 10, 6), 1).is_err());
    }

    #[test]
    fn a_slot_that_is_small_enough_is_left_alone() {
        assert_eq!(group(2, 9, 6).at_most(1), Some(Size { min: 1, desired: 1 }));
        assert_eq!(group(0, 9, 1).at_most(1), None);
        assert_eq!(group(0, 9, 0).at_most(1), None);
        assert_eq!(group(1, 9, 1).at_most(0), Some(Size { min: 0, desired: 0 }));
    }
}
