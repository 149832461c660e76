//! What a domain that is moved from app to app does to the careless, each with the test that the router is not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::time::Duration;

use bluegreen_core::{Decides, FaultKind, Granularity, Router, Slot, Split, Verification};
use bluegreen_digitalocean::AppDomainRouter;
use bluegreen_testkit::digitalocean::{Ends, FakeConfig};
use common::domain::{TwoApps, entry};
use common::{op, pause};
use serde_json::json;

const TO_GREEN: Split = Split::all(Slot::Green);
const TO_BLUE: Split = Split::all(Slot::Blue);

/// How long it takes until a split is said to be live, asked every second.
async fn seconds_to_live(router: &AppDomainRouter, split: Split) -> u64 {
    for second in 0..4_000 {
        if let Verification::Live { .. } = router.verify(&op(0), split).await.unwrap() {
            return second;
        }
        pause(1_000).await;
    }
    panic!("{split} did not become live");
}

#[tokio::test(start_paused = true)]
async fn a_domain_moves_with_all_its_settings_and_nothing_else_in_the_specs_changes() {
    let two = TwoApps::open(FakeConfig::default());
    let (mut blue, mut green) = (two.spec(Slot::Blue), two.spec(Slot::Green));
    two.router().stage(&op(1), Slot::Green).await.unwrap();
    two.router().shift(&op(2), TO_GREEN).await.unwrap();
    blue["domains"] = json!([]);
    green["domains"].as_array_mut().unwrap().push(entry());
    assert_eq!(two.spec(Slot::Blue), blue);
    assert_eq!(two.spec(Slot::Green), green);
    // And sent again it is there already.
    let before = two.account.requests().len();
    two.router().shift(&op(3), TO_GREEN).await.unwrap();
    let sent = &two.account.requests()[before..];
    assert!(sent.iter().all(|request| request.method == "GET"), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_moved_domain_is_not_live_before_its_deployment_its_certificate_and_the_resolvers_are_done() {
    let two = TwoApps::open(FakeConfig::default());
    let router = two.router().resolvers_follow_within(Duration::from_mins(5));
    router.shift(&op(1), TO_GREEN).await.unwrap();
    let Verification::NotYet { why } = router.verify(&op(1), TO_GREEN).await.unwrap() else {
        panic!("a deployment takes a minute")
    };
    assert!(why.contains("PENDING_BUILD"), "{why}");
    pause(61_000).await;
    let Verification::NotYet { why } = router.verify(&op(1), TO_GREEN).await.unwrap() else {
        panic!("a certificate takes two")
    };
    assert!(why.contains("CONFIGURING"), "{why}");
    // A minute and two, of which 61 seconds are over, and the resolvers' five.
    assert_eq!(seconds_to_live(&router, TO_GREEN).await, 119 + 300);
    assert_eq!(
        two.account.answering(common::domain::DOMAIN),
        Some(two.apps.green.clone())
    );
}

#[tokio::test(start_paused = true)]
async fn a_domain_is_nobodys_no_longer_than_the_platform_forces() {
    let two = TwoApps::open(FakeConfig::default());
    two.router().shift(&op(1), TO_GREEN).await.unwrap();
    let sent = two.account.requests();
    let changes: Vec<usize> = (0..sent.len()).filter(|at| sent[*at].method == "PUT").collect();
    assert_eq!(changes.len(), 2, "{sent:?}");
    assert_eq!(changes[0] + 1, changes[1], "nothing is asked between the updates");
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_both_updates_is_recovered_on_the_way_forward_and_on_the_way_back() {
    for to in [TO_GREEN, TO_BLUE] {
        let two = TwoApps::open(FakeConfig::default());
        // What a process leaves that has died after its first update.
        let router = two.router();
        let mut without = two.spec(Slot::Blue);
        without["domains"] = json!([]);
        put(&two, Slot::Blue, &without);
        assert_eq!(two.owners(), []);
        let fault = router.observe(&op(1)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Rejected);
        assert!(fault.to_string().contains("neither app has it"), "{fault}");
        let answer = router.verify(&op(1), to).await.unwrap();
        assert!(matches!(answer, Verification::NotYet { .. }), "{answer:?}");
        // Another process goes on.
        two.router().shift(&op(2), to).await.unwrap();
        let slot = to.only().unwrap();
        assert_eq!(two.owners(), [slot]);
        let domains = two.spec(slot)["domains"].clone();
        assert!(domains.as_array().unwrap().contains(&entry()), "{domains}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_the_other_app_does_not_take_is_given_back_at_once() {
    let two = TwoApps::open(FakeConfig::default());
    two.account.set_spec_by_hand(&two.apps.green, |spec| {
        spec["ingress"]["rules"][0]["component"]["name"] = json!("gone");
    });
    let fault = two.router().shift(&op(1), TO_GREEN).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.to_string().contains("was given back"), "{fault}");
    assert_eq!(two.owners(), [Slot::Blue]);
    assert_eq!(two.spec(Slot::Blue)["domains"], json!([entry()]));
}

#[tokio::test(start_paused = true)]
async fn a_pinned_app_is_noticed_before_the_domain_leaves() {
    let two = TwoApps::open(FakeConfig::default());
    let deployment = two.account.pin(&two.apps.green);
    assert!(deployment.is_some());
    for call in [
        two.router().stage(&op(1), Slot::Green).await,
        two.router().shift(&op(1), TO_GREEN).await,
    ] {
        let fault = call.unwrap_err();
        assert!(fault.to_string().contains("pinned"), "{fault}");
    }
    assert_eq!(two.owners(), [Slot::Blue]);
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_the_platform_frees_late_is_taken_when_it_is_free() {
    let two = TwoApps::open(FakeConfig::default().frees_domains_at_once(false));
    // The call's ten seconds are over before the minute is: it says so, and goes on when it is called again.
    let fault = two.router().shift(&op(1), TO_GREEN).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert_eq!(two.owners(), []);
    let mut tries = 1;
    while two.router().shift(&op(1), TO_GREEN).await.is_err() {
        tries += 1;
        assert!(tries < 12);
    }
    assert_eq!(two.owners(), [Slot::Green]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_was_to_bring_the_domain_and_has_failed_is_begun_once_more() {
    let two = TwoApps::open(FakeConfig::default());
    two.account.next_deployment_ends(&two.apps.green, Ends::Error);
    let router = two.router().resolvers_follow_within(Duration::ZERO);
    router.shift(&op(1), TO_GREEN).await.unwrap();
    pause(61_000).await;
    let answer = router.verify(&op(1), TO_GREEN).await.unwrap();
    let Verification::NotYet { why } = answer else {
        panic!("it has failed")
    };
    assert!(why.contains("did not become active"), "{why}");
    router.shift(&op(2), TO_GREEN).await.unwrap();
    seconds_to_live(&router, TO_GREEN).await;
}

#[tokio::test(start_paused = true)]
async fn where_digitalocean_does_not_manage_the_records_a_probe_is_asked_for() {
    let two = TwoApps::open(FakeConfig::default());
    two.account.set_spec_by_hand(&two.apps.blue, |spec| {
        spec["domains"][0].as_object_mut().unwrap().remove("zone");
    });
    let fault = two.router().stage(&op(1), Slot::Green).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.to_string().contains("probe"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn no_move_of_a_domain_is_called_instant_or_free() {
    let can = TwoApps::open(FakeConfig::default()).router().capabilities();
    assert_eq!(can.granularity, Granularity::AllOrNothing);
    assert_eq!(can.decides, Decides::PerResolver);
    assert!(can.propagation >= Duration::from_mins(10));
    assert!(can.cost.contains("nobody answers"), "{}", can.cost);
}

#[tokio::test(start_paused = true)]
async fn the_fake_lets_a_domain_belong_to_one_app_at_most() {
    let two = TwoApps::open(FakeConfig::default());
    let mut taken = two.spec(Slot::Green);
    taken["domains"].as_array_mut().unwrap().push(entry());
    assert_eq!(put(&two, Slot::Green, &taken), 409);
    assert_eq!(two.owners(), [Slot::Blue]);
}

/// Somebody sends a spec. The status of the answer.
fn put(two: &TwoApps, slot: Slot, spec: &serde_json::Value) -> u16 {
    let body = json!({"spec": spec}).to_string();
    let request = http::Request::put(format!("{}/v2/apps/{}", two.account.url(), two.apps.get(slot)))
        .header("authorization", format!("Bearer {}", two.account.token()))
        .body(body.into())
        .unwrap();
    two.account.answer(&request).status().as_u16()
}
