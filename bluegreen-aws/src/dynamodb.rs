//! The store in a table of DynamoDB, by conditional writes: for where several machines deploy.
//!
//! # The table
//!
//! One for any number of services, with the partition key `kind` and the sort key `key`, both texts:
//!
//! ```sh
//! aws dynamodb create-table --table-name bluegreen --billing-mode PAY_PER_REQUEST \
//!     --attribute-definitions AttributeName=kind,AttributeType=S AttributeName=key,AttributeType=S \
//!     --key-schema AttributeName=kind,KeyType=HASH AttributeName=key,KeyType=RANGE
//! ```
//!
//! No global table: its replicas take the last write, so two deployers could both win. Point-in-time recovery is
//! good to have; after a restore no deployer may be running that has seen what was lost.
//!
//! | item | attributes |
//! |---|---|
//! | `record`, key | `version` counts the writes; `body` |
//! | `object`, key | `body` |

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use bluegreen_core::store::key;
use bluegreen_core::{Fault, FaultKind, Op, Store, StoreError, StoreVersion, Token, Versioned};
use bytes::Bytes;

use crate::Rate;
use crate::account::{Account, Call, SdkFailure, Service, Urgency};

const SERVICE: Service = Service {
    provider: "dynamodb",
    signed_as: "dynamodb",
    rate: Rate::a_second(100),
};

/// Below the five seconds after which the deployer gives a call up.
const BUDGET: Duration = Duration::from_millis(4_500);
/// An item has [400 KB at most](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html),
/// names, key and version included.
const MOST_BODY: usize = 399 * 1024;

const RECORD: &str = "record";
const OBJECT: &str = "object";
const KIND: &str = "kind";
const KEY: &str = "key";
const VERSION: &str = "version";
const BODY: &str = "body";

/// Keeps records in a table of DynamoDB. Reads are consistent, writes conditional.
///
/// ```
/// use bluegreen_aws::Account;
/// use bluegreen_aws::dynamodb::DynamoDbStore;
/// # let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
///
/// let store = DynamoDbStore::new(&Account::new(&config), "bluegreen");
/// # drop(store);
/// ```
#[derive(Clone)]
pub struct DynamoDbStore {
    account: Account,
    client: Client,
    table: String,
}

impl fmt::Debug for DynamoDbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDbStore")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// What became of a conditional write.
enum Written {
    Yes,
    ConditionFailed,
}

impl DynamoDbStore {
    /// The store in a table, by its name or its ARN.
    #[must_use]
    pub fn new(account: &Account, table: impl Into<String>) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            table: table.into(),
        }
    }

    fn begin(&self, key: &str) -> Call {
        let op = Op::new(Token::default(), "store", BUDGET);
        // A lease is renewed through this, so it never stands behind anything else.
        let resource = format!("{key} in table {}", self.table);
        self.account.begin(&op, Urgency::Rollback, SERVICE, resource)
    }

    /// What is kept under a key. Always the newest.
    async fn read(
        &self,
        kind: &str,
        key: &str,
    ) -> Result<Option<std::collections::HashMap<String, AttributeValue>>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(KIND, text(kind))
            .key(KEY, text(key))
            .consistent_read(true);
        let answer = self.begin(key).read("GetItem", request.send()).await;
        Ok(answer.map_err(|fault| failed(key, &fault))?.item)
    }

    fn put(&self, kind: &str, key: &str, body: Bytes) -> Result<PutItemFluentBuilder, StoreError> {
        if body.len() > MOST_BODY {
            return Err(StoreError::Refused {
                key: key.to_owned(),
                message: format!("{} bytes, and an item of DynamoDB holds {MOST_BODY}", body.len()),
            });
        }
        let put = self.client.put_item().table_name(&self.table);
        let body = AttributeValue::B(Blob::new(body));
        Ok(put.item(KIND, text(kind)).item(KEY, text(key)).item(BODY, body))
    }

    async fn write(&self, key: &str, put: PutItemFluentBuilder) -> Result<Written, StoreError> {
        let sent = async {
            match put.send().await {
                Ok(_) => Ok(Written::Yes),
                Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                    Ok(Written::ConditionFailed)
                }
                Err(error) => Err(error),
            }
        };
        let answer = self.begin(key).change("PutItem", sent).await;
        answer.map_err(|fault| failed(key, &fault))
    }
}

