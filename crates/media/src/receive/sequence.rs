//! Wrapping counters made running, and streams that begin anew (RFC 3550 appendix A.1).

/// A jump forward beyond this is no loss any more, packets: 60 s.
const MAX_DROPOUT: i64 = 3_000;

/// A jump back beyond this is no reordering any more, packets: 2 s.
const MAX_MISORDER: i64 = 100;

/// A media clock that is off by more than this against the arrival has been set anew, samples: 3 s. Also the length
/// of an hour's break in sending is no reason: then the clock went on with the time.
const MAX_CLOCK_STEP: i64 = 48_000 * 3;

/// Where a packet stands in its stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Running packet number.
    pub(crate) sequence: i64,
    /// Running media time, 48 kHz samples.
    pub(crate) media_time: i64,
}

/// What a packet's numbers mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Placed {
    /// It belongs to the stream.
    Here(Place),
    /// The stream began anew with it: all that came before is void.
    Restarted(Place),
    /// It is far off, alone; to be dropped unless the next one confirms it.
    Stray,
}

/// Follows one stream's counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct SequenceTracker {
    newest: Option<Newest>,
    /// The number that would confirm a restart.
    suspect: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    place: Place,
    /// Arrival minus media time, samples.
    transit: i64,
}

impl SequenceTracker {
    /// Places a packet by its wire numbers and its arrival (in samples of our own clock).
    pub(crate) fn place(&mut self, sequence: u16, timestamp: u32, arrival: i64) -> Placed {
        let Some(newest) = self.newest else {
            let place = Place { sequence: i64::from(sequence), media_time: i64::from(timestamp) };
            self.newest = Some(Newest { place, transit: arrival - place.media_time });
            return Placed::Here(place);
        };
        let step = i64::from(sequence.wrapping_sub(newest.place.sequence as u16) as i16);
        let media_step = i64::from(timestamp.wrapping_sub(newest.place.media_time as u32) as i32);
        let place = Place {
            sequence: newest.place.sequence + step,
            media_time: newest.place.media_time + media_step,
        };
        let transit = arrival - place.media_time;
        let in_order = (-MAX_MISORDER..=MAX_DROPOUT).contains(&step);
        let in_time = (transit - newest.transit).abs() <= MAX_CLOCK_STEP;
        if in_order && in_time {
            self.suspect = None;
            if step > 0 {
                self.newest = Some(Newest { place, transit });
            }
            return Placed::Here(place);
        }
        if self.suspect == Some(sequence) {
            // Begins on fresh running numbers, so that nothing old compares with anything new.
            let place = Place {
                sequence: newest.place.sequence + MAX_DROPOUT + i64::from(sequence),
                media_time: i64::from(timestamp),
            };
            let place = Place { sequence: aligned(place.sequence, sequence), ..place };
            self.newest = Some(Newest { place, transit: arrival - place.media_time });
            self.suspect = None;
            return Placed::Restarted(place);
        }
        self.suspect = Some(sequence.wrapping_add(1));
        Placed::Stray
    }
}

/// The next running number at or above `at_least` whose lower 16 bits are `wire`.
fn aligned(at_least: i64, wire: u16) -> i64 {
    let missing = wire.wrapping_sub(at_least as u16);
    at_least + i64::from(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(placed: Placed) -> Place {
        match placed {
            Placed::Here(place) => place,
            Placed::Restarted(_) | Placed::Stray => panic!("{placed:?}"),
        }
    }

    #[test]
    fn both_counters_wrap_many_times_without_a_seam() {
        let mut tracker = SequenceTracker::default();
        let mut first = None;
        for n in 0..300_000i64 {
            let sequence = (65_000 + n) as u16;
            let timestamp = (4_294_000_000i64 + n * 960 * 30) as u32;
            let place = here(tracker.place(sequence, timestamp, n * 960 * 30));
            let first = *first.get_or_insert(place);
            assert_eq!(place.sequence - first.sequence, n);
            assert_eq!(place.media_time - first.media_time, n * 960 * 30);
        }
    }

    #[test]
    fn reordering_over_the_wrap_is_placed_behind() {
        let mut tracker = SequenceTracker::default();
        let a = here(tracker.place(65_535, 0, 0));
        let c = here(tracker.place(1, 1_920, 1_920));
        let b = here(tracker.place(0, 960, 1_930));
        assert_eq!((b.sequence - a.sequence, c.sequence - b.sequence), (1, 1));
        assert_eq!(c.media_time - b.media_time, 960);
    }

    #[test]
    fn one_wild_packet_changes_nothing_two_in_a_row_are_a_new_stream() {
        let mut tracker = SequenceTracker::default();
        here(tracker.place(100, 96_000, 0));
        assert_eq!(tracker.place(40_000, 5, 960), Placed::Stray);
        here(tracker.place(101, 96_960, 960));
        assert_eq!(tracker.place(40_000, 5, 1_920), Placed::Stray);
        let Placed::Restarted(place) = tracker.place(40_001, 965, 2_880) else { panic!("not restarted") };
        assert_eq!((place.sequence as u16, place.media_time), (40_001, 965));
        assert!(place.sequence > 101);
        let next = here(tracker.place(40_002, 1_925, 3_840));
        assert_eq!(next.sequence, place.sequence + 1);
    }

    #[test]
    fn a_clock_set_anew_is_a_restart_and_a_long_break_is_not() {
        let mut tracker = SequenceTracker::default();
        here(tracker.place(7, 1_000, 0));
        // An hour's break: both clocks went on.
        let hour = 48_000 * 3_600;
        here(tracker.place(8, 1_000 + hour as u32, hour));
        // The timestamp alone jumps.
        assert_eq!(tracker.place(9, 3_000_000_000, hour + 960), Placed::Stray);
        assert!(matches!(tracker.place(10, 3_000_000_960, hour + 1_920), Placed::Restarted(_)));
    }
}
