//! Why a command was not carried through, and what it says then.

use std::fmt::Write;

use bluegreen_core::DeployError;
use bluegreen_core::plan::Problem;

use crate::config::Unusable;
use crate::screen::Ended;
use crate::{Exit, ProviderError};

/// Why a command was not carried through.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The file is wrong.
    Unusable(Unusable),
    /// The command line is wrong.
    Wrong(String),
    /// It could not be begun or carried on.
    Deploy(DeployError),
    /// The provider could not be prepared.
    Provider(ProviderError),
}

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        Self::Deploy(error)
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        let (exit, text) = match failure {
            Failure::Unusable(unusable) => return wrong_file(&unusable),
            Failure::Wrong(text) => (Exit::Wrong, text),
            Failure::Deploy(error) => match Exit::from(&error) {
                Exit::Held => (
                    Exit::Held,
                    format!("{error}. Wait for it to end, or ask it to stop with `abort`"),
                ),
                exit => (exit, error.to_string()),
            },
            Failure::Provider(error) => (Exit::NotAsMeant, error.to_string()),
        };
        Self::error(exit, text)
    }
}

fn wrong_file(unusable: &Unusable) -> Ended {
    let count = match unusable.problems.len() {
        1 => "has a problem".to_owned(),
        count => format!("has {count} problems"),
    };
    let file = unusable.file.display();
    let mut text = format!("{file} {count}; nothing was done:");
    for problem in &unusable.problems {
        let _ = write!(text, "\n  {problem}");
    }
    let problems: Vec<_> = unusable.problems.iter().map(object).collect();
    Ended::error(Exit::Wrong, text).with("problems", problems)
}

fn object(problem: &Problem) -> serde_json::Value {
    serde_json::json!({"path": problem.path, "message": problem.message, "remedy": problem.remedy})
}
