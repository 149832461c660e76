//! The exact form of what is sent, and that it is sent once.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bluegreen_aws::Account;
use bluegreen_aws::route53::{RecordKind, Route53Router, WeightedRecords};
use bluegreen_core::{FaultKind, Router};

use super::{NAME, green, op};

const LISTED: &str = r#"<?xml version="1.0"?>
<ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
<ResourceRecordSets>
<ResourceRecordSet><Name>shop.example.com.</Name><Type>A</Type><SetIdentifier>blue</SetIdentifier>
<Weight>100</Weight><AliasTarget><HostedZoneId>Z215JYRZR1TBD5</HostedZoneId><DNSName>blue.elb.amazonaws.com.</DNSName>
<EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>
<ResourceRecordSet><Name>shop.example.com.</Name><Type>A</Type><SetIdentifier>green</SetIdentifier>
<Weight>0</Weight><AliasTarget><HostedZoneId>Z215JYRZR1TBD5</HostedZoneId><DNSName>green.elb.amazonaws.com.</DNSName>
<EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>
</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"#;

fn event(status: u16, body: &str) -> ReplayEvent {
    let answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
    ReplayEvent::new(HttpRequest::new(SdkBody::empty()), answer)
}

fn router(replay: &StaticReplayClient) -> Route53Router {
    let credentials = Credentials::new("AKIAFAKEFAKEFAKEFAKE", "no secret", None, None, "fake");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(replay.clone())
        .build();
    let records = WeightedRecords::new("Z1D633PJN98FT9", NAME, RecordKind::A).unwrap();
    Route53Router::new(&Account::new(&config), records)
}

#[tokio::test]
async fn what_is_sent_is_a_batch_of_deletions_and_then_creations() {
    let accepted = r#"<?xml version="1.0"?>
        <ChangeResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeInfo>
        <Id>/change/C2682N5HXP0BZ4</Id><Status>PENDING</Status><SubmittedAt>2026-11-21T08:30:00Z</SubmittedAt>
        </ChangeInfo></ChangeResourceRecordSetsResponse>"#;
    let replay = StaticReplayClient::new(vec![event(200, LISTED), event(200, accepted)]);
    router(&replay).shift(&op(1), green(5)).await.unwrap();
    let sent: Vec<_> = replay.actual_requests().collect();
    assert_eq!(sent.len(), 2);
    let from = "/2013-04-01/hostedzone/Z1D633PJN98FT9/rrset?name=shop.example.com&type=A&maxitems=300";
    assert!(sent[0].uri().ends_with(from), "{}", sent[0].uri());
    let body = std::str::from_utf8(sent[1].body().bytes().unwrap()).unwrap();
    let alias = |slot: &str| {
        format!(
            "<AliasTarget><HostedZoneId>Z215JYRZR1TBD5</HostedZoneId><DNSName>{slot}.elb.amazonaws.com.</DNSName>\
             <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>"
        )
    };
    let change = |action: &str, slot: &str, weight: u8| {
        format!(
            "<Change><Action>{action}</Action><ResourceRecordSet><Name>shop.example.com.</Name><Type>A</Type>\
             <SetIdentifier>{slot}</SetIdentifier><Weight>{weight}</Weight>{}</ResourceRecordSet></Change>",
            alias(slot)
        )
    };
    let changes = [
        change("DELETE", "blue", 100),
        change("DELETE", "green", 0),
        change("CREATE", "blue", 95),
        change("CREATE", "green", 5),
    ];
    assert!(body.contains(&changes.concat()), "{body}");
    for part in [
        "<Name>_bluegreen-a.shop.example.com</Name><Type>TXT</Type><TTL>60</TTL>",
        "bluegreen/1 token=1.1 blue=95 green=5 until=",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[tokio::test]
async fn a_request_is_sent_once_whatever_is_answered() {
    let refused = |code: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>\
             <RequestId>7a1b</RequestId></ErrorResponse>"
        )
    };
    for (status, code, expected) in [
        (400, "Throttling", FaultKind::Unavailable { retry_after: None }),
        (
            400,
            "PriorRequestNotComplete",
            FaultKind::Unavailable { retry_after: None },
        ),
        (500, "InternalFailure", FaultKind::Unknown),
        (503, "ServiceUnavailable", FaultKind::Unknown),
        (403, "AccessDenied", FaultKind::Rejected),
    ] {
        let replay = StaticReplayClient::new(vec![
            event(200, LISTED),
            event(status, &refused(code)),
            event(200, LISTED),
        ]);
        let fault = router(&replay).shift(&op(1), green(5)).await.unwrap_err();
        assert_eq!(fault.kind, expected, "{code}: {fault}");
        assert!(fault.message.contains(code), "{fault}");
        let changes = replay.actual_requests().filter(|sent| sent.method() == "POST");
        assert_eq!(changes.count(), 1, "{code}");
    }
}
