//! The router against an AWS that nobody here wrote: the form of requests and answers. That batches are whole and
//! changes pending is not to be seen here.

#[path = "../moto/server.rs"]
mod server;

use std::sync::Arc;

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use bluegreen_aws::Account;
use bluegreen_aws::route53::{RecordKind, Route53Router, WeightedRecords};
use bluegreen_core::{Clock, Router, Slot, Split, SystemClock, Verification};
use server::Moto;

use super::{NAME, green, op};

async fn zone(client: &aws_sdk_route53::Client, sets: Vec<ResourceRecordSet>) -> String {
    let zone = client
        .create_hosted_zone()
        .name("example.com")
        .caller_reference("test");
    let zone = zone.send().await.unwrap().hosted_zone.unwrap().id;
    let mut batch = ChangeBatch::builder();
    for set in sets {
        let change = Change::builder()
            .action(ChangeAction::Create)
            .resource_record_set(set);
        batch = batch.changes(change.build().unwrap());
    }
    let change = client.change_resource_record_sets().hosted_zone_id(&zone);
    change.change_batch(batch.build().unwrap()).send().await.unwrap();
    zone
}

fn weighted(slot: Slot, weight: i64) -> aws_sdk_route53::types::builders::ResourceRecordSetBuilder {
    ResourceRecordSet::builder()
        .name(NAME)
        .r#type(RrType::A)
        .set_identifier(slot.as_str())
        .weight(weight)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs moto"]
async fn weights_and_the_note_are_written_and_read_over_moto() {
    let moto = Moto::start();
    let client = aws_sdk_route53::Client::new(&moto.sdk_config());
    let plain = |slot: Slot, weight: i64| {
        let value = ResourceRecord::builder()
            .value(super::value(slot))
            .build()
            .unwrap();
        weighted(slot, weight)
            .ttl(1)
            .resource_records(value)
            .build()
            .unwrap()
    };
    let alias = |slot: Slot, weight: i64| {
        let target = AliasTarget::builder()
            .hosted_zone_id("Z215JYRZR1TBD5")
            .dns_name(format!("{slot}.eu-central-1.elb.amazonaws.com"))
            .evaluate_target_health(false);
        weighted(slot, weight)
            .alias_target(target.build().unwrap())
            .build()
            .unwrap()
    };
    for sets in [
        vec![plain(Slot::Blue, 100), plain(Slot::Green, 0)],
        vec![alias(Slot::Blue, 100), alias(Slot::Green, 0)],
    ] {
        let zone = zone(&client, sets).await;
        let clock = Arc::new(SystemClock::new());
        let account = Account::new(&moto.sdk_config()).clock(clock.clone());
        let records = WeightedRecords::new(&zone, NAME, RecordKind::A).unwrap();
        let router = Route53Router::new(&account, records)
            .alias_ttl(1)
            .servers_follow_within(std::time::Duration::ZERO);
        assert_eq!(
            router.observe(&op(1)).await.unwrap().split,
            Split::all(Slot::Blue)
        );
        router.stage(&op(1), Slot::Green).await.unwrap();
        for percent in [5, 50, 100] {
            router.shift(&op(percent.into()), green(percent)).await.unwrap();
            let seen = router.observe(&op(percent.into())).await.unwrap();
            assert_eq!(seen.split, green(percent));
            assert_eq!(
                seen.token,
                Some(op(percent.into()).token),
                "the note is read back"
            );
        }
        let mut answer = router.verify(&op(101), green(100)).await.unwrap();
        for _ in 0..20 {
            if matches!(answer, Verification::Live { .. }) {
                break;
            }
            clock.sleep(std::time::Duration::from_millis(200)).await;
            answer = router.verify(&op(101), green(100)).await.unwrap();
        }
        assert!(matches!(answer, Verification::Live { .. }), "{answer:?}");
    }
}
