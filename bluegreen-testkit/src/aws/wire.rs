//! Requests and answers in the forms that AWS's services speak.
//!
//! Which service a request is for stands in its signature, as for AWS itself. The forms are described in the
//! [Smithy protocols](https://smithy.io/2.0/aws/protocols/index.html).

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// AWS Query: a form in, XML of this namespace out.
    Query(&'static str),
    /// REST with XML of this namespace.
    RestXml(&'static str),
    /// JSON of this version, the action in `X-Amz-Target`.
    Json(&'static str),
    /// Smithy RPC v2 with CBOR.
    Cbor,
}

/// A request, read as far as all services need it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The service that it is signed for.
    pub(super) service: String,
    /// What is asked for: `ModifyRule`; with REST the method and the path.
    pub(super) action: String,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) protocol: Option<Protocol>,
}

impl Asked {
    pub(super) fn new(request: hyper::Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let form = || pairs(&body).into_iter().find(|(name, _)| name == "Action");
        let action = match target {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None if path.starts_with("/service/") => path.rsplit('/').next().unwrap_or_default().to_owned(),
            None => match form() {
                Some((_, action)) => action,
                None => format!("{} {path}", parts.method),
            },
        };
        Self {
            service: signed_for(&parts.headers).unwrap_or_default(),
            action,
            query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
            method: parts.method,
            path,
            body,
            protocol: None,
        }
    }

    /// Whether it changes nothing, by its name.
    pub(super) fn reads_only(&self) -> bool {
        const READS: [&str; 7] = ["Describe", "Get", "List", "Test", "Batch", "Query", "StartQuery"];
        READS.iter().any(|word| self.action.starts_with(word)) || self.action.starts_with("GET ")
    }

    /// The fields of a form, as AWS Query has them.
    pub(super) fn form(&self) -> Form {
        Form(pairs(&self.body))
    }

    /// A value of the query of the address.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

/// `Credential=KEY/20261121/eu-central-1/route53/aws4_request`
fn signed_for(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split('/').nth(3).map(str::to_owned)
}

/// The fields of a form: `Actions.member.1.ForwardConfig.TargetGroups.member.2.Weight`.
#[derive(Debug, Clone)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// These fields.
    pub(super) const fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// All fields.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// A single value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The values of a list: `Names.member.1`, `Names.member.2`, ….
    pub(super) fn texts(&self, list: &str) -> Vec<String> {
        let at = |index: usize| self.text(&format!("{list}.member.{index}")).map(str::to_owned);
        (1..).map_while(at).collect()
    }

    /// The members of a list of structures, each as a form of its own.
    pub(super) fn members(&self, list: &str) -> Vec<Self> {
        let at = |index: usize| {
            let part = self.below(&format!("{list}.member.{index}"));
            (!part.0.is_empty()).then_some(part)
        };
        (1..).map_while(at).collect()
    }

    /// The fields below a name.
    pub(super) fn below(&self, name: &str) -> Self {
        let prefix = format!("{name}.");
        let inside = self.0.iter().filter_map(|(known, value)| {
            let rest = known.strip_prefix(&prefix)?;
            Some((rest.to_owned(), value.clone()))
        });
        Self(inside.collect())
    }
}

/// What is answered: the members of the result, in the form of the service.
pub(super) type Answered = Result<Answer, Refusal>;

/// A result. For XML, what stands inside the element of the result; for JSON and CBOR the whole body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn new(body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            body: body.into(),
        }
    }

    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::new(value.to_string())
    }
}

/// An error of a service.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with status 400, as most are.
    pub(super) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.into(),
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Throttled: with status 400, which is how most services do it.
    pub(super) fn throttled(retry_after: Option<u64>) -> Self {
        Self {
            retry_after,
            ..Self::new("Throttling", "Rate exceeded")
        }
    }
}

/// An answer as it goes over the wire.
pub(super) fn response(asked: &Asked, answer: Answered, request_id: &str) -> Response<Bytes> {
    let protocol = asked.protocol.unwrap_or(Protocol::Json("1.1"));
    let (status, retry_after, body) = match answer {
        Ok(answer) => (
            answer.status,
            None,
            success(protocol, asked, answer.body, request_id),
        ),
        Err(refusal) => {
            let body = failure(protocol, &refusal, request_id);
            (refusal.status, refusal.retry_after, body)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = match protocol {
        Protocol::Query(_) | Protocol::RestXml(_) => "text/xml",
        Protocol::Json("1.0") => "application/x-amz-json-1.0",
        Protocol::Json(_) => "application/x-amz-json-1.1",
        Protocol::Cbor => "application/cbor",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if protocol == Protocol::Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(seconds) = retry_after {
        headers.insert("retry-after", HeaderValue::from(seconds));
    }
    response
}

fn success(protocol: Protocol, asked: &Asked, body: Bytes, request_id: &str) -> Bytes {
    let Protocol::Query(namespace) = protocol else {
        return body;
    };
    let (action, inside) = (&asked.action, String::from_utf8_lossy(&body));
    format!(
        "<{action}Response xmlns=\"{namespace}\"><{action}Result>{inside}</{action}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    .into()
}

fn failure(protocol: Protocol, refusal: &Refusal, request_id: &str) -> Bytes {
    let (code, message) = (&refusal.code, &refusal.message);
    match protocol {
        Protocol::Query(namespace) | Protocol::RestXml(namespace) => {
            let (code, message) = (escaped(code), escaped(message));
            format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            )
            .into()
        }
        Protocol::Json(_) => serde_json::json!({"__type": code, "message": message})
            .to_string()
            .into(),
        Protocol::Cbor => cbor(&ciborium::Value::Map(vec![
            ("__type".into(), code.as_str().into()),
            ("message".into(), message.as_str().into()),
        ])),
    }
}

/// A value in CBOR.
pub(super) fn cbor(value: &ciborium::Value) -> Bytes {
    let mut bytes = Vec::new();
    // A vector takes all that is written to it.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes.into()
}

/// An element of XML with a text.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// An element of XML around others.
pub(super) fn around(name: &str, inside: &str) -> String {
    format!("<{name}>{inside}</{name}>")
}

/// A list of XML as AWS Query has it: each item is a `member`.
pub(super) fn members(name: &str, items: impl IntoIterator<Item = String>) -> String {
    let items: String = items.into_iter().map(|item| around("member", &item)).collect();
    around(name, &items)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
