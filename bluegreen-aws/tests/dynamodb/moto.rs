//! Over moto, which nobody here wrote.
