//! The way in for backend and engine: bounded, never blocking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bellbird_call::CallInput;
use bellbird_call::LinkQuality;
use bellbird_call::ports::{AudioLevels, MediaEvent, MediaSink, SignalingEvent, SignalingSink};
use tokio::sync::{broadcast, mpsc};

/// How many inputs may wait. A call has some tens in its busiest second; whoever sends a thousand before the loop
/// gets to run is flooding us.
const WAITING_INPUTS: usize = 1024;

/// How many meter readings a slow viewer may be behind: a second's worth.
const WAITING_METERS: usize = 32;

/// A measurement. Comes often, may be missed, changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Meter {
    /// How loud everyone is, about 30 times a second.
    Levels(AudioLevels),
    /// How well every link does, once a second.
    Quality(Vec<LinkQuality>),
}

/// Where backend and engine deliver. May be used from any thread; never blocks.
///
/// The queue is bounded. When the far end makes it overflow the call ends with a problem, since an input left out
/// could be the one that mattered.
#[derive(Clone, Debug)]
pub struct Inlet {
    queue: mpsc::Sender<CallInput>,
    overflowed: Arc<AtomicBool>,
    meters: broadcast::Sender<Meter>,
}

/// The loop's end of an [`Inlet`].
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) queue: mpsc::Receiver<CallInput>,
    pub(crate) overflowed: Arc<AtomicBool>,
    pub(crate) meters: broadcast::Sender<Meter>,
}

pub(crate) fn pair() -> (Inlet, Outlet) {
    let (sender, queue) = mpsc::channel(WAITING_INPUTS);
    let (meters, _) = broadcast::channel(WAITING_METERS);
    let overflowed = Arc::new(AtomicBool::new(false));
    let inlet = Inlet { queue: sender, overflowed: overflowed.clone(), meters: meters.clone() };
    (inlet, Outlet { queue, overflowed, meters })
}

impl Inlet {
    /// A sink for a signaling backend.
    pub fn signaling_sink(&self) -> SignalingSink {
        let inlet = self.clone();
        Arc::new(move |event: SignalingEvent| inlet.push(CallInput::Signaling(event)))
    }

    /// A sink for a media engine. Meters go past the call's loop, to whoever listens.
    pub fn media_sink(&self) -> MediaSink {
        let inlet = self.clone();
        Arc::new(move |event: MediaEvent| match event {
            MediaEvent::Levels(levels) => inlet.measure(Meter::Levels(levels)),
            MediaEvent::Quality(links) => inlet.measure(Meter::Quality(links)),
            MediaEvent::LocalDescription { .. }
            | MediaEvent::LocalCandidate { .. }
            | MediaEvent::LinkState { .. }
            | MediaEvent::RemoteTrack { .. }
            | MediaEvent::LocalTrack { .. }
            | MediaEvent::CaptureFailed { .. }
            | MediaEvent::FirstMedia { .. }
            | MediaEvent::DataReceived { .. }
            | MediaEvent::AddressLost
            | MediaEvent::Trouble(_)
            | MediaEvent::LinkFailed { .. } => inlet.push(CallInput::Media(event)),
        })
    }

    fn push(&self, input: CallInput) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(input) {
            self.overflowed.store(true, Ordering::Release);
        }
    }

    fn measure(&self, meter: Meter) {
        // No listener is no error.
        let _ = self.meters.send(meter);
    }
}
