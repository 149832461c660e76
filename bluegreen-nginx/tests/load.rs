//! Twenty switches under load: no request fails, and none is answered by the wrong slot afterwards.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bluegreen_core::Router;
use common::clients::client;
use common::{Nginx, Setting, green, is_live, op, pause, verify};

#[derive(Debug, Default)]
struct Counts {
    good: AtomicUsize,
    failed: AtomicUsize,
    stop: AtomicBool,
}

/// How a client behaves.
#[derive(Debug, Clone, Copy)]
enum Habit {
    KeepAlive,
    Fresh,
    Post,
}

async fn visit(url: String, habit: Habit, counts: Arc<Counts>) {
    let mut client_ = client();
    while !counts.stop.load(Ordering::Relaxed) {
        if matches!(habit, Habit::Fresh) {
            client_ = client();
        }
        let request = match habit {
            Habit::Post => client_.post(&url).body("x".repeat(2_000)),
            _ => client_.get(&url),
        };
        let good = match request.send().await {
            Ok(answer) => {
                answer.status() == 200 && answer.text().await.is_ok_and(|text| text.contains(" / "))
            }
            Err(error) => {
                eprintln!("{habit:?}: {error:?}");
                false
            }
        };
        let count = if good { &counts.good } else { &counts.failed };
        count.fetch_add(1, Ordering::Relaxed);
        pause(20).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs nginx"]
async fn twenty_switches_under_load_fail_no_request() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    let counts = Arc::new(Counts::default());
    let mut visitors = Vec::new();
    for number in 0..14 {
        let habit = match number % 7 {
            0..=3 => Habit::KeepAlive,
            4 => Habit::Fresh,
            _ => Habit::Post,
        };
        visitors.push(tokio::spawn(visit(nginx.url("/"), habit, Arc::clone(&counts))));
    }
    let served = |backend: &common::backend::Backend| backend.served.load(Ordering::Relaxed);
    for seq in 1..=20 {
        let split = green(if seq % 2 == 0 { "0%" } else { "100%" });
        router.shift(&op(1, seq), split).await.unwrap();
        assert!(is_live(&verify(&router, split).await));
        // What was decided before has reached its slot by then; from here on that slot gets nothing.
        pause(60).await;
        let idle = if seq % 2 == 0 { &nginx.green } else { &nginx.blue };
        let before = served(idle);
        pause(120).await;
        assert_eq!(served(idle), before, "switch {seq}");
    }
    counts.stop.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.await.unwrap();
    }
    let good = counts.good.load(Ordering::Relaxed);
    eprintln!("{good} requests in 20 switches");
    assert_eq!(counts.failed.load(Ordering::Relaxed), 0);
    assert!(good > 600, "{good} are too few to say anything");
    assert_eq!(nginx.reloads(), 1);
}
