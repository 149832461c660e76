//! The whole driver in simulated worlds.
mod draw;
mod faulty;
mod faulty_ports;
mod history;
mod operators;
mod plans;
mod ports;
mod run;
mod script;
mod stored;
mod time;
mod world;

pub use history::History;
pub use script::Script;

/// x
pub fn probe(from: u64, count: u64) {
    use std::collections::BTreeMap;
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut endings: BTreeMap<String, u32> = BTreeMap::new();
    for seed in from..from + count {
        let script = draw::draw(seed);
        let (history, ending) = run::play(&rt, &script, false).unwrap();
        let born = history.facts.iter().rev().find(|f| matches!(f.what, history::What::Born(script::Doing::DeployOver(99)))).map(|f| f.by); let last = history.facts.iter().rev().find_map(|f| match f.what { history::What::Ended(s) if Some(f.by) == born => Some(s), _ => None });
        let e = format!("{ending:?} {last:?}");
        if count == 1 { println!("{script:#?}"); for f in &history.facts { println!("{} {} {:?}", f.at_ms, f.by, f.what); } println!("{:?}", history.end); }
        let n = endings.entry(e.clone()).or_default(); *n += 1; if *n == 1 { println!("{seed}: {e} facts {}", history.facts.len()); }
    }
    println!("{endings:#?}");
}
