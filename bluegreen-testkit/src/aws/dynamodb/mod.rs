//! DynamoDB: tables with conditional writes.
//!
//! What is not documented is chosen to hurt: a read that does not ask for consistency gives the item as it was
//! before the last write, for as long as [`FakeConfig::propagation`](super::FakeConfig) says; and a page that is
//! full names a last key also where nothing follows.

mod condition;

use std::collections::BTreeMap;

use bluegreen_core::Monotonic;
use serde_json::{Map, Value, json};

use super::FakeAws;
use super::cloud::{self, Cloud};
use super::wire::{Answer, Answered, Asked, Refusal};
use crate::lock::held;

use self::condition::{Condition, Words};

/// The most bytes of an item, with the names of its attributes.
const MOST_ITEM: usize = 400 * 1024;
/// The most bytes that a page of a query reads.
const MOST_PAGE: usize = 1024 * 1024;

type Item = Map<String, Value>;

#[derive(Debug, Default)]
pub(super) struct State {
    tables: BTreeMap<String, Table>,
}

#[derive(Debug)]
struct Table {
    partition: String,
    sort: String,
    items: BTreeMap<Key, Item>,
    /// What was there before the last write, and when that was.
    before: BTreeMap<Key, (Monotonic, Option<Item>)>,
}

type Key = (String, String);

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("com.amazon.coral.validate#ValidationException", message)
}

fn coded(code: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(format!("com.amazonaws.dynamodb.v20120810#{code}"), message)
}

pub(super) fn answer(cloud: &Cloud, state: &mut cloud::State, asked: &Asked) -> Answered {
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|_| Refusal::new("com.amazon.coral.service#SerializationException", "not JSON"))?;
    let name = body.get("TableName").and_then(Value::as_str).unwrap_or_default();
    let now = cloud.clock.monotonic();
    let is_consistent = body.get("ConsistentRead") == Some(&Value::Bool(true));
    let is_behind = |at: &Monotonic| !is_consistent && now.since(*at) < cloud.config.propagation;
    let table = state.dynamodb.tables.get_mut(name);
    let table = table.ok_or_else(|| coded("ResourceNotFoundException", "Requested resource not found"))?;
    let answer = match asked.action.as_str() {
        "PutItem" => table.put(&body, now)?,
        "GetItem" => table.get(&body, &is_behind)?,
        "DeleteItem" => table.delete(&body, now)?,
        "Query" => table.query(&body, cloud.config.page_most, &is_behind)?,
        _ => {
            return Err(Refusal::new(
                "com.amazon.coral.service#UnknownOperationException",
                "",
            ));
        }
    };
    Ok(Answer::json(&answer))
}

