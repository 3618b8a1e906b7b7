//! A clock that goes only when told.

use std::time::{Duration, Instant};

/// Virtual time. Starts at the moment of its making, which no test may look at.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    start: Instant,
    now: Instant,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtualClock {
    /// A clock that stands at its start.
    pub fn new() -> Self {
        let start = Instant::now();
        Self { start, now: start }
    }

    /// The virtual now.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Virtual time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Goes on by `step`.
    pub fn advance(&mut self, step: Duration) {
        self.now += step;
    }

    /// Goes to `at`, never back.
    pub fn advance_to(&mut self, at: Instant) {
        self.now = self.now.max(at);
    }
}
