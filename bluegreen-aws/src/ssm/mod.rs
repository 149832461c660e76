//! Systems Manager: commands on the machines of a slot.
//!
//! Migrations, caches and workers are commands there. What is sent has a mark in its comment, so that a deployer that
//! takes over finds the command of its predecessor, waits for it and takes its result, and does not run it twice.
//!
//! | what is easily got wrong | what is done |
//! |---|---|
//! | a command that was just sent cannot be found (`InvocationDoesNotExist`) | it is waited for |
//! | a command to a tag that no machine has is a success | machines are looked up first; none is not a success |
//! | values are pasted into a script | each is one quoted word, whatever characters it holds; see [`RemoteCommand`] |
//! | the service fills in `{{…}}` | values with two braces are refused |
//! | output ends after 24,000 characters | it is told that the rest is missing |
//! | a command waits for an hour for a machine that is gone, and runs then | it is given up after half a minute |

mod command;
mod fleet;
mod hook;
mod migrator;
mod outcome;
mod result;
mod sent;
mod workers;

use crate::account::{Rate, Service};

pub use command::RemoteCommand;
pub use fleet::{Fleet, Tag};
pub use hook::RemoteHook;
pub use migrator::RemoteMigrator;
pub use workers::RemoteWorkers;

/// What of the service the account needs to know.
/// [Quotas](https://docs.aws.amazon.com/general/latest/gr/ssm.html): a few requests a second for most of it.
const SERVICE: Service = Service {
    provider: "ssm",
    signed_as: "ssm",
    rate: Rate::a_second(5),
};
