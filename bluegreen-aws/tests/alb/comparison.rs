//! Our verification beside the weight check of the field's leader, on the same faults.
//!
//! The other one is written after what its source does: it looks at the weight of the canary's group only, the last rule
//! decides, and an error is taken for a success.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{ForwardActionConfig, Rule};
use bluegreen_core::{Router, Slot, Split, Verification};
use bluegreen_testkit::aws::FakeConfig;
use bluegreen_testkit::conformance::ProviderFault;

use crate::common::{Shop, op, pause};

/// Whether the canary's weight is the wanted one.
async fn leaders_check(shop: &Shop, wanted: i32) -> bool {
    let client = Client::new(&shop.aws.sdk_config());
    let mut is_verified = false;
    for rule in &shop.rules {
        let Ok(answer) = client.describe_rules().rule_arns(rule).send().await else {
            // "Could not verify, will not hold the rollout up."
            return true;
        };
        let actions = answer.rules().iter().flat_map(Rule::actions);
        let groups = actions.filter_map(|action| action.forward_config());
        for group in groups.flat_map(ForwardActionConfig::target_groups) {
            if group.target_group_arn() == Some(&shop.green) {
                is_verified = group.weight() == Some(wanted);
            }
        }
    }
    is_verified
}

/// What happens between the change and the question whether it is live.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    /// Nodes follow late.
    Lag,
    /// The API is throttled while it is asked.
    Throttled,
    /// Somebody puts the first rule back.
    FirstRuleBack,
    /// Somebody puts the default of a listener back, which is no rule.
    DefaultBack,
    /// Somebody gives the old group the same weight as the new one.
    OldGroupToo,
}

const MISHAPS: [Mishap; 5] = [
    Mishap::Lag,
    Mishap::Throttled,
    Mishap::FirstRuleBack,
    Mishap::DefaultBack,
    Mishap::OldGroupToo,
];

async fn befall(shop: &Shop, mishap: Mishap) {
    match mishap {
        Mishap::Lag => {}
        Mishap::Throttled => {
            let fault = ProviderFault::Throttled {
                retry_after: Duration::from_secs(1),
            };
            shop.aws.disturb(Some(fault)).await.unwrap();
        }
        Mishap::FirstRuleBack => shop.by_hand_at(&shop.rules[0], &[(&shop.blue, 100), (&shop.green, 0)]),
        Mishap::DefaultBack => shop.by_hand_at(&shop.listeners[1], &[(&shop.blue, 100), (&shop.green, 0)]),
        Mishap::OldGroupToo => shop.by_hand_at(&shop.rules[1], &[(&shop.blue, 100), (&shop.green, 100)]),
    }
}

/// Whether a check lets the old side be stopped while requests still go there; `None` where it never does.
async fn drains_early(shop: &Shop, check: impl AsyncFn() -> bool) -> Option<bool> {
    for _ in 0..60 {
        if check().await {
            return Some(shop.answered(400).contains(&Slot::Blue));
        }
        pause(1_000).await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn the_leaders_weight_check_drains_early_and_ours_never_does() {
    let all = Split::all(Slot::Green);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for mishap in MISHAPS {
        for is_ours in [false, true] {
            let shop = Shop::quiet(FakeConfig::default().propagation(Duration::from_secs(15))).await;
            let router = shop.builder().propagation(Duration::from_secs(20)).build();
            router.stage(&op(1), Slot::Green).await.unwrap();
            router.shift(&op(2), all).await.unwrap();
            befall(&shop, mishap).await;
            let is_early = if is_ours {
                let live = async || {
                    let answer = router.verify(&op(3), all).await;
                    matches!(answer, Ok(Verification::Live { .. }))
                };
                drains_early(&shop, live).await
            } else {
                drains_early(&shop, async || leaders_check(&shop, 100).await).await
            };
            let told = if is_ours { &mut ours } else { &mut theirs };
            told.push((mishap, is_early));
        }
    }
    eprintln!("drained early by the leader's check: {theirs:?}");
    eprintln!("drained early by ours: {ours:?}");
    let early =
        |told: &[(Mishap, Option<bool>)]| told.iter().filter(|(_, early)| *early == Some(true)).count();
    assert_eq!(early(&theirs), MISHAPS.len(), "{theirs:?}");
    assert_eq!(early(&ours), 0, "{ours:?}");
    // And it does not say so of nothing: where nodes follow, it is live.
    assert_eq!(ours[0].1, Some(false), "{ours:?}");
}
