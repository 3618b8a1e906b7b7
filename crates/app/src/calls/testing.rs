//! Calls as tests of choices see them.

use bellbird_call::{
    CallDirection, CallId, CallStatus, CallView, MediaKinds, RoomFacts, RoomId, VideoRequest,
};

/// A call of several that runs in this conversation.
pub(crate) fn view_in(room: &str) -> CallView {
    CallView {
        id: CallId::new("1"),
        direction: CallDirection::Outgoing,
        room: Some(RoomId::new(room)),
        display_name: room.into(),
        contact: None,
        one_to_one: false,
        facts: RoomFacts::default(),
        status: CallStatus::Connected,
        joined: true,
        can_answer: false,
        media: MediaKinds::VOICE,
        muted: false,
        camera_on: false,
        sharing_screen: false,
        on_hold: false,
        hand_raised: false,
        video_request: VideoRequest::None,
        connected_at: None,
        connected_for: None,
        reconnecting_at: None,
        reconnecting_for: None,
        participants: Vec::new(),
        ended: None,
    }
}
