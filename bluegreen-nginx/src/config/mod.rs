//! What a router for nginx has to know, and what is wrong with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bluegreen_core::Slot;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

mod check;

pub use check::{InvalidConfig, Problem};

/// One nginx and the service that it routes. Read it with serde, or start from [`NginxConfig::new`].
///
/// ```
/// use bluegreen_nginx::{Key, NginxConfig, Upstream};
///
/// let mut config = NginxConfig::new("shop", "/var/lib/bluegreen/shop", "127.0.0.1:9180".parse()?);
/// config.upstreams = vec![Upstream::new("web", ["127.0.0.1:8081"], ["127.0.0.1:8082"])];
/// config.key = Key::Address;
/// config.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NginxConfig {
    /// The name of the service, part of each variable: `$bluegreen_<name>_<upstream>`. A lower-case
    /// letter, then lower-case letters, digits and `_`, at most 20 bytes (nginx builds its hash of
    /// variables for names of such a length without further settings).
    pub name: String,
    /// The folder in which the split is kept. It must outlive restarts; nginx's workers must be able
    /// to read it. In containers, mount it or a parent of it, never the link `current` inside.
    pub directory: PathBuf,
    /// Where the control server listens: a loopback address and a port that nothing else uses.
    pub control: SocketAddr,
    /// The file that the `http` block includes. Holds the override's secret, so it is written with
    /// mode 0600. A file in `conf.d` is included by most distributions' nginx.conf.
    pub http_include: PathBuf,
    /// The file that each `server` block of the service includes.
    pub server_include: PathBuf,
    /// The program and the arguments that tell it its configuration, such as
    /// `["nginx", "-c", "/etc/nginx/nginx.conf"]`. `-t` and `-s reload` are added.
    #[serde(default = "default_nginx")]
    pub nginx: Vec<String>,
    /// The file that holds the process id of nginx's master.
    #[serde(default = "default_pid_file")]
    pub pid_file: PathBuf,
    /// The groups of servers that switch together; one at least.
    pub upstreams: Vec<Upstream>,
    /// What keeps a client on its side.
    #[serde(default)]
    pub key: Key,
    /// How fine the split can be. Used by the bucket router.
    #[serde(default)]
    pub buckets: Buckets,
    /// A secret that reaches a named slot through the public entry. Left out: there is none.
    #[serde(default, rename = "override")]
    pub override_: Option<Override>,
    /// How many requests of one slot may be in flight at once, and what becomes of the next.
    #[serde(default)]
    pub counting: Counting,
    /// How long new workers may take to replace the old ones after a reload.
    #[serde(default = "default_reload_timeout", with = "bluegreen_core::plan::humane")]
    pub reload_timeout: Duration,
}

fn default_nginx() -> Vec<String> {
    vec!["nginx".to_owned()]
}

fn default_pid_file() -> PathBuf {
    PathBuf::from("/run/nginx.pid")
}

const fn default_reload_timeout() -> Duration {
    Duration::from_secs(15)
}

impl NginxConfig {
    /// A configuration with the paths of Debian's nginx and no upstreams yet.
    pub fn new(name: impl Into<String>, directory: impl Into<PathBuf>, control: SocketAddr) -> Self {
        let name = name.into();
        Self {
            directory: directory.into(),
            control,
            http_include: PathBuf::from(format!("/etc/nginx/conf.d/bluegreen-{name}.conf")),
            server_include: PathBuf::from(format!("/etc/nginx/bluegreen/{name}.server")),
            nginx: default_nginx(),
            pid_file: default_pid_file(),
            upstreams: Vec::new(),
            key: Key::default(),
            buckets: Buckets::default(),
            override_: None,
            counting: Counting::default(),
            reload_timeout: default_reload_timeout(),
            name,
        }
    }
}

/// A group of servers that has two sides, behind one variable: `proxy_pass http://$bluegreen_shop_web;`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Upstream {
    /// The last part of the variable's name. A lower-case letter, then lower-case letters, digits and
    /// `_`, at most 12 bytes.
    pub name: String,
    /// The servers of blue: `host:port` or `unix:/path`. Host names are resolved once, at load.
    pub blue: Vec<String>,
    /// The servers of green.
    pub green: Vec<String>,
    /// How many idle connections each worker keeps to each side. 0: none.
    #[serde(default)]
    pub keepalive: u16,
}

