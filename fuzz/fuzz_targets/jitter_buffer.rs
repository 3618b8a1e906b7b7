#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bellbird_media::fuzz::jitter_buffer(input));
