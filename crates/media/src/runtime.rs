//! What the rest of the program holds: the media of a process, and of one call.

use std::sync::Arc;

use bellbird_call::ports::{MediaCommand, MediaEngine, MediaEvent, MediaSink, Problem, ProblemCode};
use bellbird_call::{MediaKind, ParticipantId};
use bellbird_capture::VideoSource;
use bellbird_devices::{CaptureSource, PlayoutSink};
use bellbird_video::VideoFrame;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::engine::{self, Request};

/// How many requests may wait for a call's task.
const REQUESTS: usize = 1024;

/// One picture to show: decoded, or our own as a preview.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Whose; `None` for ours.
    pub participant: Option<ParticipantId>,
    /// [`MediaKind::Video`] or [`MediaKind::Screen`].
    pub kind: MediaKind,
    /// The picture.
    pub frame: VideoFrame,
}

/// Takes pictures that are watched ([`MediaCommand::Watch`]), on a decoder's or a source's thread: must not block.
pub type PictureSink = Arc<dyn Fn(Picture) + Send + Sync>;

/// Where a call's sound and pictures come from and go to, and whether sound is processed.
#[derive(Clone)]
pub struct CallMediaOptions {
    /// The microphone.
    pub microphone: CaptureSource,
    /// The loudspeaker of the call.
    pub speaker: PlayoutSink,
    /// The loudspeaker of the ringtone.
    pub ringer: PlayoutSink,
    /// Whether echo, noise and loudness are taken care of. Off for sound that is not a person's.
    pub processing: bool,
    /// What is opened when the camera is switched on.
    pub camera: VideoSource,
    /// What is opened when the screen is shared.
    pub screen: VideoSource,
    /// Takes the pictures.
    pub pictures: PictureSink,
}

impl std::fmt::Debug for CallMediaOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallMediaOptions")
            .field("microphone", &self.microphone)
            .field("speaker", &self.speaker)
            .field("ringer", &self.ringer)
            .field("processing", &self.processing)
            .field("camera", &self.camera)
            .field("screen", &self.screen)
            .finish_non_exhaustive()
    }
}

/// The media of a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MediaRuntime {
    handle: Handle,
}

impl MediaRuntime {
    /// Media whose network tasks run on `handle`. Brings into memory what the first call would wait for.
    pub fn new(handle: Handle) -> Self {
        handle.spawn(engine::warm_up(handle.clone()));
        Self { handle }
    }

    /// Opens the media of one call. No device is opened and nothing is sent before
    /// [`MediaCommand::StartCapture`], and of pictures nothing before [`MediaCommand::SetMuted`] says so after it;
    /// tones sound on their own device.
    pub fn open_call(&self, options: CallMediaOptions, sink: MediaSink) -> CallMedia {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        engine::start(self.handle.clone(), options, sink.clone(), inbox);
        CallMedia { requests, sink }
    }
}

/// One call's media. Dropping it ends every link and closes every device.
pub struct CallMedia {
    requests: mpsc::Sender<Request>,
    sink: MediaSink,
}

impl CallMedia {
    /// Changes devices while the call runs.
    pub fn devices(&self) -> DeviceControl {
        DeviceControl { requests: self.requests.downgrade() }
    }
}

impl MediaEngine for CallMedia {
    fn send(&mut self, command: MediaCommand) {
        if self.requests.try_send(Request::Command(command)).is_err() {
            (self.sink)(MediaEvent::Trouble(Problem::new(
                ProblemCode::Internal,
                "the call's media are too far behind to take a command",
            )));
        }
    }
}

impl std::fmt::Debug for CallMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallMedia")
    }
}

/// Changes the devices of a call. Clones control the same call; once it is over, nothing happens.
#[derive(Clone, Debug)]
pub struct DeviceControl {
    requests: mpsc::WeakSender<Request>,
}

impl DeviceControl {
    /// Changes the microphone. The old one stays in use until the new one is open.
    pub fn select_microphone(&self, source: CaptureSource) {
        self.request(Request::SelectMicrophone(source));
    }

    /// Changes the call's loudspeaker, likewise.
    pub fn select_speaker(&self, sink: PlayoutSink) {
        self.request(Request::SelectSpeaker(sink));
    }

    /// Changes the loudspeaker of the ringtone, likewise.
    pub fn select_ringer(&self, sink: PlayoutSink) {
        self.request(Request::SelectRinger(sink));
    }

    /// Changes the camera. One that is on is swapped at once; otherwise it is for the next time.
    pub fn select_camera(&self, source: VideoSource) {
        self.request(Request::SelectPicture(MediaKind::Video, source));
    }

    /// Changes the screen or window, likewise.
    pub fn select_screen(&self, source: VideoSource) {
        self.request(Request::SelectPicture(MediaKind::Screen, source));
    }

    /// Plays nothing of the others, or plays them again. Our own tones are heard all the same, and nobody is told.
    pub fn set_silent(&self, silent: bool) {
        self.request(Request::SetSilent(silent));
    }

    fn request(&self, request: Request) {
        if let Some(requests) = self.requests.upgrade()
            && requests.try_send(request).is_err()
        {
            tracing::warn!("a change of devices was lost because the call's media are too far behind");
        }
    }
}
