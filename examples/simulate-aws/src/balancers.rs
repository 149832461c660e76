//! Worlds with load balancers.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bluegreen_aws::alb::{AlbRouter, Groups, Stickiness};
use bluegreen_aws::{Account, Rate};
use bluegreen_core::{Clock, Router, Share, Slot, Split};
use bluegreen_testkit::aws::{FakeAws, FakeConfig, FakeTarget};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::simulation::{Provider, Refusal, Wire};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::carried::Carried;

/// Target groups behind one balancer or two, each with its router.
#[derive(Debug)]
pub(crate) struct Balancers {
    aws: FakeAws,
    all: Vec<Balancer>,
    stickiness: Stickiness,
    mistake: Option<Mistake>,
}

/// What is done wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mistake {
    /// The bound of the propagation is declared as nothing: what was accepted is called live.
    Impatient,
    /// No settle time is declared: what was given up may act later.
    Unsettled,
}

/// A balancer, its groups, and everything on it that forwards to them.
#[derive(Debug)]
struct Balancer {
    groups: Groups,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    arn: String,
    has_login: bool,
}

impl Balancers {
    /// `rules` on each of two listeners; with none there is one listener only.
    pub(crate) fn new(
        count: usize,
        rules: u32,
        lag: Duration,
        stickiness: Stickiness,
        clock: Arc<dyn Clock>,
        mistake: Option<Mistake>,
    ) -> Self {
        let config = FakeConfig::default()
            .propagation(lag)
            .target_initial(Duration::from_millis(100))
            .page_most(2);
        let aws = FakeAws::in_memory(config, clock);
        let balancers = (0..count).map(|number| Balancer::new(&aws, number, rules));
        Self {
            all: balancers.collect(),
            aws,
            stickiness,
            mistake,
        }
    }

    fn at(&self, router: u8) -> Option<&Balancer> {
        self.all.get(usize::from(router))
    }
}

fn login() -> Value {
    json!({"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {
        "Issuer": "https://login.example.com", "ClientId": "shop", "ClientSecret": "none of yours",
        "AuthorizationEndpoint": "https://login.example.com/a", "TokenEndpoint": "https://login.example.com/t",
        "UserInfoEndpoint": "https://login.example.com/u",
    }})
}

fn forward(groups: &Groups, slot: Slot) -> Value {
    let weight = |of: Slot| i32::from(of == slot);
    let tuples: Vec<Value> = Slot::BOTH
        .map(|slot| json!({"TargetGroupArn": groups.of(slot), "Weight": weight(slot)}))
        .into();
    json!({"Type": "forward", "Order": 2, "ForwardConfig": {"TargetGroups": tuples}})
}

fn actions(groups: &Groups, slot: Slot, has_login: bool) -> Value {
    if has_login {
        json!([login(), forward(groups, slot)])
    } else {
        json!([forward(groups, slot)])
    }
}

impl Balancer {
    fn new(aws: &FakeAws, number: usize, rules: u32) -> Self {
        let [blue, green] = Slot::BOTH.map(|slot| {
            let group = aws.add_target_group(&format!("shop-{number}-{slot}"));
            aws.register(&group, FakeTarget::named(format!("i-{slot}")));
            group
        });
        let groups = Groups::new(blue, green).expect("two groups");
        let balancer = aws.add_load_balancer(&format!("shop-{number}"));
        let mut places = Vec::new();
        let ports: &[u16] = if rules == 0 { &[80] } else { &[80, 443] };
        for port in ports {
            let has_login = *port == 443;
            let all_blue = actions(&groups, Slot::Blue, has_login);
            // In memory nothing is waited for.
            let listener = aws.add_listener(&balancer, *port, &all_blue).now_or_never();
            let listener = listener.expect("at once").expect("actions that are taken");
            for priority in 1..=rules {
                let api = json!([{"Field": "path-pattern", "Values": [format!("/{priority}/*")]}]);
                let arn = aws.add_rule(&listener, priority, &api, &all_blue);
                let arn = arn.expect("actions that are taken");
                places.push(Place { arn, has_login });
            }
            places.push(Place {
                arn: listener,
                has_login,
            });
        }
        Self { groups, places }
    }

