//! A plan in words says everything that it does, and what it does without.

use serde_json::Value;

use super::reading::EVERYTHING;
use crate::Plan;

#[test]
fn the_least_plan_says_what_it_does_and_what_it_does_without() {
    let plan = Plan::from_toml("service = \"shop\"").unwrap();
    assert_eq!(plan.explain(), LEAST);
}

#[test]
fn everything_that_has_a_name_is_told_by_it() {
    let told = Plan::from_json(EVERYTHING).unwrap().explain();
    let whole: Value = serde_json::from_str(EVERYTHING).unwrap();
    let mut names = Vec::new();
    gather(&whole, &mut names);
    assert!(names.len() > 7, "{names:?}");
    for name in names {
        assert!(told.contains(&name), "{name} is missing:\n{told}");
    }
    for part in [
        "2.5%",
        "1m30s",
        "2h",
        "15m",
        "1d",
        "backfill",
        "end of the year",
        "neither slot",
        "100 jobs",
    ] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    assert!(!told.contains("does without: health"), "{told}");
}

fn gather(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, names)),
        Value::Object(table) => {
            names.extend(table.get("name").and_then(Value::as_str).map(str::to_owned));
            table.values().for_each(|item| gather(item, names));
        }
        _ => {}
    }
}

const LEAST: &str = "\
A deployment of shop: the release goes to the slot that is not live.
 1. Read the routers: which slot is live, and does the record agree? (within 1m)
 2. Check before anything is touched (within 2m):
    - the windows and what the routers can represent; the live slot must be healthy
 3. Empty the target, if an old release is still kept there.
 4. Let the routers take the candidate in at 0% (within 2m).
 5. Deploy the release to the target and wait until it is ready (within 15m).
 6. Verify the candidate before it gets traffic (within 10m):
    - at least 100% of the live slot's instances, where the host can count them
 7. Give the candidate 5% of the traffic for 2m.
    - every router accepts it within 2m and confirms that it is live within 5m
 8. Give the candidate 25% of the traffic for 2m.
    - every router accepts it within 2m and confirms that it is live within 5m
 9. Give the candidate 50% of the traffic for 2m.
    - every router accepts it within 2m and confirms that it is live within 5m
10. Give the candidate 100% of the traffic (the cutover) for 2m.
    - every router accepts it within 2m and confirms that it is live within 5m
11. Watch the candidate with all traffic for 5m.
12. Finish and tell the notifiers. The deployment ends here.
13. Keep the old slot for 1h, for a rollback by traffic alone; then wait 1m for requests in flight, and stop it.
    - requests that are still in flight after 10m are not cut: the slot stays
When something fails:
    - before the candidate has traffic: stop; the live slot was not touched
    - afterwards: give all traffic back to the slot that was live (each part within 5m), without approval or window
    - if neither slot is healthy: back to the slot that was live
    - if only the candidate is healthy: stop where it is, and ask
This plan does without: health gates, smoke tests, guards, analysis, gates of the public address, approvals, migrations, warm-up, workers, hooks, windows.
";
