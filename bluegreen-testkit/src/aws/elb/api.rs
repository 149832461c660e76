//! The actions of the API.
//!
//! [Elastic Load Balancing, version 2015-12-01](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html).

use std::collections::BTreeMap;

use bluegreen_core::Monotonic;

use super::action::{Action, Around, actions};
use super::group::{Group, Health, Target};
use super::tree::Tree;
use super::{Listener, Rule, State};
use crate::aws::FakeConfig;
use crate::aws::cloud::{self, Cloud};
use crate::aws::wire::{Answer, Answered, Asked, Form, Refusal, around, element, members};

/// Answers a request.
pub(in crate::aws) fn answer(cloud: &Cloud, state: &mut cloud::State, asked: &Asked) -> Answered {
    let form = asked.form();
    let elb = &mut state.elb;
    let now = cloud.clock.monotonic();
    let body = match asked.action.as_str() {
        "DescribeLoadBalancers" => load_balancers(elb, &cloud.config, &form)?,
        "DescribeListeners" => listeners(elb, &cloud.config, &form)?,
        "DescribeRules" => rules(elb, &cloud.config, &form)?,
        "DescribeTargetGroups" => target_groups(elb, &cloud.config, &form)?,
        "DescribeTargetGroupAttributes" => attributes_of(elb, &form)?,
        "DescribeTargetHealth" => target_health(elb, &cloud.config, now, &form)?,
        "DescribeTags" => tags(elb, &form)?,
        "ModifyRule" => modify_rule(elb, &cloud.config, now, &form)?,
        "ModifyListener" => modify_listener(elb, &cloud.config, now, &form)?,
        "ModifyTargetGroupAttributes" => modify_attributes(elb, &form)?,
        "RegisterTargets" => register(elb, now, &form)?,
        "DeregisterTargets" => deregister(elb, now, &form)?,
        other => {
            let message = format!("Could not find operation {other} for version 2015-12-01");
            return Err(Refusal::new("InvalidAction", message));
        }
    };
    Ok(Answer::new(body))
}

fn missing(what: &str, arn: &str) -> Refusal {
    let names = match what {
        "LoadBalancer" => "Load balancers",
        "Listener" => "One or more listeners",
        "Rule" => "One or more rules",
        _ => "One or more target groups",
    };
    Refusal::new(format!("{what}NotFound"), format!("{names} not found: '{arn}'"))
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("ValidationError", message)
}

fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    form.text(name)
        .ok_or_else(|| invalid(&format!("{name} is required")))
}

/// A page of a list, and where the next one begins.
fn page(list: &str, items: Vec<String>, config: &FakeConfig, form: &Form) -> Result<String, Refusal> {
    let number = |name: &str| form.text(name).map(str::parse::<usize>).transpose();
    let first = number("Marker")
        .map_err(|_| invalid("The marker is not valid"))?
        .unwrap_or(0);
    let asked = number("PageSize").map_err(|_| invalid("The page size is not valid"))?;
    let most = match asked {
        None => 400,
        Some(size @ 1..=400) => size,
        Some(_) => return Err(invalid("The page size is from 1 to 400")),
    };
    let most = most.min(config.page_most.max(1));
    let more = items.len() > first.saturating_add(most);
    let mut body = members(list, items.into_iter().skip(first).take(most));
    if more {
        body += &element("NextMarker", &(first + most).to_string());
    }
    Ok(body)
}

fn load_balancers(elb: &State, config: &FakeConfig, form: &Form) -> Result<String, Refusal> {
    let (arns, names) = (form.texts("LoadBalancerArns"), form.texts("Names"));
    if let Some(arn) = arns.iter().find(|arn| !elb.balancers.contains_key(*arn)) {
        return Err(missing("LoadBalancer", arn));
    }
    let wanted = elb.balancers.iter().filter(|(arn, balancer)| {
        (arns.is_empty() || arns.contains(arn)) && (names.is_empty() || names.contains(&balancer.name))
    });
    let items = wanted.map(|(arn, balancer)| {
        let zones = balancer.zones.iter().map(|zone| element("ZoneName", zone));
        [
            element("LoadBalancerArn", arn),
            element("LoadBalancerName", &balancer.name),
            element("DNSName", &format!("{}.elb.amazonaws.com", balancer.name)),
            element("Scheme", "internet-facing"),
            element("Type", "application"),
            around("State", &element("Code", "active")),
            members("AvailabilityZones", zones),
        ]
        .concat()
    });
    page("LoadBalancers", items.collect(), config, form)
}

