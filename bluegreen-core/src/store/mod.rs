//! Stores: in memory and in files.
