//! A split as the weights of a forward action, and back.
//!
//! Weights are from 0 to 999, which no SDK checks
//! ([TargetGroupTuple](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupTuple.html)),
//! an action has five groups at most
//! ([quotas](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html)).

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, TargetGroupStickinessConfig, TargetGroupTuple,
};
use bluegreen_core::{Share, Slot, Split};

use super::arn::{Groups, short};

const MOST_GROUPS: usize = 5;

/// What a place holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) split: Split,
    /// The pair that it forwards to.
    pub(super) groups: Groups,
    /// Whether both groups are there.
    pub(super) is_complete: bool,
    /// For how long a client stays with its group.
    pub(super) stickiness: Option<Duration>,
}

/// The weights of blue and green: hundred in all where that is exact, else thousand.
pub(super) fn weights(split: Split) -> Option<(i32, i32)> {
    const PERCENT: u16 = 100;
    const PER_MILLE: u16 = 10;
    let [blue, green] = [Slot::Blue, Slot::Green].map(|slot| split.share(slot).basis_points());
    let unit = [PERCENT, PER_MILLE].into_iter().find(|unit| blue % unit == 0)?;
    Some((i32::from(blue / unit), i32::from(green / unit)))
}

/// Whether an action forwards to any of the groups.
pub(super) fn concerns(actions: &[Action], pairs: &[Groups]) -> bool {
    let tuples = actions.iter().flat_map(tuples);
    let mut arns = tuples.filter_map(|tuple| tuple.target_group_arn);
    arns.any(|arn| pairs.iter().any(|pair| pair.slot(&arn).is_some()))
}

/// The groups of an action, with both ways to write a single one.
fn tuples(action: &Action) -> Vec<TargetGroupTuple> {
    let listed = action
        .forward_config
        .as_ref()
        .and_then(|config| config.target_groups.clone())
        .unwrap_or_default();
    match &action.target_group_arn {
        Some(only) if listed.is_empty() => {
            vec![
                TargetGroupTuple::builder()
                    .target_group_arn(only)
                    .weight(1)
                    .build(),
            ]
        }
        _ => listed,
    }
}

fn forward(actions: &[Action]) -> Result<&Action, String> {
    let known = ActionTypeEnum::values();
    for action in actions {
        let kind = action.r#type.as_ref().map_or("", ActionTypeEnum::as_str);
        if !known.contains(&kind) {
            return Err(format!(
                "an action of type {kind:?} is not known to this version, and could not be sent back whole"
            ));
        }
    }
    let is_forward = |action: &&Action| action.r#type == Some(ActionTypeEnum::Forward);
    let mut forwards = actions.iter().filter(is_forward);
    match (forwards.next(), forwards.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err("it does not forward".to_owned()),
        (Some(_), Some(_)) => Err("it forwards twice".to_owned()),
    }
}

/// The split that actions hold, or why they hold none.
pub(super) fn held(actions: &[Action], pairs: &[Groups]) -> Result<Held, String> {
    let action = forward(actions)?;
    let tuples = tuples(action);
    let arn = |tuple: &TargetGroupTuple| tuple.target_group_arn.clone().unwrap_or_default();
    let mut ours = pairs
        .iter()
        .filter(|pair| tuples.iter().any(|tuple| pair.slot(&arn(tuple)).is_some()));
    let groups = match (ours.next(), ours.next()) {
        (Some(one), None) => one,
        (None, _) => return Err("it forwards to neither group".to_owned()),
        (Some(_), Some(_)) => return Err("it forwards to groups of several balancers".to_owned()),
    };
    let weight = |slot: Slot| {
        let mut all = tuples.iter();
        let found = all.find(|tuple| groups.slot(&arn(tuple)) == Some(slot))?;
        // What is left out is 1.
        Some(i64::from(found.weight.unwrap_or(1)))
    };
    let foreign = tuples
        .iter()
        .find(|tuple| groups.slot(&arn(tuple)).is_none() && tuple.weight.unwrap_or(1) != 0);
    if let Some(foreign) = foreign {
        return Err(format!(
            "{} has weight {} there beside the two slots",
            short(&arn(foreign)),
            foreign.weight.unwrap_or(1)
        ));
    }
    let (blue, green) = (weight(Slot::Blue), weight(Slot::Green));
    let is_complete = blue.is_some() && green.is_some();
    let (blue, green) = (blue.unwrap_or(0), green.unwrap_or(0));
    let split = split_of(blue, green).ok_or_else(|| match (blue, green) {
        (0, 0) => "all weights are 0, and nobody says what happens then".to_owned(),
        _ => {
            format!("blue has weight {blue} and green {green}, which is no share in hundredths of a percent")
        }
    })?;
    Ok(Held {
        split,
        groups: groups.clone(),
        is_complete,
        stickiness: stickiness(action),
    })
}

