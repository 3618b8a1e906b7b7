//! Which device, or what in its stead.

use std::path::PathBuf;

use crate::{Clip, PipeReader, PipeWriter, Recorder};

/// Where microphone sound comes from.
#[derive(Clone, Debug)]
pub enum CaptureSource {
    /// The system's default microphone.
    Default,
    /// A microphone by [`DeviceInfo::name`](crate::DeviceInfo::name), or by its label.
    Named(String),
    /// A WAV file, once, then silence.
    File(PathBuf),
    /// A WAV file, over and over.
    LoopedFile(PathBuf),
    /// A sine at a quarter of full scale.
    Tone {
        /// Its frequency, Hz.
        hz: f32,
    },
    /// Digital silence.
    Silence,
    /// Samples from memory, once, then silence.
    Clip(Clip),
    /// What another end plays into the pipe.
    Pipe(PipeReader),
}

/// Where loudspeaker sound goes.
#[derive(Clone, Debug)]
pub enum PlayoutSink {
    /// The system's default loudspeaker.
    Default,
    /// A loudspeaker by [`DeviceInfo::name`](crate::DeviceInfo::name), or by its label.
    Named(String),
    /// A WAV file, 48 kHz mono 16-bit, as long as the stream is open.
    File(PathBuf),
    /// Nowhere, at the pace of a device.
    Null,
    /// Memory.
    Recorder(Recorder),
    /// The microphone of another end.
    Pipe(PipeWriter),
}

impl CaptureSource {
    /// Whether a device of the machine is meant, which can be missing, denied or go away.
    pub fn is_real(&self) -> bool {
        match self {
            Self::Default | Self::Named(_) => true,
            Self::File(_)
            | Self::LoopedFile(_)
            | Self::Tone { .. }
            | Self::Silence
            | Self::Clip(_)
            | Self::Pipe(_) => false,
        }
    }
}

impl PlayoutSink {
    /// Whether a device of the machine is meant, which can be missing, denied or go away.
    pub fn is_real(&self) -> bool {
        match self {
            Self::Default | Self::Named(_) => true,
            Self::File(_) | Self::Null | Self::Recorder(_) | Self::Pipe(_) => false,
        }
    }
}