impl Table {
    /// The key of an item, or of what asks for one.
    fn key(&self, item: &Item) -> Result<Key, Refusal> {
        let part = |name: &String| {
            let text = item.get(name).and_then(|value| value["S"].as_str());
            let text = text.ok_or_else(|| invalid(format!("Missing the key {name} in the item")))?;
            if text.is_empty() {
                return Err(invalid(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
                     contain an empty string value. Key: {name}"
                )));
            }
            if text.len() > 1024 {
                return Err(invalid(
                    "Size of rangekey has exceeded the maximum size limit of 1024 bytes",
                ));
            }
            Ok(text.to_owned())
        };
        Ok((part(&self.partition)?, part(&self.sort)?))
    }

    fn put(&mut self, body: &Value, now: Monotonic) -> Result<Value, Refusal> {
        let item = object(&body["Item"])?;
        let key = self.key(&item)?;
        if item
            .iter()
            .map(|(name, value)| name.len() + size(value))
            .sum::<usize>()
            > MOST_ITEM
        {
            return Err(invalid("Item size has exceeded the maximum allowed size"));
        }
        self.check(body, &key)?;
        let before = self.items.insert(key.clone(), item);
        self.before.insert(key, (now, before));
        Ok(json!({}))
    }

    fn get(&self, body: &Value, is_behind: &dyn Fn(&Monotonic) -> bool) -> Result<Value, Refusal> {
        let key = self.key(&object(&body["Key"])?)?;
        let item = match self.before.get(&key).filter(|(at, _)| is_behind(at)) {
            Some((_, before)) => before.as_ref(),
            None => self.items.get(&key),
        };
        Ok(item.map_or_else(|| json!({}), |item| json!({"Item": item})))
    }

    fn delete(&mut self, body: &Value, now: Monotonic) -> Result<Value, Refusal> {
        let key = self.key(&object(&body["Key"])?)?;
        self.check(body, &key)?;
        let before = self.items.remove(&key);
        self.before.insert(key, (now, before));
        Ok(json!({}))
    }

    fn query(
        &self,
        body: &Value,
        page_most: usize,
        is_behind: &dyn Fn(&Monotonic) -> bool,
    ) -> Result<Value, Refusal> {
        let mut words = Words::of(body);
        let condition = Condition::read(
            body["KeyConditionExpression"].as_str().unwrap_or_default(),
            &mut words,
        )
        .map_err(|what| invalid(format!("Invalid KeyConditionExpression: {what}")))?;
        let shown: Option<Vec<String>> = body["ProjectionExpression"]
            .as_str()
            .map(|list| list.split(',').map(|name| words.name(name.trim())).collect())
            .transpose()
            .map_err(|what: String| invalid(format!("Invalid ProjectionExpression: {what}")))?;
        words.all_used().map_err(invalid)?;
        let after = match body.get("ExclusiveStartKey") {
            Some(key) => Some(self.key(&object(key)?)?),
            None => None,
        };
        let limit = match body["Limit"].as_u64() {
            Some(0) => {
                return Err(invalid(
                    "Value '0' at 'limit' failed: Member must be greater than or equal to 1",
                ));
            }
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX).min(page_most),
            None => page_most,
        };
        let mut all: BTreeMap<&Key, &Item> = self.items.iter().collect();
        for (key, (_, before)) in self.before.iter().filter(|(_, (at, _))| is_behind(at)) {
            match before {
                Some(item) => all.insert(key, item),
                None => all.remove(key),
            };
        }
        let (mut page, mut read, mut last) = (Vec::new(), 0, None);
        for (key, item) in all {
            if after.as_ref().is_some_and(|after| key <= after) || !condition.holds(Some(item)) {
                continue;
            }
            read += item.values().map(size).sum::<usize>();
            page.push(match &shown {
                Some(names) => {
                    let kept = item.iter().filter(|(name, _)| names.contains(name));
                    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
                }
                None => item.clone(),
            });
            if page.len() == limit || read > MOST_PAGE {
                last = Some(json!({&self.partition: {"S": key.0}, &self.sort: {"S": key.1}}));
                break;
            }
        }
        let mut answer = json!({"Count": page.len(), "ScannedCount": page.len(), "Items": page});
        if let (Some(last), Some(answer)) = (last, answer.as_object_mut()) {
            answer.insert("LastEvaluatedKey".to_owned(), last);
        }
        Ok(answer)
    }

    /// Whether the condition of a write holds.
    fn check(&self, body: &Value, key: &Key) -> Result<(), Refusal> {
        let mut words = Words::of(body);
        if let Some(text) = body["ConditionExpression"].as_str() {
            let condition = Condition::read(text, &mut words)
                .map_err(|what| invalid(format!("Invalid ConditionExpression: {what}")))?;
            words.all_used().map_err(invalid)?;
            if !condition.holds(self.items.get(key)) {
                let code = "ConditionalCheckFailedException";
                return Err(coded(code, "The conditional request failed"));
            }
        }
        words.all_used().map_err(invalid)
    }
}

fn object(value: &Value) -> Result<Item, Refusal> {
    let item = value.as_object().cloned();
    item.ok_or_else(|| invalid("The item or key is missing"))
}

/// The bytes of a value: texts as they are, binary ones without their base64.
fn size(value: &Value) -> usize {
    if let Some(text) = value["B"].as_str() {
        return text.trim_end_matches('=').len() * 3 / 4;
    }
    let text = value["S"].as_str().or_else(|| value["N"].as_str());
    text.map_or(1, str::len)
}

/// Tables.
impl FakeAws {
    /// Adds a table with these names of its partition key and its sort key, both texts.
    pub fn add_table(&self, name: impl Into<String>, partition: impl Into<String>, sort: impl Into<String>) {
        let table = Table {
            partition: partition.into(),
            sort: sort.into(),
            items: BTreeMap::new(),
            before: BTreeMap::new(),
        };
        held(&self.cloud.state).dynamodb.tables.insert(name.into(), table);
    }

    /// Removes an attribute of an item, past the API. Answers whether it was there.
    #[must_use]
    pub fn spoil_item(&self, table: &str, partition: &str, sort: &str, attribute: &str) -> bool {
        let tables = &mut held(&self.cloud.state).dynamodb.tables;
        let key = (partition.to_owned(), sort.to_owned());
        let item = tables.get_mut(table).and_then(|table| table.items.get_mut(&key));
        item.and_then(|item| item.remove(attribute)).is_some()
    }
}
