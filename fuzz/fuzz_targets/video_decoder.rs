#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bellbird_video::fuzz::decoder(input));
