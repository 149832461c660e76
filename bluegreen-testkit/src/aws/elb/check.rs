//! Health checks of targets that are really there.

use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use crate::aws::cloud::Cloud;
use crate::lock::held;

type Asking = Client<HttpConnector, Empty<Bytes>>;

/// Checks the targets of all groups until the account is gone.
pub(super) async fn targets(cloud: Weak<Cloud>) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Asking = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    while let Some(strong) = cloud.upgrade() {
        let (clock, pause) = (strong.clock.clone(), strong.config.target_initial / 2);
        let mut looks = JoinSet::new();
        for (group, name, at) in there(&strong) {
            let client = client.clone();
            looks.spawn(async move { (group, name, is_well(client, at).await) });
        }
        drop(strong);
        while let Some(look) = looks.join_next().await {
            if let (Ok((group, name, is_up)), Some(strong)) = (look, cloud.upgrade()) {
                note(&strong, &group, &name, is_up);
            }
        }
        clock.sleep(pause.max(Duration::from_millis(5))).await;
    }
}

fn there(cloud: &Cloud) -> Vec<(String, (String, u16), SocketAddr)> {
    let state = held(&cloud.state);
    let groups = state.elb.groups.iter();
    groups
        .flat_map(|(arn, group)| {
            let targets = group.targets.iter();
            targets.filter_map(move |(name, target)| Some((arn.clone(), name.clone(), target.at?)))
        })
        .collect()
}

async fn is_well(client: Asking, at: SocketAddr) -> bool {
    let Ok(uri) = format!("http://{at}/health").parse::<Uri>() else {
        return false;
    };
    match tokio::time::timeout(Duration::from_secs(1), client.get(uri)).await {
        Ok(Ok(answer)) => answer.status().is_success(),
        _ => false,
    }
}

fn note(cloud: &Cloud, group: &str, name: &(String, u16), is_up: bool) {
    let now = cloud.clock.monotonic();
    let mut state = held(&cloud.state);
    let group = state.elb.groups.get_mut(group);
    if let Some(target) = group.and_then(|group| group.targets.get_mut(name))
        && target.is_up != is_up
    {
        target.is_up = is_up;
        target.since = now;
    }
}
