//! Over moto, which nobody here wrote.

#[path = "../moto/server.rs"]
mod server;

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use bluegreen_aws::dynamodb::DynamoDbStore;
use bluegreen_aws::{Account, Rate};
use bluegreen_testkit::conformance::store::{self, StoreSubject};
use server::Moto;

/// The whole contract, with the race of writers over one and over two instances.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs moto"]
async fn the_contract_of_stores_holds_over_moto_with_its_race_of_writers() {
    let moto = Moto::start();
    let config = moto.sdk_config();
    let client = aws_sdk_dynamodb::Client::new(&config);
    let account = Account::new(&config).rate("dynamodb", Rate::a_second(10_000));
    let tables = AtomicU32::new(0);
    let report = store::prove_all(async || {
        let table = format!("bluegreen-{}", tables.fetch_add(1, Ordering::Relaxed));
        let text = ScalarAttributeType::S;
        let attribute = |name: &str| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(text.clone()).build().unwrap()
        };
        let key = |name: &str, kind: KeyType| {
            let key = KeySchemaElement::builder().attribute_name(name);
            key.key_type(kind).build().unwrap()
        };
        let create = client
            .create_table()
            .table_name(&table)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("kind"))
            .attribute_definitions(attribute("key"))
            .key_schema(key("kind", KeyType::Hash))
            .key_schema(key("key", KeyType::Range));
        create.send().await.unwrap();
        let store = DynamoDbStore::new(&account, &table);
        let again = store.clone();
        StoreSubject::new(store).again(async move || again.clone())
    })
    .await;
    assert!(report.broken().is_empty(), "{report}");
    let run = report.cases().len() - report.not_run().len();
    assert!(run >= 18, "too little was run:\n{report}");
}
