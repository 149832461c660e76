//! What all services share: credentials and region, the clock, how many requests may be sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use bluegreen_core::{Clock, Op, SystemClock};

mod budget;
mod call;
mod fault;

use budget::Budget;
pub use budget::Rate;
pub(crate) use budget::Urgency;
pub(crate) use call::Call;
pub(crate) use fault::{SdkFailure, bounded};

/// An account and a region, as all providers of this crate take it. Clones share what is counted.
///
/// Credentials, region, endpoints and the HTTP client are the caller's: from `aws_config::load_defaults`,
/// or set by hand. Nothing else is read from the environment.
///
/// Each request is sent **once**: the SDK's own retries are switched off, because they hide what is not
/// known. Repeating is the deployer's work, which knows from a [`Fault`](bluegreen_core::Fault) whether a
/// call had no effect or may have had one.
///
/// ```
/// use aws_config::{BehaviorVersion, Region, SdkConfig};
/// use bluegreen_aws::{Account, Rate};
///
/// let config = SdkConfig::builder()
///     .behavior_version(BehaviorVersion::latest())
///     .region(Region::new("eu-central-1"))
///     .build();
/// // Another tool uses the same account: leave it half of Route 53's five requests a second.
/// let account = Account::new(&config).rate("route53", Rate::a_second(2).keep(1));
/// # drop(account);
/// ```
#[derive(Clone)]
pub struct Account {
    config: SdkConfig,
    clock: Arc<dyn Clock>,
    rates: Arc<BTreeMap<&'static str, Rate>>,
    budgets: Arc<Mutex<BTreeMap<&'static str, Arc<Budget>>>>,
}

/// Credentials are the configuration's to show, and it is not asked.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("region", &self.config.region())
            .finish_non_exhaustive()
    }
}

impl Account {
    /// The account of a configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let mut builder = config.to_builder().retry_config(RetryConfig::disabled());
        if config.app_name().is_none() {
            builder.set_app_name(AppName::new("bluegreen").ok());
        }
        Self {
            config: builder.build(),
            clock: Arc::new(SystemClock::new()),
            rates: Arc::default(),
            budgets: Arc::default(),
        }
    }

    /// With another clock: the one that the deployer has. What was counted begins anew.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self.budgets = Arc::default();
        self
    }

    /// With another rate for a service, by the name that it is signed for: `elasticloadbalancing`, `route53`,
    /// `monitoring`, `codedeploy`, … What was counted begins anew.
    #[must_use]
    pub fn rate(mut self, service: &'static str, rate: Rate) -> Self {
        let mut rates = (*self.rates).clone();
        rates.insert(service, rate);
        self.rates = Arc::new(rates);
        self.budgets = Arc::default();
        self
    }

    /// What SDK clients are made from.
    pub(crate) const fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub(crate) const fn time(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Begins what one call to a port consists of. `resource` is what it is about, for people.
    pub(crate) fn begin(
        &self,
        op: &Op,
        urgency: Urgency,
        service: Service,
        resource: impl Into<String>,
    ) -> Call {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets.entry(service.signed_as).or_insert_with(|| {
            let rate = self.rates.get(service.signed_as).copied();
            Arc::new(Budget::new(rate.unwrap_or(service.rate)))
        });
        Call::new(
            self.clock.clone(),
            budget.clone(),
            op,
            urgency,
            service.provider,
            resource.into(),
        )
    }
}

/// A service as this crate sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// The name in our faults: `alb`.
    pub(crate) provider: &'static str,
    /// The name that requests are signed for; services that share it share its rate.
    pub(crate) signed_as: &'static str,
    /// How many requests are sent when the caller says nothing.
    pub(crate) rate: Rate,
}