impl Upstream {
    /// A group with its two sides, without idle connections.
    pub fn new<S: Into<String>>(
        name: impl Into<String>,
        blue: impl IntoIterator<Item = S>,
        green: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            name: name.into(),
            blue: blue.into_iter().map(Into::into).collect(),
            green: green.into_iter().map(Into::into).collect(),
            keepalive: 0,
        }
    }

    /// The servers of a side.
    #[must_use]
    pub fn servers(&self, slot: Slot) -> &[String] {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }
}

/// What is hashed to place a client in a bucket. The same key stays on its side while a weight grows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Key {
    /// The client's address. Behind a CDN or a load balancer nginx needs `set_real_ip_from` and
    /// `real_ip_header`, or all clients have one address and one bucket.
    #[default]
    Address,
    /// Each request for itself: no affinity.
    RequestId,
    /// A cookie.
    Cookie {
        /// Its name.
        name: String,
        /// What is taken for clients without it.
        #[serde(default)]
        fallback: FallbackKey,
    },
    /// A header of the request.
    Header {
        /// Its name.
        name: String,
        /// What is taken for requests without it.
        #[serde(default)]
        fallback: FallbackKey,
    },
}

/// What is hashed where the wanted key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackKey {
    /// The client's address.
    #[default]
    Address,
    /// Each request for itself.
    RequestId,
}

/// Into how many buckets clients are hashed: the granularity of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "u16")]
pub enum Buckets {
    /// 100: whole percents.
    #[default]
    Hundred,
    /// 1000: tenths of a percent.
    Thousand,
}

impl Buckets {
    /// 100 or 1000.
    #[must_use]
    pub const fn count(self) -> u16 {
        match self {
            Self::Hundred => 100,
            Self::Thousand => 1000,
        }
    }
}

impl TryFrom<u16> for Buckets {
    type Error = String;

    fn try_from(count: u16) -> Result<Self, Self::Error> {
        match count {
            100 => Ok(Self::Hundred),
            1000 => Ok(Self::Thousand),
            other => Err(format!("{other} buckets are not possible: write 100 or 1000")),
        }
    }
}

/// How requests in flight are counted: with a `limit_conn` in the server include.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// nginx answers 503 to the 65536th request in flight on one slot. Other limits stay in force.
    #[default]
    Limited,
    /// Nothing is ever refused, but `limit_conn_dry_run` is on, which turns off *every* `limit_conn`
    /// of the servers that include the file.
    DryRun,
    /// Requests are not counted: `in_flight` answers `Unknown`.
    Off,
}

/// A value of a header or a cookie that reaches a named slot whatever the split is: `<secret>.blue` or
/// `<secret>.green`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Override {
    /// Where the value is looked for.
    pub by: OverrideBy,
    /// The secret: 16 to 128 letters, digits, `-` and `_`.
    pub secret: SecretString,
}

/// Where the value of an override is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideBy {
    /// In this header.
    Header(String),
    /// In this cookie.
    Cookie(String),
}

impl Override {
    /// An override by a header.
    pub fn header(name: impl Into<String>, secret: SecretString) -> Self {
        Self {
            by: OverrideBy::Header(name.into()),
            secret,
        }
    }

    /// An override by a cookie.
    pub fn cookie(name: impl Into<String>, secret: SecretString) -> Self {
        Self {
            by: OverrideBy::Cookie(name.into()),
            secret,
        }
    }

    /// What a request has to carry to reach `slot`.
    #[must_use]
    pub fn value(&self, slot: Slot) -> SecretString {
        SecretString::from(format!("{}.{slot}", self.secret.expose_secret()))
    }
}

impl<'de> Deserialize<'de> for Override {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            header: Option<String>,
            cookie: Option<String>,
            secret: String,
        }
        let written = Written::deserialize(deserializer)?;
        let by = match (written.header, written.cookie) {
            (Some(name), None) => OverrideBy::Header(name),
            (None, Some(name)) => OverrideBy::Cookie(name),
            _ => {
                return Err(serde::de::Error::custom(
                    "an override has either a header or a cookie",
                ));
            }
        };
        Ok(Self {
            by,
            secret: SecretString::from(written.secret),
        })
    }
}
