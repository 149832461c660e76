//! Reading and changing what forwards to a group: rules, and the default actions of listeners, which are no rules.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, Listener, LoadBalancerTypeEnum, Rule, TagDescription, TargetGroup,
};
use bluegreen_core::{Fault, FaultKind};

use super::arn::{Groups, short};
use super::forward::{concerns, normal};
use crate::account::Call;

/// Something that forwards.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) arn: String,
    pub(super) kind: Kind,
    /// In one form: see [`normal`].
    pub(super) actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Listener,
    Rule,
}

impl Place {
    pub(super) fn name(&self) -> &str {
        short(&self.arn)
    }

    fn of_listener(listener: Listener) -> Option<Self> {
        Some(Self {
            arn: listener.listener_arn?,
            kind: Kind::Listener,
            actions: normal(&listener.default_actions.unwrap_or_default()),
        })
    }

    fn of_rule(rule: Rule) -> Option<Self> {
        // What a listener does by default is shown as a rule too, and cannot be changed as one.
        if rule.is_default == Some(true) {
            return None;
        }
        Some(Self {
            arn: rule.rule_arn?,
            kind: Kind::Rule,
            actions: normal(&rule.actions.unwrap_or_default()),
        })
    }
}

/// Where places are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Where {
    /// These, and no others may forward to the groups.
    Named {
        listeners: Vec<String>,
        rules: Vec<String>,
    },
    /// Whatever forwards to the groups on the balancers that use them.
    Used,
    /// Whatever forwards to the groups on the balancers with this tag.
    Tagged { key: String, value: String },
}

/// So many names are asked for at once.
const AT_ONCE: usize = 20;
/// No list is read further: an account has fewer.
const MOST_PAGES: usize = 200;

/// Reads all pages of a list.
macro_rules! pages {
    ($call:ident, $operation:literal, $request:expr, $items:ident) => {{
        let mut items = Vec::new();
        let mut marker = None;
        let mut pages = 0;
        loop {
            let answer = $call.read($operation, $request.set_marker(marker).send()).await?;
            items.extend(answer.$items.unwrap_or_default());
            pages += 1;
            marker = answer.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                break items;
            }
            if pages == MOST_PAGES {
                return Err($call.unfit($operation, format!("more than {MOST_PAGES} pages")));
            }
        }
    }};
}

/// The balancers whose listeners and rules are looked through; none where they are named.
pub(super) async fn balancers(
    client: &Client,
    call: &Call,
    looked: &Where,
    pairs: &[Groups],
) -> Result<BTreeSet<String>, Fault> {
    match looked {
        Where::Named { .. } => Ok(BTreeSet::new()),
        Where::Used => users(client, call, pairs).await,
        Where::Tagged { key, value } => {
            let balancers = tagged(client, call, key, value).await?;
            if balancers.is_empty() {
                let what = format!("no Application Load Balancer has the tag {key}={value}");
                return Err(call.unfit("DescribeTags", what));
            }
            Ok(balancers)
        }
    }
}

/// All places, in the order of their names.
pub(super) async fn read(
    client: &Client,
    call: &Call,
    looked: &Where,
    balancers: &BTreeSet<String>,
    pairs: &[Groups],
) -> Result<Vec<Place>, Fault> {
    let mut places = match looked {
        Where::Named { listeners, rules } => named(client, call, listeners, rules).await?,
        Where::Used | Where::Tagged { .. } => on(client, call, balancers, pairs).await?,
    };
    places.sort_by(|one, other| one.arn.cmp(&other.arn));
    Ok(places)
}

async fn named(
    client: &Client,
    call: &Call,
    listeners: &[String],
    rules: &[String],
) -> Result<Vec<Place>, Fault> {
    let mut places = Vec::new();
    for arns in listeners.chunks(AT_ONCE) {
        let found = pages!(
            call,
            "DescribeListeners",
            client.describe_listeners().set_listener_arns(Some(arns.to_vec())),
            listeners
        );
        places.extend(found.into_iter().filter_map(Place::of_listener));
    }
    for arns in rules.chunks(AT_ONCE) {
        let found = pages!(
            call,
            "DescribeRules",
            client.describe_rules().set_rule_arns(Some(arns.to_vec())),
            rules
        );
        places.extend(found.into_iter().filter_map(Place::of_rule));
    }
    let missing = listeners
        .iter()
        .chain(rules)
        .find(|arn| places.iter().all(|place| place.arn != **arn));
    match missing {
        None => Ok(places),
        Some(arn) => Err(call.unfit("DescribeRules", format!("there is no {}", short(arn)))),
    }
}

