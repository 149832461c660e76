//! What is written reads back equal.

use crate::Plan;

/// A plan that says something about everything that can be said.
pub(super) const EVERYTHING: &str = r#"{
  "service": "shop",
  "target": "green",
  "slots": {
    "blue": { "url": "http://127.0.0.1:8081", "public": "https://shop.example" },
    "green": { "url": "http://127.0.0.1:8082", "public": "https://shop.example" }
  },
  "steps": [
    { "weight": "2.5%", "bake": "90s", "gates": [{ "name": "queue", "code": true }] },
    { "weight": "50%", "bake": "10m", "approval": { "expires": "2h", "default": "proceed" } },
    { "weight": "100%" }
  ],
  "windows": {
    "allow": [{ "days": ["mon", "tue"], "from": "09:00", "to": "16:30", "zone": "Europe/Berlin" }],
    "freeze": [{
      "since": "2026-12-23", "until": "2027-01-02T06:00:00", "zone": "UTC", "actions": ["deploy", "shift"],
      "reason": "end of the year"
    }]
  },
  "preflight": {
    "checks": [{ "name": "disk", "command": { "run": ["df", "{slot}"] } }],
    "allow_unhealthy_live": true,
    "capacity": "80%"
  },
  "health": [{
    "name": "api",
    "http": [{
      "url": "{url}/health?v={version}",
      "method": "POST",
      "headers": { "Accept": "application/json", "Authorization": { "secret": "probe" } },
      "body": "{{\"deep\": true}}",
      "status": [200, 204],
      "json": { "/status": "ok", "/checks/0": 1.5, "": { "a": [true] } },
      "contains": ["ok"],
      "answer_headers": { "x-version": "1" },
      "max_latency": "750ms"
    }],
    "initial_delay": "1s",
    "period": "5s",
    "timeout": "2s",
    "success_threshold": 2,
    "failure_threshold": 4,
    "error_threshold": 6
  }],
  "smoke": [
    { "name": "checkout", "command": { "run": ["checkout-test", "{url}"], "timeout": "1m" }, "timeout": "90s" },
    {
      "name": "orders",
      "scenario": {
        "values": { "password": { "secret": "smoke" } },
        "headers": { "X-Slot": "{slot}" },
        "steps": [{
          "name": "log-in",
          "http": { "url": "{url}/login", "method": "POST", "body_json": { "pin": "{password}" }, "lacks": ["error"], "matches": ["a+"] },
          "take": { "token": { "json": "/token" }, "id": { "header": "location", "regex": "(.)$", "shown": true } },
          "redirects": "same_origin",
          "timeout": "3s"
        }],
        "clean_up": [{ "name": "delete", "http": { "url": "{url}/{id}", "body_form": { "a": "{run}" } } }],
        "clean_up_time": "2s"
      }
    }
  ],
  "guards": [{ "name": "errors", "metric": { "name": "error_rate", "max": 0.01, "min": -1.1 } }],
  "sources": [
    {
      "name": "app", "scrape": "{url}/metrics {url}/more", "counters": { "requests": "http_requests_total" },
      "histograms": { "latency": "http_seconds" }, "headers": { "Authorization": { "secret": "scrape" } },
      "timeout": "2s", "stale_after": "30s"
    },
    {
      "name": "prometheus", "prometheus": "https://prometheus.example", "gauges": { "cpu": "cpu{slot=\"$slot\"}" },
      "measured_at": "min(timestamp(up))"
    },
    {
      "name": "shell",
      "commands": { "gauges": { "queue": { "run": ["llen", "{slot}"] } }, "counters": { "errors": { "run": ["x"] } } }
    }
  ],
  "thresholds": {
    "cpu": { "normal": "60%", "warning": "75%", "critical": 0.9, "period": "5s", "failure_threshold": 2 },
    "p95": { "normal": "500ms", "warning": "1s", "critical": "2s", "error_threshold": 3, "timeout": "1s" },
    "pool": { "metric": "pool_free", "below": true, "warning": 10, "critical": 2, "on_missing": "rollback" },
    "memory": { "of_live": true, "normal": 500000000, "critical": "200%", "initial_delay": "30s" }
  },
  "analysis": {
    "alpha": 0.02, "tick": "2s", "warm_up": "20s", "on_inconclusive": "extend", "hold": "2h",
    "metrics": [
      { "name": "errors", "errors": { "normal": 0.001, "warning": 0.01, "critical": 0.05 } },
      { "name": "latency", "latency": { "ratio": 2.0, "critical": { "quantile": 0.95, "below": "2s" } } },
      { "name": "logins", "blocking": false, "events": { "count": "logins", "at_least": 0.8 } }
    ]
  },
  "public": [{ "name": "front", "http": [{ "url": "{public}/" }] }],
  "migrations": { "expand": "after_prepare", "backfill": true },
  "warm_up": [{ "run": ["warm", "{{raw}}"], "env": { "SLOT": "{slot}", "TOKEN": { "secret": "t" } }, "dir": "/srv/{slot}" }],
  "workers": { "order": "start_first", "max_depth": 100 },
  "soak": { "time": "15m" },
  "retention": { "keep": "1d", "then": "standby", "drain": "90s", "undrained": "cut" },
  "hooks": [
    { "name": "purge", "at": "after confirm_return", "command": { "run": ["purge"] }, "on_failure": "warn" },
    { "name": "announce", "at": "before approval" }
  ],
  "rollback": { "both_unhealthy": "halt" },
  "notify": false,
  "deadlines": { "prepare": "20m" },
  "retry": { "first": "100ms", "max": "5s", "factor": 1.1, "attempts": 5 },
  "lease": { "ttl": "1m", "poll": "2s", "call": "45s" }
}"#;

