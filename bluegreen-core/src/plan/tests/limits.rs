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
