//! The text of the files that nginx includes. Pure: the same input gives the same text.

mod buckets;
mod control;
mod digest;
mod reload;
mod shared;

use bluegreen_core::{Slot, Split};
use secrecy::{ExposeSecret, SecretString};

use crate::NginxConfig;

pub(crate) use control::THRESHOLDS;
pub(crate) use shared::bucket_names;

/// The files of a service, ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    /// For the http level. Holds the override's secret.
    pub(crate) http: SecretString,
    /// For the server level.
    pub(crate) server: SecretString,
    /// Tells whether nginx runs what was rendered. Says nothing of the secret.
    pub(crate) digest: String,
}

/// The files for the bucket router; `live` is where everybody goes when the folder cannot be seen.
pub(crate) fn buckets(config: &NginxConfig, live: Slot) -> Rendered {
    rendered(
        config,
        |digest, secret| buckets::http(config, live, digest, secret),
        &buckets::server(config),
    )
}

/// The files for the reload router, with the split in them.
pub(crate) fn reload(config: &NginxConfig, split: Split) -> Rendered {
    rendered(
        config,
        |digest, secret| reload::http(config, split, digest, secret),
        &reload::server(config),
    )
}

/// The live slot that a rendered file of the bucket router falls back to.
pub(crate) fn recorded_live(http: &str) -> Option<Slot> {
    http.lines()
        .find_map(|line| line.strip_prefix(buckets::LIVE_MARK))?
        .parse()
        .ok()
}

fn rendered(config: &NginxConfig, http: impl Fn(&str, &str) -> String, server: &str) -> Rendered {
    let secret = config
        .override_
        .as_ref()
        .map_or("", |key| key.secret.expose_secret());
    let digest = digest::of(&[&http("", ""), server]);
    Rendered {
        http: SecretString::from(http(&digest, secret)),
        server: SecretString::from(server.to_owned()),
        digest,
    }
}

#[cfg(test)]
mod tests;
