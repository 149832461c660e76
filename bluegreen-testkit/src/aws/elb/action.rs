//! What a rule does with a request, and what of it the service refuses.
//!
//! [Action](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html),
//! [ForwardActionConfig](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ForwardActionConfig.html),
//! [ModifyRule](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyRule.html).

use std::collections::BTreeSet;

use super::tree::Tree;
use crate::aws::wire::{Form, Refusal, around, element, members};

/// An action of a rule or of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) kind: String,
    pub(super) order: Option<u32>,
    pub(super) forward: Option<Forward>,
    /// Whatever else it says, as it came.
    pub(super) rest: Tree,
}

/// Where a request is forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forward {
    /// The names of the groups with their weights, in their order.
    pub(super) groups: Vec<(String, u32)>,
    pub(super) sticky: bool,
    pub(super) sticky_seconds: Option<u32>,
}

const KINDS: [&str; 6] = [
    "authenticate-cognito",
    "authenticate-oidc",
    "fixed-response",
    "forward",
    "jwt-validation",
    "redirect",
];

/// What a list of actions is checked against.
pub(super) struct Around<'a> {
    pub(super) exists: &'a dyn Fn(&str) -> bool,
    /// Another balancer that has the group already.
    pub(super) taken: &'a dyn Fn(&str) -> Option<String>,
    pub(super) is_https: bool,
    /// What was there before.
    pub(super) before: &'a [Action],
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new("ValidationError", message))
}

/// Reads a list of actions, or refuses it as the service does.
pub(super) fn actions(form: &Form, list: &str, around: &Around<'_>) -> Result<Vec<Action>, Refusal> {
    let asked = form.members(list);
    let actions: Vec<Action> = asked
        .iter()
        .map(|action| Action::read(action, around))
        .collect::<Result<_, _>>()?;
    let ends = actions.iter().filter(|action| action.is_last_of_rule()).count();
    if ends != 1 {
        return invalid("A rule has exactly one forward, redirect or fixed-response action");
    }
    if actions.len() > 1 {
        let orders: BTreeSet<Option<u32>> = actions.iter().map(|action| action.order).collect();
        if orders.len() != actions.len() || orders.contains(&None) {
            return invalid("You must specify an order for each action, and no order twice");
        }
        let newest = actions.iter().max_by_key(|action| action.order);
        if newest.is_some_and(|action| !action.is_last_of_rule()) {
            return invalid("A forward, redirect or fixed-response action must be the last one");
        }
    }
    Ok(actions)
}

impl Action {
    fn is_last_of_rule(&self) -> bool {
        matches!(self.kind.as_str(), "forward" | "redirect" | "fixed-response")
    }

    fn read(form: &Form, around: &Around<'_>) -> Result<Self, Refusal> {
        let kind = form.text("Type").unwrap_or_default();
        if !KINDS.contains(&kind) {
            return invalid(format!("'{kind}' is not a valid action type"));
        }
        let order = match form.text("Order").map(str::parse::<u32>) {
            None => None,
            Some(Ok(order @ 1..=50_000)) => Some(order),
            Some(_) => return invalid("The order of an action is from 1 to 50000"),
        };
        if kind.starts_with("authenticate") && !around.is_https {
            let message = "Authentication actions are for HTTPS listeners only";
            return Err(Refusal::new("InvalidLoadBalancerAction", message));
        }
        let forward = (kind == "forward")
            .then(|| Forward::read(form, around))
            .transpose()?;
        let mut rest = Tree::of(form);
        for own in ["Type", "Order", "TargetGroupArn", "ForwardConfig"] {
            rest = rest.without(own);
        }
        if let Some(config) = rest.part_mut("AuthenticateOidcConfig") {
            // It is never shown again, so it has to be said that the one that is there is meant.
            let keeps = config.text("UseExistingClientSecret") == Some("true");
            let is_there = around.before.iter().any(|action| action.kind == kind);
            if config.text("ClientSecret").is_none() && !(keeps && is_there) {
                return invalid("You must specify a client secret");
            }
            let shown = std::mem::take(config);
            *config = shown.without("ClientSecret").without("UseExistingClientSecret");
        }
        Ok(Self {
            kind: kind.to_owned(),
            order,
            forward,
            rest,
        })
    }