#[async_trait]
impl Store for DynamoDbStore {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        key::check(key)?;
        let Some(mut item) = self.read(RECORD, key).await? else {
            return Ok(None);
        };
        match (item.remove(VERSION), item.remove(BODY)) {
            (Some(AttributeValue::S(version)), Some(AttributeValue::B(body))) => Ok(Some(Versioned {
                version: StoreVersion(version),
                body: body.into_inner().into(),
            })),
            _ => Err(damaged(key)),
        }
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        key::check(key)?;
        let conflict = || StoreError::Conflict { key: key.to_owned() };
        let next = match &expected {
            None => 1,
            Some(StoreVersion(text)) => {
                let counted: Option<u64> = text.parse().ok();
                // What this store has not given out is there nowhere.
                let next = counted.and_then(|counted| counted.checked_add(1));
                next.ok_or_else(conflict)?
            }
        };
        let next = StoreVersion(next.to_string());
        let put = self.put(RECORD, key, body)?.item(VERSION, text(&next.0));
        let put = match expected {
            None => put
                .condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", KEY),
            Some(StoreVersion(version)) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", text(&version)),
        };
        match self.write(key, put).await? {
            Written::Yes => Ok(next),
            Written::ConditionFailed => Err(conflict()),
        }
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        key::check(key)?;
        let put = self
            .put(OBJECT, key, body)?
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", KEY);
        match self.write(key, put).await? {
            Written::Yes => Ok(()),
            Written::ConditionFailed => Err(StoreError::Conflict { key: key.to_owned() }),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        key::check(key)?;
        let item = self.read(OBJECT, key).await?;
        let body = item.map(|mut item| match item.remove(BODY) {
            Some(AttributeValue::B(body)) => Ok(body.into_inner().into()),
            _ => Err(damaged(key)),
        });
        body.transpose()
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        key::check_prefix(prefix)?;
        // Keys are made of what lies between a space and a tilde.
        let from = match after {
            Some(after) if after.as_str() >= prefix => format!("{after} "),
            _ if prefix.is_empty() => " ".to_owned(),
            _ => prefix.to_owned(),
        };
        let to = format!("{prefix}~");
        let mut keys = Vec::new();
        let mut start = None;
        if from > to {
            return Ok(keys);
        }
        let call = self.begin(prefix);
        while keys.len() < limit {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("#kind = :kind AND #key BETWEEN :from AND :to")
                .projection_expression("#key")
                .expression_attribute_names("#kind", KIND)
                .expression_attribute_names("#key", KEY)
                .expression_attribute_values(":kind", text(OBJECT))
                .expression_attribute_values(":from", text(&from))
                .expression_attribute_values(":to", text(&to))
                .consistent_read(true)
                .limit(i32::try_from(limit - keys.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = call.read("Query", page.send()).await;
            let page = page.map_err(|fault| failed(prefix, &fault))?;
            for mut item in page.items.unwrap_or_default() {
                match item.remove(KEY) {
                    Some(AttributeValue::S(key)) => keys.push(key),
                    _ => return Err(damaged(prefix)),
                }
            }
            match page.last_evaluated_key {
                Some(last) => start = Some(last),
                None => break,
            }
        }
        Ok(keys)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check(key)?;
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(KIND, text(OBJECT))
            .key(KEY, text(key));
        let answer = self.begin(key).change("DeleteItem", request.send()).await;
        answer.map(drop).map_err(|fault| failed(key, &fault))
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn damaged(key: &str) -> StoreError {
    StoreError::Refused {
        key: key.to_owned(),
        message:
            "the item has not the attributes that this store writes. It is kept as it is; without a copy, \
            move it away and take over what the routers show"
                .to_owned(),
    }
}

/// A fault as the error that says the same.
fn failed(key: &str, fault: &Fault) -> StoreError {
    let (key, message) = (key.to_owned(), fault.to_string());
    match fault.kind {
        FaultKind::Rejected | FaultKind::Fenced => StoreError::Refused { key, message },
        FaultKind::Unavailable { .. } => StoreError::Unavailable { key, message },
        FaultKind::Unknown => StoreError::Unknown { key, message },
    }
}
