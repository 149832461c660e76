//! The SDK's requests in a simulated world.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bluegreen_testkit::simulation::{Wire, WireError};
use bytes::Bytes;
use std::io;

/// An HTTP client whose requests go through a wire.
#[derive(Debug, Clone)]
pub(crate) struct Carried(pub(crate) Wire);

impl HttpClient for Carried {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Carried {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.0.clone();
        HttpConnectorFuture::new(async move {
            let unfit = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
            let request = request.try_into_http1x().map_err(|error| unfit(error.into()))?;
            let body = Bytes::copy_from_slice(request.body().bytes().unwrap_or_default());
            let changes = !body.starts_with(b"Action=Describe");
            let answer = wire.send(request.map(|_| body), changes).await;
            let answer = answer.map_err(|error| {
                let kind = match error {
                    WireError::NotSent => io::ErrorKind::ConnectionRefused,
                    WireError::Lost => io::ErrorKind::ConnectionReset,
                };
                ConnectorError::io(io::Error::from(kind).into())
            })?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| unfit(error.into()))
        })
    }
}
