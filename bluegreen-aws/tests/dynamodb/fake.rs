//! Over the fake: the contract of stores, and what DynamoDB does to the careless.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_aws::Account;
use bluegreen_aws::dynamodb::DynamoDbStore;
use bluegreen_core::{Store, StoreError, SystemClock};
use bluegreen_testkit::aws::{FakeAws, FakeConfig};
use bluegreen_testkit::conformance::store::StoreSubject;
use serde_json::Value;

fn opened(config: FakeConfig) -> (Arc<FakeAws>, DynamoDbStore) {
    let clock = Arc::new(SystemClock::new());
    let aws = Arc::new(FakeAws::in_memory(config, clock.clone()));
    aws.add_table("bluegreen", "kind", "key");
    let account = Account::new(&aws.sdk_config()).clock(clock);
    let store = DynamoDbStore::new(&account, "bluegreen");
    (aws, store)
}

mod conformance {
    use super::*;

    bluegreen_testkit::store_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> StoreSubject {
            // A read that is not consistent would be ten seconds old.
            let config = FakeConfig::default().page_most(3).propagation(Duration::from_secs(10));
            let (aws, store) = opened(config);
            let again = store.clone();
            StoreSubject::new(store)
                .secret("no secret")
                .again(async move || again.clone())
                .faults(async move |fault| aws.disturb(fault).await.is_ok())
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_read_is_consistent_and_every_write_conditional() {
    let (aws, store) = opened(FakeConfig::default());
    let first = store.store("shop", None, "{}".into()).await.unwrap();
    store.store("shop", Some(first), "{}".into()).await.unwrap();
    store.load("shop").await.unwrap();
    store.put_new("shop/1", "{}".into()).await.unwrap();
    store.get("shop/1").await.unwrap();
    store.list("shop/", None, 10).await.unwrap();
    for asked in aws.requests() {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        match asked.action.as_str() {
            "PutItem" => assert!(body["ConditionExpression"].is_string(), "{body}"),
            _ => assert_eq!(body["ConsistentRead"], true, "{}", asked.action),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_no_item_holds_is_refused_and_the_largest_one_is_taken() {
    let (aws, store) = opened(FakeConfig::default());
    let key = "x".repeat(180);
    store.put_new(&key, vec![b'x'; 399 * 1024].into()).await.unwrap();
    let sent = aws.requests().len();
    let refused = store.put_new("shop/2", vec![b'x'; 399 * 1024 + 1].into()).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert_eq!(aws.requests().len(), sent, "not even sent");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_not_there_is_told_by_name() {
    let (aws, _) = opened(FakeConfig::default());
    let store = DynamoDbStore::new(&Account::new(&aws.sdk_config()), "other");
    let refused = store.load("shop").await.unwrap_err().to_string();
    for part in ["table other", "ResourceNotFoundException"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_this_store_has_not_written_so_is_refused_and_kept() {
    let (aws, store) = opened(FakeConfig::default());
    let version = store.store("shop", None, "{}".into()).await.unwrap();
    store.put_new("shop", "{}".into()).await.unwrap();
    assert!(aws.spoil_item("bluegreen", "record", "shop", "version"));
    assert!(aws.spoil_item("bluegreen", "object", "shop", "body"));
    for refused in [
        store.load("shop").await.map(drop),
        store.get("shop").await.map(drop),
    ] {
        assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    }
    for expected in [None, Some(version)] {
        let written = store.store("shop", expected, "x".into()).await;
        assert!(matches!(written, Err(StoreError::Conflict { .. })), "{written:?}");
    }
}
