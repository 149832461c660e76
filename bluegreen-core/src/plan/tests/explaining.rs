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

#[test]
fn a_plan_with_everything_is_told_part_by_part() {
    let plan = Plan::from_json(EVERYTHING).unwrap();
    assert_eq!(plan.explain(), ALL);
}

/// What differs from both, line by line.
#[test]
fn each_choice_is_told_as_it_was_made() {
    let gate = |name: &str| format!("[{{ name = \"{name}\", code = true }}]");
    for (toml, line) in [
        (
            "target = \"blue\"",
            "A deployment of shop: the release goes to blue, and is refused while blue is live.".to_owned(),
        ),
        ("windows.freeze = [{ zone = \"UTC\" }]", "    - going back is allowed at any time".to_owned()),
        ("windows.allow = [{ zone = \"UTC\" }]", "    - going back is allowed at any time".to_owned()),
        ("migrations = {}", " 5. Run the expand migrations; the old release goes on working (within 30m).".to_owned()),
        ("steps = [{ weight = \"100%\", bake = \"0s\", approval = {} }]",
            " 7. Wait up to 1h for an approval; without an answer abort.".to_owned()),
        (
            "hooks = [{ name = \"a\", at = \"after confirm_return\", on_failure = \"fail\" }]",
            "    - hook a (code) after confirm_return; a failure is told, and no more".to_owned(),
        ),
        (
            "hooks = [{ name = \"a\", at = \"after shift\", on_failure = \"warn\" }]",
            "    - hook a (code) after shift; a failure is told, and no more".to_owned(),
        ),
        (
            "hooks = [{ name = \"a\", at = \"after shift\", on_failure = \"fail\" }]",
            "    - hook a (code) after shift; a failure fails the phase".to_owned(),
        ),
        (
            "warm_up = [{ run = [\"a\"] }, { run = [\"b\"] }]",
            " 6. Warm the candidate up with 2 commands (within 5m):".to_owned(),
        ),
        (
            "workers = {}",
            "11. Move the workers: stop the old slot's from claiming work, then start the new slot's (each within 2m).".to_owned(),
        ),
        (
            "workers = { max_depth = 1 }",
            "    - then at most 1 job wait in the queues".to_owned(),
        ),
        (
            "retention.undrained = \"cut\"",
            "    - requests that are still in flight after 10m are cut".to_owned(),
        ),
        (
            "soak.time = \"0s\"",
            "11. Finish and tell the notifiers. The deployment ends here.".to_owned(),
        ),
        (
            &*format!("guards = {}\nsteps = [{{ weight = \"100%\", bake = \"1m\" }}]", gate("errors")),
            " 7. Give the candidate 100% of the traffic (the cutover) for 1m, watched by errors.".to_owned(),
        ),
        (
            "preflight.capacity = \"0%\"",
            " 7. Give the candidate 5% of the traffic for 2m.".to_owned(),
        ),
        (
            "health = [{ name = \"a\", http = [{ url = \"http://a\" }, { url = \"http://b\" }] }]",
            "    - health: a (2 requests)".to_owned(),
        ),
        (
            "health = [{ name = \"a\", metric = { name = \"m\", max = 2 } }]",
            "    - health: a (m at most 2)".to_owned(),
        ),
        (
            "windows.freeze = [{ zone = \"UTC\" }]",
            "This plan does without: health gates, smoke tests, guards, analysis, gates of the public address, \
             approvals, migrations, warm-up, workers, hooks."
                .to_owned(),
        ),
        (&*format!("health = {}", gate("up")), "    - health: up (code)".to_owned()),
        (&*format!("public = {}", gate("front")), "    - then the public address is asked: front".to_owned()),
    ] {
        let told = Plan::from_toml(&format!("service = \"shop\"\n{toml}"))
            .unwrap_or_else(|error| panic!("{toml}: {error}"))
            .explain();
        assert!(told.lines().any(|told| told == line), "{line} is missing:\n{told}");
    }
    let nothing = Plan::from_toml("service = \"shop\"\npreflight.capacity = \"0%\"").unwrap();
    assert!(!nothing.explain().contains("of the live slot's instances"));
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

const ALL: &str = "\
A deployment of shop: the release goes to green, and is refused while green is live.
    - allowed only in windows: deploy, retire, contract, mon, tue 09:00 to 16:30 Europe/Berlin
    - frozen: deploy, shift, every day from 2026-12-23 until 2027-01-02T06:00:00 UTC (end of the year)
    - going back is allowed at any time
 1. Read the routers: which slot is live, and does the record agree? (within 1m)
 2. Check before anything is touched (within 2m):
    - the windows and what the routers can represent; the live slot need not be healthy
    - further checks: disk (command)
    - the sources of metrics: app (2 metrics), prometheus (1 metric), shell (2 metrics)
 3. Empty the target, if an old release is still kept there.
 4. Let the routers take the candidate in at 0% (within 2m).
 5. Deploy the release to the target and wait until it is ready (within 20m).
 6. Run the expand migrations; the old release goes on working (within 30m).
 7. Warm the candidate up with 1 command (within 5m):
    - warm {{raw}}
 8. Verify the candidate before it gets traffic (within 10m):
    - health: api (1 request)
    - smoke tests: checkout (command), orders (scenario: log-in; in any case delete)
    - from the first traffic on also watched: errors (error_rate at least -1.1 and at most 0.01)
    - and these numbers: cpu (cpu normal above 60%, warning above 75%, critical above 0.9), memory (memory normal above 500000000, critical above 200% of live's), p95 (p95 normal above 500ms, warning above 1s, critical above 2s), pool (pool_free warning below 10, critical below 2)
    - at least 80% of the live slot's instances, where the host can count them
 9. Give the candidate 2.5% of the traffic for 1m30s, watched by api, errors, cpu, memory, p95, pool.
    - every router accepts it within 2m and confirms that it is live within 5m
    - must pass at the end: queue (code)
    - compared with live: errors, latency (reported only: logins); worse: back; cannot be told: watched for 30m more, then held up to 2h for an approval, then back
10. Wait up to 2h for an approval; without an answer go on.
    - hook announce (code) before approval; a failure fails the phase
11. Give the candidate 50% of the traffic for 10m, watched by api, errors, cpu, memory, p95, pool.
    - every router accepts it within 2m and confirms that it is live within 5m
    - compared with live: errors, latency (reported only: logins); worse: back; cannot be told: watched for 30m more, then held up to 2h for an approval, then back
12. Give the candidate 100% of the traffic (the cutover), watched by api, errors, cpu, memory, p95, pool.
    - every router accepts it within 2m and confirms that it is live within 5m
    - the analysis has nothing left to compare; limits of errors, latency are watched
13. Move the workers: start the new slot's, then stop the old slot's from claiming work (each within 2m).
    - then at most 100 jobs wait in the queues
14. Watch the candidate with all traffic for 15m.
    - public address: front (1 request)
15. Run the backfill (within 30m).
16. Finish. The deployment ends here.
17. Keep the old slot for 1d, for a rollback by traffic alone; then leave it at its standby size.
    - contract migrations run by an operation of their own, once no slot needs what they remove
When something fails:
    - before the candidate has traffic: stop; the live slot was not touched
    - afterwards: give all traffic back to the slot that was live (each part within 5m), without approval or window
    - then the public address is asked: front
    - if neither slot is healthy: stop where it is, and ask
    - if only the candidate is healthy: stop where it is, and ask
    - hook purge (command) after confirm_return; a failure is told, and no more
This plan does without: notifications.
";
