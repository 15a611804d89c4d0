#![no_main]
#[path = "../engine.rs"]
mod engine;
libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    engine::engine(octets);
});
