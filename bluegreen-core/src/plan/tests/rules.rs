//! Each rule by itself: what breaks it, where that is told, and in which words.

use proptest::prelude::*;

use super::reading::EVERYTHING;
use crate::Plan;
use crate::plan::{GateSpec, MetricCheck};

/// What is added to the least plan, the path of the one problem, and a part of what is told.
#[rustfmt::skip] // a row a line
const RULES: &[(&str, &str, &str)] = &[
    // Steps.
    ("steps = []", "steps", "there is no step"),
    ("steps = [{ weight = \"0%\" }, { weight = \"100%\" }]", "steps[0].weight", "begin with more than 0%"),
    ("steps = [{ weight = \"5%\" }, { weight = \"5%\" }, { weight = \"100%\" }]", "steps[1].weight", "5% follows 5%"),
    ("steps = [{ weight = \"5%\" }]", "steps[0].weight", "not all traffic"),
    ("steps = [{ weight = \"101%\" }, { weight = \"100%\" }]", "steps[0].weight", "no share of the traffic"),
    ("steps = [{ weight = \"100%\", bake = \"31d\" }]", "steps[0].bake", "at most \"30d\""),
    ("steps = [{ weight = \"100%\", approval = { expires = \"0s\" } }]", "steps[0].approval.expires", "more than \"0s\""),
    // Slots and placeholders.
    ("slots.blue = { slot = \"a\" }", "slots.blue.slot", "a meaning of its own"),
    ("slots.blue = { Url = \"a\" }", "slots.blue.Url", "cannot be a placeholder"),
    ("warm_up = [{ run = [\"a\", \"{urll}\"] }]\nslots.blue = { url = \"a\" }\nslots.green = { url = \"b\" }", "warm_up[0].run[1]", "did you mean {url}?"),
    ("warm_up = [{ run = [\"a\", \"{url}\"] }]\nslots.blue = { url = \"a\" }", "warm_up[0].run[1]", "add it to the other: [slots.green] url"),
    ("warm_up = [{ run = [\"a\", \"{slot\"] }]", "warm_up[0].run[1]", "never closed"),
    ("warm_up = [{ run = [\"a\", \"slot}\"] }]", "warm_up[0].run[1]", "closes nothing"),
    ("warm_up = [{ run = [\"a\"], dir = \"/srv/{sloot}\" }]", "warm_up[0].dir", "did you mean {slot}?"),
    ("warm_up = [{ run = [\"a\"], env = { A = \"{nothing}\" } }]", "warm_up[0].env.A", "no placeholder {nothing}"),
    ("[[health]]\nname = \"a\"\nhttp = [{ url = \"http://a/\", contains = [\"{nothing}\"] }]", "health[0].http[0].contains[0]", "no placeholder {nothing}"),
    ("[[health]]\nname = \"a\"\nhttp = [{ url = \"http://a/\", json = { \"/a\" = \"{nothing}\" } }]", "health[0].http[0].json./a", "no placeholder {nothing}"),
    ("[[health]]\nname = \"a\"\nhttp = [{ url = \"http://a/\", answer_headers = { A = \"{nothing}\" } }]", "health[0].http[0].answer_headers.A", "no placeholder {nothing}"),
    // Commands.
    ("warm_up = [{ run = [] }]", "warm_up[0].run", "nothing to run"),
    ("warm_up = [{ run = [\" \"] }]", "warm_up[0].run[0]", "no name"),
    ("warm_up = [{ run = [\"php artisan\"] }]", "warm_up[0].run[0]", "there is no shell"),
    ("warm_up = [{ run = \"php\" }]", "warm_up[0].run", "write a list"),
    ("warm_up = [{ run = [\"a\"], timeout = \"0s\" }]", "warm_up[0].timeout", "more than \"0s\""),
    ("warm_up = [{ run = [\"a\"], env = { \"1A\" = \"x\" } }]", "warm_up[0].env.1A", "no name of a variable"),
    ("warm_up = [{ run = [\"a\"], env = { GH_TOKEN = \"x\" } }]", "warm_up[0].env.GH_TOKEN", "name it as a secret"),
    ("warm_up = [{ run = [\"a\"], env = { A = { secret = \"\" } } }]", "warm_up[0].env.A.secret", "the secret has no name"),
    ("warm_up = [{ run = [\"a\\u0000b\"] }]", "warm_up[0].run[0]", "a NUL"),
    // Gates.
    ("health = [{ name = \"a\" }]", "health[0]", "measures nothing"),
    ("health = [{ name = \"a\", code = true, command = { run = [\"a\"] } }]", "health[0]", "several things: command, code"),
    ("health = [{ name = \"\", code = true }]", "health[0].name", "no name"),
    ("health = [{ name = \"A b\", code = true }]", "health[0].name", "no name"),
    ("guards = [{ name = \"a\", code = true }, { name = \"a\", code = true }]", "guards[1].name", "another \"a\""),
    ("health = [{ name = \"a\", code = true, period = \"0s\" }]", "health[0].period", "more than"),
    ("health = [{ name = \"a\", code = true, timeout = \"0s\" }]", "health[0].timeout", "more than"),
    ("health = [{ name = \"a\", code = true, success_threshold = 0 }]", "health[0].success_threshold", "1 or more"),
    ("health = [{ name = \"a\", code = true, error_threshold = 0 }]", "health[0].error_threshold", "1 or more"),
    ("smoke = [{ name = \"a\", code = true, initial_delay = \"10m\" }]", "smoke[0]", "deadlines.verify is 10m"),
    ("health = [{ name = \"a\", code = true, period = \"1m\", success_threshold = 11 }]", "health[0]", "passes after 10m"),
    ("preflight.checks = [{ name = \"a\", code = true, initial_delay = \"2m\" }]", "preflight.checks[0]", "deadlines.preflight"),
    ("steps = [{ weight = \"100%\", gates = [{ name = \"a\" }] }]", "steps[0].gates[0]", "measures nothing"),
    // Sources, thresholds, analysis.
    ("sources = [{ name = \"a\", counters = { a = \"b\" } }]", "sources[0]", "it asks nobody"),
    ("sources = [{ name = \"a\", scrape = \"http://a\", prometheus = \"http://a\", counters = { a = \"b\" } }]", "sources[0]", "a source of each"),
    ("sources = [{ name = \"a\", scrape = \"http://a\" }]", "sources[0]", "it has no metrics"),
    ("sources = [{ name = \"a\", scrape = \"a/metrics\", counters = { a = \"b\" } }]", "sources[0].scrape", "no address"),
    ("sources = [{ name = \"a\", scrape = \"\", counters = { a = \"b\" } }]", "sources[0].scrape", "there is no address"),
    ("sources = [{ name = \"a\", scrape = \"http://a\", counters = { a = \"b\" }, gauges = { a = \"c\" } }]", "sources[0]", "two metrics \"a\""),
    ("sources = [{ name = \"a\", scrape = \"http://a\", counters = { a = \"b\" }, headers = { Authorization = \"x\" } }]", "sources[0].headers.Authorization", "name it as a secret"),
    ("sources = [{ name = \"a\", scrape = \"http://a\", counters = { a = \"b\" }, measured_at = \"x\" }]", "sources[0].measured_at", "only Prometheus"),
    ("sources = [{ name = \"a\", commands = { gauges = { a = { run = [] } } } }]", "sources[0].commands.gauges.a.run", "nothing to run"),
    ("sources = [{ name = \"a\", commands = { gauges = { a = { run = [\"a\"] } } }, gauges = { b = \"c\" } }]", "sources[0].gauges", "commands.gauges"),
    ("thresholds.cpu = { normal = 1 }", "thresholds.cpu", "has no limit"),
    ("thresholds.cpu = { warning = 2, critical = 1 }", "thresholds.cpu.warning", "let normal, warning and critical rise"),
    ("thresholds.cpu = { below = true, warning = 1, critical = 2 }", "thresholds.cpu.warning", "let them fall"),
    ("thresholds.p95 = { of_live = true, critical = \"2s\" }", "thresholds.p95.critical", "a multiple of live's"),
    ("thresholds.p95 = { critical = \"2 seconds\" }", "thresholds.p95.critical", "a time such as"),
    ("thresholds.p95 = { critical = 1, period = \"0s\" }", "thresholds.p95.period", "more than"),
    ("analysis = {}", "analysis.metrics", "it compares nothing"),
    ("analysis = { metrics = [{ name = \"a\", errors = {} }], alpha = 0.5 }", "analysis.alpha", "does not fit"),
    ("analysis = { metrics = [{ name = \"a\", errors = { critical = \"95%\" } }] }", "analysis.metrics[0].errors.critical", "0.95 does not fit here"),
    ("analysis = { metrics = [{ name = \"a\", errors = { critical = \"5 percent\" } }] }", "analysis.metrics[0].errors.critical", "a text does not fit here"),
    ("analysis = { metrics = [{ name = \"a\", errors = {} }], hold = \"0s\" }", "analysis.hold", "more than"),
    ("analysis = { metrics = [{ name = \"a\", errors = {} }] }\nsteps = [{ weight = \"100%\" }]", "analysis", "never anything to compare"),
    ("analysis = { metrics = [{ name = \"a\", errors = {} }] }\nsteps = [{ weight = \"5%\", bake = \"40s\" }, { weight = \"100%\" }]", "steps[0].bake", "it needs 45s at least"),
    // Metrics.
    ("guards = [{ name = \"a\", metric = { name = \"m\" } }]", "guards[0].metric", "has no limit"),
    ("guards = [{ name = \"a\", metric = { name = \"m\", max = 1, min = 2 } }]", "guards[0].metric", "at least 2 and at most 1"),
    ("guards = [{ name = \"a\", metric = { name = \"m\", max = inf } }]", "guards[0].metric.max", "write a number"),
    ("guards = [{ name = \"a\", metric = { name = \" \", max = 1 } }]", "guards[0].metric.name", "no name"),
    // Requests.
    ("public = [{ name = \"a\", http = [{ url = \"example.org\" }] }]", "public[0].http[0].url", "no address"),
    ("public = [{ name = \"a\", http = [{ url = \"http:///a\" }] }]", "public[0].http[0].url", "no address"),
    ("public = [{ name = \"a\", http = [{ url = \"https://a b/\" }] }]", "public[0].http[0].url", "no address"),
    ("public = [{ name = \"a\", http = [{ url = \"https://u:p@a/\" }] }]", "public[0].http[0].url", "a name or a password"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", method = \"get\" }] }]", "public[0].http[0].method", "one of GET"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", status = [99] }] }]", "public[0].http[0].status[0]", "100 to 599"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", contains = [\"\"] }] }]", "public[0].http[0].contains[0]", "the empty text"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", json = { a = 1 } }] }]", "public[0].http[0].json.a", "no JSON pointer"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", json = { \"/a~2\" = 1 } }] }]", "public[0].http[0].json./a~2", "no JSON pointer"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", headers = { \"a b\" = \"1\" } }] }]", "public[0].http[0].headers.a b", "no name of a header"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", headers = { a = \"1\\r\\nb: 2\" } }] }]", "public[0].http[0].headers.a", "line break"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", headers = { cookie = \"s=1\" } }] }]", "public[0].http[0].headers.cookie", "name it as a secret"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", headers = { X-API-Key = \"1\" } }] }]", "public[0].http[0].headers.X-API-Key", "name it as a secret"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", answer_headers = { \"\" = \"1\" } }] }]", "public[0].http[0].answer_headers.", "no name of a header"),
    ("public = [{ name = \"a\", http = [{ url = \"http://a\", max_latency = \"0s\" }] }]", "public[0].http[0].max_latency", "more than"),
    // Hooks.
    ("hooks = [{ name = \"a\", at = \"after finish\" }, { name = \"a\", at = \"after stage\" }]", "hooks[1].name", "another \"a\""),
    ("hooks = [{ name = \"a\", at = \"after halted\" }]", "hooks[0].at", "no hook runs after halted"),
    ("hooks = [{ name = \"a\", at = \"before return\" }]", "hooks[0].at", "going back waits for nothing"),
    ("hooks = [{ name = \"a\", at = \"before confirm_return\" }]", "hooks[0].at", "going back waits for nothing"),
    ("hooks = [{ name = \"a\", at = \"after warm_up\" }]", "hooks[0].at", "nothing warms the candidate up"),
    ("hooks = [{ name = \"a\", at = \"before migrate\" }]", "hooks[0].at", "it has no migrations"),
    ("migrations = {}\nhooks = [{ name = \"a\", at = \"before backfill\" }]", "hooks[0].at", "it has no backfill"),
    ("hooks = [{ name = \"a\", at = \"after quiesce\" }]", "hooks[0].at", "it has no workers"),
    ("workers = {}\nhooks = [{ name = \"a\", at = \"after queue_depth\" }]", "hooks[0].at", "does not look at queues"),
    ("hooks = [{ name = \"a\", at = \"after approval\" }]", "hooks[0].at", "no step asks for an approval"),
    ("hooks = [{ name = \"a\", at = \"after finish\", command = { run = [] } }]", "hooks[0].command.run", "nothing to run"),
    // Times.
    ("deadlines.shift = \"0s\"", "deadlines.shift", "more than"),
    ("deadlines.migrate = \"800h\"", "deadlines.migrate", "at most \"30d\""),
    ("retention.keep = \"31d\"", "retention.keep", "at most \"30d\""),
    ("retention.drain = \"10m\"", "retention.drain", "let deadlines.drain be longer"),
    ("soak.time = \"721h\"", "soak.time", "at most \"30d\""),
    ("lease = { ttl = \"1s\", poll = \"100ms\", call = \"1s\" }", "lease.ttl", "at least \"2s\""),
    ("lease.poll = \"0s\"", "lease.poll", "more than"),
    ("lease.poll = \"11s\"", "lease.poll", "a third of lease.ttl, \"10s\""),
    ("lease.call = \"31s\"", "lease.call", "only if its end fits into the lease"),
    ("retry.factor = 0.5", "retry.factor", "1 or more"),
    ("retry.factor = 1e300", "retry.factor", "1 or more"),
    ("retry.attempts = 101", "retry.attempts", "1 (no repetition) to 100"),
    ("retry.first = \"11s\"", "retry.first", "at most retry.max"),
    // A list is no table, and a table is no word.
    ("lease = [\"30s\", \"1s\", \"20s\"]", "lease", "a list does not fit here; write a table"),
    ("hooks = [[\"a\", \"after finish\"]]", "hooks[0]", "a list does not fit here; write a table"),
    ("target = { blue = {} }", "target", "a table does not fit here; write"),
    // Windows.
    ("windows.freeze = [{ days = [\"fri\"] }]", "windows.freeze[0].zone", "zone = \"Europe/Berlin\""),
    ("windows.freeze = [{ zone = \"UTC\", actions = [] }]", "windows.freeze[0].actions", "about no action"),
    ("windows.freeze = [{ zone = \"UTC\", from = \"12:00\", to = \"12:00\" }]", "windows.freeze[0].to", "ends when it begins"),
    ("windows.freeze = [{ zone = \"UTC\", since = 2026-12-24, until = 2026-12-23 }]", "windows.freeze[0].until", "later than `since`"),
    ("windows.freeze = [{ zone = \"UTC\", since = 2026-12-24T12:00:00Z }]", "windows.freeze[0].since", "without an offset"),
];

