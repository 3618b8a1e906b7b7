//! Candidates that came before the description they belong to: a media server finds its own at once. Kept by sender
//! and sid, with a bound and a time-out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bellbird_talk_wire::Candidate;

/// How long one is kept.
const KEEP: Duration = Duration::from_secs(10);
/// Most kept in all, and of one sender.
const MAX_KEPT: usize = 512;
const MAX_PER_SENDER: usize = 32;

/// Those kept, oldest first.
#[derive(Default)]
pub(super) struct EarlyCandidates {
    kept: VecDeque<Early>,
}

struct Early {
    from: String,
    sid: String,
    arrived: Instant,
    candidate: Candidate,
}

impl EarlyCandidates {
    /// Keeps one, or drops it when there are too many.
    pub(super) fn keep(&mut self, from: &str, sid: String, candidate: Candidate, now: Instant) {
        self.expire(now);
        let of_sender = self.kept.iter().filter(|early| early.from == from).count();
        if self.kept.len() < MAX_KEPT && of_sender < MAX_PER_SENDER {
            self.kept.push_back(Early { from: from.to_owned(), sid, arrived: now, candidate });
        }
    }

    /// Takes those of a connection, in order. One that names no connection belongs to whichever comes first.
    pub(super) fn take(&mut self, from: &str, sid: &str) -> Vec<Candidate> {
        let fits = |early: &Early| early.from == from && (early.sid.is_empty() || early.sid == sid);
        let (taken, kept) = std::mem::take(&mut self.kept).into_iter().partition::<Vec<_>, _>(fits);
        self.kept = kept.into();
        taken.into_iter().map(|early| early.candidate).collect()
    }

    /// Drops what is too old.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|oldest| oldest.arrived + KEEP <= now) {
            self.kept.pop_front();
        }
    }

    /// When the oldest is to be dropped.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.kept.front().map(|oldest| oldest.arrived + KEEP)
    }
}
