//! Which database server runs the SQL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A family of database servers that share a grammar and a way to lock.
///
/// MySQL and MariaDB are two: since their fork they differ in what they do in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    #[serde(alias = "postgresql", alias = "pg")]
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// SQLite.
    #[serde(alias = "sqlite3")]
    Sqlite,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Mariadb, Self::Sqlite];

    /// Whether it reads MySQL's grammar: MySQL and MariaDB.
    #[must_use]
    pub const fn is_mysql_like(self) -> bool {
        matches!(self, Self::Mysql | Self::Mariadb)
    }

    /// The version that is assumed when none is said: the newest of which the rules know the behaviour.
    #[must_use]
    pub const fn newest(self) -> ServerVersion {
        match self {
            Self::Postgres => ServerVersion::new(18, 0, 0),
            Self::Mysql => ServerVersion::new(8, 4, 0),
            Self::Mariadb => ServerVersion::new(10, 11, 0),
            Self::Sqlite => ServerVersion::new(3, 45, 0),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::Sqlite => "SQLite",
        })
    }
}

/// A text that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no engine: write postgres, mysql, mariadb or sqlite")]
pub struct InvalidEngine(pub String);

impl FromStr for Engine {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" | "pg" => Ok(Self::Postgres),
            "mysql" => Ok(Self::Mysql),
            "mariadb" => Ok(Self::Mariadb),
            "sqlite" | "sqlite3" => Ok(Self::Sqlite),
            _ => Err(InvalidEngine(text.to_owned())),
        }
    }
}

/// The version of a server, as it tells it: `15`, `8.0.29`, `10.11.6-MariaDB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl ServerVersion {
    /// A version of three numbers; those that do not matter are 0.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major)?;
        if (self.minor, self.patch) != (0, 0) {
            write!(f, ".{}", self.minor)?;
        }
        if self.patch != 0 {
            write!(f, ".{}", self.patch)?;
        }
        Ok(())
    }
}

/// A text that is no version of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of a server: write it like 15, 8.0.29 or 10.11")]
pub struct InvalidServerVersion(pub String);

impl FromStr for ServerVersion {
    type Err = InvalidServerVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidServerVersion(text.to_owned());
        let numbers = text
            .trim()
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .next()
            .unwrap_or("");
        let mut parts = numbers.split('.').map(str::parse::<u16>);
        let major = parts.next().and_then(Result::ok).ok_or_else(invalid)?;
        let mut rest = || {
            parts
                .next()
                .transpose()
                .map_err(|_| invalid())
                .map(Option::unwrap_or_default)
        };
        Ok(Self::new(major, rest()?, rest()?))
    }
}

/// An engine and its version.
///
/// ```
/// use bluegreen_core::migration::{Engine, Server};
///
/// let server = Server::new(Engine::Postgres, "15.4".parse()?);
/// assert!(server.at_least(Engine::Postgres, 11, 0, 0));
/// assert!(!server.at_least(Engine::Mysql, 5, 7, 0), "another engine");
/// # Ok::<(), bluegreen_core::migration::InvalidServerVersion>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Server {
    /// Which engine.
    pub engine: Engine,
    /// Which version of it.
    pub version: ServerVersion,
}

impl Server {
    /// An engine at a version.
    #[must_use]
    pub const fn new(engine: Engine, version: ServerVersion) -> Self {
        Self { engine, version }
    }

    /// An engine at the newest version whose behaviour is known.
    #[must_use]
    pub const fn newest(engine: Engine) -> Self {
        Self::new(engine, engine.newest())
    }

    /// Whether it is this engine, at this version or a later one.
    #[must_use]
    pub fn at_least(&self, engine: Engine, major: u16, minor: u16, patch: u16) -> bool {
        self.engine == engine && self.version >= ServerVersion::new(major, minor, patch)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.engine, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_tell_them() {
        for (text, version) in [
            ("15", ServerVersion::new(15, 0, 0)),
            ("8.0.29", ServerVersion::new(8, 0, 29)),
            ("10.11.6-MariaDB-0+deb12u1", ServerVersion::new(10, 11, 6)),
            ("15.4 (Debian 15.4-1)", ServerVersion::new(15, 4, 0)),
        ] {
            assert_eq!(text.parse(), Ok(version));
        }
        for text in ["", "latest", "v15", "99999999"] {
            assert!(text.parse::<ServerVersion>().is_err(), "{text:?} was taken");
        }
    }
}
