//! Wrapping counters made running.

/// So many packets in a row that belong nowhere are a stream that began anew without a word.
const STRAYS: u32 = 20;

/// A jump beyond this is no loss and no reordering, packets (RFC 3550 appendix A.1, `MAX_DROPOUT`).
const MAX_JUMP: i64 = 3_000;

/// Where a packet stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Placed {
    /// Its running number.
    Here(i64),
    /// Likewise, and nothing of before counts any more.
    Restarted(i64),
    /// It belongs nowhere.
    Stray,
}

/// Follows a stream's sequence numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct SequenceTracker {
    newest: Option<i64>,
    strays: u32,
}

impl SequenceTracker {
    pub(super) fn place(&mut self, sequence: u16) -> Placed {
        let Some(newest) = self.newest else {
            self.newest = Some(i64::from(sequence));
            return Placed::Restarted(i64::from(sequence));
        };
        let step = i64::from(sequence.wrapping_sub(newest as u16) as i16);
        if step.abs() <= MAX_JUMP {
            self.strays = 0;
            self.newest = Some(newest.max(newest + step));
            return Placed::Here(newest + step);
        }
        self.strays += 1;
        if self.strays < STRAYS {
            return Placed::Stray;
        }
        self.strays = 0;
        // Far above all numbers of before, so that nothing old compares with anything new.
        let above = newest + 2 * MAX_JUMP;
        let running = above + i64::from(sequence.wrapping_sub(above as u16));
        self.newest = Some(running);
        Placed::Restarted(running)
    }
}

/// Follows a media clock of 32 bits.
#[derive(Clone, Debug, Default)]
pub(super) struct MediaClock {
    newest: Option<i64>,
}

impl MediaClock {
    /// The running time of a timestamp near the newest one, ticks.
    pub(super) fn running(&mut self, timestamp: u32) -> i64 {
        let newest = self.newest.unwrap_or(i64::from(timestamp));
        let running = newest + i64::from(timestamp.wrapping_sub(newest as u32) as i32);
        self.newest = Some(newest.max(running));
        running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_wrap_without_a_seam() {
        let mut tracker = SequenceTracker::default();
        let mut clock = MediaClock::default();
        let mut times = Vec::new();
        for n in 0..200_000_i64 {
            let placed = tracker.place((65_000 + n) as u16);
            let expected = 65_000 + n;
            assert_eq!(placed, if n == 0 { Placed::Restarted(expected) } else { Placed::Here(expected) });
            times.push(clock.running((4_294_000_000 + n * 300_000) as u32));
        }
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 300_000));
        assert_eq!(tracker.place((65_000 + 199_990_i64) as u16), Placed::Here(264_990));
    }

    #[test]
    fn one_wild_packet_changes_nothing_and_many_are_a_new_stream() {
        let mut tracker = SequenceTracker::default();
        tracker.place(100);
        assert_eq!(tracker.place(40_000), Placed::Stray);
        assert_eq!(tracker.place(101), Placed::Here(101));
        let placed: Vec<Placed> = (0..25).map(|n| tracker.place(40_000 + n)).collect();
        assert!(placed[..19].iter().all(|placed| *placed == Placed::Stray));
        let Placed::Restarted(first) = placed[19] else { panic!("{:?}", placed[19]) };
        assert!(first > 101 && first as u16 == 40_019);
        assert_eq!(placed[20], Placed::Here(first + 1));
    }
}
