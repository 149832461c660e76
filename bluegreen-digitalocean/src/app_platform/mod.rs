//! App Platform: what runs in components of apps, and which component the routes of an app lead to.

mod app;
mod host;
mod router;
mod spec;

pub use host::{AppPlatformHost, Place};
pub use router::AppRoutesRouter;