#[test]
fn each_rule_tells_its_one_problem_with_its_place() {
    for (toml, path, part) in RULES {
        let error = Plan::from_toml(&format!("service = \"shop\"\n{toml}")).expect_err(toml);
        let told: Vec<_> = error
            .problems
            .iter()
            .map(|problem| problem.path.as_str())
            .collect();
        assert_eq!(told, [*path], "{toml}\n{error}");
        assert!(error.to_string().contains(part), "{toml}\n{error}");
    }
}

#[test]
fn what_is_unusual_and_right_is_taken() {
    for toml in [
        "steps = [{ weight = \"100%\" }]",
        "soak.time = \"0s\"\nretention.keep = \"30d\"",
        "lease = { ttl = \"2s\", poll = \"600ms\", call = \"2s\" }",
        "retry = { attempts = 1, factor = 1 }",
        "guards = [{ name = \"a\", metric = { name = \"m\", min = 1, max = 1 } }]",
        "health = [{ name = \"a\", code = true }]\nsmoke = [{ name = \"a\", code = true }]",
        "public = [{ name = \"a\", http = [{ url = \"http://[::1]:80?a={{1}}\", json = { \"\" = [], \"/~0~1\" = 1 } }] }]",
        "public = [{ name = \"a\", http = [{ url = \"http://a\", headers = { Cookie = \"\" } }] }]",
        "warm_up = [{ run = [\"C:/Program Files/a.exe\", \"b\"] }]",
        "windows.freeze = [{ zone = \"UTC\", since = 2026-12-24, until = 2026-12-24 }]",
        "warm_up = [{ run = [\"sh\", \"-c\", \"a\\nb ${{C}}\"] }]",
        "workers.max_depth = 0",
        "hooks = [{ name = \"a\", at = \"before recover\" }, { name = \"b\", at = \"before reconcile\" }]",
    ] {
        if let Err(error) = Plan::from_toml(&format!("service = \"shop\"\n{toml}")) {
            panic!("{toml}\n{error}");
        }
    }
}

