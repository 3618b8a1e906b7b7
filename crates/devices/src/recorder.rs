//! A loudspeaker that remembers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What a recorder keeps at most, samples: 15 minutes. Later sound is dropped.
const LIMIT: usize = 48_000 * 60 * 15;

/// What was played, kept in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Option<Recording>>>);

/// Sound that was played: sample `n` was due at `started + n / 48 kHz`. Gaps of the playout are silence in it, so
/// that its time line is the real one.
#[derive(Clone, Debug)]
pub struct Recording {
    /// When the first sample was due.
    pub started: Instant,
    /// 48 kHz mono.
    pub samples: Vec<f32>,
}

impl Recorder {
    /// An empty recorder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what has been recorded so far; empty when nothing was played. Recording goes on with a new start.
    pub fn take(&self) -> Recording {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take().unwrap_or_else(|| Recording { started: Instant::now(), samples: Vec::new() })
    }

    /// How many samples there are so far.
    pub fn len(&self) -> usize {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map_or(0, |recording| recording.samples.len())
    }

    /// Whether nothing was played since the last [`take`](Self::take).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what is played from `at` on.
    pub(crate) fn write(&self, samples: &[f32], at: Instant) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recording = slot.get_or_insert_with(|| Recording { started: at, samples: Vec::new() });
        let room = LIMIT.saturating_sub(recording.samples.len());
        recording.samples.extend_from_slice(&samples[..samples.len().min(room)]);
    }
}
