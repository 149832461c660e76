//! x
fn main() { let a: Vec<u64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect(); bluegreen_testkit::simulation::probe(a[0], a[1]); }