fn listener_xml(balancer: &str, arn: &str, listener: &Listener) -> String {
    [
        element("ListenerArn", arn),
        element("LoadBalancerArn", balancer),
        element("Port", &listener.port.to_string()),
        element("Protocol", &listener.protocol),
        members("DefaultActions", listener.default.now().iter().map(Action::xml)),
    ]
    .concat()
}

fn listeners(elb: &State, config: &FakeConfig, form: &Form) -> Result<String, Refusal> {
    let arns = form.texts("ListenerArns");
    let of = form.text("LoadBalancerArn");
    if arns.is_empty() == of.is_none() {
        return Err(invalid(
            "You must specify either listener ARNs or a load balancer ARN",
        ));
    }
    if let Some(of) = of.filter(|of| !elb.balancers.contains_key(*of)) {
        return Err(missing("LoadBalancer", of));
    }
    if let Some(arn) = arns.iter().find(|arn| elb.listener(arn).is_none()) {
        return Err(missing("Listener", arn));
    }
    let all = elb.balancers.iter().flat_map(|(balancer, entry)| {
        entry
            .listeners
            .iter()
            .map(move |(arn, listener)| (balancer, arn, listener))
    });
    let wanted = all.filter(|(balancer, arn, _)| arns.contains(arn) || of == Some(balancer.as_str()));
    let items = wanted.map(|(balancer, arn, listener)| listener_xml(balancer, arn, listener));
    page("Listeners", items.collect(), config, form)
}

fn rule_xml(arn: &str, priority: &str, conditions: &[Tree], actions: &[Action]) -> String {
    [
        element("RuleArn", arn),
        element("Priority", priority),
        members("Conditions", conditions.iter().map(Tree::xml)),
        members("Actions", actions.iter().map(Action::xml)),
        element("IsDefault", if priority == "default" { "true" } else { "false" }),
    ]
    .concat()
}

fn shown(arn: &str, rule: &Rule) -> String {
    rule_xml(
        arn,
        &rule.priority.to_string(),
        &rule.conditions,
        rule.routes.now(),
    )
}

/// The rule that a listener has for what no other rule takes.
fn default_arn(listener: &str) -> String {
    listener.replace(":listener/", ":listener-rule/") + "/default"
}

fn rules(elb: &State, config: &FakeConfig, form: &Form) -> Result<String, Refusal> {
    let arns = form.texts("RuleArns");
    let items = match form.text("ListenerArn") {
        Some(arn) if arns.is_empty() => {
            let listener = elb.listener(arn).ok_or_else(|| missing("Listener", arn))?;
            let mut rules: Vec<_> = listener.rules.iter().collect();
            rules.sort_by_key(|(_, rule)| rule.priority);
            let default = rule_xml(&default_arn(arn), "default", &[], listener.default.now());
            rules
                .into_iter()
                .map(|(arn, rule)| shown(arn, rule))
                .chain([default])
                .collect()
        }
        None if !arns.is_empty() => {
            let rule = |arn: &String| {
                let found = elb.rule(arn).map(|(_, rule)| shown(arn, rule));
                found.ok_or_else(|| missing("Rule", arn))
            };
            arns.iter().map(rule).collect::<Result<_, _>>()?
        }
        _ => return Err(invalid("You must specify either a listener ARN or rule ARNs")),
    };
    page("Rules", items, config, form)
}

fn target_groups(elb: &State, config: &FakeConfig, form: &Form) -> Result<String, Refusal> {
    let (arns, names) = (form.texts("TargetGroupArns"), form.texts("Names"));
    let of = form.text("LoadBalancerArn");
    if let Some(arn) = arns.iter().find(|arn| !elb.groups.contains_key(*arn)) {
        return Err(missing("TargetGroup", arn));
    }
    let mut items = Vec::new();
    for (arn, group) in &elb.groups {
        let users = elb.users(arn);
        let wanted = (arns.is_empty() || arns.contains(arn))
            && (names.is_empty() || names.contains(&group.name))
            && of.is_none_or(|of| users.iter().any(|user| *user == of));
        if wanted {
            items.push(
                [
                    element("TargetGroupArn", arn),
                    element("TargetGroupName", &group.name),
                    element("Protocol", "HTTP"),
                    element("Port", "80"),
                    element("HealthCheckEnabled", "true"),
                    element("TargetType", "ip"),
                    members("LoadBalancerArns", users.into_iter().cloned()),
                ]
                .concat(),
            );
        }
    }
    page("TargetGroups", items, config, form)
}

