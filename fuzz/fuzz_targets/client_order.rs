#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| bellbird_talk_wire::fuzz::client_order(input));
