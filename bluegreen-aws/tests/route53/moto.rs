//! The router against an AWS that nobody here wrote.
