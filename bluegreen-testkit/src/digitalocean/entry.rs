//! The data plane of an app: its routes, as the active deployment has them.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::apps;
use super::core::Core;
use super::state::State;
use crate::lock::held;
use crate::loopback::server::{Body, Handler, Tie, text};

/// What is entered.
#[derive(Debug)]
pub(super) enum Served {
    /// An app by its own address.
    App(String),
    /// Whichever app has this domain.
    Domain(String),
}

/// The app that answers for a domain: it has not lost it, and has it at work.
pub(super) fn answering(core: &Core, state: &State, domain: &str) -> Option<String> {
    let now = core.clock.monotonic();
    let answers = |app: &apps::App| {
        let has = apps::domains(&app.spec).any(|known| known == domain);
        has && app.domain_phase(domain, &core.config, now) == "ACTIVE"
    };
    let mut found = state.apps.iter().filter(|(_, app)| answers(app));
    found.next().map(|(id, _)| id.clone())
}

/// The entry of one app, or of a domain.
#[derive(Debug)]
pub(super) struct AppEntry {
    core: Arc<Core>,
    served: Served,
    client: Client<HttpConnector, Incoming>,
}

impl AppEntry {
    pub(super) fn new(core: Arc<Core>, served: Served) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self { core, served, client }
    }
}

impl Handler for AppEntry {
    async fn handle(self: Arc<Self>, mut request: Request<Incoming>, _: Tie) -> Response<Body> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        let at = {
            let state = held(&self.core.state);
            let (takes, now) = (self.core.config.deployment_takes, self.core.clock.monotonic());
            let id = match &self.served {
                Served::App(id) => Some(id.clone()),
                Served::Domain(domain) => answering(&self.core, &state, domain),
            };
            id.and_then(|id| state.apps.get(&id))
                .and_then(|app| app.routed(&path, takes, now))
        };
        let uri = at.and_then(|at| format!("http://{at}{path}").parse::<Uri>().ok());
        let Some(uri) = uri else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "no component for this path\n");
        };
        *request.uri_mut() = uri;
        request.headers_mut().remove("connection");
        match self.client.request(request).await {
            Ok(mut response) => {
                response.headers_mut().remove("connection");
                response.map(BodyExt::boxed)
            }
            Err(_) => text(StatusCode::BAD_GATEWAY, "the component did not answer\n"),
        }
    }
}