fn split_of(blue: i64, green: i64) -> Option<Split> {
    let whole = i64::from(Share::ALL.basis_points());
    let sum = blue + green;
    let points = (green * whole).checked_div(sum)?;
    let is_exact = blue >= 0 && green >= 0 && points * sum == green * whole;
    let share = Share::from_basis_points(u16::try_from(points).ok()?).ok()?;
    is_exact.then(|| Split::with(Slot::Green, share))
}

fn stickiness(action: &Action) -> Option<Duration> {
    let config = action.forward_config.as_ref()?;
    let config = config.target_group_stickiness_config.as_ref()?;
    let seconds = config
        .duration_seconds
        .and_then(|seconds| u64::try_from(seconds).ok());
    (config.enabled == Some(true)).then(|| Duration::from_secs(seconds.unwrap_or(0)))
}

/// The same actions with both groups in them: other weights if a split is given, this stickiness, and everything
/// else as it was.
pub(super) fn changed(
    actions: &[Action],
    held: &Held,
    split: Option<Split>,
    stickiness: Option<Duration>,
) -> Result<Vec<Action>, String> {
    let action = forward(actions)?;
    let wanted = split
        .map(|split| weights(split).ok_or_else(|| too_fine(split)))
        .transpose()?;
    let mut tuples = tuples(action);
    for slot in Slot::BOTH {
        let arn = held.groups.of(slot);
        if tuples.iter().all(|tuple| tuple.target_group_arn() != Some(arn)) {
            tuples.push(
                TargetGroupTuple::builder()
                    .target_group_arn(arn)
                    .weight(0)
                    .build(),
            );
        }
        if let Some((blue, green)) = wanted {
            let weight = match slot {
                Slot::Blue => blue,
                Slot::Green => green,
            };
            for tuple in &mut tuples {
                if tuple.target_group_arn() == Some(arn) {
                    tuple.weight = Some(weight);
                }
            }
        }
    }
    if tuples.len() > MOST_GROUPS {
        return Err(format!(
            "an action has {MOST_GROUPS} groups at most, and there is no place for ours"
        ));
    }
    let sticky = TargetGroupStickinessConfig::builder()
        .enabled(stickiness.is_some())
        .set_duration_seconds(stickiness.and_then(|time| i32::try_from(time.as_secs()).ok()))
        .build();
    let config = ForwardActionConfig::builder()
        .set_target_groups(Some(tuples))
        .target_group_stickiness_config(sticky)
        .build();
    let change = |action: &Action| {
        let mut action = action.clone();
        if action.r#type == Some(ActionTypeEnum::Forward) {
            // With several groups the short form is refused.
            action.target_group_arn = None;
            action.forward_config = Some(config.clone());
        }
        if let Some(oidc) = &mut action.authenticate_oidc_config {
            // The service never shows it, and refuses to go without.
            oidc.client_secret = None;
            oidc.use_existing_client_secret = Some(true);
        }
        action
    };
    Ok(actions.iter().map(change).collect())
}

pub(super) fn too_fine(split: Split) -> String {
    format!("{split} cannot be held: weights are whole numbers up to 999, which makes steps of 0.1 %")
}

