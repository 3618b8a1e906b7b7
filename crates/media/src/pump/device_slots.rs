//! Devices that are opened aside, fail, vanish and come back.
//!
//! ```text
//!            want             opened
//!   closed ───────▶ opening ─────────▶ open ──┐ vanished, or another was chosen
//!     ▲                │ failed          ▲    │
//!     │ unwant         ▼                 │    ▼
//!     └──────────── waiting ─────────▶ opening again (the old one goes on where there is one)
//!                        a while, or the list of devices changed
//! ```

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use bellbird_devices::{
    CaptureSource, CaptureStream, DeviceError, DeviceErrorKind, DeviceInfo, PlayoutSink, PlayoutStream,
    open_capture_in_steps, open_playout_in_steps,
};

use super::PumpInput;

/// How long after a failure a device is tried again. A change in the list of devices tries at once.
const RETRY: Duration = Duration::from_secs(3);

/// The step a device is asked to work in, and the largest it is widened to when it loses sound in smaller ones.
const FIRST_STEP: Duration = Duration::from_millis(10);
const LAST_STEP: Duration = Duration::from_millis(40);

/// What an opener brings back.
pub(super) enum Opened {
    Microphone(u64, Result<CaptureStream, DeviceError>),
    Speaker(u64, Result<PlayoutStream, DeviceError>),
    Ringer(u64, Result<PlayoutStream, DeviceError>),
}

/// What a slot needs to know of a device choice and its stream.
pub(super) trait Choice: Clone + Send + 'static {
    type Stream: Send + 'static;

    fn open(&self, step: Duration) -> Result<Self::Stream, DeviceError>;
    fn is_real(&self) -> bool;
    /// The name asked for; `None` for the default device and for stand-ins.
    fn wanted_name(&self) -> Option<&str>;
    /// The default device.
    fn fallback() -> Self;
    fn stream_name(stream: &Self::Stream) -> Option<&str>;
    fn check(stream: &Self::Stream) -> Result<(), DeviceError>;
}

impl Choice for CaptureSource {
    type Stream = CaptureStream;

    fn open(&self, step: Duration) -> Result<CaptureStream, DeviceError> {
        open_capture_in_steps(self, step)
    }

    fn is_real(&self) -> bool {
        CaptureSource::is_real(self)
    }

    fn wanted_name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Default
            | Self::File(_)
            | Self::LoopedFile(_)
            | Self::Tone { .. }
            | Self::Silence
            | Self::Clip(_)
            | Self::Pipe(_) => None,
        }
    }

    fn fallback() -> Self {
        Self::Default
    }

    fn stream_name(stream: &CaptureStream) -> Option<&str> {
        stream.device_name()
    }

    fn check(stream: &CaptureStream) -> Result<(), DeviceError> {
        stream.check()
    }
}

impl Choice for PlayoutSink {
    type Stream = PlayoutStream;

    fn open(&self, step: Duration) -> Result<PlayoutStream, DeviceError> {
        open_playout_in_steps(self, step)
    }

    fn is_real(&self) -> bool {
        PlayoutSink::is_real(self)
    }

    fn wanted_name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Default | Self::File(_) | Self::Null | Self::Recorder(_) | Self::Pipe(_) => None,
        }
    }

    fn fallback() -> Self {
        Self::Default
    }

    fn stream_name(stream: &PlayoutStream) -> Option<&str> {
        stream.device_name()
    }

    fn check(stream: &PlayoutStream) -> Result<(), DeviceError> {
        stream.check()
    }
}

/// One device of the call: what was chosen, and how far it is.
pub(super) struct Slot<C: Choice> {
    choice: C,
    wanted: bool,
    /// Counts openings, so that one that was overtaken is recognized when it comes back.
    ticket: u64,
    opening: bool,
    retry_at: Option<Instant>,
    /// A failure is told once, until the device works again.
    told: bool,
    step: Duration,
    wrap: fn(u64, Result<C::Stream, DeviceError>) -> Opened,
}

impl<C: Choice> Slot<C> {
    pub(super) fn new(choice: C, wrap: fn(u64, Result<C::Stream, DeviceError>) -> Opened) -> Self {
        Self {
            choice,
            wanted: false,
            ticket: 0,
            opening: false,
            retry_at: None,
            told: false,
            step: FIRST_STEP,
            wrap,
        }
    }

    pub(super) fn is_opening(&self) -> bool {
        self.opening
    }

    pub(super) fn choice(&self) -> &C {
        &self.choice
    }

    /// Opens the device, if it is not on its way.
    pub(super) fn want(&mut self, inputs: &Sender<PumpInput>) {
        if !self.wanted {
            self.wanted = true;
            self.start(self.choice.clone(), inputs);
        }
    }

    /// It is not needed any more; an opening under way is forgotten.
    pub(super) fn unwant(&mut self) {
        self.wanted = false;
        self.opening = false;
        self.retry_at = None;
        self.ticket += 1;
    }

