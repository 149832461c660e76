//! The APIs of AWS, as far as a deployment needs them, with balancers that really forward.
//!
//! They are written from the documentation of the services, not from this workspace's clients, and speak to any
//! client in the services' own forms: another language's SDK, `aws --endpoint-url`.
//!
//! What is true of the services is true here, where simpler fakes answer at once: a changed rule is answered
//! before balancers follow it, a target is `initial` before it is healthy, a change of a zone is `PENDING`
//! before it is `INSYNC`; lists come in pages; requests are throttled with status 400; what the service
//! refuses and no SDK checks is refused.
//!
//! ```
//! use bluegreen_testkit::aws::{FakeAws, FakeConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let aws = FakeAws::start(FakeConfig::default()).await?;
//! // For the SDK for Rust; any other client takes `aws.url()` and any credentials.
//! let config = aws.sdk_config();
//! assert_eq!(config.region().unwrap().as_ref(), "eu-central-1");
//! # Ok(())
//! # }
//! ```
//!
//! Everything ends when the handle is dropped.

mod autoscaling;
mod cloud;
mod cloudwatch;
mod codedeploy;
mod config;
mod connector;
mod dynamodb;
mod ecr;
mod elb;
mod instances;
mod logs;
mod rds;
mod route53;
mod ssm;
mod wire;

use std::io;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bluegreen_core::{Clock, SystemClock};
use bytes::Bytes;

use self::cloud::Cloud;
use self::connector::InMemory;
use self::wire::Asked;
use crate::conformance::ProviderFault;
use crate::lock::held;
use crate::loopback::server::Server;

pub use autoscaling::GroupSize;
pub use cloud::Request;
pub use codedeploy::{DeploymentGroup, Ending, SeenDeployment};
pub use config::FakeConfig;
pub use elb::{FakeTarget, Routed};
pub use route53::{AliasTarget, DnsRecord, Resolved};
pub use ssm::{CommandOutput, RunCommand, SeenCommand};

/// An account in a region, its APIs and its data plane.
#[derive(Debug)]
pub struct FakeAws {
    cloud: Arc<Cloud>,
    server: Option<Server>,
    entries: elb::Entries,
}

impl FakeAws {
    /// Starts the APIs on a free port of loopback, with an empty account.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let cloud = Arc::new(Cloud::new(config, Arc::new(SystemClock::new())));
        let server = Server::start(cloud.clone()).await?;
        // Nobody else has the cloud yet, so it is not set twice.
        let _ = cloud.cutter.set(Box::new(server.cutter()));
        Ok(Self {
            cloud,
            server: Some(server),
            entries: elb::Entries::default(),
        })
    }

    /// An empty account that is reached in memory only, by [`sdk_config`](Self::sdk_config), and that lives by
    /// another clock.
    #[must_use]
    pub fn in_memory(config: FakeConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            cloud: Arc::new(Cloud::new(config, clock)),
            server: None,
            entries: elb::Entries::default(),
        }
    }

    /// Where the APIs are, all at one address; empty where they are in memory only.
    #[must_use]
    pub fn url(&self) -> String {
        let server = self.server.as_ref();
        server.map_or_else(String::new, |server| format!("http://{}", server.address()))
    }

    /// What the SDK for Rust needs to reach this account: made-up credentials, the region, and the way here.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIAFAKEFAKEFAKEFAKE", "no secret", None, None, "fake");
        let builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.cloud.config.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        match &self.server {
            Some(_) => builder.endpoint_url(self.url()).build(),
            None => builder.http_client(InMemory(self.cloud.clone())).build(),
        }
    }

    /// Lets the way to the APIs fail from now on; `None`: lets it work again. The data plane goes on.
    ///
    /// # Errors
    /// When the port could not be bound again.
    pub async fn disturb(&self, fault: Option<ProviderFault>) -> io::Result<()> {
        let is_refusing = fault == Some(ProviderFault::Refused);
        *held(&self.cloud.fault) = fault;
        if let Some(server) = &self.server {
            server.set_open(!is_refusing).await?;
            if is_refusing {
                server.cut();
            }
        }
        Ok(())
    }

    /// Answers a request at once, without a way that could fail: for whoever carries requests themselves.
    #[must_use]
    pub fn answer(&self, request: hyper::Request<Bytes>) -> hyper::Response<Bytes> {
        self.cloud.answered(Asked::new(request), None)
    }

    /// What is answered to a request that is refused, throttled or fails. Nothing is done.
    #[must_use]
    pub fn refuse(&self, request: hyper::Request<Bytes>, how: ProviderFault) -> hyper::Response<Bytes> {
        self.cloud.answered(Asked::new(request), Some(how))
    }

    /// All requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        held(&self.cloud.state).requests.clone()
    }
}

/// Ends the connections, which would otherwise keep the account alive as long as their clients do.
impl Drop for FakeAws {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.cut();
        }
    }
}
