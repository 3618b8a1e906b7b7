//! Runs one call: the loop, its timers and its recovery policy.
//!
//! A session knows the two ports of `bellbird_call` and nothing of what is behind them. It owns the machine, the
//! signaling backend and the media engine of one call, in one task; no lock is shared with anyone.
//!
//! ```text
//!   CallHandle::send ──▶ intents ─┐
//!   SignalingBackend ──▶ Inlet ───┼─▶ EventLoop ─▶ Conductor (CallMachine + Recovery) ─▶ backend, engine
//!   MediaEngine ───────▶ Inlet ───┘        │
//!            └─ meters ─▶ broadcast        └─▶ events (all, in order), view (latest)
//! ```
//!
//! Making one takes two steps, because backend and engine need the way in before the session needs them:
//!
//! ```no_run
//! # use bellbird_call::{ports::{MediaEngine, SignalingBackend, MediaSink, SignalingSink}, CallMachine};
//! # fn backend(_: SignalingSink) -> Box<dyn SignalingBackend> { unreachable!() }
//! # fn engine(_: MediaSink) -> Box<dyn MediaEngine> { unreachable!() }
//! # fn machine() -> CallMachine { unreachable!() }
//! let (builder, inlet) = bellbird_session::prepare();
//! let signaling = backend(inlet.signaling_sink());
//! let media = engine(inlet.media_sink());
//! let call = builder.start(machine(), signaling, media);
//! # drop(call);
//! ```

mod conduct;
mod event_loop;
mod handle;
mod inlet;
pub mod reconnect;

pub use conduct::Conductor;
pub use handle::CallHandle;
pub use inlet::{Inlet, Meter};

use bellbird_call::CallMachine;
use bellbird_call::ports::{MediaEngine, SignalingBackend};
use tokio::sync::{mpsc, watch};

use event_loop::EventLoop;

/// A session about to start.
#[derive(Debug)]
pub struct SessionBuilder {
    outlet: inlet::Outlet,
}

/// Begins a session: the builder to start it with, and the way in for its backend and engine.
pub fn prepare() -> (SessionBuilder, Inlet) {
    let (inlet, outlet) = inlet::pair();
    (SessionBuilder { outlet }, inlet)
}

impl SessionBuilder {
    /// Starts the call: spawns its task, which begins with [`bellbird_call::CallInput::Start`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with time enabled.
    pub fn start(
        self,
        machine: CallMachine,
        signaling: Box<dyn SignalingBackend>,
        media: Box<dyn MediaEngine>,
    ) -> CallHandle {
        let (view_sender, view) = watch::channel(machine.view(tokio::time::Instant::now().into_std()));
        let (event_sender, events) = mpsc::channel(event_loop::EVENT_CHANNEL);
        let (handle, intents) =
            CallHandle::new(machine.id().clone(), view, events, self.outlet.meters.clone());
        let event_loop =
            EventLoop::new(machine, signaling, media, self.outlet, intents, view_sender, event_sender);
        tokio::spawn(event_loop.run());
        handle
    }
}
