//! The operations.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Command, CommandOutput, Invocation, Progress, ended};
use crate::aws::cloud::{Cloud, State as Account};
use crate::aws::codedeploy::seconds;
use crate::aws::wire::{Answer, Answered, Asked, Refusal};

/// The most characters that are kept of what a command wrote: documented for `GetCommandInvocation`.
const STDOUT: usize = 24_000;
const STDERR: usize = 8_000;
/// The most machines that are named in one command.
const MACHINES: usize = 50;

type Done = Result<Value, Refusal>;

pub(in crate::aws) fn answer(cloud: &Cloud, account: &mut Account, asked: &Asked) -> Answered {
    cloud.catch_up(account);
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    let done = match asked.action.as_str() {
        "SendCommand" => send(cloud, account, &body),
        "GetCommandInvocation" => invocation(cloud, account, &body),
        "ListCommands" => commands(cloud, account, &body),
        "ListCommandInvocations" => invocations(cloud, account, &body),
        "CancelCommand" => cancel(account, &body),
        "DescribeInstanceInformation" => machines(cloud, account, &body),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    }?;
    Ok(Answer::json(&done))
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

fn send(cloud: &Cloud, account: &mut Account, body: &Value) -> Done {
    let (document, comment) = (text(body, "DocumentName"), text(body, "Comment"));
    if comment.chars().count() > 100 {
        let message = "1 validation error detected: Value at 'comment' failed to satisfy constraint: Member must have \
                       length less than or equal to 100";
        return Err(invalid(message));
    }
    let timeout = body["TimeoutSeconds"].as_u64().unwrap_or(3_600);
    if !(30..=2_592_000).contains(&timeout) {
        let message = "1 validation error detected: Value at 'timeoutSeconds' failed to satisfy constraint: Member must \
                       have value greater than or equal to 30";
        return Err(invalid(message));
    }
    let parameters: BTreeMap<String, Vec<String>> = body["Parameters"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, values)| (name.clone(), texts(values)))
        .collect();
    check(account, document, &parameters)?;
    let instances = chosen(account, body)?;
    let number = account.ssm.commands.len() as u64 + 1;
    let id = format!("b8eac879-0541-439d-94ec-{number:012x}");
    let waiting = |instance| Invocation {
        instance,
        state: Progress::Pending,
    };
    let runs_at_most = parameters.get("executionTimeout").and_then(|given| given.first());
    let runs_at_most = runs_at_most
        .and_then(|given| given.parse().ok())
        .map(Duration::from_secs);
    let command = Command {
        id,
        runs_at_most,
        comment: comment.to_owned(),
        document: document.to_owned(),
        parameters,
        sent: cloud.clock.monotonic(),
        at: cloud.clock.now(),
        deliver_within: Duration::from_secs(timeout),
        invocations: instances.into_iter().map(waiting).collect(),
    };
    let shown = show(&command);
    account.ssm.commands.push(command);
    Ok(json!({"Command": shown}))
}

/// The document is there and takes these parameters.
fn check(
    account: &Account,
    document: &str,
    parameters: &BTreeMap<String, Vec<String>>,
) -> Result<(), Refusal> {
    const SHELL: [&str; 3] = ["commands", "workingDirectory", "executionTimeout"];
    let is_shell = document == "AWS-RunShellScript";
    let known = account.ssm.documents.get(document);
    if !is_shell && known.is_none() {
        return Err(Refusal::new(
            "InvalidDocument",
            format!("Document with name {document} does not exist."),
        ));
    }
    if is_shell && !parameters.contains_key("commands") {
        return Err(Refusal::new(
            "InvalidParameters",
            "Parameter \"commands\" is required",
        ));
    }
    for (name, values) in parameters {
        let taken = if is_shell {
            SHELL.contains(&name.as_str())
        } else {
            known.is_some_and(|known| known.contains(name))
        };
        if !taken {
            let message = format!("Parameter \"{name}\" is not defined in the document.");
            return Err(Refusal::new("InvalidParameters", message));
        }
        // Two braces are the service's own: a name in Parameter Store, whose value it fills in.
        if values.iter().any(|value| value.contains("{{")) {
            return Err(Refusal::new(
                "InvalidParameters",
                "Parameter Store: no such parameter",
            ));
        }
    }
    Ok(())
}