#[test]
fn a_plan_that_would_not_fit_into_a_record_is_refused() {
    let mut plan = Plan::from_json(EVERYTHING).unwrap();
    assert!(plan.problems().is_empty());
    plan.warm_up[0].run = vec!["x".repeat(33_000)];
    let problems = plan.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("32768 fit"), "{}", problems[0]);
    let long = format!("service = \"shop\"\n# {}", "x".repeat(300 * 1024));
    assert!(
        Plan::from_toml(&long)
            .unwrap_err()
            .to_string()
            .contains("at most 256 KiB")
    );
}

#[test]
fn a_plan_in_code_is_held_to_the_same_rules() {
    let service: crate::ServiceName = "shop".parse().unwrap();
    let error = Plan::builder(service)
        .steps([])
        .guard(GateSpec::metric(
            "errors",
            MetricCheck::new("errors").max(f64::NAN),
        ))
        .build()
        .unwrap_err();
    let told: Vec<_> = error
        .problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(told, ["guards[0].metric.max", "steps"]);
}

proptest! {
    #[test]
    fn what_a_gate_asks_for_reads_back_to_the_last_bit(
        max in any::<f64>(), min in any::<f64>(), factor in 1f32..1e30, value in any::<f64>(), period in 1u64..2_592_000_000,
    ) {
        prop_assume!(max.is_finite() && min.is_finite() && min <= max && value.is_finite());
        let mut plan = Plan::from_json(EVERYTHING).unwrap();
        plan.guards[0].metric = Some(MetricCheck::new("errors").max(max).min(min));
        plan.guards[0].period = std::time::Duration::from_millis(period);
        plan.retry.factor = factor;
        plan.health[0].http[0].json.insert("/x".to_owned(), value.into());
        let json = plan.to_json().unwrap();
        prop_assert_eq!(&Plan::from_json(&json).unwrap(), &plan);
        prop_assert_eq!(&serde_json::from_str::<Plan>(&json).unwrap(), &plan);
        prop_assert_eq!(&Plan::from_toml(&plan.to_toml().unwrap()).unwrap(), &plan);
    }
}
