//! What the rules of shared screens have in common, with and without a media server: a screen travels on a link of its
//! own, one way (talk-signaling sections 4.1 and 6.7).

use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKinds, ParticipantId,
    SessionDescription,
};
use bellbird_talk_wire::PeerBody;
use bellbird_talk_wire::constants::{
    MAX_CANDIDATE_BYTES, MAX_SDP_BYTES, MAX_SESSION_ID_BYTES, MAX_SID_BYTES,
};

/// The first number of a screen's link. Links of people are counted from 1 and never come so far.
pub(crate) const FIRST_LINK: u64 = 1 << 32;

/// Something to do about a screen.
#[derive(Clone, PartialEq)]
pub(crate) enum ScreenOutput {
    /// Make a peer connection.
    Open(Link),
    /// End a peer connection.
    Close(LinkId),
    /// The far end's description.
    Description(LinkId, SessionDescription),
    /// A candidate of the far end.
    Candidate(LinkId, IceCandidate),
    /// Send a message.
    Send {
        /// To a session; `None` for everyone in the room, where a signaling server passes that on.
        to: Option<String>,
        /// Of the connection; empty for none.
        sid: String,
        /// The session whose screen it is.
        broadcaster: String,
        /// The message.
        body: PeerBody,
        /// The number by which a refusal is told.
        request: Option<u64>,
    },
}

/// Whether a link is a screen's.
pub(crate) fn is_screen(link: LinkId) -> bool {
    link.0 >= FIRST_LINK
}

/// A link that carries a screen.
pub(crate) fn link(id: LinkId, session: Option<&str>, role: LinkRole, direction: LinkDirection) -> Link {
    let video = match direction {
        LinkDirection::SendOnly | LinkDirection::SendReceive => true,
        LinkDirection::ReceiveOnly => false,
    };
    Link {
        id,
        participant: session.map(ParticipantId::new),
        source: LinkSource::Screen,
        role,
        direction,
        may_send: MediaKinds { audio: false, video },
        simulcast: false,
    }
}

/// Whether a message is of a size that one about a screen can have.
pub(crate) fn is_sane(from: &str, sid: &str, body: &PeerBody) -> bool {
    let fits = match body {
        PeerBody::Offer { sdp, .. } | PeerBody::Answer { sdp, .. } => sdp.len() <= MAX_SDP_BYTES,
        PeerBody::Candidate(candidate) => {
            candidate.candidate.len() <= MAX_CANDIDATE_BYTES
                && candidate.sdp_mid.as_ref().is_none_or(|mid| mid.len() <= MAX_SID_BYTES)
        }
        _ => true,
    };
    fits && sid.len() <= MAX_SID_BYTES && !from.is_empty() && from.len() <= MAX_SESSION_ID_BYTES
}
