//! What is given to each parser, and what has to hold whatever it is. Called from tests with damaged
//! texts, and by the fuzzer with whatever it finds.

use std::str::FromStr;
use std::time::Duration;

use bluegreen_core::analysis::{Action, Analysis, AnalysisSpec, ErrorsSpec, Meter, MetricSpec, Tick};
use bluegreen_core::lifecycle::{DeploymentId, Event, Lifecycle, Phase, Signed};
use bluegreen_core::metrics::Exposition;
use bluegreen_core::migration::{Engine, Linter, Server, Verdict};
use bluegreen_core::plan::{Boundary, HookPoint, TimeOfDay, Zone, expand, humane, placeholders};
use bluegreen_core::store::{FileStore, MemoryStore};
use bluegreen_core::{Deployer, Plan, Sample, ServiceName, Share, Slot, Split, Store, Timestamp, Version};
use bluegreen_testkit::fakes::{CallLog, FakeHost, FakeRouter};
use bytes::Bytes;

/// A plan that is read is explained, written and read again as the same.
pub(crate) fn plan_toml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Plan::from_toml(text) {
        Ok(plan) => same_again(&plan),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub(crate) fn plan_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Plan::from_json(text) {
        Ok(plan) => same_again(&plan),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn same_again(plan: &Plan) {
    assert!(!plan.explain().is_empty());
    let json = plan.to_json().unwrap();
    assert_eq!(Plan::from_json(&json).as_ref(), Ok(plan), "{json}");
    let toml = plan.to_toml().unwrap();
    assert_eq!(Plan::from_toml(&toml).as_ref(), Ok(plan), "{toml}");
}

/// What is read as a word is written and read again as the same.
pub(crate) fn words(data: &[u8]) {
    fn again<T: FromStr + ToString + PartialEq + std::fmt::Debug>(text: &str) {
        if let Ok(read) = text.parse::<T>() {
            assert_eq!(read.to_string().parse::<T>().ok(), Some(read), "{text:?}");
        }
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(span) = humane::parse(text) {
        assert_eq!(humane::parse(&humane::format(span)), Ok(span), "{text:?}");
    }
    again::<Share>(text);
    again::<Slot>(text);
    again::<Phase>(text);
    again::<HookPoint>(text);
    again::<DeploymentId>(text);
    again::<TimeOfDay>(text);
    again::<Boundary>(text);
    again::<Zone>(text);
    again::<ServiceName>(text);
    again::<Version>(text);
    if let Ok(names) = placeholders(text) {
        let filled = expand(text, &|name| Some(format!("<{name}>"))).unwrap();
        assert!(
            names.iter().all(|name| filled.contains(&format!("<{name}>"))),
            "{text:?}"
        );
    }
    let split = format!("\"{text}\"");
    if let Ok(split) = serde_json::from_str::<Split>(&split) {
        let sum = Slot::BOTH.map(|slot| split.share(slot).basis_points());
        assert_eq!(sum.into_iter().sum::<u16>(), 10_000);
    }
}

/// A record that is read says its command, takes every kind of event, and is shown. One that is not is
/// refused. In either case it stays as it is.
pub(crate) fn record(data: &[u8]) {
    #[derive(serde::Deserialize)]
    struct Body {
        lifecycle: Lifecycle,
    }
    if let Ok(Body { lifecycle }) = serde_json::from_slice(data) {
        for event in events() {
            let mut next = lifecycle.clone();
            for _ in 0..3 {
                let _ = next.command();
                next = next.apply(Timestamp::from_millis(1_800_000_000_000), &event);
            }
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let memory = MemoryStore::new();
        let body = Bytes::copy_from_slice(data);
        memory.store("shop/record", None, body.clone()).await.unwrap();
        let log = CallLog::new(std::sync::Arc::new(bluegreen_core::SystemClock::new()));
        let deployer = Deployer::builder(ServiceName::new("shop").unwrap())
            .store(memory.clone())
            .router(FakeRouter::new("edge", &log))
            .host(FakeHost::new("host", &log))
            .build()
            .unwrap();
        if let Err(error) = deployer.status().await {
            assert!(error.to_string().contains("it was left as it is"), "{error}");
        }
        assert_eq!(memory.load("shop/record").await.unwrap().unwrap().body, body);
    });
}

fn events() -> Vec<Event> {
    let by = || Signed::new("ada", "a test");
    let (reason, evidence) = (String::new, String::new);
    vec![
        Event::Done { evidence: evidence() },
        Event::Failed { reason: reason() },
        Event::Expired,
        Event::Waited,
        Event::Interrupted,
        Event::Unknown {
            reason: reason(),
            settle_ms: u64::MAX,
        },
        Event::Deferred {
            reason: reason(),
            retry_after_ms: Some(u64::MAX),
        },
        Event::Checked { results: Vec::new() },
        Event::Watched {
            watched_ms: u64::MAX,
            results: Vec::new(),
        },
        Event::Verified {
            routers: Vec::new(),
            settle_ms: u64::MAX,
        },
        Event::Reconciled {
            routers: vec![("edge".to_owned(), Split::all(Slot::Green))],
        },
        Event::AbortRequested { by: by() },
        Event::ReturnRequested { by: by() },
        Event::Resolved {
            by: by(),
            live: Slot::Blue,
        },
    ]
}

/// Whatever sources say, an analysis takes it in, and without a tick that both slots can be compared in it never
/// goes on. Each 18 bytes are a reading: which slot and what kind, the second, requests, errors.
pub(crate) fn ticks(data: &[u8]) {
    let spec = AnalysisSpec::new([MetricSpec::errors("errors", ErrorsSpec::default())]);
    let mut analysis = Analysis::new(spec, Duration::from_mins(5)).unwrap();
    analysis.begin_step(Duration::from_secs(30));
    let (mut live, mut candidate) = (Meter::default(), Meter::default());
    let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap_or_default());
    for reading in data.chunks_exact(18) {
        let (kind, second) = (reading[0], i64::from(reading[1]));
        let mut sample = Sample::new(Timestamp::from_millis(1000 * second));
        let instance = if kind & 2 == 0 { "a" } else { "b" };
        let counters = &mut sample.instance(instance).counters;
        counters.insert("requests".to_owned(), number(&reading[2..10]));
        if kind & 4 == 0 {
            counters.insert("errors".to_owned(), number(&reading[10..18]));
        }
        let sample = (kind & 8 == 0).then_some(sample);
        let side = if kind & 1 == 0 {
            live.read([sample])
        } else {
            candidate.read([sample])
        };
        let at = Duration::from_secs(u64::from(reading[1]));
        let (live, candidate) = if kind & 1 == 0 { (side, None) } else { (None, side) };
        let action = analysis.observe(&Tick { at, live, candidate });
        let used: u64 = analysis
            .report()
            .findings
            .iter()
            .map(|finding| finding.used)
            .sum();
        assert!(used > 0 || action != Action::Continue, "a pass of nothing");
        let stored = serde_json::to_string(analysis.state()).unwrap();
        let resumed = Analysis::resume(analysis.spec().clone(), serde_json::from_str(&stored).unwrap());
        assert_eq!(resumed.unwrap().action(), action);
    }
}

/// A file that is read holds what the store says; another is refused. In either case it stays as it is.
pub(crate) fn store_file(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop+record.record");
    std::fs::write(&file, data).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = FileStore::open(folder.path()).unwrap();
        let loaded = store.load("shop/record").await;
        if let Ok(Some(record)) = &loaded {
            assert!(data.ends_with(&record.body));
        }
        let refused = store.store("shop/record", None, Bytes::from("{}")).await;
        assert!(refused.is_err());
    });
    assert_eq!(std::fs::read(&file).unwrap(), data);
}

