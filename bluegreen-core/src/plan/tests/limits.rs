//! What is just within a rule is taken, and what is just beyond it is not.

use crate::Plan;

fn read(toml: &str) -> Result<Plan, String> {
    Plan::from_toml(&format!("service = \"shop\"\n{toml}")).map_err(|error| error.to_string())
}

#[test]
fn a_hook_may_stand_at_every_point_that_the_plan_comes_to() {
    for (described, points) in [
        ("", ["before reconcile", "after soak"]),
        (
            "warm_up = [{ run = [\"a\"] }]",
            ["before warm_up", "after warm_up"],
        ),
        ("migrations = {}", ["before migrate", "after contract"]),
        (
            "migrations = { backfill = true }",
            ["before backfill", "after backfill"],
        ),
        ("workers = {}", ["before quiesce", "after return_workers"]),
        (
            "workers = { max_depth = 3 }",
            ["before queue_depth", "after start_workers"],
        ),
        (
            "steps = [{ weight = \"5%\" }, { weight = \"100%\", approval = {} }]",
            ["before approval", "after approval"],
        ),
    ] {
        for point in points {
            let toml = format!("{described}\nhooks = [{{ name = \"a\", at = \"{point}\" }}]");
            assert_eq!(read(&toml).err(), None, "{toml}");
        }
    }
}

#[test]
fn a_name_has_at_most_64_letters() {
    for (length, fits) in [(1, true), (64, true), (65, false)] {
        let toml = format!("health = [{{ name = \"{}\", code = true }}]", "a".repeat(length));
        assert_eq!(read(&toml).is_ok(), fits, "{length}");
    }
}

#[test]
fn a_plan_has_at_most_32_kib_as_json() {
    let bytes = |text: usize| {
        let toml = format!(
            "windows.freeze = [{{ zone = \"UTC\", reason = \"{}\" }}]",
            "x".repeat(text)
        );
        read(&toml).map(|plan| serde_json::to_string(&plan).unwrap().len())
    };
    let room = 32 * 1024 - bytes(1_000).unwrap() + 1_000;
    assert_eq!(bytes(room).unwrap(), 32 * 1024);
    assert!(bytes(room + 1).unwrap_err().contains("32768 fit into a record"));
}

#[test]
fn what_is_just_within_a_rule_is_taken() {
    let gate = |more: &str| format!("health = [{{ name = \"a\", {more} }}]");
    for toml in [
        "lease = { ttl = \"2s\", poll = \"500ms\", call = \"2s\" }",
        "lease.poll = \"10s\"",
        "retry.first = \"10s\"",
        "retry.factor = 1.0",
        "retry.attempts = 1",
        "retry.attempts = 100",
        "deadlines.migrate = \"30d\"",
        "retention.keep = \"30d\"",
        "soak.time = \"30d\"",
        "retention.drain = \"9m59s\"",
        "steps = [{ weight = \"0.01%\" }, { weight = \"0.02%\" }, { weight = \"100%\", bake = \"30d\" }]",
        "windows.freeze = [{ zone = \"UTC\", since = 2026-12-24, until = 2026-12-24 }]",
        "windows.freeze = [{ zone = \"UTC\", from = \"12:00\", to = \"12:01\" }]",
        "slots.blue = { url = \"a\" }\nslots.green = { url = \"b\" }\nwarm_up = [{ run = [\"{url}\"] }]",
        "warm_up = [{ run = [\"a\"], env = { _A1 = \"x\", A = { secret = \"t\" } }, timeout = \"1ms\" }]",
        &gate("metric = { name = \"m\", min = 2, max = 2 }"),
        &gate("http = [{ url = \"http://a\", status = [100, 599] }]"),
        &gate("http = [{ url = \"https://a/\", json = { \"/a~0~1\" = 1, \"\" = 2 } }]"),
        &gate("code = true, success_threshold = 1, failure_threshold = 1, error_threshold = 1"),
        &gate("code = true, period = \"1m\", success_threshold = 10"),
        &gate("code = true, initial_delay = \"9m\""),
    ] {
        assert_eq!(read(toml).err(), None, "{toml}");
    }
}
