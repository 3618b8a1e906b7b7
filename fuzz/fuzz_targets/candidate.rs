#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| bellbird_media::fuzz::candidate(input));
