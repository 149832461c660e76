//! What is sent, to the letter.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bluegreen_aws::codedeploy::CodeDeployHost;
use bluegreen_aws::{Account, PerSlot};
use bluegreen_core::Host;
use serde_json::{Value, json};

use super::world::{assignment, op};

fn exchange(answer: &Value) -> ReplayEvent {
    let answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer.to_string()));
    ReplayEvent::new(HttpRequest::empty(), answer)
}

/// One request for each thing that is asked, and each of them once.
#[tokio::test]
async fn a_deployment_is_looked_for_and_then_created_with_its_mark() {
    let group = json!({"deploymentGroupInfo": {
        "deploymentStyle": {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"},
        "computePlatform": "Server",
    }});
    let replay = StaticReplayClient::new(vec![
        exchange(&group),
        exchange(&json!({"deployments": []})),
        exchange(&group),
        exchange(&json!({"deploymentId": "d-1"})),
    ]);
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .http_client(replay.clone())
        .build();
    let groups = PerSlot::new("blue".to_owned(), "green".to_owned());
    let bundles = "s3://fixit-artifacts/api/{version}.zip".parse().unwrap();
    CodeDeployHost::new(&Account::new(&config), "fixit-api", groups, bundles)
        .configuration("CodeDeployDefault.AllAtOnce")
        .poll(Duration::from_millis(1))
        .deploy(&op("deploy"), &assignment(17, "1.4.0"))
        .await
        .unwrap();
    let sent: Vec<_> = replay.actual_requests().collect();
    let targets: Vec<_> = sent
        .iter()
        .map(|request| request.headers().get("x-amz-target").unwrap())
        .collect();
    assert_eq!(
        targets,
        [
            "CodeDeploy_20141006.GetDeploymentGroup",
            "CodeDeploy_20141006.ListDeployments",
            "CodeDeploy_20141006.GetDeploymentGroup",
            "CodeDeploy_20141006.CreateDeployment",
        ]
    );
    let body: Value = serde_json::from_slice(sent[3].body().bytes().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({
            "applicationName": "fixit-api", "deploymentGroupName": "green",
            "revision": {
                "revisionType": "S3",
                "s3Location": {"bucket": "fixit-artifacts", "key": "api/1.4.0.zip", "bundleType": "zip"},
            },
            "deploymentConfigName": "CodeDeployDefault.AllAtOnce",
            "description": "bluegreen 17-20231114T221320Z green 1.4.0",
            "autoRollbackConfiguration": {"enabled": false},
        })
    );
}

fn credentials() -> aws_credential_types::provider::SharedCredentialsProvider {
    let credentials = aws_credential_types::Credentials::new("AKIAFAKE", "no secret", None, None, "test");
    aws_credential_types::provider::SharedCredentialsProvider::new(credentials)
}
