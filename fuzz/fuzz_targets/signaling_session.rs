#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| {
    bellbird_talk_wire::fuzz::signaling_frame(input);
    bellbird_talk::fuzz::signaling_session(input);
});