/// The machines that are named, or that carry the tags.
fn chosen(account: &Account, body: &Value) -> Result<Vec<String>, Refusal> {
    let named = texts(&body["InstanceIds"]);
    if named.len() > MACHINES {
        return Err(invalid("at most 50 instances are named in one command"));
    }
    if !named.is_empty() {
        let is_online = |id: &String| account.instances.get(id).is_some_and(|instance| instance.online);
        // One that is not there spoils all of it.
        if !named.iter().all(is_online) {
            let message = format!("Instances {named:?} not in a valid state for account");
            return Err(Refusal::new("InvalidInstanceId", message));
        }
        return Ok(named);
    }
    let mut found = Vec::new();
    for target in body["Targets"].as_array().into_iter().flatten() {
        let key = text(target, "Key").trim_start_matches("tag:").to_owned();
        for value in texts(&target["Values"]) {
            found.extend(account.instances.tagged(&key, &value).map(|(id, _)| id.clone()));
        }
    }
    Ok(found)
}

fn show(command: &Command) -> Value {
    let (status, details) = command.status();
    let ended = |wanted: &str| {
        let count = command.invocations.iter();
        count
            .filter(|invocation| invocation.state.status().0 == wanted)
            .count()
    };
    // No machine at all is a success that did nothing.
    let (status, details) = if command.invocations.is_empty() {
        ("Success", "NoInstancesInTag")
    } else {
        (status, details)
    };
    json!({
        "CommandId": command.id, "DocumentName": command.document, "Comment": command.comment,
        "Parameters": command.parameters, "RequestedDateTime": seconds(command.at), "Status": status,
        "StatusDetails": details, "TargetCount": command.invocations.len(),
        "CompletedCount": ended("Success") + ended("Failed") + ended("TimedOut") + ended("Cancelled"),
        "ErrorCount": ended("Failed"), "DeliveryTimedOutCount": ended("TimedOut"),
        "TimeoutSeconds": command.deliver_within.as_secs(),
        "InstanceIds": command.invocations.iter().map(|invocation| &invocation.instance).collect::<Vec<_>>(),
    })
}

fn invocation(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let (id, instance) = (text(body, "CommandId"), text(body, "InstanceId"));
    let command = account
        .ssm
        .commands
        .iter()
        .find(|command| command.id == id && command.is_visible(cloud));
    let found = command.and_then(|command| {
        let mut all = command.invocations.iter();
        Some((command, all.find(|invocation| invocation.instance == instance)?))
    });
    let (command, invocation) = found.ok_or_else(|| Refusal::new("InvocationDoesNotExist", ""))?;
    let (status, details) = invocation.state.status();
    let nothing = CommandOutput::default();
    let (code, output) = match &invocation.state {
        Progress::Ended { output, .. } => (output.code, output),
        Progress::Pending | Progress::Running { .. } => (-1, &nothing),
    };
    let first = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    Ok(json!({
        "CommandId": command.id, "InstanceId": instance, "Comment": command.comment, "DocumentName": command.document,
        "PluginName": "aws:runShellScript", "ResponseCode": code, "Status": status, "StatusDetails": details,
        "StandardOutputContent": first(&output.stdout, STDOUT), "StandardOutputUrl": "",
        "StandardErrorContent": first(&output.stderr, STDERR), "StandardErrorUrl": "",
    }))
}

/// A page of a list, from a token that is a number.
fn page<T>(
    cloud: &Cloud,
    body: &Value,
    most: usize,
    all: Vec<T>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let from = match text(body, "NextToken") {
        "" => 0,
        token => token
            .parse()
            .map_err(|_| Refusal::new("InvalidNextToken", "The specified token isn't valid."))?,
    };
    let asked = body["MaxResults"]
        .as_u64()
        .and_then(|most| usize::try_from(most).ok());
    let most = asked.unwrap_or(most).min(cloud.config.page_most);
    let next = (all.len() > from + most).then(|| (from + most).to_string());
    Ok((all.into_iter().skip(from).take(most).collect(), next))
}

