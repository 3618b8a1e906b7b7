//! Messages that came before their sender was seen in the call: a short race, since a pull's messages precede its list
//! of users. Kept with a bound and a time-out (talk-signaling section 9, item 8).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bellbird_talk_wire::PeerBody;

/// How long a message is kept.
const KEEP: Duration = Duration::from_secs(10);
/// Most messages kept in all.
const MAX_MESSAGES: usize = 256;
/// Most messages kept of one sender.
const MAX_PER_SENDER: usize = 64;
/// Most bytes of descriptions kept in all.
const MAX_BYTES: usize = 1024 * 1024;

/// The messages kept, oldest first.
#[derive(Default)]
pub(crate) struct EarlyMessages {
    messages: VecDeque<Early>,
    bytes: usize,
}

/// One of them.
pub(crate) struct Early {
    from: String,
    arrived: Instant,
    pub(crate) sid: String,
    pub(crate) body: PeerBody,
}

impl EarlyMessages {
    /// Keeps a message, or drops it when there are too many.
    pub(crate) fn keep(&mut self, from: &str, sid: String, body: PeerBody, now: Instant) {
        self.expire(now);
        let size = size(&body);
        let of_sender = self.messages.iter().filter(|message| message.from == from).count();
        if self.messages.len() < MAX_MESSAGES && of_sender < MAX_PER_SENDER && self.bytes + size <= MAX_BYTES
        {
            self.bytes += size;
            self.messages.push_back(Early { from: from.to_owned(), arrived: now, sid, body });
        }
    }

    /// Takes what a sender sent, in order.
    pub(crate) fn take(&mut self, from: &str) -> Vec<Early> {
        let (taken, kept) = std::mem::take(&mut self.messages)
            .into_iter()
            .partition::<Vec<_>, _>(|message| message.from == from);
        self.messages = kept.into();
        self.bytes = self.messages.iter().map(|message| size(&message.body)).sum();
        taken
    }

    /// Drops what is too old.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self.messages.front().is_some_and(|oldest| oldest.arrived + KEEP <= now) {
            if let Some(oldest) = self.messages.pop_front() {
                self.bytes -= size(&oldest.body);
            }
        }
    }

    /// When the oldest is to be dropped.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.messages.front().map(|oldest| oldest.arrived + KEEP)
    }
}

fn size(body: &PeerBody) -> usize {
    match body {
        PeerBody::Offer { sdp, .. } | PeerBody::Answer { sdp, .. } => sdp.len(),
        PeerBody::Candidate(candidate) => candidate.candidate.len(),
        _ => 0,
    }
}
