//! Samples from memory, played once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Sound in memory that a virtual microphone plays once, and that remembers when it did. Clones share that memory.
#[derive(Clone)]
pub struct Clip {
    samples: Arc<[f32]>,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy)]
enum State {
    Held,
    Released,
    Started(Instant),
}

impl Clip {
    /// A clip that starts as soon as a microphone stream plays it. 48 kHz mono.
    pub fn new(samples: impl Into<Arc<[f32]>>) -> Self {
        Self { samples: samples.into(), state: Arc::new(Mutex::new(State::Released)) }
    }

    /// A clip that is silent until [`release`](Self::release). 48 kHz mono.
    pub fn held(samples: impl Into<Arc<[f32]>>) -> Self {
        Self { samples: samples.into(), state: Arc::new(Mutex::new(State::Held)) }
    }

    /// Lets a held clip start with the next frame. Later calls do nothing.
    pub fn release(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Held = *state {
            *state = State::Released;
        }
    }

    /// When its first sample was "spoken": the beginning of that sample's frame on the virtual microphone's clock.
    pub fn started(&self) -> Option<Instant> {
        match *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Held | State::Released => None,
            State::Started(at) => Some(at),
        }
    }

    /// The samples.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Fills `out` with the clip from `position` on, silence before and after. `at` is the time of `out[0]`.
    pub(crate) fn read(&self, position: &mut usize, out: &mut [f32], at: Instant) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match *state {
                State::Held => {
                    out.fill(0.0);
                    return;
                }
                State::Released => *state = State::Started(at),
                State::Started(_) => {}
            }
        }
        let rest = self.samples.get(*position..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        out[count..].fill(0.0);
        *position += count;
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clip({} samples)", self.samples.len())
    }
}
