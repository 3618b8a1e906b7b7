//! How much really gets through.

use std::collections::VecDeque;
use std::time::Duration;

/// Over how long it is measured. A few frames, so that their sizes even out.
const WINDOW: Duration = Duration::from_millis(500);
/// The least time and packets a measurement needs.
const LEAST_TIME: Duration = Duration::from_millis(100);
const LEAST_PACKETS: usize = 8;
/// The most packets remembered: 500 ms at more than anybody sends.
const MAX_PACKETS: usize = 2048;

/// Bits per second that arrived over the last half second of arrivals.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    /// Arrival on the far end's clock, and bytes.
    arrivals: VecDeque<(Duration, usize)>,
    bytes: usize,
}

impl Throughput {
    pub(super) fn packet(&mut self, arrived: Duration, size: usize) {
        // The clock of the far end went back, or jumped: a new beginning.
        if self.arrivals.back().is_some_and(|(last, _)| last.abs_diff(arrived) > 4 * WINDOW) {
            self.arrivals.clear();
            self.bytes = 0;
        }
        let at = self.arrivals.back().map_or(arrived, |(last, _)| arrived.max(*last));
        self.arrivals.push_back((at, size));
        self.bytes += size;
        while self.arrivals.len() > MAX_PACKETS
            || self.arrivals.front().is_some_and(|(first, _)| at.saturating_sub(*first) > WINDOW)
        {
            if let Some((_, size)) = self.arrivals.pop_front() {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_measures_what_arrived_lately() {
        let mut throughput = Throughput::default();
        for number in 0..100u32 {
            throughput.packet(Duration::from_millis(10) * number, 1250);
        }
        let rate = throughput.rate().unwrap();
        assert!((rate - 1_000_000.0).abs() < 1000.0, "{rate}");
        for number in 0..100u32 {
            throughput.packet(Duration::from_millis(1000 + 10 * u64::from(number)), 125);
        }
        let rate = throughput.rate().unwrap();
        assert!((rate - 100_000.0).abs() < 1000.0, "{rate}");
        throughput.packet(Duration::from_secs(500), 100);
        assert_eq!(throughput.rate(), None);
    }
}
