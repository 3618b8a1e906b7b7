//! Wakes the library's task, which otherwise looks for work only when a datagram or a deadline of its own comes.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The bell of one link's task.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Notify,
    muffled: AtomicBool,
}

impl Bell {
    /// Has the task look for work now. Any thread; never blocks. Several rings before it looks are one.
    pub(super) fn ring(&self) {
        self.rung.notify_one();
    }

    /// From now on nobody hears it: the link ends, and what the task waits for then is not to be cut short.
    pub(super) fn muffle(&self) {
        self.muffled.store(true, Ordering::Relaxed);
    }

    /// Waits for the next ring, or takes one that nobody heard yet.
    pub(super) async fn heard(&self) {
        loop {
            self.rung.notified().await;
            if !self.muffled.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_heard(bell: &Bell) -> bool {
        let heard = pin!(bell.heard());
        matches!(heard.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn a_ring_is_heard_once_also_later() {
        let bell = Bell::default();
        assert!(!is_heard(&bell));
        bell.ring();
        bell.ring();
        assert!(is_heard(&bell) && !is_heard(&bell));
    }

    #[test]
    fn a_muffled_bell_is_not_heard() {
        let bell = Bell::default();
        bell.ring();
        bell.muffle();
        assert!(!is_heard(&bell));
        bell.ring();
        assert!(!is_heard(&bell));
    }
}
