//! The place of the DigitalOcean providers of bluegreen. **Nothing is in it yet.**
//!
//! The crate exists so that its name and its place in the workspace are settled. It has no public item;
//! depending on it today brings nothing. Until it does, a service on droplets can be released behind
//! nginx with `bluegreen-nginx`, and anything else with a router and a host of your own: the ports in
//! `bluegreen_core::port` are all that the deployer knows of a provider.
//!
//! # What is planned
//!
//! One folder for each part of the API. This is an intention, not a promise: shapes may change when they
//! meet the services.
//!
//! | part | port | what it is to do |
//! |---|---|---|
//! | `load_balancer` | `Router` | the droplets behind a balancer, all or nothing: balancers have no weights |
//! | `dns` | `Router` | one record, all or nothing; decided per resolver, never instant |
//! | `app_platform` | `Host` | a deployment of the idle app, followed until it is active |
//! | `monitoring` | `Metrics` | numbers of a slot's droplets |
//!
//! # What they will have to get right
//!
//! - Neither balancers nor DNS have weights. A plan with a step between nothing and everything has to be
//!   refused before anything is touched, with the reason.
//! - The targets of a balancer are droplets: apps cannot be put behind one. The pair has to be refused, and
//!   what works instead named.
//! - A `PUT` of a balancer sets every field that is not sent back to its default: it has to send all.
//! - There are no conditional writes. A change has to be read again and compared, and the routers have to
//!   declare a settle time after a call of unknown outcome.
//! - Starting a deployment twice starts two: a host has to look for its own first.