    pub(super) fn xml(&self) -> String {
        let mut xml = element("Type", &self.kind);
        if let Some(order) = self.order {
            xml += &element("Order", &order.to_string());
        }
        if let Some(forward) = &self.forward {
            xml += &forward.xml();
        }
        xml + &self.rest.xml()
    }
}

impl Forward {
    fn read(form: &Form, around: &Around<'_>) -> Result<Self, Refusal> {
        const MOST_GROUPS: usize = 5;
        let config = form.below("ForwardConfig");
        let single = form.text("TargetGroupArn");
        let mut groups = Vec::new();
        for tuple in config.members("TargetGroups") {
            let Some(group) = tuple.text("TargetGroupArn") else {
                return invalid("You must specify a target group ARN");
            };
            let weight = match tuple.text("Weight").map(str::parse::<u32>) {
                None => 1,
                Some(Ok(weight @ 0..=999)) => weight,
                Some(_) => return invalid("The weight of a target group is from 0 to 999"),
            };
            groups.push((group.to_owned(), weight));
        }
        match (single, groups.as_slice()) {
            (None, []) => return invalid("A forward action needs a target group"),
            (Some(single), []) => groups.push((single.to_owned(), 1)),
            (Some(single), [(only, _)]) if single == only => {}
            (Some(_), _) => {
                return invalid(
                    "With a target group ARN, the forward config has to have that one target group only",
                );
            }
            (None, _) => {}
        }
        if groups.len() > MOST_GROUPS {
            let message = "An action forwards to five target groups at most";
            return Err(Refusal::new("TooManyUniqueTargetGroupsPerLoadBalancer", message));
        }
        let names: BTreeSet<&String> = groups.iter().map(|(name, _)| name).collect();
        if names.len() != groups.len() {
            return invalid("A target group is named twice");
        }
        for (group, _) in &groups {
            if !(around.exists)(group) {
                let message = format!("Target groups '{group}' not found");
                return Err(Refusal::new("TargetGroupNotFound", message));
            }
            if let Some(other) = (around.taken)(group) {
                let message = format!("The target group is associated with another load balancer: {other}");
                return Err(Refusal::new("TargetGroupAssociationLimit", message));
            }
        }
        let sticky = config.below("TargetGroupStickinessConfig");
        let sticky_seconds = match sticky.text("DurationSeconds").map(str::parse::<u32>) {
            None => None,
            Some(Ok(seconds @ 1..=604_800)) => Some(seconds),
            Some(_) => return invalid("The duration of stickiness is from 1 to 604800 seconds"),
        };
        let is_sticky = sticky.text("Enabled") == Some("true");
        if is_sticky && sticky_seconds.is_none() {
            return invalid("Stickiness needs a duration");
        }
        Ok(Self {
            groups,
            sticky: is_sticky,
            sticky_seconds,
        })
    }

    fn xml(&self) -> String {
        let groups = members(
            "TargetGroups",
            self.groups.iter().map(|(group, weight)| {
                element("TargetGroupArn", group) + &element("Weight", &weight.to_string())
            }),
        );
        let mut sticky = element("Enabled", if self.sticky { "true" } else { "false" });
        if let Some(seconds) = self.sticky_seconds {
            sticky += &element("DurationSeconds", &seconds.to_string());
        }
        let config = around(
            "ForwardConfig",
            &(groups + &around("TargetGroupStickinessConfig", &sticky)),
        );
        match self.groups.as_slice() {
            // The service shows both where there is one group only.
            [(only, _)] => element("TargetGroupArn", only) + &config,
            _ => config,
        }
    }
}
