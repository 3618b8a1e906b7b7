//! What two ends tell each other to find a path and agree on media (RFC 3264, RFC 8445, RFC 8829).

use std::fmt;

/// A negotiated or offered session, in SDP (RFC 8866). The text is a peer's: hostile until parsed.
#[derive(Clone, PartialEq, Eq)]
pub enum SessionDescription {
    /// Proposes media.
    Offer(String),
    /// Accepts part of an offer.
    Answer(String),
}

impl SessionDescription {
    /// The SDP text.
    pub fn sdp(&self) -> &str {
        match self {
            Self::Offer(sdp) | Self::Answer(sdp) => sdp,
        }
    }
}

/// Names the kind and the length only: an SDP holds addresses and keys, which have no place in a log.
impl fmt::Debug for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offer(sdp) => write!(f, "Offer({} bytes)", sdp.len()),
            Self::Answer(sdp) => write!(f, "Answer({} bytes)", sdp.len()),
        }
    }
}

/// A possible path to the sender (RFC 8839 `candidate` attribute). An empty `candidate` ends the gathering.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCandidate {
    /// The attribute's value with or without its `candidate:` prefix, as it came.
    pub candidate: String,
    /// The media section it belongs to, by identification tag.
    pub sdp_mid: Option<String>,
    /// The media section it belongs to, by index from 0.
    pub sdp_mline_index: Option<u16>,
}

/// Leaves the address out, for the same reason as in [`SessionDescription`].
impl fmt::Debug for IceCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCandidate(mid {:?})", self.sdp_mid)
    }
}

/// A STUN or TURN server (RFC 7064, RFC 7065).
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:` and `turn:` URLs that share the credentials.
    pub urls: Vec<String>,
    /// TURN user name, if any.
    pub username: Option<String>,
    /// TURN password, if any. Never logged.
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}
