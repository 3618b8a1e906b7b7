//! What a running source is told, from any thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::CaptureFormat;

/// The longest a source may wait without looking up, for sources that have to wait elsewhere than in
/// [`Orders::wait_until`].
pub(crate) const LONGEST_BLIND_WAIT: Duration = Duration::from_millis(100);

/// Shared between a [`Capture`](crate::Capture) and its thread.
pub(crate) struct Orders {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    format: CaptureFormat,
    refresh: bool,
    stop: bool,
}

/// Why a source woke up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// The time has come.
    Due,
    /// The last picture is wanted again.
    Refresh,
    /// Another format is wanted.
    Format,
    /// It is to end.
    Stop,
}

impl Orders {
    pub(crate) fn new(format: CaptureFormat) -> Self {
        let state = State { format: sane(format), refresh: false, stop: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn format(&self) -> CaptureFormat {
        self.lock().format
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    pub(crate) fn set_format(&self, format: CaptureFormat) {
        self.lock().format = sane(format);
        self.changed.notify_all();
    }

    pub(crate) fn refresh(&self) {
        self.lock().refresh = true;
        self.changed.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits until `deadline`, or until something is ordered. `known` is the format the caller works by.
    pub(crate) fn wait_until(&self, deadline: Instant, known: CaptureFormat) -> Wake {
        let mut state = self.lock();
        loop {
            if state.stop {
                return Wake::Stop;
            }
            if std::mem::take(&mut state.refresh) {
                return Wake::Refresh;
            }
            if state.format != known {
                return Wake::Format;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wake::Due;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes the wish for the last picture, for sources that wait elsewhere.
    pub(crate) fn take_refresh(&self) -> bool {
        std::mem::take(&mut self.lock().refresh)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A format that can be worked by: no side below a macroblock, one picture a second at the least.
fn sane(format: CaptureFormat) -> CaptureFormat {
    CaptureFormat {
        max_width: format.max_width.clamp(16, bellbird_video::MAX_SIDE),
        max_height: format.max_height.clamp(16, bellbird_video::MAX_SIDE),
        max_fps: format.max_fps.clamp(1, 120),
    }
}

/// When pictures are due, at a rate, without drift; a source that was late leaves out what it missed.
pub(crate) struct Rhythm {
    next: Instant,
    period: Duration,
}

impl Rhythm {
    /// The first picture is due at `start`.
    pub(crate) fn new(start: Instant, period: Duration) -> Self {
        Self { next: start, period: period.max(Duration::from_micros(100)) }
    }

    /// The period of so many pictures a second.
    pub(crate) fn period_of(fps: u32) -> Duration {
        Duration::from_secs(1) / fps.max(1)
    }

    /// When the next picture is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Moves on to the picture after the one that was due, and beyond what is past. Yields how many periods passed.
    pub(crate) fn advance(&mut self, now: Instant) -> u64 {
        let late = now.saturating_duration_since(self.next);
        let steps = (late.as_nanos() / self.period.as_nanos()) as u64 + 1;
        self.next += self.period * u32::try_from(steps).unwrap_or(u32::MAX);
        steps
    }

    /// Another rate from the next picture on, which comes no sooner than the new period after the last.
    pub(crate) fn set_period(&mut self, period: Duration) {
        let last = self.next.checked_sub(self.period).unwrap_or(self.next);
        self.period = period.max(Duration::from_micros(100));
        self.next = last + self.period;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: CaptureFormat = CaptureFormat { max_width: 640, max_height: 360, max_fps: 30 };

    #[test]
    fn orders_are_given_once_and_stop_goes_first() {
        let orders = Orders::new(FORMAT);
        let now = Instant::now();
        assert_eq!(orders.wait_until(now, FORMAT), Wake::Due);
        orders.refresh();
        orders.refresh();
        assert_eq!(orders.wait_until(now, FORMAT), Wake::Refresh);
        assert_eq!(orders.wait_until(now, FORMAT), Wake::Due);
        let smaller = CaptureFormat { max_width: 320, ..FORMAT };
        orders.set_format(smaller);
        assert_eq!(orders.wait_until(now, FORMAT), Wake::Format);
        assert_eq!(orders.wait_until(now, smaller), Wake::Due);
        orders.refresh();
        orders.stop();
        assert_eq!(orders.wait_until(now + Duration::from_secs(3600), FORMAT), Wake::Stop);
    }

    #[test]
    fn an_order_ends_a_wait() {
        let orders = std::sync::Arc::new(Orders::new(FORMAT));
        let told = std::sync::Arc::clone(&orders);
        let waiter =
            std::thread::spawn(move || told.wait_until(Instant::now() + Duration::from_secs(3600), FORMAT));
        orders.stop();
        assert_eq!(waiter.join().unwrap(), Wake::Stop);
    }

    #[test]
    fn senseless_formats_are_brought_into_bounds() {
        let orders = Orders::new(CaptureFormat { max_width: 0, max_height: u32::MAX, max_fps: 0 });
        let expected = CaptureFormat { max_width: 16, max_height: bellbird_video::MAX_SIDE, max_fps: 1 };
        assert_eq!(orders.format(), expected);
    }

    #[test]
    fn a_rhythm_neither_drifts_nor_catches_up() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut rhythm = Rhythm::new(start, ms(10));
        assert_eq!(rhythm.next(), start);
        assert_eq!(rhythm.advance(start + ms(3)), 1);
        assert_eq!(rhythm.next(), start + ms(10));
        assert_eq!(rhythm.advance(start + ms(47)), 4);
        assert_eq!(rhythm.next(), start + ms(50));
        rhythm.set_period(ms(100));
        assert_eq!(rhythm.next(), start + ms(140));
    }
}