/// Actions in one form, in which what means the same is the same.
pub(super) fn normal(actions: &[Action]) -> Vec<Action> {
    let one = |action: &Action| {
        let mut action = action.clone();
        if action.r#type == Some(ActionTypeEnum::Forward) {
            let time = stickiness(&action);
            let sticky = TargetGroupStickinessConfig::builder()
                .enabled(time.is_some())
                .set_duration_seconds(time.and_then(|time| i32::try_from(time.as_secs()).ok()))
                .build();
            let mut groups = tuples(&action);
            for tuple in &mut groups {
                tuple.weight = Some(tuple.weight.unwrap_or(1));
            }
            action.target_group_arn = None;
            action.forward_config = Some(
                ForwardActionConfig::builder()
                    .set_target_groups(Some(groups))
                    .target_group_stickiness_config(sticky)
                    .build(),
            );
        }
        if let Some(oidc) = &mut action.authenticate_oidc_config {
            oidc.client_secret = None;
            oidc.use_existing_client_secret = None;
        }
        action
    };
    let mut actions: Vec<Action> = actions.iter().map(one).collect();
    actions.sort_by_key(|action| action.order);
    actions
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair() -> Groups {
        let arn = |name: &str| format!("arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/{name}/1");
        Groups::new(arn("blue"), arn("green")).unwrap()
    }

    fn forward_to(groups: &[(&str, i32)]) -> Action {
        let tuples = groups.iter().map(|(arn, weight)| {
            TargetGroupTuple::builder()
                .target_group_arn(*arn)
                .weight(*weight)
                .build()
        });
        let config = ForwardActionConfig::builder()
            .set_target_groups(Some(tuples.collect()))
            .build();
        Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .forward_config(config)
            .build()
    }

    fn of(pair: &Groups, weights: (i32, i32)) -> Vec<Action> {
        vec![forward_to(&[
            (pair.of(Slot::Blue), weights.0),
            (pair.of(Slot::Green), weights.1),
        ])]
    }

    proptest! {
        #[test]
        fn weights_are_exact_and_in_the_range_of_the_service_or_there_are_none(points in 0_u16..=10_000) {
            let split = Split::with(Slot::Green, Share::from_basis_points(points).unwrap());
            match weights(split) {
                Some((blue, green)) => {
                    prop_assert!((0..=999).contains(&blue) && (0..=999).contains(&green));
                    let sum = i64::from(blue + green);
                    prop_assert_eq!(i64::from(green) * 10_000, i64::from(points) * sum);
                    let pair = pair();
                    prop_assert_eq!(held(&of(&pair, (blue, green)), &[pair]).unwrap().split, split);
                }
                None => prop_assert!(points % 10 != 0),
            }
        }

        /// Whatever weights somebody has set: they are read exactly or not at all.
        #[test]
        fn what_is_read_is_what_is_there(blue in 0_i32..=999, green in 0_i32..=999) {
            let pair = pair();
            let sum = i64::from(blue + green);
            match held(&of(&pair, (blue, green)), &[pair]) {
                Ok(held) => {
                    let points = i64::from(held.split.share(Slot::Green).basis_points());
                    prop_assert_eq!(points * sum, i64::from(green) * 10_000);
                }
                Err(_) => prop_assert!(sum == 0 || i64::from(green) * 10_000 % sum != 0),
            }
        }
    }

    #[test]
    fn a_change_touches_weights_and_stickiness_only() {
        let pair = pair();
        let redirect = Action::builder()
            .r#type(ActionTypeEnum::AuthenticateCognito)
            .order(1)
            .build();
        let mut before = vec![redirect.clone()];
        before.extend(of(&pair, (1, 0)));
        let known = held(&before, std::slice::from_ref(&pair)).unwrap();
        let split = Split::with(Slot::Green, "5%".parse().unwrap());
        let after = changed(&before, &known, Some(split), None).unwrap();
        assert_eq!(after[0], redirect);
        assert_eq!(normal(&after[1..]), normal(&of(&pair, (95, 5))));
        let again = changed(&after, &held(&after, &[pair]).unwrap(), Some(split), None).unwrap();
        assert_eq!(normal(&again), normal(&after));
    }

    #[test]
    fn the_short_form_of_a_single_group_is_read_and_not_sent_with_two() {
        let pair = pair();
        let short = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn(pair.of(Slot::Blue))
            .build();
        let known = held(std::slice::from_ref(&short), std::slice::from_ref(&pair)).unwrap();
        assert_eq!((known.split, known.is_complete), (Split::all(Slot::Blue), false));
        let after = changed(&[short], &known, None, None).unwrap();
        assert_eq!(after[0].target_group_arn(), None);
        assert_eq!(normal(&after), normal(&of(&pair, (1, 0))));
    }

    #[test]
    fn what_is_no_split_is_told() {
        let pair = pair();
        let (blue, green) = (pair.of(Slot::Blue), pair.of(Slot::Green));
        let unknown = Action::builder().r#type(ActionTypeEnum::from("teleport")).build();
        for (actions, word) in [
            (vec![], "does not forward"),
            (vec![forward_to(&[("other", 1)])], "neither group"),
            (vec![forward_to(&[(blue, 0), (green, 0)])], "all weights are 0"),
            (
                vec![forward_to(&[(blue, 2), (green, 1)])],
                "no share in hundredths",
            ),
            (
                vec![forward_to(&[(blue, 1), ("other", 1)])],
                "beside the two slots",
            ),
            (
                vec![forward_to(&[(blue, 1)]), forward_to(&[(green, 1)])],
                "forwards twice",
            ),
            (
                vec![unknown, forward_to(&[(blue, 1)])],
                "not known to this version",
            ),
        ] {
            let why = held(&actions, std::slice::from_ref(&pair)).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
