//! What the services, the data plane and the handle share, and what goes wrong on the way.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bluegreen_core::{Clock, Monotonic};
use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::config::FakeConfig;
use super::instances::Instances;
use super::wire::{Answered, Asked, Protocol, Refusal, response};
use super::{autoscaling, cloudwatch, codedeploy, dynamodb, ecr, elb, logs, rds, route53, ssm};
use crate::conformance::ProviderFault;
use crate::lock::held;

/// Everything behind the APIs.
pub(super) struct Cloud {
    pub(super) config: FakeConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Mutex<State>,
    pub(super) fault: Mutex<Option<ProviderFault>>,
    /// Drops all connections to the APIs; known when the server is.
    pub(super) cutter: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Everything that changes; one part for each service.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) requests: Vec<Request>,
    buckets: BTreeMap<String, (u64, Monotonic)>,
    pub(super) autoscaling: autoscaling::State,
    pub(super) cloudwatch: cloudwatch::State,
    pub(super) codedeploy: codedeploy::State,
    pub(super) dynamodb: dynamodb::State,
    pub(super) ecr: ecr::State,
    pub(super) elb: elb::State,
    pub(super) instances: Instances,
    pub(super) logs: logs::State,
    pub(super) rds: rds::State,
    pub(super) route53: route53::State,
    pub(super) ssm: ssm::State,
}

/// A request as it came, for tests that look at what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The service that it was signed for: `elasticloadbalancing`.
    pub service: String,
    /// What was asked for: `ModifyRule`; where a service speaks REST, the method and the path.
    pub action: String,
    /// The body as it came.
    pub body: Bytes,
    /// The status of the answer.
    pub status: u16,
}

/// A service: the name that its requests are signed for, how it speaks, and who answers.
struct Service {
    signed_as: &'static str,
    protocol: Protocol,
    answer: fn(&Cloud, &mut State, &Asked) -> Answered,
}

/// All services that there are here.
const SERVICES: &[Service] = &[
    Service {
        signed_as: "autoscaling",
        protocol: Protocol::Query("http://autoscaling.amazonaws.com/doc/2011-01-01/"),
        answer: autoscaling::answer,
    },
    Service {
        signed_as: "codedeploy",
        protocol: Protocol::Json("1.1"),
        answer: codedeploy::answer,
    },
    Service {
        signed_as: "dynamodb",
        protocol: Protocol::Json("1.0"),
        answer: dynamodb::answer,
    },
    Service {
        signed_as: "ecr",
        protocol: Protocol::Json("1.1"),
        answer: ecr::answer,
    },
    Service {
        signed_as: "elasticloadbalancing",
        protocol: Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
        answer: elb::answer,
    },
    Service {
        signed_as: "logs",
        protocol: Protocol::Json("1.1"),
        answer: logs::answer,
    },
    Service {
        signed_as: "monitoring",
        protocol: Protocol::Cbor,
        answer: cloudwatch::answer,
    },
    Service {
        signed_as: "rds",
        protocol: Protocol::Query("http://rds.amazonaws.com/doc/2014-10-31/"),
        answer: rds::answer,
    },
    Service {
        signed_as: "route53",
        protocol: Protocol::RestXml(route53::NAMESPACE),
        answer: route53::answer,
    },
    Service {
        signed_as: "ssm",
        protocol: Protocol::Json("1.1"),
        answer: ssm::answer,
    },
];

impl Cloud {
    pub(super) fn new(config: FakeConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            clock,
            state: Mutex::default(),
            fault: Mutex::default(),
            cutter: OnceLock::new(),
        }
    }

    /// Drops all connections to the APIs.
    pub(super) fn cut(&self) {
        if let Some(cut) = self.cutter.get() {
            cut();
        }
    }

    /// Answers a request. An error is a connection that was refused, or that ended without an answer.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        request: hyper::Request<Bytes>,
    ) -> io::Result<Response<Bytes>> {
        let asked = Asked::new(request);
        match self.fault_for(&asked) {
            Some(ProviderFault::Refused) => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(ProviderFault::LandsLate { by }) => {
                let cloud = self.clone();
                tokio::spawn(async move {
                    cloud.clock.sleep(by).await;
                    cloud.answered(asked, None);
                });
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(ProviderFault::LostAnswer) => {
                self.answered(asked, None);
                Err(io::ErrorKind::ConnectionReset.into())
            }
            fault => {
                let response = self.answered(asked, fault);
                if !self.config.call_takes.is_zero() {
                    self.clock.sleep(self.config.call_takes).await;
                }
                Ok(response)
            }
        }
    }

    /// What goes wrong with a request. What is lost or late is the next change only.
    fn fault_for(&self, asked: &Asked) -> Option<ProviderFault> {
        let mut fault = held(&self.fault);
        match *fault {
            Some(ProviderFault::LostAnswer | ProviderFault::LandsLate { .. }) if asked.reads_only() => None,
            Some(ProviderFault::LostAnswer | ProviderFault::LandsLate { .. }) => fault.take(),
            other => other,
        }
    }

    /// Does what is asked, at once and whole, and notes it.
    pub(super) fn answered(&self, mut asked: Asked, fault: Option<ProviderFault>) -> Response<Bytes> {
        let mut state = held(&self.state);
        let request_id = format!("3f9b2c1a-7d64-4e0b-9a55-{:012x}", state.requests.len());
        let service = SERVICES.iter().find(|service| service.signed_as == asked.service);
        asked.protocol = service.map(|service| service.protocol);
        let answer = match (fault, service) {
            (Some(ProviderFault::Throttled { retry_after }), _) => {
                Err(Refusal::throttled(Some(retry_after.as_secs())))
            }
            (Some(ProviderFault::Rejected), _) => {
                let message = "User is not authorized to perform this action";
                Err(Refusal::new("AccessDenied", message).status(StatusCode::FORBIDDEN))
            }
            (Some(_), _) => {
                let message = "An internal error occurred";
                Err(Refusal::new("InternalFailure", message).status(StatusCode::INTERNAL_SERVER_ERROR))
            }
            (None, None) => Err(Refusal::new("UnknownOperationException", "no such service here")),
            (None, Some(service)) => match self.admit(&mut state, &asked.service) {
                Ok(()) => (service.answer)(self, &mut state, &asked),
                Err(refusal) => Err(refusal),
            },
        };
        let response = response(&asked, answer, &request_id);
        state.requests.push(Request {
            service: asked.service,
            action: asked.action,
            body: asked.body,
            status: response.status().as_u16(),
        });
        response
    }

    /// A token bucket for each service.
    fn admit(&self, state: &mut State, service: &str) -> Result<(), Refusal> {
        const ONE: u64 = 1_000;
        let (now, rate) = (self.clock.monotonic(), u64::from(self.config.requests_a_second));
        let full = rate.max(1) * ONE;
        let bucket = state.buckets.entry(service.to_owned()).or_insert((full, now));
        let grown = now.since(bucket.1).min(Duration::from_mins(1)).as_millis();
        let grown = u64::try_from(grown).unwrap_or(0) * rate;
        let there = bucket.0.saturating_add(grown).min(full);
        *bucket = (there.saturating_sub(ONE), now);
        if there < ONE {
            bucket.0 = there;
            return Err(Refusal::throttled(None));
        }
        Ok(())
    }
}
