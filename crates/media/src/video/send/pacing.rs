//! The thread from which packets with pictures leave, each when its link's pacer says.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::outlet::Outlet;

/// What may leave within this time leaves together: waking for each packet would cost more than it smooths.
const GRAIN: Duration = Duration::from_millis(1);

/// The links of a call that pictures leave on. Shared by the engine, the encoders' threads and the pacing thread.
#[derive(Default)]
pub(super) struct Outlets {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    outlets: Vec<Arc<Outlet>>,
    queued: bool,
    over: bool,
}

impl Outlets {
    pub(super) fn add(&self, outlet: Arc<Outlet>) {
        self.lock().outlets.push(outlet);
    }

    pub(super) fn remove(&self, link: bellbird_call::LinkId) {
        self.lock().outlets.retain(|outlet| outlet.link() != link);
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Outlet>> {
        self.lock().outlets.clone()
    }

    /// Something was queued.
    pub(super) fn wake(&self) {
        self.lock().queued = true;
        self.wake.notify_one();
    }

    /// Starts the thread, which ends when [`Outlets::close`] is called.
    ///
    /// # Errors
    /// When the system has no thread for us.
    pub(super) fn start(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let outlets = self.clone();
        std::thread::Builder::new().name("bellbird-pacing".into()).spawn(move || outlets.run())
    }

    pub(super) fn close(&self) {
        self.lock().over = true;
        self.wake.notify_one();
    }

    fn run(&self) {
        loop {
            let now = Instant::now();
            let next = self.all().iter().filter_map(|outlet| outlet.pace(now)).min();
            let mut state = self.lock();
            while !state.queued && !state.over {
                let left = next.map(|at| at.saturating_duration_since(Instant::now()).max(GRAIN));
                match left {
                    Some(left) => {
                        let (after, timeout) =
                            self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
                        state = after;
                        if timeout.timed_out() {
                            break;
                        }
                    }
                    None => state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            }
            if state.over {
                return;
            }
            state.queued = false;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
