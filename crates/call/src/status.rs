//! The statuses a caller's program sees (the call SDK's words).

/// Where a participant, or the call as a whole, stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallStatus {
    /// The invitation is on its way.
    Calling,
    /// The far end's device rings.
    Ringing,
    /// Accepted, no media yet.
    Connecting,
    /// Media flow.
    Connected,
    /// The path was lost and is being looked for.
    Reconnecting,
    /// The person declined.
    Busy,
    /// The person is in another call.
    Engaged,
    /// Lost or left.
    Disconnected,
    /// Over.
    Ended,
    /// On hold.
    Hold,
}
