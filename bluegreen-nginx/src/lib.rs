#![doc = include_str!("../README.md")]

mod buckets;
mod config;
mod control;
mod error;
mod fence;
mod install;
mod reload;
mod render;
mod transport;
mod workers;

pub use buckets::BucketRouter;
pub use config::{
    Buckets, Counting, FallbackKey, InvalidConfig, Key, NginxConfig, Override, OverrideBy, Problem, Upstream,
};
pub use error::NginxError;
pub use fence::Claim;
pub use install::Installed;
pub use reload::ReloadRouter;
pub use transport::{
    Answer, Change, CommandTransport, Commit, Committed, Folder, LocalTransport, NewFile, Transport,
};
