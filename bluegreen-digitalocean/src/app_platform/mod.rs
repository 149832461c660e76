//! App Platform: what runs in components of apps, which component the routes of an app lead to, and which app has a
//! domain.

mod app;
mod domain;
mod host;
mod router;
mod spec;

pub use domain::AppDomainRouter;
pub use host::{AppPlatformHost, Place};
pub use router::AppRoutesRouter;
