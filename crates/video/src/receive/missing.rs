//! Packets that are missing, and when to ask for them (RFC 4585 section 6.2.1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The most numbers that are followed. A hole beyond that is not mended packet by packet.
const MOST: usize = 512;

/// How often one packet is asked for.
const MOST_ASKS: u32 = 10;

/// The most numbers in one request.
const MOST_AT_ONCE: usize = 128;

/// A request is not repeated sooner than this, nor than the round trip and a bit more.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// How long a packet may be overtaken by others before it is asked for, at the most.
const LONGEST_PATIENCE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug)]
struct Missing {
    since: Instant,
    asked: Option<Instant>,
    asks: u32,
}

/// What is missing.
#[derive(Debug)]
pub(super) struct MissingPackets {
    packets: BTreeMap<i64, Missing>,
    round_trip: Duration,
    /// How long packets were overtaken of late.
    patience: Duration,
    /// How many were asked for, and how many of those came.
    pub(super) asked: u64,
    pub(super) recovered: u64,
}

/// Until a round trip was measured.
const USUAL_ROUND_TRIP: Duration = Duration::from_millis(100);

impl Default for MissingPackets {
    fn default() -> Self {
        Self {
            packets: BTreeMap::new(),
            round_trip: USUAL_ROUND_TRIP,
            patience: Duration::ZERO,
            asked: 0,
            recovered: 0,
        }
    }
}

impl MissingPackets {
    pub(super) fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip.min(Duration::from_secs(2));
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// All numbers from `from` to below `to` were passed over at `now`. `false` when these are too many to mend.
    pub(super) fn passed_over(&mut self, from: i64, to: i64, now: Instant) -> bool {
        let count = usize::try_from(to - from).unwrap_or(0);
        if self.packets.len() + count > MOST {
            return false;
        }
        self.packets.extend((from..to).map(|number| (number, Missing { since: now, asked: None, asks: 0 })));
        true
    }

    /// A packet came.
    pub(super) fn arrived(&mut self, number: i64, now: Instant) {
        let Some(missing) = self.packets.remove(&number) else { return };
        if missing.asks > 0 {
            self.recovered += 1;
        } else {
            let late = now.saturating_duration_since(missing.since);
            self.patience = late.clamp(self.patience, LONGEST_PATIENCE);
        }
    }

    /// Nothing below `number` is wanted any more.
    pub(super) fn forget_below(&mut self, number: i64) {
        self.packets = self.packets.split_off(&number);
    }

    pub(super) fn clear(&mut self) {
        self.packets.clear();
    }

    /// Since when the oldest one is missing, and whether it may still come.
    pub(super) fn oldest(&self) -> Option<(Instant, bool)> {
        self.packets.values().next().map(|missing| (missing.since, missing.asks < MOST_ASKS))
    }

    fn due(&self, missing: &Missing) -> Option<Instant> {
        let pause = (self.round_trip + self.round_trip / 8).max(LEAST_PAUSE);
        match missing.asked {
            None => Some(missing.since + self.patience),
            Some(asked) => (missing.asks < MOST_ASKS).then_some(asked + pause),
        }
    }

    /// The numbers to ask for now, as the wire has them.
    pub(super) fn poll(&mut self, now: Instant) -> Vec<u16> {
        let mut numbers = Vec::new();
        let due: Vec<i64> = self
            .packets
            .iter()
            .filter(|(_, missing)| self.due(missing).is_some_and(|due| due <= now))
            .map(|(number, _)| *number)
            .take(MOST_AT_ONCE)
            .collect();
        for number in due {
            if let Some(missing) = self.packets.get_mut(&number) {
                self.asked += u64::from(missing.asks == 0);
                missing.asks += 1;
                missing.asked = Some(now);
                numbers.push(number as u16);
            }
        }
        if !numbers.is_empty() {
            // Order on the way changes; what was learnt of it fades.
            self.patience = self.patience * 15 / 16;
        }
        numbers
    }

    /// When [`Self::poll`] has something to say, at the soonest.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.packets.values().filter_map(|missing| self.due(missing)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_hole_is_asked_for_at_once_and_again_after_a_round_trip() {
        let mut missing = MissingPackets::default();
        let begin = Instant::now();
        missing.set_round_trip(40 * MS);
        assert!(missing.passed_over(65_534, 65_538, begin));
        assert_eq!(missing.poll(begin), [65_534, 65_535, 0, 1]);
        assert_eq!(missing.poll(begin + 44 * MS), [0_u16; 0]);
        missing.arrived(65_535, begin + 44 * MS);
        assert_eq!(missing.next_due(), Some(begin + 45 * MS));
        assert_eq!(missing.poll(begin + 45 * MS), [65_534, 0, 1]);
        missing.forget_below(65_536);
        assert_eq!(missing.poll(begin + 200 * MS), [0, 1]);
        assert_eq!((missing.asked, missing.recovered), (4, 1));
    }

    #[test]
    fn nothing_is_asked_for_for_ever() {
        let mut missing = MissingPackets::default();
        let begin = Instant::now();
        missing.passed_over(5, 6, begin);
        let asks: usize = (0..10_000).map(|n| missing.poll(begin + n * MS).len()).sum();
        assert_eq!(asks, 10);
        assert_eq!(missing.oldest(), Some((begin, false)));
        assert_eq!(missing.next_due(), None);
        assert!(!missing.passed_over(10, 10_000, begin), "too many to mend");
        assert_eq!(missing.packets.len(), 1);
    }

    #[test]
    fn packets_that_are_merely_overtaken_teach_patience() {
        let mut missing = MissingPackets::default();
        let begin = Instant::now();
        missing.passed_over(1, 2, begin);
        missing.arrived(1, begin + 8 * MS);
        missing.passed_over(3, 4, begin + 10 * MS);
        assert_eq!(missing.poll(begin + 17 * MS), [0_u16; 0]);
        assert_eq!(missing.poll(begin + 18 * MS), [3]);
    }
}
