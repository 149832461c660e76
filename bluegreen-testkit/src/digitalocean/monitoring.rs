//! Numbers over time. Values are strings.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answered, Refusal};
use super::request::Asked;
use super::state::State;

pub(super) fn answer(state: &State, asked: &Asked) -> Answered {
    let segments = asked.segments();
    let path: Vec<&str> = segments.iter().skip(2).map(String::as_str).collect();
    let (Some(start), Some(end)) = (asked.query("start"), asked.query("end")) else {
        return Err(Refusal::unprocessable("start and end must be given"));
    };
    let (start, end) = (start.parse::<i64>().unwrap_or(0), end.parse::<i64>().unwrap_or(0));
    let id = ["lb_id", "app_id", "host_id"]
        .iter()
        .find_map(|name| asked.query(name))
        .unwrap_or_default();
    let component = asked.query("app_component").unwrap_or_default();
    let key = format!("{}/{id}/{component}", path.join("/"));
    let series = state.metrics.get(&key).cloned().unwrap_or_default();
    let result: Vec<Value> = series
        .into_iter()
        .map(|(labels, value)| json!({"metric": labels, "values": [[(start.max(end - 60)), value.clone()], [end, value]]}))
        .collect();
    Ok((
        StatusCode::OK,
        json!({"status": "success", "data": {"resultType": "matrix", "result": result}}),
    ))
}
