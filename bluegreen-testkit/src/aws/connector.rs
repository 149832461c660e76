//! The ways in: over a socket, and in memory for clients that are built on the SDK for Rust.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use super::cloud::Cloud;
use crate::loopback::server::{Body, Handler, Tie, text};

/// The most that is read of a request, in bytes.
const MOST_BODY: usize = 1 << 20;

impl Handler for Cloud {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _: Tie) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MOST_BODY).collect().await else {
            return text(StatusCode::BAD_REQUEST, "");
        };
        let request = Request::from_parts(parts, body.to_bytes());
        if let Ok(response) = self.exchange(request).await {
            return response.map(|body| Full::new(body).map_err(|never| match never {}).boxed());
        }
        // Without an answer: this connection ends, and all others with it. What else is on its way arrives first, as
        // it would elsewhere: one lost answer is not two.
        self.clock.sleep(Duration::from_millis(20)).await;
        self.cut();
        std::future::pending().await
    }
}

/// Requests that never meet a socket.
#[derive(Debug, Clone)]
pub(super) struct InMemory(pub(super) Arc<Cloud>);

impl HttpClient for InMemory {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InMemory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let cloud = self.0.clone();
        HttpConnectorFuture::new(async move {
            let unfit = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
            let request = request.try_into_http1x().map_err(|error| unfit(error.into()))?;
            let body = request.body().bytes().map(Bytes::copy_from_slice);
            let body = body.ok_or_else(|| unfit("the body is a stream".into()))?;
            let request = request.map(|_| body);
            let response = cloud
                .exchange(request)
                .await
                .map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from)).map_err(|error| unfit(error.into()))
        })
    }
}
