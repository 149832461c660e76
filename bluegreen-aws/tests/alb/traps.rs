//! What load balancers of AWS do to the careless: a test for each line of `docs/traps.md` that is theirs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_aws::alb::{AlbHealthGate, Counted, Stickiness, TrafficCounts};
use bluegreen_core::{
    Fault, FaultKind, Gate, GateContext, InFlight, Op, Outcome, Router, ServiceName, Slot, Split, Timestamp,
    Verdict, Verification,
};
use bluegreen_testkit::aws::{FakeConfig, FakeTarget};
use bluegreen_testkit::conformance::ProviderFault;
use serde_json::json;

use crate::common::{Shop, api, confirmed, forward, green, op, pause, switch};

const BLUE: Split = Split::all(Slot::Blue);
const GREEN: Split = Split::all(Slot::Green);

fn slow() -> FakeConfig {
    FakeConfig::default().propagation(Duration::from_secs(20))
}

fn rejected(fault: &Fault, words: &[&str]) {
    assert_eq!(fault.kind, FaultKind::Rejected, "{fault}");
    for word in words {
        assert!(fault.to_string().contains(word), "{word:?} is not in: {fault}");
    }
}

fn not_yet(answer: &Verification, words: &str) {
    match answer {
        Verification::NotYet { why } if why.contains(words) => {}
        other => panic!("not \"not yet, {words}\": {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn modify_rule_returned_is_not_live() {
    let shop = Shop::quiet(slow()).await;
    let router = shop.builder().propagation(Duration::from_secs(30)).build();
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), GREEN).await.unwrap();
    // The API shows the new weights at once, and requests still go to the old side.
    assert_eq!(router.observe(&op(3)).await.unwrap().split, GREEN);
    assert!(shop.answered(100).contains(&Slot::Blue));
    not_yet(&router.verify(&op(4), GREEN).await.unwrap(), "nodes may follow");
    let evidence = confirmed_later(&router, GREEN).await;
    assert!(evidence.contains("declared bound"), "{evidence}");
    assert_eq!(shop.answered(100), vec![Slot::Green; 100]);
}

async fn confirmed_later(router: &dyn Router, split: Split) -> String {
    for _ in 0..60 {
        if let Verification::Live { evidence } = router.verify(&op(5), split).await.unwrap() {
            return evidence;
        }
        pause(1_000).await;
    }
    panic!("{split} did not become live");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_has_not_set_a_split_waits_for_the_bound_from_its_first_look() {
    let shop = Shop::quiet(slow()).await;
    let make = || shop.builder().propagation(Duration::from_secs(30)).build();
    let router = make();
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), GREEN).await.unwrap();
    drop(router);
    let successor = make();
    not_yet(
        &successor.verify(&op(3), GREEN).await.unwrap(),
        "nodes may follow",
    );
    pause(29_000).await;
    not_yet(
        &successor.verify(&op(4), GREEN).await.unwrap(),
        "nodes may follow",
    );
    pause(1_000).await;
    confirmed(&successor, GREEN).await;
}

