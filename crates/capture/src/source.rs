//! What pictures can come from.

use std::path::PathBuf;
use std::sync::Arc;

use bellbird_video::VideoFrame;

use crate::capture::Source;
use crate::film::Film;
use crate::pattern::{ChangingPage, MovingPattern};
use crate::{camera, desktop};

/// Where pictures come from, as chosen by a person or on the command line. Opening one is another step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum VideoSource {
    /// The system's first camera.
    DefaultCamera,
    /// A camera by the name that the list of cameras gave it.
    Camera(String),
    /// Moving bars with a counter, at the format asked for.
    Pattern,
    /// A Y4M file with 4:2:0 pictures, over and over, at its own rate.
    File(PathBuf),
    /// The primary monitor.
    PrimaryScreen,
    /// A monitor, counted from 0 in the order of the list of screens.
    Monitor(usize),
    /// A window by the identifier that the list of windows gave it.
    Window(String),
    /// The first window whose title contains this text.
    WindowTitled(String),
    /// What the person chooses in the system's own dialog (Wayland's ScreenCast portal).
    Portal,
    /// A page of text that changes now and then, as a screen would.
    ScreenPattern,
}

impl VideoSource {
    /// Opens it. On the thread that is to run it.
    pub(crate) fn open(&self, format: CaptureFormat) -> Result<Box<dyn Source>, CaptureError> {
        match self {
            Self::DefaultCamera => camera::open(None, format),
            Self::Camera(name) => camera::open(Some(name), format),
            Self::Pattern => Ok(Box::new(MovingPattern)),
            Self::File(path) => Ok(Box::new(Film::open(path)?)),
            Self::ScreenPattern => Ok(Box::new(ChangingPage)),
            Self::PrimaryScreen
            | Self::Monitor(_)
            | Self::Window(_)
            | Self::WindowTitled(_)
            | Self::Portal => desktop::open(self),
        }
    }
}

/// What is asked of a source. It may deliver less, and never more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureFormat {
    /// The widest picture wanted, pixels. Larger ones are scaled down with their shape kept.
    pub max_width: u32,
    /// The highest.
    pub max_height: u32,
    /// Pictures a second at the most.
    pub max_fps: u32,
}

/// What a source says, from its own thread.
#[derive(Debug)]
pub enum CaptureEvent {
    /// A picture. A screen delivers one only when something changed, and the last again when asked to.
    Frame(VideoFrame),
    /// It ended by itself; the last event.
    Ended(CaptureError),
}

/// Takes what a source says. Called on the source's thread; must not block for longer than a picture lasts.
pub type PictureSink = Arc<dyn Fn(CaptureEvent) + Send + Sync>;

/// Why a source cannot be used, or ended.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CaptureError {
    /// There is no camera, or none of that name.
    #[error("there is no such camera")]
    NoCamera,
    /// The system does not let us use the camera.
    #[error("the system does not allow use of the camera")]
    CameraDenied,
    /// Another program holds the camera.
    #[error("another program uses the camera")]
    CameraBusy,
    /// The camera went away.
    #[error("the camera was removed")]
    CameraLost,
    /// There is no such screen or window, or this system has no way to capture any.
    #[error("no screen or window can be shared: {0}")]
    NoScreen(String),
    /// The person or the system refused.
    #[error("sharing the screen was refused")]
    ScreenDenied,
    /// The window was closed, or the monitor is gone.
    #[error("what was shared is gone")]
    ScreenLost,
    /// A file cannot be read as Y4M.
    #[error("{path}: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}
