//! The exact form of what is sent.
