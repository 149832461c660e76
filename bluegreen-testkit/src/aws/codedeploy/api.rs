//! The operations.

use serde_json::{Value, json};

use super::deployment::seconds;
use super::{Deployment, Group};
use crate::aws::cloud::{Cloud, State as Account};
use crate::aws::wire::{Answer, Answered, Asked, Refusal};

/// The most that is asked for in one batch.
const BATCH: usize = 25;
/// The most items of a page.
const PAGE: usize = 100;

type Done = Result<Value, Refusal>;

pub(in crate::aws) fn answer(cloud: &Cloud, account: &mut Account, asked: &Asked) -> Answered {
    cloud.catch_up(account);
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    let done = match asked.action.as_str() {
        "CreateDeployment" => create(cloud, account, &body),
        "GetDeployment" => get(cloud, account, &body),
        "BatchGetDeployments" => batch(cloud, account, &body),
        "ListDeployments" => list(cloud, account, &body),
        "StopDeployment" => stop(cloud, account, &body),
        "GetDeploymentGroup" => group(cloud, account, &body),
        "ListDeploymentTargets" => targets(cloud, account, &body),
        "BatchGetDeploymentTargets" => batch_targets(cloud, account, &body),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    }?;
    Ok(Answer::json(&done))
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

fn texts<'a>(body: &'a Value, name: &str) -> Vec<&'a str> {
    body[name]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The group that is named, which has to be there.
fn named<'a>(account: &'a mut Account, body: &Value) -> Result<((String, String), &'a mut Group), Refusal> {
    let application = text(body, "applicationName");
    let groups = &mut account.codedeploy.groups;
    if !groups.keys().any(|(known, _)| known == application) {
        let message = format!("No application found for name: {application}");
        return Err(Refusal::new("ApplicationDoesNotExistException", message));
    }
    let key = (
        application.to_owned(),
        text(body, "deploymentGroupName").to_owned(),
    );
    let Some(group) = groups.get_mut(&key) else {
        let message = format!("No Deployment Group found for name: {}", key.1);
        return Err(Refusal::new("DeploymentGroupDoesNotExistException", message));
    };
    Ok((key, group))
}

fn found<'a>(account: &'a Account, id: &str) -> Result<&'a Deployment, Refusal> {
    if !id.starts_with("d-") {
        return Err(Refusal::new(
            "InvalidDeploymentIdException",
            format!("{id} is no deployment id"),
        ));
    }
    let mut all = account.codedeploy.deployments.iter();
    all.find(|deployment| deployment.id == id).ok_or_else(|| {
        Refusal::new(
            "DeploymentDoesNotExistException",
            format!("The deployment {id} could not be found"),
        )
    })
}

fn create(cloud: &Cloud, account: &mut Account, body: &Value) -> Done {
    let (key, group) = named(account, body)?;
    let group_rolls_back = group.settings.auto_rollback;
    let revision = &body["revision"];
    let location = &revision["s3Location"];
    if revision.is_null() {
        return Err(Refusal::new("RevisionRequiredException", "Revision is required"));
    }
    let kinds = ["zip", "tar", "tgz", "YAML", "JSON"];
    if text(revision, "revisionType") != "S3"
        || text(location, "bucket").is_empty()
        || text(location, "key").is_empty()
        || !kinds.contains(&text(location, "bundleType"))
    {
        return Err(Refusal::new(
            "InvalidRevisionException",
            "The revision was specified in an invalid format.",
        ));
    }
    let now = cloud.clock.monotonic();
    let mut of_group = account
        .codedeploy
        .deployments
        .iter()
        .filter(|deployment| deployment.group == key);
    if let Some(active) = of_group.find(|deployment| !deployment.has_ended(cloud, now)) {
        let message = format!(
            "The Deployment Group '{}' already has an active Deployment '{}'",
            key.1, active.id
        );
        return Err(Refusal::new("DeploymentLimitExceededException", message));
    }
    let rolls_back = body
        .pointer("/autoRollbackConfiguration/enabled")
        .and_then(Value::as_bool);
    let (description, revision) = (text(body, "description"), revision.clone());
    let id = account.codedeploy.begin(
        cloud,
        &account.instances,
        &key,
        revision,
        description,
        "user",
        rolls_back.unwrap_or(group_rolls_back),
    );
    Ok(json!({"deploymentId": id}))
}

fn get(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let deployment = found(account, text(body, "deploymentId"))?;
    Ok(json!({"deploymentInfo": deployment.show(cloud, cloud.clock.monotonic())}))
}

fn bounded(ids: &[&str]) -> Result<(), Refusal> {
    if ids.len() > BATCH {
        return Err(Refusal::new(
            "BatchLimitExceededException",
            format!("at most {BATCH} are asked for at once"),
        ));
    }
    Ok(())
}

fn batch(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let (ids, now) = (texts(body, "deploymentIds"), cloud.clock.monotonic());
    bounded(&ids)?;
    let found = ids.iter().map(|id| Ok(found(account, id)?.show(cloud, now)));
    let found = found.collect::<Result<Vec<_>, Refusal>>()?;
    Ok(json!({"deploymentsInfo": found}))
}

