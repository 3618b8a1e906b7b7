//! What fuzz targets call: readers of what servers and peers send. Not an interface.

use crate::{
    ClientFrame, DataMessage, Notification, Ocs, OrderFrame, PeerMessage, PullItem, Room,
    SendMessagesRequest, ServerBody, ServerFrame, SignalingSettings,
};

/// The answer to a long poll, with the peer messages inside its items.
pub fn pull(text: &str) {
    if let Ok(answer) = serde_json::from_str::<Ocs<Vec<PullItem>>>(text) {
        for item in answer.ocs.data {
            if let PullItem::Message(message) = &item {
                peer_message(message);
            }
            rewritten(&item);
        }
    }
    if let Ok(item) = serde_json::from_str::<PullItem>(text) {
        rewritten(&item);
    }
}

/// What peers say to each other, through the server or on a data channel, and what a client posts for it.
pub fn peer_message(text: &str) {
    if let Ok(message) = serde_json::from_str::<PeerMessage>(text) {
        rewritten(&message);
    }
    if let Ok(message) = serde_json::from_str::<DataMessage>(text) {
        rewritten(&message);
    }
    let _ = serde_json::from_str::<SendMessagesRequest>(text);
}

/// A frame of a separate signaling server, with the peer message inside it.
pub fn signaling_frame(text: &str) {
    if let Ok(frame) = serde_json::from_str::<ServerFrame>(text)
        && let ServerBody::Message(relayed) | ServerBody::Control(relayed) = frame.body
    {
        assert_eq!(
            relayed.message.from.as_deref(),
            Some(relayed.sender.as_str()),
            "a forged sender was taken"
        );
        rewritten(&relayed.message);
    }
}

/// What is said on a push socket about steering a client, in either direction.
pub fn client_order(text: &str) {
    if let Some(frame) = ClientFrame::read(text) {
        assert_eq!(ClientFrame::read(&frame.write()), Some(frame), "written otherwise than read");
    }
    if let Some(frame) = OrderFrame::read(text) {
        assert_eq!(OrderFrame::read(&frame.write()), Some(frame), "written otherwise than read");
    }
}

/// Other answers of a server.
pub fn answer(text: &str) {
    let _ = serde_json::from_str::<Ocs<Vec<Room>>>(text);
    let _ = serde_json::from_str::<Ocs<Vec<Notification>>>(text);
    let _ = serde_json::from_str::<Ocs<SignalingSettings>>(text);
}

/// Whatever was read can be written, and read again as the same.
fn rewritten<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq>(value: &T) {
    let text = serde_json::to_string(value).unwrap_or_default();
    assert!(
        serde_json::from_str::<T>(&text).is_ok_and(|again| again == *value),
        "written otherwise than read"
    );
}
