//! How much really gets through.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Over how long it is measured. A few frames, so that their sizes even out.
const WINDOW: Duration = Duration::from_millis(500);
/// The least time and packets a measurement needs.
const LEAST_TIME: Duration = Duration::from_millis(100);
const LEAST_PACKETS: usize = 8;
/// The most packets remembered: 500 ms at more than anybody sends.
const MAX_PACKETS: usize = 2048;

/// Packets that arrive at less than this share of the pace they were sent at were held up by the link.
const HELD_UP: f64 = 0.9;

/// Bits per second that arrived over the last half second of arrivals.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    /// Arrival on the far end's clock, bytes, and when they were sent.
    arrivals: VecDeque<(Duration, usize, Instant)>,
    bytes: usize,
}

impl Throughput {
    pub(super) fn packet(&mut self, arrived: Duration, size: usize, sent: Instant) {
        // The clock of the far end went back, or jumped: a new beginning.
        if self.arrivals.back().is_some_and(|(last, ..)| last.abs_diff(arrived) > 4 * WINDOW) {
            self.arrivals.clear();
            self.bytes = 0;
        }
        let at = self.arrivals.back().map_or(arrived, |(last, ..)| arrived.max(*last));
        self.arrivals.push_back((at, size, sent));
        self.bytes += size;
        while self.arrivals.len() > MAX_PACKETS
            || self.arrivals.front().is_some_and(|(first, ..)| at.saturating_sub(*first) > WINDOW)
        {
            if let Some((_, size, _)) = self.arrivals.pop_front() {
                self.bytes -= size;
            }
        }
    }

    /// `None` when too little arrived to tell.
    pub(super) fn rate(&self) -> Option<f64> {
        let (first, last) = (self.arrivals.front()?, self.arrivals.back()?);
        let span = last.0.saturating_sub(first.0);
        if self.arrivals.len() < LEAST_PACKETS || span < LEAST_TIME {
            return None;
        }
        // The first packet's bytes came before the span began.
        Some((self.bytes - first.1) as f64 * 8.0 / span.as_secs_f64())
    }

    /// Whether it was the link that set this pace, and not whoever had no more to send.
    pub(super) fn is_held_up(&self) -> bool {
        let (Some(first), Some(last)) = (self.arrivals.front(), self.arrivals.back()) else { return false };
        let sent = last.2.saturating_duration_since(first.2).as_secs_f64();
        sent < last.0.saturating_sub(first.0).as_secs_f64() * HELD_UP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_measures_what_arrived_lately() {
        let start = Instant::now();
        let mut throughput = Throughput::default();
        for number in 0..100u32 {
            let at = Duration::from_millis(10) * number;
            throughput.packet(at, 1250, start + at);
        }
        assert!(!throughput.is_held_up(), "no more was sent");
        let rate = throughput.rate().unwrap();
        assert!((rate - 1_000_000.0).abs() < 1000.0, "{rate}");
        for number in 0..100u32 {
            let at = Duration::from_millis(1000 + 10 * u64::from(number));
            throughput.packet(
                at,
                125,
                start + Duration::from_millis(1000) + Duration::from_millis(5) * number,
            );
        }
        assert!(throughput.is_held_up(), "twice as much was sent");
        let rate = throughput.rate().unwrap();
        assert!((rate - 100_000.0).abs() < 1000.0, "{rate}");
        throughput.packet(Duration::from_secs(500), 100, start + Duration::from_secs(500));
        assert_eq!(throughput.rate(), None);
    }
}