    /// The split of weights, if they are one.
    fn split(&self, weights: &[(String, u32)]) -> Option<Split> {
        let of = |slot| {
            let mut found = weights.iter().filter(|(group, _)| group == self.groups.of(slot));
            found.next().map_or(0, |(_, weight)| *weight)
        };
        let (blue, green) = (of(Slot::Blue), of(Slot::Green));
        let points = (green * 10_000).checked_div(blue + green)?;
        let share = Share::from_basis_points(u16::try_from(points).ok()?).ok()?;
        Some(Split::with(Slot::Green, share))
    }
}

/// What all of them are; none where they differ.
fn agreed(splits: impl IntoIterator<Item = Option<Split>>) -> Option<Split> {
    let mut splits = splits.into_iter();
    let first = splits.next()??;
    splits.all(|split| split == Some(first)).then_some(first)
}

impl Provider for Balancers {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        self.aws.answer(request.clone())
    }

    fn refuse(&self, request: &Request<Bytes>, how: Refusal) -> Response<Bytes> {
        let fault = match how {
            Refusal::Rejected => ProviderFault::Rejected,
            Refusal::Throttled(retry_after) => ProviderFault::Throttled { retry_after },
            // Any other fault is an error of the service.
            Refusal::Failed => ProviderFault::Refused,
        };
        self.aws.refuse(request.clone(), fault)
    }

    fn routers(&self) -> u8 {
        u8::try_from(self.all.len()).unwrap_or(u8::MAX)
    }

    fn router(&self, index: u8, wire: Wire) -> Arc<dyn Router> {
        let credentials = Credentials::new("AKIAFAKEFAKEFAKEFAKE", "no secret", None, None, "fake");
        let clock = wire.clock();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(Carried(wire))
            .build();
        let account = Account::new(&config)
            .clock(clock)
            .rate("elasticloadbalancing", Rate::a_second(200));
        let groups = self.at(index).expect("a router that there is").groups.clone();
        let (settle, bound) = match self.mistake {
            None => (1_200, 2_000),
            Some(Mistake::Impatient) => (1_200, 0),
            Some(Mistake::Unsettled) => (0, 2_000),
        };
        let router = AlbRouter::between(&account, groups)
            .stickiness(self.stickiness)
            .settle(Duration::from_millis(settle))
            .propagation(Duration::from_millis(bound))
            .build();
        Arc::new(router)
    }

    fn held(&self, router: u8) -> Option<Split> {
        let balancer = self.at(router)?;
        let weights = balancer.places.iter().map(|place| self.aws.weights(&place.arn));
        agreed(weights.map(|weights| balancer.split(&weights)))
    }

    fn live(&self, router: u8) -> Option<Split> {
        let balancer = self.at(router)?;
        let nodes = balancer
            .places
            .iter()
            .flat_map(|place| self.aws.weights_in_force(&place.arn));
        agreed(nodes.map(|weights| balancer.split(&weights)))
    }

    fn by_hand(&self, router: u8, slot: Slot) -> bool {
        let Some(balancer) = self.at(router) else {
            return false;
        };
        for place in &balancer.places {
            let wanted = actions(&balancer.groups, slot, place.has_login);
            let set = self.aws.set_actions_by_hand(&place.arn, &wanted);
            set.expect("actions that are taken");
        }
        true
    }

    fn harm(&self) -> Option<&'static str> {
        let mut places = self.all.iter().flat_map(|balancer| &balancer.places);
        let lost = places.any(|place| {
            let types = self.aws.action_types(&place.arn);
            types.len() != 1 + usize::from(place.has_login)
        });
        lost.then_some("a rule has lost an action")
    }
}
