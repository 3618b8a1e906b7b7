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
