//! The place of the AWS providers of bluegreen. **Nothing is in it yet.**
//!
//! The crate exists so that its name and its place in the workspace are settled. It has no public item;
//! depending on it today brings nothing. Until it does, a service on AWS can be released with a router
//! and a host of your own: the ports in `bluegreen_core::port` are all that the deployer knows of a
//! provider.
//!
//! # What is planned
//!
//! One folder and one feature for each service, none of them on by default, so that nobody builds an SDK
//! that is not used. This is an intention, not a promise: shapes may change when they meet the services.
//!
//! | part | port | what it is to do |
//! |---|---|---|
//! | `alb` | `Router` | weights of two target groups, in every listener and rule that forwards to either |
//! | `route53` | `Router` | two weighted records, changed in one batch; decided per resolver, never instant |
//! | `codedeploy` | `Host` | a revision in the group of the idle slot |
//! | `ssm` | `Host`, `Workers`, `Migrator` | commands on the instances of a slot |
//! | `autoscaling` | `Host` | the size of a slot: capacity before the cutover, standby size after it |
//! | `cloudwatch` | `Metrics` | numbers by target group |
//! | `dynamodb` | `Store` | the record, by conditional writes |
//!
//! # What they will have to get right
//!
//! - A changed rule is accepted before it is live. `verify` has to ask again, and to say so when it
//!   cannot tell.
//! - AWS compares no tokens, so each router has to declare a settle time after a call of unknown outcome.
//! - A change replaces lists whole: read, change, write, and refuse where somebody else wrote in between.
//! - Throttling often comes as status 400 with a code: the code decides about the kind of a fault, before
//!   the status.
//! - The SDK's own retries are off: they hide what is not known.

mod account;

pub use account::{Account, Rate};
