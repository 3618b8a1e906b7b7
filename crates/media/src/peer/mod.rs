//! Peer connections. The only code that names the WebRTC library; its types stop here.
//!
//! ```text
//!  engine ── offer, apply, add_candidate, send_text ──▶ PeerConnection ──▶ library's task ──▶ sockets
//!     ▲                                                                          │
//!     └────────── PeerNotice (candidates, states, channels) ◀── handler ─────────┤
//!  jitter buffer ◀── sound, with its time of arrival ◀── tap ◀──────────────────┘
//!  pump's thread ── sound encoded once ──▶ AudioSender of each link ──▶ library's task
//! ```

mod candidates;
mod connection;
mod data_channel;
mod flights;
mod handler;
mod names;
mod negotiation;
mod network;
mod rtcp;
mod sdp;
mod sender;
mod tap;
mod turn_stream;

use std::sync::Arc;

pub(crate) use connection::{PeerConnection, PeerEvent, PeerFactory};
pub(crate) use handler::PeerNotice;
pub(crate) use network::local_addresses;
pub(crate) use rtcp::LinkFigures;
pub(crate) use sender::{AudioSender, OutgoingAudio};

/// Takes what a link's connection notices. Called on the library's task: must not block.
pub(crate) type NoticeSink = Arc<dyn Fn(PeerNotice) + Send + Sync>;

/// Reads a description as a peer's and writes it for the library.
pub(crate) fn fuzz_description(text: &str) {
    use bellbird_call::SessionDescription::{Answer, Offer};
    let both_ways = sdp::Flow { send: true, receive: true };
    for description in [Offer(text.to_owned()), Answer(text.to_owned())] {
        if let Ok(remote) = negotiation::RemoteDescription::read(&description) {
            let written = remote.for_library(both_ways);
            assert!(sdp::Lines::cut(&written).is_ok(), "what we write can be read");
            let _ = remote.complete_answer(&written, both_ways);
            let _ = remote.audio(both_ways);
        }
    }
}

/// Reads a candidate as a peer's; what is accepted reads as itself.
pub(crate) fn fuzz_candidate(text: &str) {
    if let Some(candidate) = candidates::Candidate::read(text) {
        assert_eq!(candidates::Candidate::read(candidate.text()), Some(candidate));
    }
}

/// Hands bytes to the library's RTP and RTCP parsers and what comes out to our own arithmetic.
pub(crate) fn fuzz_packet(bytes: &[u8]) {
    tap::fuzz_packet(bytes);
}
