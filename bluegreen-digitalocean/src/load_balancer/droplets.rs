//! Whether there are droplets that a switch could send to.

use bluegreen_core::{Fault, Slot};
use serde::Deserialize;

use super::targets::Targets;
use crate::client::Call;

/// Why a balancer cannot be what the two apps of a runbook are switched with.
const NO_APPS: &str = "The targets of a balancer are droplets; apps of App Platform cannot be put behind one. For \
    apps: one app with a component for each slot, a proxy of your own in front of both, or the domain moved from app \
    to app";

/// A droplet, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Droplet {
    id: u64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    region: Region,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Region {
    slug: String,
}

/// The droplets of a slot are there, active and in the balancer's region; or why a shift to it could not work.
pub(super) async fn check(call: &Call<'_>, targets: &Targets, region: &str, slot: Slot) -> Result<(), Fault> {
    let (wanted, all) = match targets {
        Targets::Ports(_) => return Ok(()),
        Targets::Tag(tags) => {
            let droplets = tagged(call, tags.get(slot), tags.get(slot.other())).await?;
            (droplets.iter().map(|droplet| droplet.id).collect(), droplets)
        }
        Targets::Droplets(ids) | Targets::DropletRatio(ids) => (
            ids.get(slot).clone(),
            call.list(&["droplets"], &[], "droplets").await?,
        ),
    };
    for id in wanted {
        let what = match all.iter().find(|droplet| droplet.id == id) {
            None => format!("there is no droplet {id}. {NO_APPS}"),
            Some(Droplet { status, .. }) if status != "active" => {
                format!("droplet {id} is {status:?}, not active")
            }
            Some(droplet) if droplet.region.slug != region => {
                format!(
                    "droplet {id} is in {}, the balancer in {region}",
                    droplet.region.slug
                )
            }
            Some(_) => continue,
        };
        return Err(call.unfit(what));
    }
    Ok(())
}

/// The droplets with a tag, none of which carries the other slot's.
async fn tagged(call: &Call<'_>, tag: &str, other: &str) -> Result<Vec<Droplet>, Fault> {
    let droplets: Vec<Droplet> = call.list(&["droplets"], &[("tag_name", tag)], "droplets").await?;
    if droplets.is_empty() {
        return Err(call.unfit(format!("no droplet carries the tag {tag:?}. {NO_APPS}")));
    }
    let others: Vec<Droplet> = call
        .list(&["droplets"], &[("tag_name", other)], "droplets")
        .await?;
    let is_others = |droplet: &&Droplet| others.iter().any(|known| known.id == droplet.id);
    match droplets.iter().find(is_others) {
        Some(both) => Err(call.unfit(format!(
            "droplet {} carries the tags of both slots, {tag:?} and {other:?}",
            both.id
        ))),
        None => Ok(droplets),
    }
}
