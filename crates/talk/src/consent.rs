//! A person's yes to being recorded (talk-rest section 3.2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The consent to one call's recording: given by the person or not, and never taken for granted. Clones share it, so
/// that it can be given while the call rings.
#[derive(Clone, Default, Debug)]
pub struct Consent(Arc<AtomicBool>);

impl Consent {
    /// The person agreed.
    pub fn give(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the person agreed.
    pub fn is_given(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
