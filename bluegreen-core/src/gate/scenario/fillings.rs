//! What the placeholders of one run stand for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Url;
use secrecy::ExposeSecret;

use super::super::http::{Place, Unpreparable, percent_encoded, shown};
use crate::command::{ExpandError, Secrets, Values};
use crate::plan::{HeaderValue, ScenarioSpec, TemplateError, expand};
use crate::{Clock, SystemClock};

/// The plan's values, and those of the run.
pub(super) struct Fillings {
    plan: Values,
    /// The scenario's values, and what was taken.
    own: BTreeMap<String, Own>,
}

/// A value of the run, and whether it may be shown.
struct Own {
    value: String,
    is_shown: bool,
}

impl Fillings {
    /// Those with which a run begins.
    pub(super) fn of(spec: &ScenarioSpec, plan: Values, secrets: &Secrets) -> Result<Self, ExpandError> {
        let mut fillings = Self {
            plan: plan.with("run", new_run()),
            own: BTreeMap::new(),
        };
        let mut own = BTreeMap::new();
        for (name, value) in &spec.values {
            let revealed = fillings
                .plan
                .reveal(&format!("the value {name}"), value, secrets)?;
            let value = revealed.expose_secret().to_owned();
            let is_shown = matches!(spec.values.get(name), Some(HeaderValue::Text(_)));
            own.insert(name.clone(), Own { value, is_shown });
        }
        fillings.own = own;
        Ok(fillings)
    }

    /// Adds what was taken.
    pub(super) fn take(&mut self, name: &str, value: String, is_shown: bool) {
        self.own.insert(name.to_owned(), Own { value, is_shown });
    }

    /// A text with its placeholders filled in. In an address what is the run's own is encoded.
    pub(super) fn fill(&self, place: Place, text: &str) -> Result<String, TemplateError> {
        expand(text, &|name| match (self.own.get(name), place) {
            (Some(own), Place::Address) => Some(percent_encoded(&own.value)),
            (Some(own), Place::Elsewhere) => Some(own.value.clone()),
            (None, _) => self.plan.get(name).map(str::to_owned),
        })
    }

    /// An address for people: without what is not to be shown, and without its query.
    pub(super) fn shown(&self, template: &str) -> String {
        let filled = expand(template, &|name| match self.own.get(name) {
            Some(own) if own.is_shown => Some(percent_encoded(&own.value)),
            Some(_) => Some("***".to_owned()),
            None => self.plan.get(name).map(str::to_owned),
        });
        let url = filled.ok().and_then(|text| text.parse::<Url>().ok());
        url.map_or_else(|| template.to_owned(), |url| shown(&url))
    }

    /// Whether an address is the one that the plan means: the run's own values choose no other host, and
    /// take no part of the path away, as `..` would.
    pub(super) fn guard(&self, template: &str, url: &Url) -> Result<(), Unpreparable> {
        let stood_in = expand(template, &|name| {
            let own = self.own.contains_key(name).then_some("x");
            own.or_else(|| self.plan.get(name)).map(str::to_owned)
        });
        let meant = stood_in.ok().and_then(|text| text.parse::<Url>().ok());
        let parts = |url: &Url| url.path().split('/').filter(|part| !part.is_empty()).count();
        let is_meant = |meant: &Url| meant.origin() == url.origin() && parts(meant) == parts(url);
        if meant.as_ref().is_some_and(is_meant) {
            Ok(())
        } else {
            Err(Unpreparable::ElsewhereByValue(template.to_owned()))
        }
    }
}

/// A short text that no other run has: the time, and a number within this process.
fn new_run() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let count = RUNS.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{count:x}", SystemClock::new().now().as_millis())
}
