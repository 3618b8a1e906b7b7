#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| bellbird_talk::fuzz::invitation_link(input));
