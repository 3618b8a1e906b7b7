//! What fuzz targets call: readers of text that others choose. Not an interface.

/// An invitation link as pasted.
pub fn invitation_link(text: &str) {
    if let Ok(link) = crate::invite::InvitationLink::parse(text) {
        assert!(!link.code.expose().is_empty(), "a link without a code was taken");
        assert!(link.server.has_host(), "a link without a server was taken");
    }
}

/// A signaling server's frames, one a line, as a session meets them on its way into a room and within.
pub fn signaling_session(text: &str) {
    crate::external::play(text);
}
