//! Where a link's packets wait for the worker.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use bellbird_call::LinkId;

use super::figures::ShownFigures;
use super::worker::Task;
use crate::peer::VideoPacket;

/// The most packets that wait: a second of the highest rates. A flood beyond it is dropped.
const MAX_PACKETS: usize = 1024;

/// Filled by the library's task, emptied by the worker.
pub(super) struct Inlet {
    link: LinkId,
    watched: AtomicBool,
    packets: Mutex<VecDeque<VideoPacket>>,
    figures: Mutex<ShownFigures>,
    tasks: mpsc::Sender<Task>,
}

impl Inlet {
    pub(super) fn new(link: LinkId, tasks: mpsc::Sender<Task>) -> Self {
        Self {
            link,
            watched: AtomicBool::new(false),
            packets: Mutex::default(),
            figures: Mutex::default(),
            tasks,
        }
    }

    pub(super) fn link(&self) -> LinkId {
        self.link
    }

    /// Whether packets are kept. `true` when that changed.
    pub(super) fn set_watched(&self, watched: bool) -> bool {
        self.watched.swap(watched, Ordering::Relaxed) != watched
    }

    /// Hands a packet over; never blocks.
    pub(super) fn insert(&self, packet: VideoPacket) {
        if !self.watched.load(Ordering::Relaxed) {
            return;
        }
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        if packets.len() == MAX_PACKETS {
            return;
        }
        packets.push_back(packet);
        // One call for all that come until the worker looks, so that calls are bounded too.
        if packets.len() == 1 {
            let _ = self.tasks.send(Task::Packets(self.link));
        }
    }

    /// What came since the last time.
    pub(super) fn take(&self) -> VecDeque<VideoPacket> {
        std::mem::take(&mut *self.packets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn publish(&self, figures: ShownFigures) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }

    pub(super) fn figures(&self) -> ShownFigures {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