/// Everything that forwards to the groups, on these balancers.
async fn on(
    client: &Client,
    call: &Call,
    balancers: &BTreeSet<String>,
    pairs: &[Groups],
) -> Result<Vec<Place>, Fault> {
    let mut places = Vec::new();
    for balancer in balancers {
        let listeners = pages!(
            call,
            "DescribeListeners",
            client.describe_listeners().load_balancer_arn(balancer),
            listeners
        );
        for listener in listeners {
            let rules = pages!(
                call,
                "DescribeRules",
                client
                    .describe_rules()
                    .set_listener_arn(listener.listener_arn.clone()),
                rules
            );
            places.extend(rules.into_iter().filter_map(Place::of_rule));
            places.extend(Place::of_listener(listener));
        }
    }
    places.retain(|place| concerns(&place.actions, pairs));
    Ok(places)
}

/// What forwards to the groups anywhere.
pub(super) async fn everywhere(client: &Client, call: &Call, pairs: &[Groups]) -> Result<Vec<Place>, Fault> {
    let balancers = users(client, call, pairs).await?;
    on(client, call, &balancers, pairs).await
}

/// The balancers that use a group. A group that does not exist is refused by the service.
async fn users(client: &Client, call: &Call, pairs: &[Groups]) -> Result<BTreeSet<String>, Fault> {
    let arns: Vec<String> = pairs
        .iter()
        .flat_map(|pair| bluegreen_core::Slot::BOTH.map(|slot| pair.of(slot).to_owned()))
        .collect();
    let mut balancers = BTreeSet::new();
    for arns in arns.chunks(AT_ONCE) {
        let groups: Vec<TargetGroup> = pages!(
            call,
            "DescribeTargetGroups",
            client
                .describe_target_groups()
                .set_target_group_arns(Some(arns.to_vec())),
            target_groups
        );
        balancers.extend(
            groups
                .into_iter()
                .flat_map(|group| group.load_balancer_arns.unwrap_or_default()),
        );
    }
    Ok(balancers)
}

async fn tagged(client: &Client, call: &Call, key: &str, value: &str) -> Result<BTreeSet<String>, Fault> {
    let all = pages!(
        call,
        "DescribeLoadBalancers",
        client.describe_load_balancers(),
        load_balancers
    );
    let is_application =
        |kind: &Option<LoadBalancerTypeEnum>| *kind == Some(LoadBalancerTypeEnum::Application);
    let arns: Vec<String> = all
        .into_iter()
        .filter(|balancer| is_application(&balancer.r#type))
        .filter_map(|balancer| balancer.load_balancer_arn)
        .collect();
    let carries = |tags: &TagDescription| {
        let mut tags = tags.tags().iter();
        tags.any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
    };
    let mut found = BTreeSet::new();
    for arns in arns.chunks(AT_ONCE) {
        let request = client.describe_tags().set_resource_arns(Some(arns.to_vec()));
        let answer = call.read("DescribeTags", request.send()).await?;
        let tags = answer.tag_descriptions.unwrap_or_default();
        found.extend(
            tags.into_iter()
                .filter(carries)
                .filter_map(|tags| tags.resource_arn),
        );
    }
    Ok(found)
}

/// Sends the actions of a place, and compares what the service shows then.
pub(super) async fn write(
    client: &Client,
    call: &Call,
    place: &Place,
    actions: Vec<Action>,
) -> Result<(), Fault> {
    let sent = normal(&actions);
    let (operation, shown) = match place.kind {
        Kind::Rule => {
            let request = client
                .modify_rule()
                .rule_arn(&place.arn)
                .set_actions(Some(actions));
            let answer = call.change("ModifyRule", request.send()).await?;
            let rule = answer
                .rules
                .unwrap_or_default()
                .into_iter()
                .find_map(Place::of_rule);
            ("ModifyRule", rule)
        }
        Kind::Listener => {
            let request = client
                .modify_listener()
                .listener_arn(&place.arn)
                .set_default_actions(Some(actions));
            let answer = call.change("ModifyListener", request.send()).await?;
            let listeners = answer.listeners.unwrap_or_default();
            (
                "ModifyListener",
                listeners.into_iter().find_map(Place::of_listener),
            )
        }
    };
    match shown {
        Some(shown) if shown.actions == sent => Ok(()),
        shown => {
            let what = shown.map_or("nothing", |_| "something else");
            let message = format!("the service took a change of {} and shows {what}", place.name());
            Err(call.fault(FaultKind::Unknown, operation, message))
        }
    }
}
