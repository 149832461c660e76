//! Plans as people write them, and what they are told.

mod mistakes;
mod reading;
mod windows;
