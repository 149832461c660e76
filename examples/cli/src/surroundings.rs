//! What a binary tells of its environment.

/// What a binary tells of its environment. The library reads none of it by itself.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Who asks where `--by` is not given; the binaries take the variable `USER`.
    pub user: Option<String>,
    /// Looks up the variables that `[secrets]` names.
    pub variable: fn(&str) -> Option<String>,
}
