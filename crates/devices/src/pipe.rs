//! A loudspeaker that is another end's microphone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// What the pipe holds at most, samples: 400 ms. A reader that stopped must not make the writer's memory grow.
const CAPACITY: usize = 48_000 * 2 / 5;

/// A reader this far behind is brought back, samples: two frames more than the two clocks' phases can explain.
const TARGET: usize = 480 * 3;

type Shared = Arc<Mutex<VecDeque<f32>>>;

/// The loudspeaker end of a [`pipe`].
#[derive(Clone, Debug)]
pub struct PipeWriter(Shared);

/// The microphone end of a [`pipe`].
#[derive(Clone, Debug)]
pub struct PipeReader(Shared);

/// Makes a pipe: what is played into one end is captured at the other, 48 kHz mono.
pub fn pipe() -> (PipeWriter, PipeReader) {
    let shared: Shared = Arc::new(Mutex::new(VecDeque::with_capacity(CAPACITY)));
    (PipeWriter(shared.clone()), PipeReader(shared))
}

impl PipeWriter {
    /// Adds samples; the oldest go when the reader has stopped.
    pub(crate) fn write(&self, samples: &[f32]) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = (queue.len() + samples.len()).saturating_sub(CAPACITY).min(queue.len());
        queue.drain(..excess);
        queue.extend(samples.iter().copied().take(CAPACITY));
    }
}

impl PipeReader {
    /// Fills `out`; what is not there yet is silence. Returns whether all of it was there.
    pub(crate) fn read(&self, out: &mut [f32]) -> bool {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() > TARGET + out.len() {
            // The reader began late or stood still: stale sound would stay as delay for the rest of the call.
            let excess = queue.len() - TARGET;
            queue.drain(..excess);
        }
        let count = out.len().min(queue.len());
        for (slot, sample) in out.iter_mut().zip(queue.drain(..count)) {
            *slot = sample;
        }
        out[count..].fill(0.0);
        count == out.len()
    }
}
