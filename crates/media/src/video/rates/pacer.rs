//! Spreads a link's packets over time, so that a large picture neither fills the queues on the way nor makes sound wait.
//!
//! Pure, told the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How much faster than the estimate packets leave: a picture larger than the average should not be late for it.
const HASTE: f64 = 2.5;
/// Nothing is spread thinner than this, bits per second.
const LEAST_RATE: f64 = 300_000.0;
/// What may leave at once, as time at the rate: what a sleeping thread is late by.
const BURST: Duration = Duration::from_millis(5);
/// The most packets that wait. A picture of 1920x1080 at its largest makes about half of that.
const MAX_PACKETS: usize = 1024;

/// The queue of one link.
#[derive(Debug)]
pub(in crate::video) struct Pacer<T> {
    queue: VecDeque<(usize, T)>,
    bytes: usize,
    rate: f64,
    free_at: Option<Instant>,
}

impl<T> Pacer<T> {
    pub(in crate::video) fn new(target: u64) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, rate: pace(target), free_at: None }
    }

    /// The link's estimate, bits per second.
    pub(in crate::video) fn set_target(&mut self, target: u64) {
        self.rate = pace(target);
    }

    /// Queues a packet of `size` bytes. `false` when there is no room: then it is not queued.
    pub(in crate::video) fn push(&mut self, size: usize, packet: T) -> bool {
        if self.queue.len() == MAX_PACKETS {
            return false;
        }
        self.bytes += size;
        self.queue.push_back((size, packet));
        true
    }

    /// How long what waits will take to leave.
    pub(in crate::video) fn backlog(&self) -> Duration {
        Duration::from_secs_f64(self.bytes as f64 * 8.0 / self.rate)
    }

    /// Drops what waits.
    pub(in crate::video) fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    /// When the next packet may leave; `None` when none waits.
    pub(in crate::video) fn next_due(&self, now: Instant) -> Option<Instant> {
        self.queue.front()?;
        Some(self.free_at.unwrap_or(now))
    }

    /// A packet that may leave now.
    pub(in crate::video) fn pop(&mut self, now: Instant) -> Option<T> {
        let free_at = self.free_at.unwrap_or(now);
        if free_at > now {
            return None;
        }
        let (size, packet) = self.queue.pop_front()?;
        self.bytes -= size;
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        self.free_at = Some(free_at.max(earliest) + Duration::from_secs_f64(size as f64 * 8.0 / self.rate));
        Some(packet)
    }
}

fn pace(target: u64) -> f64 {
    (target as f64 * HASTE).max(LEAST_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What leaves when the thread wakes each millisecond: how many packets in each.
    fn drain(pacer: &mut Pacer<u32>, start: Instant, millis: u64) -> Vec<usize> {
        (0..millis)
            .map(|milli| {
                let now = start + Duration::from_millis(milli);
                std::iter::from_fn(|| pacer.pop(now)).count()
            })
            .collect()
    }

    #[test]
    fn a_large_picture_is_spread_and_kept_in_order() {
        let start = Instant::now();
        let mut pacer = Pacer::new(400_000);
        (0..100).for_each(|number| assert!(pacer.push(1250, number)));
        // 100 packets of 10 kbit at 1 Mbit/s take a second.
        assert_eq!(pacer.backlog(), Duration::from_secs(1));
        let left = drain(&mut pacer, start, 500);
        let sum: usize = left.iter().sum();
        assert!((49..=52).contains(&sum), "{sum}");
        assert!(left.iter().all(|count| *count <= 2), "no burst: {left:?}");
        let next = pacer.pop(start + Duration::from_secs(9)).unwrap();
        assert_eq!(next as usize, sum);
    }

    #[test]
    fn a_thread_that_slept_does_not_make_up_for_all_of_it() {
        let start = Instant::now();
        let mut pacer = Pacer::new(400_000);
        (0..100).for_each(|number| assert!(pacer.push(1250, number)));
        pacer.pop(start);
        let late = start + Duration::from_millis(300);
        let burst = std::iter::from_fn(|| pacer.pop(late)).count();
        assert!(burst <= 2, "{burst}");
        assert!(pacer.next_due(late).unwrap() > late);
    }

    #[test]
    fn the_queue_is_bounded_and_can_be_dropped() {
        let mut pacer = Pacer::new(400_000);
        let taken = (0..5000).filter(|number| pacer.push(100, *number)).count();
        assert_eq!(taken, MAX_PACKETS);
        pacer.clear();
        assert_eq!((pacer.backlog(), pacer.next_due(Instant::now())), (Duration::ZERO, None));
    }
}
