//! Why a call ended.

/// Why a call ended. Closed: a new reason must be thought through by everyone who shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndReason {
    /// The person here ended it.
    LocalHangup,
    /// The far end left, or everyone else did.
    RemoteHangup,
    /// The person here declined.
    LocalDecline,
    /// The far end declined.
    RemoteDecline,
    /// The far end is in another call.
    RemoteEngaged,
    /// We are in another call and told the caller so.
    LocalEngaged,
    /// Nobody answered our call within the ring time.
    NoAnswer,
    /// A call to us ended before the person answered.
    Missed,
    /// Answered on another device of ours.
    AnsweredElsewhere,
    /// A moderator ended it for everyone, or removed us.
    EndedByModerator,
    /// No media path could be found or brought back.
    ConnectionLost,
    /// The service refused or failed; the error that came before says how.
    SignalingFailed,
    /// Our own sound or media could not be started; the error that came before says how.
    MediaFailed,
}