fn commands(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let filter = |name: &str| {
        let mut all = body["Filters"].as_array().into_iter().flatten();
        all.find(|filter| text(filter, "key") == name)
            .map(|filter| text(filter, "value"))
    };
    let (document, status) = (filter("DocumentName"), filter("Status"));
    let after = filter("InvokedAfter").unwrap_or_default();
    if !after.is_empty() && !after.ends_with('Z') {
        return Err(Refusal::new("InvalidFilterKey", "The specified key isn't valid."));
    }
    let fits = |command: &&Command| {
        command.is_visible(cloud)
            && document.is_none_or(|document| command.document == document)
            && status.is_none_or(|status| command.status().0 == status)
            // Both are in the same form, to the second.
            && command.at.to_string().as_str().get(..19) >= after.get(..19)
    };
    let found: Vec<_> = account.ssm.commands.iter().filter(fits).map(show).collect();
    let (found, next) = page(cloud, body, 50, found)?;
    Ok(json!({"Commands": found, "NextToken": next}))
}

fn invocations(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let id = text(body, "CommandId");
    let command = account
        .ssm
        .commands
        .iter()
        .find(|command| command.id == id && command.is_visible(cloud));
    let show = |command: &Command, invocation: &Invocation| {
        let (status, details) = invocation.state.status();
        json!({
            "CommandId": command.id, "InstanceId": invocation.instance, "Comment": command.comment,
            "DocumentName": command.document, "RequestedDateTime": seconds(command.at), "Status": status,
            "StatusDetails": details,
        })
    };
    let all = command.map(|command| {
        let all = command.invocations.iter();
        all.map(|invocation| show(command, invocation)).collect()
    });
    let (found, next) = page(cloud, body, 50, all.unwrap_or_default())?;
    Ok(json!({"CommandInvocations": found, "NextToken": next}))
}

fn cancel(account: &mut Account, body: &Value) -> Done {
    let id = text(body, "CommandId");
    let command = account.ssm.commands.iter_mut().find(|command| command.id == id);
    let command =
        command.ok_or_else(|| Refusal::new("InvalidCommandId", "The specified command ID isn't valid."))?;
    for invocation in &mut command.invocations {
        if !matches!(invocation.state, Progress::Ended { .. }) {
            invocation.state = ended("Cancelled", "Cancelled", CommandOutput::default());
        }
    }
    Ok(json!({}))
}

fn machines(cloud: &Cloud, account: &Account, body: &Value) -> Done {
    let most = body["MaxResults"].as_u64().unwrap_or(10);
    if !(5..=50).contains(&most) {
        return Err(invalid("MaxResults is between 5 and 50"));
    }
    let filter = body["Filters"].as_array().into_iter().flatten().next();
    let Some(filter) = filter else {
        return Err(invalid("this fake lists machines by a tag only"));
    };
    let key = text(filter, "Key");
    let Some(key) = key.strip_prefix("tag:") else {
        return Err(Refusal::new(
            "InvalidInstanceInformationFilterValue",
            "The specified filter value isn't valid.",
        ));
    };
    let found = texts(&filter["Values"]).into_iter().flat_map(|value| {
        let tagged: Vec<_> = account
            .instances
            .tagged(key, &value)
            .map(|(id, instance)| {
                let ping = if instance.online { "Online" } else { "ConnectionLost" };
                json!({"InstanceId": id, "PingStatus": ping, "PlatformType": "Linux", "ResourceType": "EC2Instance"})
            })
            .collect();
        tagged
    });
    let (found, next) = page(cloud, body, 10, found.collect())?;
    Ok(json!({"InstanceInformationList": found, "NextToken": next}))
}
