//! CodeDeploy: a revision in the deployment group of the idle slot.
//!
//! | what is easily got wrong | what is done |
//! |---|---|
//! | a request whose answer is lost is sent again and deploys twice | the id of the deployment is in the description; it is looked for first |
//! | a group that moves traffic itself fights with the router | refused: see [`CodeDeployHost`] |
//! | one deployment of a group at a time | one that was given up is stopped, one of somebody else is told |
//! | a failed deployment is rolled back by CodeDeploy, and *that* succeeds | switched off in the request, and never taken for ours |
//! | `Succeeded` although some machines failed | it has to succeed on all of them |
//! | Auto Scaling deploys to a new machine, and the newest deployment is not ours | the last one that succeeded counts |

mod bundle;
mod evidence;
mod group;
mod host;
mod judge;

use crate::account::{Rate, Service};

pub use bundle::{Bundle, BundleTemplate, InvalidBundle};
pub use host::{CodeDeployHost, WhenRetired};

/// What of the service the account needs to know. Its limits are not documented; they are shared by all who use it.
const SERVICE: Service = Service {
    provider: "codedeploy",
    signed_as: "codedeploy",
    rate: Rate::a_second(5),
};