/// A page of metrics. What was printed reads as what was printed, and without a bad line.
pub(crate) fn exposition(data: &[u8]) {
    let Ok(page) = Exposition::parse(data) else {
        return;
    };
    let printed = page.to_string();
    let Ok(again) = Exposition::parse(printed.as_bytes()) else {
        panic!("what was read is too long to be read again");
    };
    assert_eq!(again.bad_lines, [], "{printed}");
    assert_eq!(again.to_string(), printed);
}

/// A migration, for every engine: it is read and judged the same way each time, what is found has its place in the
/// text, and what is not safe does not become so by a query behind it.
pub(crate) fn sql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for engine in Engine::ALL {
        for wrapped in [false, true] {
            let mut linter = Linter::new(Server::newest(engine)).in_transaction(wrapped);
            let report = linter.check(text);
            for finding in &report.findings {
                let before = text.get(..finding.span.start).unwrap();
                assert!(text.get(finding.span.range()).is_some(), "{finding:?}");
                assert_eq!(finding.line, before.matches('\n').count() + 1, "{finding:?}");
            }
            assert_eq!(report.verdict, Verdict::of(&report.findings));
            if report.verdict != Verdict::Safe {
                let longer = linter.check(&format!("{text}\n;\nSELECT 1;\n"));
                assert_ne!(longer.verdict, Verdict::Safe, "{engine}: {:?}", report.findings);
            }
            let script = linter.read(text);
            assert_eq!(linter.clone().check_script(&script), report);
            let mut replayed = linter.clone();
            replayed.replay(text);
            linter.replay_script(&script);
            assert_eq!(replayed.check_next(text), linter.check_next(text));
        }
    }
}
