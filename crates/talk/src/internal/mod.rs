//! Internal signaling: call messages through the server itself (talk-signaling section 2).
//!
//! Two tasks per entered room, so that neither way waits for the other: one holds a request open for news, which
//! also keeps our session alive; one sends.

mod outbox;
mod pull;

use std::time::Duration;

use bellbird_call::ports::Problem;
use bellbird_talk_wire::{OutgoingMessage, PeerMessage, PullItem};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::rest::Session;

/// Messages of ours that wait to be sent; more than any sane call has at a time.
const OUTBOX: usize = 1024;

/// What a line tells.
pub(crate) enum LineEvent {
    /// News, in order, the list of users last.
    Items(Vec<PullItem>),
    /// The server cannot be reached; we go on trying.
    Interrupted,
    /// It can be reached again.
    Restored,
    /// Our session in the room is gone. `after_outage`: probably it timed out, since we had been away.
    Gone {
        /// We had been unable to reach the server shortly before.
        after_outage: bool,
    },
    /// The same account entered from elsewhere in place of us.
    Replaced,
    /// It makes no sense to go on.
    Failed(Problem),
}

/// The line of one entered room. Dropping it ends both ways at once.
pub(crate) struct Line {
    own_session: String,
    outbox: mpsc::Sender<outbox::Entry>,
    tasks: [AbortHandle; 2],
}

impl Line {
    /// Opens a line for the session just made in room `token`. What happens is given to `deliver`, which may wait to
    /// slow us down, and returns whether anyone still listens.
    pub(crate) fn open<F, D>(session: Session, token: String, own_session: String, deliver: D) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
        D: Fn(LineEvent) -> F + Send + Sync + 'static,
    {
        let (outbox, entries) = mpsc::channel(OUTBOX);
        let pull = tokio::spawn(pull::run(session.clone(), token.clone(), deliver));
        let send = tokio::spawn(outbox::run(session, token, entries));
        Self { own_session, outbox, tasks: [pull.abort_handle(), send.abort_handle()] }
    }

    /// Queues a message; it is sent at once, together with what else waits. Returns `false` when it was dropped
    /// because too many wait.
    pub(crate) fn send(&self, message: &PeerMessage) -> bool {
        let Ok(function) = serde_json::to_string(message) else { return false };
        let entry =
            OutgoingMessage { ev: "message".to_owned(), function, session_id: self.own_session.clone() };
        self.outbox.try_send(outbox::Entry::Message(entry)).is_ok()
    }

    /// Waits until all that was queued has been sent, or `limit` has passed.
    pub(crate) async fn flush(&self, limit: Duration) {
        let (sent, done) = oneshot::channel();
        if self.outbox.try_send(outbox::Entry::Flush(sent)).is_ok() {
            // Either outcome means there is nothing more to wait for.
            let _ = tokio::time::timeout(limit, done).await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
