//! The line of an entered room, whichever way its messages go.

use std::time::Duration;

use bellbird_talk_wire::PeerMessage;

use crate::{external, internal};

/// A line.
pub(super) enum Line {
    /// Through the server itself.
    Internal(internal::Line),
    /// Through a signaling server.
    External(external::Line),
}

impl Line {
    /// Queues a message. Returns `false` when it was dropped because too many wait.
    pub(super) fn send(&self, message: PeerMessage, request: Option<u64>) -> bool {
        match self {
            Self::Internal(line) => line.send(&message),
            Self::External(line) => line.send(message, request),
        }
    }

    /// Whether a message without a recipient reaches everyone in the call.
    pub(super) fn reaches_call(&self) -> bool {
        match self {
            Self::Internal(_) => false,
            Self::External(line) => line.reaches_call(),
        }
    }

    /// Ends the session at a signaling server, so that the call is entered anew.
    pub(super) fn start_anew(&self) {
        match self {
            Self::Internal(_) => {}
            Self::External(line) => line.start_anew(),
        }
    }

    /// Waits until all that was queued has been sent, or `limit` has passed.
    pub(super) async fn flush(&self, limit: Duration) {
        match self {
            Self::Internal(line) => line.flush(limit).await,
            Self::External(line) => line.flush(limit).await,
        }
    }

    /// Ends it, with a word to a signaling server.
    pub(super) async fn close(self, limit: Duration) {
        match self {
            Self::Internal(line) => drop(line),
            Self::External(line) => line.leave(limit).await,
        }
    }
}