fn group<'a>(elb: &'a mut State, form: &Form) -> Result<&'a mut Group, Refusal> {
    let arn = required(form, "TargetGroupArn")?;
    elb.groups.get_mut(arn).ok_or_else(|| missing("TargetGroup", arn))
}

fn attributes_xml(attributes: &BTreeMap<String, String>) -> String {
    let pairs = attributes.iter();
    members(
        "Attributes",
        pairs.map(|(key, value)| element("Key", key) + &element("Value", value)),
    )
}

fn attributes_of(elb: &mut State, form: &Form) -> Result<String, Refusal> {
    Ok(attributes_xml(&group(elb, form)?.attributes))
}

fn modify_attributes(elb: &mut State, form: &Form) -> Result<String, Refusal> {
    let group = group(elb, form)?;
    for pair in form.members("Attributes") {
        let (key, value) = (required(&pair, "Key")?, pair.text("Value").unwrap_or_default());
        let seconds = value.parse::<u32>().ok();
        let fits = match key {
            "deregistration_delay.timeout_seconds" => seconds.is_some_and(|seconds| seconds <= 3_600),
            "slow_start.duration_seconds" => {
                seconds.is_some_and(|seconds| seconds == 0 || (30..=900).contains(&seconds))
            }
            known => group.attributes.contains_key(known),
        };
        if !fits {
            let message = format!("Target group attribute value '{value}' is not valid for '{key}'");
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        group.attributes.insert(key.to_owned(), value.to_owned());
    }
    Ok(attributes_xml(&group.attributes))
}

fn target_health(
    elb: &mut State,
    config: &FakeConfig,
    now: Monotonic,
    form: &Form,
) -> Result<String, Refusal> {
    let group = group(elb, form)?;
    let asked: Vec<(String, u16)> = form.members("Targets").iter().map(name_of).collect();
    let shown = |(id, port): &(String, u16), zone: &str, health: Health| {
        let mut target = element("Id", id) + &element("Port", &port.to_string());
        if !zone.is_empty() {
            target += &element("AvailabilityZone", zone);
        }
        let mut state = element("State", health.name());
        if let Some(reason) = health.reason() {
            state += &element("Reason", reason);
        }
        around("Target", &target)
            + &element("HealthCheckPort", &port.to_string())
            + &around("TargetHealth", &state)
    };
    let mut items = Vec::new();
    for (name, target) in &group.targets {
        let health = group.health(target, now, config.target_initial);
        if health != Health::Gone && (asked.is_empty() || asked.contains(name)) {
            items.push(shown(name, &target.zone, health));
        }
    }
    for name in &asked {
        let known = group.targets.get(name);
        let is_gone = |target| group.health(target, now, config.target_initial) == Health::Gone;
        if known.is_none_or(is_gone) {
            items.push(shown(name, "", Health::Gone));
        }
    }
    Ok(members("TargetHealthDescriptions", items))
}

fn name_of(target: &Form) -> (String, u16) {
    let port = target.text("Port").and_then(|port| port.parse().ok());
    (
        target.text("Id").unwrap_or_default().to_owned(),
        port.unwrap_or(80),
    )
}

fn register(elb: &mut State, now: Monotonic, form: &Form) -> Result<String, Refusal> {
    let group = group(elb, form)?;
    for asked in form.members("Targets") {
        let (id, port) = name_of(&asked);
        if id.is_empty() {
            return Err(Refusal::new("InvalidTarget", "A target needs an id"));
        }
        let ip: Option<std::net::IpAddr> = id.parse().ok();
        let target = group.targets.entry((id, port)).or_insert_with(|| Target {
            zone: asked
                .text("AvailabilityZone")
                .unwrap_or("eu-central-1a")
                .to_owned(),
            at: ip
                .filter(std::net::IpAddr::is_loopback)
                .map(|ip| (ip, port).into()),
            registered: now,
            is_up: true,
            since: now,
            left: None,
        });
        if target.left.take().is_some() {
            target.registered = now;
        }
    }
    Ok(String::new())
}

fn deregister(elb: &mut State, now: Monotonic, form: &Form) -> Result<String, Refusal> {
    let group = group(elb, form)?;
    for asked in form.members("Targets") {
        let name = name_of(&asked);
        let Some(target) = group.targets.get_mut(&name) else {
            let message = format!("The target {} is not registered", name.0);
            return Err(Refusal::new("InvalidTarget", message));
        };
        target.left = target.left.or(Some(now));
    }
    Ok(String::new())
}

fn tags(elb: &State, form: &Form) -> Result<String, Refusal> {
    const MOST: usize = 20;
    let arns = form.texts("ResourceArns");
    if arns.is_empty() || arns.len() > MOST {
        return Err(invalid("You must specify 1 to 20 resource ARNs"));
    }
    let mut items = Vec::new();
    for arn in arns {
        let tags = elb
            .balancers
            .get(&arn)
            .map(|balancer| &balancer.tags)
            .or_else(|| elb.groups.get(&arn).map(|group| &group.tags))
            .or_else(|| elb.listener(&arn).map(|listener| &listener.tags))
            .or_else(|| elb.rule(&arn).map(|(_, rule)| &rule.tags))
            .ok_or_else(|| missing("LoadBalancer", &arn))?;
        let pairs = tags.iter();
        let pairs = pairs.map(|(key, value)| element("Key", key) + &element("Value", value));
        items.push(element("ResourceArn", &arn) + &members("Tags", pairs));
    }
    Ok(members("TagDescriptions", items))
}

/// Reads the actions of a change, for a place on this balancer.
pub(super) fn checked(
    elb: &State,
    balancer: &str,
    is_https: bool,
    before: &[Action],
    form: &Form,
    list: &str,
) -> Result<Vec<Action>, Refusal> {
    let taken = |group: &str| {
        let mut users = elb.users(group).into_iter();
        users.find(|user| *user != balancer).cloned()
    };
    let around = Around {
        exists: &|group| elb.groups.contains_key(group),
        taken: &taken,
        is_https,
        before,
    };
    actions(form, list, &around)
}

/// The balancer of a listener or rule.
fn balancer_of(elb: &State, has: impl Fn(&super::Balancer) -> bool) -> String {
    let mut all = elb.balancers.iter();
    all.find_map(|(arn, balancer)| has(balancer).then(|| arn.clone()))
        .unwrap_or_default()
}

fn modify_rule(elb: &mut State, config: &FakeConfig, now: Monotonic, form: &Form) -> Result<String, Refusal> {
    let arn = required(form, "RuleArn")?;
    if arn.ends_with("/default") {
        return Err(Refusal::new(
            "OperationNotPermitted",
            "Default rules cannot be modified",
        ));
    }
    let (listener, rule) = elb.rule(arn).ok_or_else(|| missing("Rule", arn))?;
    let is_https = listener.protocol == "HTTPS";
    let balancer = balancer_of(elb, |balancer| {
        let mut listeners = balancer.listeners.values();
        listeners.any(|listener| listener.rules.contains_key(arn))
    });
    let actions = if form.members("Actions").is_empty() {
        None
    } else {
        let before = rule.routes.now();
        Some(checked(elb, &balancer, is_https, before, form, "Actions")?)
    };
    let conditions = form.members("Conditions");
    let listeners = elb
        .balancers
        .values_mut()
        .flat_map(|balancer| balancer.listeners.values_mut());
    let mut rules = listeners.filter_map(|listener| listener.rules.get_mut(arn));
    let rule = rules.next().ok_or_else(|| missing("Rule", arn))?;
    if let Some(actions) = actions {
        rule.routes.change(actions, now, config.propagation);
    }
    if !conditions.is_empty() {
        rule.conditions = conditions.iter().map(Tree::of).collect();
    }
    let body = members("Rules", [shown(arn, rule)]);
    elb.note_use(now);
    Ok(body)
}

fn modify_listener(
    elb: &mut State,
    config: &FakeConfig,
    now: Monotonic,
    form: &Form,
) -> Result<String, Refusal> {
    let arn = required(form, "ListenerArn")?;
    let listener = elb.listener(arn).ok_or_else(|| missing("Listener", arn))?;
    let is_https = listener.protocol == "HTTPS";
    let balancer = balancer_of(elb, |balancer| balancer.listeners.contains_key(arn));
    let actions = if form.members("DefaultActions").is_empty() {
        None
    } else {
        let before = listener.default.now();
        Some(checked(elb, &balancer, is_https, before, form, "DefaultActions")?)
    };
    let mut listeners = elb.balancers.values_mut();
    let listener = listeners.find_map(|balancer| balancer.listeners.get_mut(arn));
    let listener = listener.ok_or_else(|| missing("Listener", arn))?;
    if let Some(actions) = actions {
        listener.default.change(actions, now, config.propagation);
    }
    let body = members("Listeners", [listener_xml(&balancer, arn, listener)]);
    elb.note_use(now);
    Ok(body)
}
