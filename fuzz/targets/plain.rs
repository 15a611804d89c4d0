#![no_main]
#[path = "../readers.rs"]
#[allow(dead_code, reason = "each target plays one")]
mod readers;
libfuzzer_sys::fuzz_target!(|octets: &[u8]| readers::plain(octets));
