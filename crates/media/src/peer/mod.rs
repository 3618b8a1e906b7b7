//! Peer connections. The only code that names the WebRTC library; its types stop here.
//!
//! ```text
//!  engine ── offer, apply, add_candidate, send_text ──▶ PeerConnection ──▶ library's task ──▶ sockets
//!     ▲                                                                          │
//!     └────────── PeerNotice (candidates, states, channels) ◀── handler ─────────┤
//!  jitter buffer ◀── sound, with its time of arrival ◀── tap ◀──────────────────┘
//!  pump's thread ── sound encoded once ──▶ AudioSender of each link ──▶ library's task
//!  pacer ── pictures ──▶ VideoSender of each link ──▶ tap
//! ```

mod bell;
mod candidates;
mod connection;
mod data_channel;
mod flights;
mod handler;
mod names;
mod negotiation;
mod network;
mod reports;
mod rtcp;
mod sdp;
mod sender;
mod sources;
mod tap;
mod turn_stream;
mod video;

#[cfg(test)]
mod loopback_tests;

use std::sync::Arc;

pub(crate) use connection::{Applied, PeerConnection, PeerEvent, PeerFactory};
pub(crate) use handler::PeerNotice;
pub(crate) use network::local_addresses;
pub(crate) use rtcp::LinkFigures;
pub(crate) use sender::{AudioSender, OutgoingAudio};
pub(crate) use video::{
    MAX_LAYERS, OutgoingVideo, VideoAgreement, VideoEnds, VideoFeedback, VideoFeedbackSink, VideoFigures,
    VideoPacket, VideoPacketSink, VideoRequests, VideoSender,
};

/// Takes what a link's connection notices. Called on the library's task: must not block.
pub(crate) type NoticeSink = Arc<dyn Fn(PeerNotice) + Send + Sync>;

/// Reads a description as a peer's and writes it for the library.
pub(crate) fn fuzz_description(text: &str) {
    use bellbird_call::SessionDescription::{Answer, Offer};
    use bellbird_call::{Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKinds};
    for source in [LinkSource::Person, LinkSource::Screen] {
        let link = Link {
            id: LinkId(0),
            participant: None,
            source,
            role: LinkRole::Answerer,
            direction: LinkDirection::SendReceive,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
        };
        let streams = [1, 3, 5].map(|media| video::LayerStreams { media, rtx: media + 1 });
        let mut terms = negotiation::Terms {
            audio: sdp::Flow { send: true, receive: true },
            video: video::VideoTerms::new(&link, "fuzz".to_owned(), streams),
        };
        for description in [Offer(text.to_owned()), Answer(text.to_owned())] {
            if let Ok(remote) = negotiation::RemoteDescription::read(&description) {
                let written = remote.for_library(terms.audio);
                assert!(sdp::Lines::cut(&written).is_ok(), "what we write can be read");
                if let Ok(answer) = remote.complete_answer(&written, &mut terms) {
                    assert!(sdp::Lines::cut(&answer).is_ok(), "what we answer can be read");
                }
                let _ = remote.audio(terms.audio);
                let _ = terms.video.agreed(remote.video());
                let _ = negotiation::complete_offer(&written, &mut terms);
                let _ = terms.video.agreed(remote.video());
            }
        }
    }
}

/// Reads a candidate as a peer's; what is accepted reads as itself.
pub(crate) fn fuzz_candidate(text: &str) {
    let over_tcp = candidates::is_passive(text);
    if let Some(candidate) = candidates::Candidate::read(text) {
        assert!(!over_tcp, "it is over UDP");
        assert_eq!(candidates::Candidate::read(candidate.text()), Some(candidate));
    }
}

/// Hands bytes to the library's RTP and RTCP parsers and what comes out to our own arithmetic.
pub(crate) fn fuzz_packet(bytes: &[u8]) {
    tap::fuzz_packet(bytes);
}
