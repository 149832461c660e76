//! Plans as people write them, and what they are told.

mod defaults;
mod explaining;
mod limits;
mod mistakes;
mod reading;
mod rules;
mod scenarios;
mod windows;
