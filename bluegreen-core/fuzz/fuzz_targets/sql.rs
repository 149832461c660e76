#![no_main]

#[path = "../../tests/fuzz/targets.rs"]
#[expect(dead_code, reason = "each fuzzer takes one of them")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::sql(data));