/// A page of a list, from a token that is a number.
fn page<T>(cloud: &Cloud, body: &Value, all: Vec<T>) -> Result<(Vec<T>, Option<String>), Refusal> {
    let from = match text(body, "nextToken") {
        "" => 0,
        token => token.parse().map_err(|_| {
            Refusal::new(
                "InvalidNextTokenException",
                "The next token was specified in an invalid format.",
            )
        })?,
    };
    let most = cloud.config.page_most.min(PAGE);
    let next = (all.len() > from + most).then(|| (from + most).to_string());
    Ok((all.into_iter().skip(from).take(most).collect(), next))
}

fn list(cloud: &Cloud, account: &mut Account, body: &Value) -> Done {
    let (key, _) = named(account, body)?;
    let now = cloud.clock.monotonic();
    let (only, range) = (texts(body, "includeOnlyStatuses"), &body["createTimeRange"]);
    let (start, end) = (range["start"].as_f64(), range["end"].as_f64());
    let fits = |deployment: &&Deployment| {
        let at = seconds(deployment.at);
        deployment.group == key
            && (only.is_empty() || only.contains(&deployment.status(cloud, now)))
            && start.is_none_or(|start| start <= at)
            && end.is_none_or(|end| at <= end)
    };
    let ids: Vec<_> = account
        .codedeploy
        .deployments
        .iter()
        .filter(fits)
        .map(|found| &found.id)
        .collect();
    let (ids, next) = page(cloud, body, ids)?;
    Ok(json!({"deployments": ids, "nextToken": next}))
}

fn stop(cloud: &Cloud, account: &mut Account, body: &Value) -> Done {
    let id = text(body, "deploymentId");
    let now = cloud.clock.monotonic();
    if found(account, id)?.has_ended(cloud, now) {
        let message = format!("The deployment {id} has been completed");
        return Err(Refusal::new("DeploymentAlreadyCompletedException", message));
    }
    let rolls_back = body["autoRollbackEnabled"].as_bool();
    for deployment in &mut account.codedeploy.deployments {
        if deployment.id == id {
            deployment.stopped.get_or_insert(now);
            deployment.auto_rollback = rolls_back.unwrap_or(deployment.auto_rollback);
        }
    }
    Ok(json!({"status": "Pending", "statusMessage": "Deployment is being stopped"}))
}

fn group(cloud: &Cloud, account: &mut Account, body: &Value) -> Done {
    let (key, group) = named(account, body)?;
    let settings = group.settings.clone();
    let or = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
    let mut shown = json!({
        "applicationName": key.0, "deploymentGroupName": key.1, "deploymentGroupId": "7b1c2d3e-0000-4000-8000-000000000001",
        "deploymentConfigName": "CodeDeployDefault.OneAtATime",
        "computePlatform": settings.platform.as_deref().unwrap_or("Server"),
        "deploymentStyle": {
            "deploymentType": or(settings.blue_green, "BLUE_GREEN", "IN_PLACE"),
            "deploymentOption": or(settings.traffic_control, "WITH_TRAFFIC_CONTROL", "WITHOUT_TRAFFIC_CONTROL"),
        },
        "autoRollbackConfiguration": {"enabled": settings.auto_rollback, "events": ["DEPLOYMENT_FAILURE"]},
    });
    let now = cloud.clock.monotonic();
    let brief = |deployment: &Deployment| {
        json!({
            "deploymentId": deployment.id, "status": deployment.status(cloud, now), "createTime": seconds(deployment.at),
        })
    };
    let last = account.codedeploy.last(&key, |_| true, cloud, now).map(brief);
    let good = account
        .codedeploy
        .last(&key, |status| status == "Succeeded", cloud, now)
        .map(brief);
    let balancer = settings
        .load_balancer
        .map(|name| json!({"targetGroupInfoList": [{"name": name}]}));
    let scaling = settings
        .auto_scaling
        .map(|name| json!([{"name": name, "hook": format!("CodeDeploy-{name}")}]));
    let more = [
        ("lastAttemptedDeployment", last),
        ("lastSuccessfulDeployment", good),
        ("loadBalancerInfo", balancer),
        ("autoScalingGroups", scaling),
    ];
    if let Some(shown) = shown.as_object_mut() {
        shown.extend(
            more.into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
    }
    Ok(json!({"deploymentGroupInfo": shown}))
}

fn targets(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let id = text(body, "deploymentId");
    let deployment = found(account, id)?;
    let now = cloud.clock.monotonic();
    if deployment.status(cloud, now) == "Created" {
        let message = format!("The deployment {id} has not started");
        return Err(Refusal::new("DeploymentNotStartedException", message));
    }
    let wanted = texts(&body["targetFilters"], "TargetStatus");
    let (ids, next) = page(cloud, body, deployment.targets(cloud, now, &wanted))?;
    Ok(json!({"targetIds": ids, "nextToken": next}))
}

fn batch_targets(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let deployment = found(account, text(body, "deploymentId"))?;
    let (ids, now) = (texts(body, "targetIds"), cloud.clock.monotonic());
    bounded(&ids)?;
    let shown = ids.iter().map(|id| {
        deployment
            .show_target(cloud, now, id)
            .ok_or_else(|| Refusal::new("DeploymentTargetDoesNotExistException", format!("no target {id}")))
    });
    Ok(json!({"deploymentTargets": shown.collect::<Result<Vec<_>, _>>()?}))
}
