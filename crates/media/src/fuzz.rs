//! What fuzz targets call: everything here that reads a peer's bytes. Not an interface.

/// A session description, as offer and as answer.
pub fn description(text: &str) {
    crate::peer::fuzz_description(text);
}

/// A candidate line.
pub fn candidate(text: &str) {
    crate::peer::fuzz_candidate(text);
}

/// A stream of RTP and RTCP packets, each after a byte with its length.
pub fn packets(bytes: &[u8]) {
    crate::peer::fuzz_packet(bytes);
}

/// A jitter buffer's life: each step is a packet (sequence number, timestamp, length, then as many bytes) and a pause
/// with as many pulls as fit.
pub fn jitter_buffer(bytes: &[u8]) {
    crate::receive::operations::carry_out(bytes, std::time::Instant::now());
}
