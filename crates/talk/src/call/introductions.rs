//! Whom to tell our state, and when. A media server neither says that a text arrived nor keeps it for those who come
//! later, so it is told several times, less and less often (talk-signaling section 5). Pure, told the time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Pauses between tellings.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(0),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// Those who still have to be told.
#[derive(Default)]
pub(super) struct Introductions {
    due: BTreeMap<String, (Instant, usize)>,
}

impl Introductions {
    /// Someone came.
    pub(super) fn begin(&mut self, session: &str, now: Instant) {
        self.due.insert(session.to_owned(), (now + PAUSES[0], 0));
    }

    /// Keeps only those for whom `stays` holds.
    pub(super) fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.due.retain(|session, _| stays(session));
    }

    /// When someone is to be told.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.values().map(|(at, _)| *at).min()
    }

    /// Whom to tell now.
    pub(super) fn take(&mut self, now: Instant) -> Vec<String> {
        let mut told = Vec::new();
        self.due.retain(|session, (at, count)| {
            if *at > now {
                return true;
            }
            told.push(session.clone());
            *count += 1;
            PAUSES.get(*count).is_some_and(|pause| {
                *at = now + *pause;
                true
            })
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_is_told_six_times() {
        let start = Instant::now();
        let mut introductions = Introductions::default();
        introductions.begin("a", start);
        introductions.begin("b", start);
        introductions.retain(|session| session == "a");
        let mut seconds = Vec::new();
        while let Some(at) = introductions.deadline() {
            assert_eq!(introductions.take(at), ["a"]);
            seconds.push((at - start).as_secs());
        }
        assert_eq!(seconds, [0, 1, 3, 7, 15, 31]);
    }
}
