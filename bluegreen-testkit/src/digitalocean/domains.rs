//! Domains and their records.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answered, Refusal, one, page};
use super::request::Asked;
use super::state::State;

/// The fields of a record, each of which a GET shows.
const FIELDS: [&str; 9] = [
    "type", "name", "data", "priority", "port", "ttl", "weight", "flags", "tag",
];

pub(super) fn record(id: u64, fields: &Value) -> Value {
    let mut shown = serde_json::Map::from_iter([("id".to_owned(), json!(id))]);
    for field in FIELDS {
        let value = fields.get(field).cloned().unwrap_or_else(|| match field {
            "ttl" => json!(1800),
            _ => Value::Null,
        });
        shown.insert(field.to_owned(), value);
    }
    Value::Object(shown)
}

pub(super) fn answer(state: &mut State, asked: &Asked) -> Answered {
    let segments = asked.segments();
    let rest: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let Some((name, rest)) = rest.split_first() else {
        return Err(Refusal::not_found());
    };
    let name = (*name).to_owned();
    let records = state.domains.get_mut(&name).ok_or_else(Refusal::not_found)?;
    match (&asked.method, rest) {
        (&Method::GET, []) => one("domain", json!({"name": name, "ttl": 1800, "zone_file": ""})),
        (&Method::GET, ["records"]) => {
            let is_wanted = |record: &&Value| {
                let matches = |field: &str, wanted: &str| record[field] == wanted;
                asked.query("type").is_none_or(|kind| matches("type", kind))
                    && asked.query("name").is_none_or(|full| {
                        let own = record["name"].as_str().unwrap_or_default();
                        full == if own == "@" {
                            name.clone()
                        } else {
                            format!("{own}.{name}")
                        }
                    })
            };
            page(
                "domain_records",
                records.values().filter(is_wanted).cloned().collect(),
                asked,
            )
        }
        (method, ["records", id]) => {
            let id: u64 = id.parse().map_err(|_| Refusal::not_found())?;
            let record = records.get_mut(&id).ok_or_else(Refusal::not_found)?;
            if method == Method::PATCH || method == Method::PUT {
                change(record, &asked.body)?;
            } else if method != Method::GET {
                return Err(Refusal {
                    status: StatusCode::METHOD_NOT_ALLOWED,
                    ..Refusal::not_found()
                });
            }
            one("domain_record", record.clone())
        }
        _ => Err(Refusal::not_found()),
    }
}

fn change(record: &mut Value, body: &Value) -> Result<(), Refusal> {
    let kind = body.get("type").and_then(Value::as_str);
    let kind = kind.ok_or_else(|| Refusal::unprocessable("type can't be blank"))?;
    if let Some(data) = body.get("data").and_then(Value::as_str) {
        let is_good = match kind {
            "A" => data.parse::<std::net::Ipv4Addr>().is_ok(),
            "AAAA" => data.parse::<std::net::Ipv6Addr>().is_ok(),
            "CNAME" => data.ends_with('.') || data == "@",
            _ => true,
        };
        if !is_good {
            return Err(Refusal::unprocessable("data is not valid for this type"));
        }
    }
    if body
        .get("ttl")
        .is_some_and(|ttl| ttl.as_u64().is_none_or(|ttl| ttl < 30))
    {
        return Err(Refusal::unprocessable("ttl must be 30 or more"));
    }
    for field in FIELDS {
        if let Some(value) = body.get(field) {
            record[field] = value.clone();
        }
    }
    // A GET shows a name without the dot at its end.
    if kind == "CNAME"
        && let Some(data) = record["data"].as_str().and_then(|data| data.strip_suffix('.'))
    {
        record["data"] = json!(data);
    }
    Ok(())
}
