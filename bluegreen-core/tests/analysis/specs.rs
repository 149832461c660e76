//! How an analysis is written.

use bluegreen_core::analysis::{Analysis, AnalysisSpec};
use std::time::Duration;

#[test]
fn every_mistake_is_told_at_once() {
    let spec: AnalysisSpec = toml::from_str(
        r#"
        alpha = 0.0
        beta = nan
        tick = "0s"
        min_evidence_ticks = 0
        max_missing = 0

        [[metrics]]
        name = "Errors"
        errors = { bad = "requests", slack = 0.9, normal = 0.1, warning = 0.01, pass = { ratio = 0.5 } }

        [[metrics]]
        name = "nothing"

        [[metrics]]
        name = "nothing"
        errors = { relative = false }
        events = { count = "", at_least = 1.2 }

        [[metrics]]
        name = "latency"
        latency = { ratio = 0.5, critical = { quantile = 95.0, below = "0s" } }

        [[metrics]]
        name = "logins"
        events = { count = "logins" }
        "#,
    )
    .unwrap();
    let problems = spec.problems("analysis");
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    for path in [
        "analysis.alpha",
        "analysis.beta",
        "analysis.tick",
        "analysis.min_evidence_ticks",
        "analysis.max_missing",
        "analysis.metrics[0].name",
        "analysis.metrics[0].errors.bad",
        "analysis.metrics[0].errors.slack",
        "analysis.metrics[0].errors.normal",
        "analysis.metrics[0].errors.pass",
        "analysis.metrics[1]",
        "analysis.metrics[2].name",
        "analysis.metrics[2]",
        "analysis.metrics[2].errors",
        "analysis.metrics[2].events.count",
        "analysis.metrics[2].events.at_least",
        "analysis.metrics[3].latency.ratio",
        "analysis.metrics[3].latency.critical.quantile",
        "analysis.metrics[3].latency.critical.below",
        "analysis.metrics[4].events",
    ] {
        assert!(paths.contains(&path), "{path} is missing in {paths:#?}");
    }
    assert!(problems.iter().all(|problem| !problem.remedy.is_empty()));
    assert!(Analysis::new(spec, Duration::from_mins(1)).is_err());
}

#[test]
fn a_key_that_is_not_known_is_refused() {
    for text in [
        "alhpa = 0.1",
        "[[metrics]]\nname = \"e\"\nerrors = { ratoi = 2.0 }",
        "[[metrics]]\nname = \"e\"\nlatency = { critical = { quantile = 0.95, above = \"1s\" } }",
    ] {
        assert!(toml::from_str::<AnalysisSpec>(text).is_err(), "{text}");
    }
}

#[test]
fn a_spec_reads_back_as_it_was_written() {
    let text = r#"
        on_inconclusive = "extend"
        [[metrics]]
        name = "errors"
        errors = { ratio = 2, critical = 0.05 }
        [[metrics]]
        name = "latency"
        blocking = false
        latency = { critical = { quantile = 0.95, below = "1s" } }
    "#;
    let spec: AnalysisSpec = toml::from_str(text).unwrap();
    assert!(spec.problems("").is_empty(), "{:?}", spec.problems(""));
    let written = toml::to_string(&spec).unwrap();
    assert_eq!(
        toml::from_str::<AnalysisSpec>(&written).unwrap(),
        spec,
        "{written}"
    );
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(
        serde_json::from_str::<AnalysisSpec>(&json).unwrap(),
        spec,
        "{json}"
    );
}

/// The table of the module's documentation, read as TOML.
#[test]
fn the_documented_defaults_are_the_defaults() {
    let source = include_str!("../../src/analysis/mod.rs");
    let rows = source
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split_once("` | `"));
    let mut count = 0;
    let mut spec = String::new();
    let mut metrics = [("errors", String::new()), ("latency", String::new())];
    for (key, rest) in rows {
        let (value, _) = rest.split_once("` |").unwrap();
        count += 1;
        let line = |key: &str| {
            let bare = value.parse::<f64>().is_ok() || value == "true" || value == "false";
            if bare {
                format!("{key} = {value}\n")
            } else {
                format!("{key} = {value:?}\n")
            }
        };
        if value == "none" {
            continue;
        }
        match key.split_once('.') {
            None => spec += &line(key),
            Some((table, key)) => {
                for (name, text) in &mut metrics {
                    if *name == table {
                        *text += &line(key);
                    }
                }
            }
        }
    }
    assert!(count >= 24, "{count}");
    for (name, text) in metrics {
        spec.extend([
            "[[metrics]]\nname = \"",
            name,
            "\"\n[metrics.",
            name,
            "]\n",
            &text,
        ]);
    }
    let bare = "[[metrics]]\nname = \"errors\"\nerrors = {}\n[[metrics]]\nname = \"latency\"\nlatency = {}";
    let documented: AnalysisSpec = toml::from_str(&spec).unwrap_or_else(|error| panic!("{spec}\n{error}"));
    assert_eq!(documented, toml::from_str(bare).unwrap(), "{spec}");
}