    /// Another one was chosen.
    pub(super) fn select(&mut self, choice: C, inputs: &Sender<PumpInput>) {
        self.choice = choice;
        self.told = false;
        self.step = FIRST_STEP;
        if self.wanted {
            self.start(self.choice.clone(), inputs);
        }
    }

    /// The device loses sound: opens it again in larger steps, if there are larger ones. Meanwhile the old stream
    /// goes on.
    pub(super) fn widen(&mut self, inputs: &Sender<PumpInput>) {
        if self.wanted && !self.opening && self.choice.is_real() && self.step < LAST_STEP {
            self.step *= 2;
            tracing::info!(step = ?self.step, "a sound device is not served in time, asking for larger steps");
            self.start(self.choice.clone(), inputs);
        }
    }

    /// An opening came back. Gives the stream to use from now on, or the failure to tell; `None` when it was
    /// overtaken, or the failure is known.
    pub(super) fn opened(
        &mut self,
        ticket: u64,
        result: Result<C::Stream, DeviceError>,
        now: Instant,
    ) -> Option<Result<C::Stream, DeviceError>> {
        if ticket != self.ticket || !self.wanted {
            return None;
        }
        self.opening = false;
        match result {
            Ok(stream) => {
                // The default device in place of a named one that is gone is no recovery.
                let as_chosen = self.choice.wanted_name().is_none()
                    || self.choice.wanted_name() == C::stream_name(&stream);
                if as_chosen {
                    self.told = false;
                }
                self.retry_at = None;
                Some(Ok(stream))
            }
            Err(error) => {
                // A file does not get better by itself.
                self.retry_at = self.choice.is_real().then(|| now + RETRY);
                (!std::mem::replace(&mut self.told, true)).then_some(Err(error))
            }
        }
    }

    /// Looks after an open stream and a failed one. Gives the failure to tell when the stream has just failed; the
    /// caller then drops it.
    pub(super) fn attend(
        &mut self,
        stream: Option<&C::Stream>,
        now: Instant,
        inputs: &Sender<PumpInput>,
    ) -> Option<DeviceError> {
        if !self.wanted || self.opening {
            return None;
        }
        if let Some(stream) = stream {
            return C::check(stream).err().and_then(|error| self.lost(error, inputs, now));
        }
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            self.start(self.choice.clone(), inputs);
        }
        None
    }

    /// The stream has failed: tries the default device in its place. Gives the failure when it is news.
    fn lost(&mut self, error: DeviceError, inputs: &Sender<PumpInput>, now: Instant) -> Option<DeviceError> {
        if self.choice.is_real() {
            if self.choice.wanted_name().is_some() {
                self.start(C::fallback(), inputs);
            } else {
                // The sound system needs a moment to name another default.
                self.retry_at = Some(now + Duration::from_millis(300));
            }
        }
        (!std::mem::replace(&mut self.told, true)).then_some(error)
    }

    /// The devices are these now. `known` are those a stream may be open on. Gives the failure to tell when the
    /// stream's device is not among them; the caller then drops the stream.
    pub(super) fn reconsider(
        &mut self,
        stream: Option<&C::Stream>,
        listed: &[DeviceInfo],
        known: impl Fn(&str) -> bool,
        now: Instant,
        inputs: &Sender<PumpInput>,
    ) -> Option<DeviceError> {
        if !self.wanted || !self.choice.is_real() || self.opening {
            return None;
        }
        let Some(stream) = stream else {
            if self.retry_at.take().is_some() {
                self.start(self.choice.clone(), inputs);
            }
            return None;
        };
        let name = C::stream_name(stream)?;
        if !known(name) {
            let error = DeviceError::new(DeviceErrorKind::Lost, format_args!("“{name}” went away"));
            return self.lost(error, inputs, now);
        }
        let better = match self.choice.wanted_name() {
            // It is open on another device, and the chosen one is back.
            Some(wanted) => {
                listed.iter().any(|info| info.name != name && (info.name == wanted || info.label == wanted))
                    && !listed
                        .iter()
                        .any(|info| info.name == name && (info.name == wanted || info.label == wanted))
            }
            None => listed.iter().any(|info| info.is_default && info.name != name),
        };
        if better {
            self.start(self.choice.clone(), inputs);
        }
        None
    }

    /// Opens aside: real devices take their time, and nobody may wait for them here.
    fn start(&mut self, choice: C, inputs: &Sender<PumpInput>) {
        self.ticket += 1;
        self.opening = true;
        self.retry_at = None;
        let (ticket, wrap, step) = (self.ticket, self.wrap, self.step);
        let report = inputs.clone();
        if !choice.is_real() {
            let _ = report.send(PumpInput::Opened(wrap(ticket, choice.open(step))));
            return;
        }
        let open = move || {
            // The pump may be gone by now; then the stream is dropped here.
            let _ = report.send(PumpInput::Opened(wrap(ticket, choice.open(step))));
        };
        if let Err(error) = std::thread::Builder::new().name("bellbird-open".into()).spawn(open) {
            let error = DeviceError::new(DeviceErrorKind::Failed, error);
            let _ = inputs.send(PumpInput::Opened(wrap(ticket, Err(error))));
        }
    }
}
