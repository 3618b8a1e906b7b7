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
