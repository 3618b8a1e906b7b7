//! Sends peer messages: at once and in order, one request at a time, taking along whatever waits by then.

use std::time::Duration;

use bellbird_talk_wire::OutgoingMessage;
use bellbird_talk_wire::constants::{MAX_MESSAGES_PER_POST, MAX_POST_BYTES};
use tokio::sync::{mpsc, oneshot};

use crate::link::Backoff;
use crate::rest::Session;

/// Attempts to send before messages are dropped; the pull reports the outage meanwhile.
const MAX_ATTEMPTS: u32 = 30;
/// Room for the JSON around a message and for the escaping that doubles its quotes.
const OVERHEAD: usize = 256;

/// What waits in the outbox.
pub(super) enum Entry {
    /// A message.
    Message(OutgoingMessage),
    /// Answered once everything before it is through.
    Flush(oneshot::Sender<()>),
}

/// Sends until the line is dropped.
pub(super) async fn run(session: Session, token: String, mut entries: mpsc::Receiver<Entry>) {
    let mut next = None;
    loop {
        let Some(first) = (match next.take() {
            Some(entry) => Some(entry),
            None => entries.recv().await,
        }) else {
            return;
        };
        let mut batch = Vec::new();
        let mut flushed = Vec::new();
        let mut bytes = 0;
        let mut entry = Some(first);
        while let Some(taken) = entry.take() {
            match taken {
                Entry::Flush(done) => flushed.push(done),
                Entry::Message(message) => {
                    let size = message.function.len() * 2 + OVERHEAD;
                    if !batch.is_empty()
                        && (bytes + size > MAX_POST_BYTES / 2 || batch.len() >= MAX_MESSAGES_PER_POST)
                    {
                        next = Some(Entry::Message(message));
                        break;
                    }
                    bytes += size;
                    batch.push(message);
                }
            }
            entry = entries.try_recv().ok();
        }
        if !batch.is_empty() {
            send(&session, &token, &batch).await;
        }
        for done in flushed {
            // Nobody waits any more: fine.
            let _ = done.send(());
        }
    }
}

async fn send(session: &Session, token: &str, batch: &[OutgoingMessage]) {
    let Ok(messages) = serde_json::to_string(batch) else { return };
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(10));
    while backoff.failures() < MAX_ATTEMPTS {
        match session.send_messages(token, messages.clone()).await {
            Ok(()) => return,
            Err(error) if error.is_passing() => {
                tokio::time::sleep(backoff.fail(rand::random())).await;
            }
            Err(error) => {
                // The session is gone or the room closed; the pull finds out and says so.
                tracing::debug!(status = ?error.status(), "peer messages were refused");
                return;
            }
        }
    }
    tracing::warn!(count = batch.len(), "peer messages could not be sent and were dropped");
}