#[test]
fn a_plan_that_says_everything_reads_back_equal_from_both_forms() {
    let plan = Plan::from_json(EVERYTHING).unwrap_or_else(|error| panic!("{error}"));
    let json = plan.to_json().unwrap();
    assert_eq!(Plan::from_json(&json).unwrap(), plan, "{json}");
    let toml = plan.to_toml().unwrap();
    assert_eq!(Plan::from_toml(&toml).unwrap(), plan, "{toml}");
    assert_eq!(Plan::from_toml(&toml).unwrap().to_json().unwrap(), json);
}

#[test]
fn the_least_plan_is_the_name_of_the_service() {
    let plan = Plan::from_toml("service = \"shop\"").unwrap();
    assert_eq!(plan, Plan::builder(plan.service.clone()).build().unwrap());
    assert_eq!(Plan::from_toml(&plan.to_toml().unwrap()).unwrap(), plan);
}

#[test]
fn what_a_request_has_to_answer_may_be_any_json() {
    let text = r#"{"service":"shop","health":[{"name":"a","http":[{"url":"http://a",
        "json":{"/a":-3,"/b":null,"/c":[true,18446744073709551615,0.5,"x"]}}]}]}"#;
    let json = serde_json::to_value(&Plan::from_json(text).unwrap().health[0].http[0].json).unwrap();
    let expected = r#"{"/a":-3,"/b":null,"/c":[true,18446744073709551615,0.5,"x"]}"#;
    assert_eq!(json.to_string(), expected);
}

#[test]
fn the_value_of_a_header_is_a_text_or_names_a_secret() {
    use crate::plan::HeaderValue;
    let error = serde_json::from_str::<HeaderValue>("5").unwrap_err().to_string();
    assert!(
        error.contains("a text in quotes, or { secret = \"name\" }"),
        "{error}"
    );
}

#[test]
fn a_null_is_taken_as_left_out() {
    let without = Plan::from_json(r#"{"service":"shop"}"#).unwrap();
    assert_eq!(
        Plan::from_json(r#"{"service":"shop","workers":null,"migrations":null}"#),
        Ok(without)
    );
}

#[test]
fn what_toml_has_no_form_for_is_refused_with_its_place() {
    for (value, what) in [
        ("null", "null"),
        ("18446744073709551615", "number of more than 63 bits"),
    ] {
        let text = format!(
            r#"{{"service":"shop","health":[{{"name":"a","http":[{{"url":"http://a","json":{{"/a":[0,{value}]}}}}]}}]}}"#
        );
        let error = Plan::from_json(&text).unwrap().to_toml().unwrap_err();
        assert_eq!(error.problems[0].path, "health[0].http[0].json./a[1]", "{error}");
        assert_eq!(error.problems[0].message, format!("TOML has no {what}"));
    }
}

#[test]
fn a_text_of_256_kib_is_read_and_a_longer_one_is_not() {
    let text = |bytes: usize| {
        let plan = "service = \"shop\" #";
        format!("{plan}{}", "#".repeat(bytes - plan.len()))
    };
    assert!(Plan::from_toml(&text(256 * 1024)).is_ok());
    let error = Plan::from_toml(&text(256 * 1024 + 1)).unwrap_err();
    assert_eq!(error.problems[0].message, "the text is 257 KiB long");
}
