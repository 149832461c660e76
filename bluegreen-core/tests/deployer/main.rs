//! The deployer with fakes for everything around it, on virtual time. Each test is named for a
//! promise or a fault.

mod back;
mod crash;
mod faults;
mod forward;
mod operators;
mod world;
