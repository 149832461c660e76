//! Answers in DigitalOcean's form.

use hyper::StatusCode;
use serde_json::{Value, json};

/// What a request is answered with.
pub(super) type Answered = Result<(StatusCode, Value), Refusal>;

/// An error as the API writes it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) id: &'static str,
    pub(super) message: String,
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, id: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            id,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable_entity", message)
    }

    pub(super) fn not_found() -> Self {
        let message = "The resource you requested could not be found.";
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "Unable to authenticate you",
        )
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(super) fn unpermitted() -> Self {
        Self::forbidden("You are not authorized to perform this operation")
    }

    pub(super) fn too_many(retry_after: Option<u64>) -> Self {
        let message = "API rate limit exceeded.";
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
        Self {
            retry_after,
            ..refusal
        }
    }

    pub(super) fn server_error() -> Self {
        let message = "Unexpected server-side error";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    pub(super) fn body(&self, request_id: &str) -> Value {
        json!({"id": self.id, "message": self.message, "request_id": request_id})
    }
}

/// One thing under its name.
#[expect(clippy::unnecessary_wraps, reason = "it ends the functions that answer")]
pub(super) fn one(name: &str, value: impl Into<Value>) -> Answered {
    Ok((StatusCode::OK, json!({ name: value.into() })))
}

/// A page of a list, with the absolute address of the next one.
#[expect(clippy::unnecessary_wraps, reason = "it ends the functions that answer")]
pub(super) fn page(name: &str, all: Vec<Value>, request: &super::request::Asked) -> Answered {
    const DEFAULT: usize = 20;
    const MOST: usize = 200;
    let asked = |name: &str| request.query(name).and_then(|text| text.parse::<usize>().ok());
    let size = asked("per_page")
        .unwrap_or(DEFAULT)
        .clamp(1, MOST)
        .min(request.page_most);
    let number = asked("page").unwrap_or(1).max(1);
    let total = all.len();
    let items: Vec<Value> = all.into_iter().skip((number - 1) * size).take(size).collect();
    let last = total.div_ceil(size).max(1);
    let address = |number: usize| {
        let rest = request.query.iter().filter(|(name, _)| name != "page");
        let rest: Vec<String> = rest
            .map(|(name, value)| format!("{name}={}&", encoded(value)))
            .collect();
        let rest = rest.concat();
        format!("{}{}?{rest}page={number}", request.base, request.path)
    };
    let mut pages = serde_json::Map::new();
    if number > 1 {
        pages.insert("first".to_owned(), address(1).into());
        pages.insert("prev".to_owned(), address(number - 1).into());
    }
    if number < last {
        pages.insert("next".to_owned(), address(number + 1).into());
        pages.insert("last".to_owned(), address(last).into());
    }
    let links = if pages.is_empty() {
        json!({})
    } else {
        json!({ "pages": pages })
    };
    Ok((
        StatusCode::OK,
        json!({name: items, "links": links, "meta": {"total": total}}),
    ))
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