#[tokio::test(start_paused = true)]
async fn a_verification_that_errors_is_never_live() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, GREEN).await;
    for fault in [
        ProviderFault::Refused,
        ProviderFault::Rejected,
        ProviderFault::Throttled {
            retry_after: Duration::from_secs(1),
        },
    ] {
        shop.aws.disturb(Some(fault)).await.unwrap();
        let answer = router.verify(&op(2), GREEN).await;
        // The deployer takes a fault of a read for "unknown".
        assert!(answer.is_err(), "{fault:?}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_forward_configuration_of_every_listener_and_rule_is_compared() {
    let shop = Shop::quiet_with(FakeConfig::default(), 2).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, green("5%")).await;
    let (blue, other) = (shop.blue.clone(), shop.aws.add_target_group("other"));
    for place in shop.places() {
        for wrong in [
            // The weight of the candidate is right, and the shares are not.
            vec![(blue.as_str(), 5), (shop.green.as_str(), 5)],
            vec![
                (blue.as_str(), 95),
                (shop.green.as_str(), 5),
                (other.as_str(), 100),
            ],
            vec![(blue.as_str(), 0), (shop.green.as_str(), 0)],
            vec![(shop.green.as_str(), 5)],
        ] {
            shop.by_hand(&[(&blue, 95), (&shop.green, 5)]);
            shop.by_hand_at(place, &wrong);
            let answer = router.verify(&op(3), green("5%")).await.unwrap();
            assert!(
                !matches!(answer, Verification::Live { .. }),
                "{place}, {wrong:?}: {answer:?}"
            );
            let fault = router.observe(&op(4)).await.unwrap_err();
            rejected(&fault, &["observe"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn listeners_that_disagree_are_told_with_what_each_holds() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    shop.by_hand_at(&shop.rules[0], &[(&shop.blue, 1), (&shop.green, 1)]);
    let fault = shop.router().observe(&op(1)).await.unwrap_err();
    rejected(
        &fault,
        &[
            "disagree",
            "listener-rule/app/shop",
            "blue 50%, green 50%",
            "blue 100%",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn other_actions_and_their_order_stay_when_lists_are_replaced_whole() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, green("2.5%")).await;
    switch(&router, GREEN).await;
    let config = shop.aws.sdk_config();
    let client = aws_sdk_elasticloadbalancingv2::Client::new(&config);
    let rules = client
        .describe_rules()
        .rule_arns(&shop.rules[1])
        .send()
        .await
        .unwrap();
    let rule = &rules.rules()[0];
    let [login, forward] = rule.actions() else {
        panic!("{rule:?}");
    };
    let oidc = login.authenticate_oidc_config().unwrap();
    assert_eq!(
        (oidc.scope(), oidc.session_timeout()),
        (Some("openid email"), Some(3600))
    );
    assert_eq!((login.order(), forward.order()), (Some(1), Some(2)));
    assert_eq!(
        rule.conditions()[0].path_pattern_config().unwrap().values(),
        ["/api/*"]
    );
    // Its secret is never shown; without saying that it stays, the service refuses.
    let changes = shop.aws.requests();
    let changes = changes
        .iter()
        .filter(|request| request.action.starts_with("Modify"));
    for change in changes {
        let body = String::from_utf8_lossy(&change.body).into_owned();
        assert_eq!(change.status, 200);
        assert!(!body.contains("OidcConfig.ClientSecret="), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_changes_after_a_shift_is_noticed() {
    let shop = Shop::quiet(slow()).await;
    let router = shop.builder().propagation(Duration::from_secs(30)).build();
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), GREEN).await.unwrap();
    // The weights stay right, and people do not log in any more.
    let weights = forward(&[(&shop.blue, 0), (&shop.green, 100)]);
    shop.aws
        .set_actions_by_hand(&shop.rules[1], &json!([weights]))
        .unwrap();
    match router.verify(&op(3), GREEN).await.unwrap() {
        Verification::Unknown { why } => {
            assert!(
                why.contains("somebody else") && why.contains("listener-rule"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn drift_that_infrastructure_as_code_brings_is_reported() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, green("50%")).await;
    // `terraform apply` without `ignore_changes` puts back what it knows.
    shop.by_hand(&[(&shop.blue, 1)]);
    assert_eq!(router.observe(&op(2)).await.unwrap().split, BLUE);
    not_yet(
        &router.verify(&op(3), green("50%")).await.unwrap(),
        "holds blue 100%",
    );
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_read_and_tags_are_asked_for_twenty_at_a_time() {
    let shop = Shop::quiet_with(FakeConfig::default().page_most(2), 5).await;
    for number in 0..45 {
        shop.aws.add_load_balancer(&format!("another-{number}"));
    }
    shop.aws.tag(&shop.balancer, "service", "shop");
    let router = shop.builder().tagged("service", "shop").build();
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, green("5%")).await;
    for place in shop.places() {
        let expected = [(shop.blue.clone(), 95), (shop.green.clone(), 5)];
        assert_eq!(shop.aws.weights(place), expected, "{place}");
    }
    assert_eq!(shop.places().count(), 12);
    let nowhere = shop.builder().tagged("service", "none").build();
    let fault = nowhere.observe(&op(2)).await.unwrap_err();
    rejected(&fault, &["service=none"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_nothing_forwards_to_is_not_healthy_until_it_is_attached_at_weight_0() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let verdict = judged(&shop.gate(), Slot::Green).await;
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(
        verdict.evidence.contains("unused") && verdict.evidence.contains("Target.NotInUse"),
        "{verdict:?}"
    );
    shop.router().stage(&op(1), Slot::Green).await.unwrap();
    let weights = [(shop.blue.clone(), 1), (shop.green.clone(), 0)];
    for place in shop.places() {
        assert_eq!(shop.aws.weights(place), weights);
    }
    assert_eq!(shop.answered(100), vec![Slot::Blue; 100]);
    assert_eq!(
        judged(&shop.gate(), Slot::Green).await.outcome,
        Outcome::Inconclusive
    );
    pause(100).await;
    assert_eq!(judged(&shop.gate(), Slot::Green).await.outcome, Outcome::Pass);
}

async fn judged(gate: &AlbHealthGate, slot: Slot) -> Verdict {
    judged_under(gate, slot, Split::all(slot.other())).await
}

async fn judged_under(gate: &AlbHealthGate, slot: Slot, split: Split) -> Verdict {
    let service = ServiceName::new("shop").unwrap();
    let context = GateContext::new(service, slot, None, split);
    gate.check(&op(1), &context).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn registered_is_not_healthy_and_one_good_read_in_one_zone_is_not_enough() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    shop.router().stage(&op(1), Slot::Green).await.unwrap();
    pause(100).await;
    let all = shop.gate();
    assert_eq!(judged(&all, Slot::Green).await.outcome, Outcome::Pass);
    // More were expected than are registered.
    let verdict = judged(&all.clone().expect(3), Slot::Green).await;
    assert!(
        verdict.outcome == Outcome::Fail && verdict.evidence.contains("2 of 3"),
        "{verdict:?}"
    );
    // They are in two zones, one in each.
    assert_eq!(
        judged(&all.clone().zones(2, 1), Slot::Green).await.outcome,
        Outcome::Pass
    );
    assert_eq!(
        judged(&all.clone().zones(3, 1), Slot::Green).await.outcome,
        Outcome::Fail
    );
    assert_eq!(
        judged(&all.clone().zones(2, 2), Slot::Green).await.outcome,
        Outcome::Fail
    );
    // One that flaps is caught between two reads.
    let patient = all.reads(4, Duration::from_millis(50));
    let (verdict, ()) = tokio::join!(judged(&patient, Slot::Green), async {
        pause(20).await;
        shop.aws.set_target_up(&shop.green, "i-green-a", false);
    });
    assert!(
        verdict.outcome == Outcome::Fail && verdict.evidence.contains("1 of 2"),
        "{verdict:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn reads_that_do_not_fit_into_the_time_of_a_check_are_no_pass() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let gate = shop.gate().reads(3, Duration::from_secs(8));
    assert_eq!(judged(&gate, Slot::Blue).await.outcome, Outcome::Inconclusive);
}

#[tokio::test(start_paused = true)]
async fn slow_start_is_told() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    shop.aws
        .set_group_attribute(&shop.blue, "slow_start.duration_seconds", "120");
    let verdict = judged(&shop.gate(), Slot::Blue).await;
    assert!(
        verdict
            .evidence
            .contains("slow start: new targets have their share after 120 s"),
        "{verdict:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn fail_open_is_no_health_and_an_empty_group_answers_503_without_trying_the_other() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    shop.router().stage(&op(1), Slot::Green).await.unwrap();
    shop.by_hand(&[(&shop.blue, 0), (&shop.green, 1)]);
    for target in ["i-green-a", "i-green-b"] {
        shop.aws.set_target_up(&shop.green, target, false);
    }
    pause(200).await;
    // Requests go to targets of which none is healthy.
    assert_eq!(shop.answered(100), vec![Slot::Green; 100]);
    let verdict = judged_under(&shop.gate(), Slot::Green, GREEN).await;
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(
        verdict.evidence.contains("sends to all of them now"),
        "{verdict:?}"
    );

    let empty = shop.aws.add_target_group("empty");
    let groups = bluegreen_aws::alb::Groups::new(&shop.blue, &empty).unwrap();
    shop.by_hand(&[(&shop.blue, 1), (&empty, 1)]);
    let ways = (0..100).map(|_| shop.aws.route(&shop.listeners[0], "/", ""));
    assert!(
        ways.into_iter().any(|way| way.group().is_none()),
        "an empty group was never met"
    );
    let gate = AlbHealthGate::new(&shop.account(), groups);
    let verdict = judged_under(&gate, Slot::Green, green("50%")).await;
    assert!(
        verdict.outcome == Outcome::Fail && verdict.evidence.contains("none is registered"),
        "{verdict:?}"
    );
}

/// The cookie of a client that comes now.
fn cookie(shop: &Shop) -> String {
    let routed = shop.aws.route(&shop.listeners[0], "/", "");
    let bluegreen_testkit::aws::Routed::Target { cookie, .. } = routed else {
        panic!("{routed:?}");
    };
    cookie.unwrap()
}

fn stays_with(shop: &Shop, cookie: &str) -> Slot {
    let routed = shop.aws.route(&shop.listeners[0], "/", cookie);
    match routed.group() {
        Some(group) if group == shop.blue => Slot::Blue,
        _ => Slot::Green,
    }
}

#[tokio::test(start_paused = true)]
async fn group_stickiness_is_read_before_anything_is_touched_and_says_how_long_clients_stay() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    shop.by_hand_sticky(1, 0, 604_800);
    let router = shop.router();
    let fault = router.stage(&op(1), Slot::Green).await.unwrap_err();
    rejected(&fault, &["stickiness is on", "604800s"]);
    let seen = router.observe(&op(2)).await.unwrap();
    assert!(seen.evidence.contains("604800s"), "{}", seen.evidence);
    assert_eq!(shop.asked("ModifyRule") + shop.asked("ModifyListener"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_switches_group_stickiness_off_in_the_same_call() {
    for stickiness in [
        Stickiness::Refuse,
        Stickiness::Off,
        Stickiness::During(Duration::from_hours(1)),
        Stickiness::WaitOut(Duration::from_hours(200)),
    ] {
        let shop = Shop::quiet(FakeConfig::default()).await;
        shop.by_hand_sticky(0, 1, 604_800);
        let kept = cookie(&shop);
        assert_eq!(stays_with(&shop, &kept), Slot::Green);
        let router = shop.builder().stickiness(stickiness).build();
        let before = shop.aws.requests().len();
        switch(&router, BLUE).await;
        assert_eq!(stays_with(&shop, &kept), Slot::Blue, "{stickiness:?}");
        let changes = shop.aws.requests();
        let changes = changes[before..]
            .iter()
            .filter(|request| request.action.starts_with("Modify"));
        assert_eq!(changes.count(), 4, "{stickiness:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn stickiness_beats_weights_and_can_be_waited_out_on_the_way_forward() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    shop.by_hand_sticky(1, 0, 60);
    let kept = cookie(&shop);
    let impatient = shop
        .builder()
        .stickiness(Stickiness::WaitOut(Duration::from_secs(59)))
        .build();
    let fault = impatient.stage(&op(1), Slot::Green).await.unwrap_err();
    rejected(&fault, &["60s", "59s"]);
    let router = shop
        .builder()
        .stickiness(Stickiness::WaitOut(Duration::from_mins(1)))
        .build();
    assert!(router.capabilities().affinity);
    router.stage(&op(2), Slot::Green).await.unwrap();
    router.shift(&op(3), GREEN).await.unwrap();
    pause(1_000).await;
    assert_eq!(
        stays_with(&shop, &kept),
        Slot::Blue,
        "the weight of blue is 0, and it is still asked"
    );
    not_yet(
        &router.verify(&op(4), GREEN).await.unwrap(),
        "stickiness keeps clients",
    );
    pause(60_000).await;
    confirmed(&router, GREEN).await;
    assert_eq!(stays_with(&shop, &kept), Slot::Green);
}

#[tokio::test(start_paused = true)]
async fn stickiness_of_a_canary_is_on_while_both_slots_have_traffic() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop
        .builder()
        .stickiness(Stickiness::During(Duration::from_mins(10)))
        .build();
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, green("50%")).await;
    let seen = router.observe(&op(2)).await.unwrap();
    assert!(seen.evidence.contains("600s"), "{}", seen.evidence);
    switch(&router, GREEN).await;
    let seen = router.observe(&op(3)).await.unwrap();
    assert!(!seen.evidence.contains("stickiness"), "{}", seen.evidence);
    for wrong in [
        Duration::ZERO,
        Duration::from_millis(1_500),
        Duration::from_hours(169),
    ] {
        let router = shop.builder().stickiness(Stickiness::During(wrong)).build();
        let fault = router.stage(&op(4), Slot::Blue).await.unwrap_err();
        rejected(&fault, &["whole seconds from 1 s to 7 days"]);
    }
}

#[tokio::test(start_paused = true)]
async fn weights_are_exact_or_refused_before_anything_is_sent() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    for (share, weights) in [
        ("5%", (95, 5)),
        ("0.1%", (999, 1)),
        ("99.9%", (1, 999)),
        ("12.5%", (875, 125)),
    ] {
        router.shift(&op(2), green(share)).await.unwrap();
        let expected = [(shop.blue.clone(), weights.0), (shop.green.clone(), weights.1)];
        assert_eq!(shop.aws.weights(&shop.listeners[0]), expected);
        assert_eq!(router.observe(&op(3)).await.unwrap().split, green(share));
    }
    let before = shop.aws.requests().len();
    let fault = router.shift(&op(4), green("0.01%")).await.unwrap_err();
    rejected(&fault, &["cannot be held", "0.1 %"]);
    assert_eq!(shop.aws.requests().len(), before);
}

#[tokio::test(start_paused = true)]
async fn an_action_with_five_groups_has_no_place_for_another() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let others: Vec<String> = (0..4)
        .map(|number| shop.aws.add_target_group(&format!("other-{number}")))
        .collect();
    let mut groups: Vec<(&str, u32)> = others.iter().map(|group| (group.as_str(), 0)).collect();
    groups.push((&shop.blue, 1));
    shop.by_hand_at(&shop.rules[0], &groups);
    let fault = shop.router().stage(&op(1), Slot::Green).await.unwrap_err();
    rejected(&fault, &["5 groups at most"]);
}

#[tokio::test(start_paused = true)]
async fn default_actions_are_no_rule_and_are_changed_by_modify_listener() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    assert_eq!((shop.asked("ModifyListener"), shop.asked("ModifyRule")), (2, 2));
    router.shift(&op(2), GREEN).await.unwrap();
    assert_eq!((shop.asked("ModifyListener"), shop.asked("ModifyRule")), (4, 4));
    // What is there already is not sent again.
    router.shift(&op(3), GREEN).await.unwrap();
    assert_eq!((shop.asked("ModifyListener"), shop.asked("ModifyRule")), (4, 4));
    assert!(shop.aws.requests().iter().all(|request| request.status == 200));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_was_forgotten_keeps_a_deployment_from_beginning() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let builder = shop.builder().listener(&shop.listeners[0]).unwrap();
    let builder = builder.listener(&shop.listeners[1]).unwrap();
    let router = builder.rule(&shop.rules[0]).unwrap().build();
    let fault = router.stage(&op(1), Slot::Green).await.unwrap_err();
    rejected(
        &fault,
        &[
            "forwards to the same groups and would not follow",
            "listener-rule/app/shop",
        ],
    );
    assert_eq!(shop.asked("ModifyRule") + shop.asked("ModifyListener"), 0);
}

#[tokio::test(start_paused = true)]
async fn some_places_that_fail_are_told_and_sent_again_until_all_agree() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    shop.aws.disturb(Some(ProviderFault::LostAnswer)).await.unwrap();
    let fault = router.shift(&op(2), GREEN).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    assert!(fault.message.contains("3 of 4 places were changed"), "{fault}");
    router.shift(&op(2), GREEN).await.unwrap();
    confirmed(&router, GREEN).await;
}

#[tokio::test(start_paused = true)]
async fn groups_of_two_balancers_go_together() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let [blue, candidate] = ["eu-blue", "eu-green"].map(|name| shop.aws.add_target_group(name));
    shop.aws.register(&blue, FakeTarget::named("i-1"));
    let second = shop.aws.add_load_balancer("shop-eu");
    let actions = json!([{"Type": "forward", "TargetGroupArn": blue}]);
    let listener = shop.aws.add_listener(&second, 80, &actions).await.unwrap();
    let groups = bluegreen_aws::alb::Groups::new(&blue, &candidate).unwrap();
    let router = shop.builder().and(groups).build();
    router.stage(&op(1), Slot::Green).await.unwrap();
    switch(&router, green("10%")).await;
    assert_eq!(shop.aws.weights(&listener), [(blue, 90), (candidate, 10)]);
    // The service refuses a group that another balancer has.
    let foreign = json!([{"Type": "forward", "TargetGroupArn": shop.blue}]);
    let refused = shop.aws.add_rule(&listener, 1, &api(), &foreign).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("associated with another load balancer"),
        "{refused}"
    );
}

/// Counts as CloudWatch has them, set by hand.
#[derive(Debug, Clone, Default)]
struct Counts(Arc<Mutex<CountState>>);

#[derive(Debug, Default)]
struct CountState {
    blue: u64,
    green: u64,
    asked: Vec<Timestamp>,
    is_silent: bool,
}

#[async_trait]
impl TrafficCounts for Counts {
    async fn since(&self, _: &Op, group: &str, from: Timestamp) -> Result<Option<Counted>, Fault> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(from);
        let requests = if group.contains("blue") {
            state.blue
        } else {
            state.green
        };
        Ok((!state.is_silent).then(|| Counted::new(requests, from)))
    }
}

#[tokio::test(start_paused = true)]
async fn counts_of_both_groups_are_what_a_split_is_verified_by_where_there_is_no_probe() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let counts = Counts::default();
    let router = shop.builder().counts(counts.clone()).build();
    router.stage(&op(1), Slot::Green).await.unwrap();
    let set = |blue, green| {
        let mut state = counts.0.lock().unwrap();
        (state.blue, state.green) = (blue, green);
    };
    router.shift(&op(2), green("10%")).await.unwrap();
    set(1_000, 0);
    not_yet(
        &router.verify(&op(3), green("10%")).await.unwrap(),
        "green should get 10%",
    );
    counts.0.lock().unwrap().is_silent = true;
    not_yet(
        &router.verify(&op(3), green("10%")).await.unwrap(),
        "no requests were counted yet",
    );
    counts.0.lock().unwrap().is_silent = false;
    set(900, 100);
    let evidence = confirmed(&router, green("10%")).await;
    assert!(
        evidence.contains("900 requests to blue and 100 to green"),
        "{evidence}"
    );
    router.shift(&op(4), GREEN).await.unwrap();
    set(1, 1_000);
    pause(1_000).await;
    not_yet(
        &router.verify(&op(5), GREEN).await.unwrap(),
        "blue should get none",
    );
    set(0, 1_000);
    confirmed(&router, GREEN).await;
    set(0, 0);
    let evidence = confirmed(&router, GREEN).await;
    assert!(evidence.contains("no request came to either group"), "{evidence}");
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_drained_when_no_request_came_for_as_long_as_the_deregistration_delay() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    shop.aws
        .set_group_attribute(&shop.blue, "deregistration_delay.timeout_seconds", "120");
    assert_eq!(
        shop.router().in_flight(&op(1), Slot::Blue).await.unwrap(),
        InFlight::Unknown
    );
    let counts = Counts::default();
    let router = shop.builder().counts(counts.clone()).build();
    counts.0.lock().unwrap().blue = 7;
    assert_eq!(
        router.in_flight(&op(2), Slot::Blue).await.unwrap(),
        InFlight::AtLeast(7)
    );
    counts.0.lock().unwrap().blue = 0;
    assert_eq!(
        router.in_flight(&op(3), Slot::Blue).await.unwrap(),
        InFlight::None
    );
    assert_eq!(shop.asked("DescribeTargetGroupAttributes"), 1);
    counts.0.lock().unwrap().is_silent = true;
    let fault = router.in_flight(&op(4), Slot::Blue).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn nothing_but_weights_is_ever_changed() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let router = shop.router();
    router.stage(&op(1), Slot::Green).await.unwrap();
    for split in [green("5%"), GREEN, BLUE] {
        switch(&router, split).await;
    }
    let requests = shop.aws.requests();
    let changes = requests
        .iter()
        .map(|request| request.action.as_str())
        .filter(|action| !action.starts_with("Describe"));
    for action in changes {
        assert!(matches!(action, "ModifyRule" | "ModifyListener"), "{action}");
    }
}
