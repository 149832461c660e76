#![no_main]

#[path = "../../tests/fuzz/answers.rs"]
mod answers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| answers::http_answer(data));
