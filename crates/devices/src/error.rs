//! What can go wrong with a sound device, sorted by what to do about it.

use std::fmt;

/// What a caller can do about a device error.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeviceErrorKind {
    /// There is no such device, or none at all: let the person plug one in or choose another.
    NotFound,
    /// The system does not let us: the person has to allow it.
    Denied,
    /// Another program holds it: try again later.
    Busy,
    /// It was open and went away: choose another.
    Lost,
    /// A sound file cannot be read or written: choose another file.
    File,
    /// A sound file cannot be written because the disk is full.
    DiskFull,
    /// The sound system failed in some other way.
    Failed,
}

/// A device that could not be opened, or not be kept open.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct DeviceError {
    /// What to do about it.
    pub kind: DeviceErrorKind,
    /// One English sentence without a full stop.
    pub detail: String,
}

impl DeviceError {
    /// Pairs a kind with details.
    pub fn new(kind: DeviceErrorKind, detail: impl fmt::Display) -> Self {
        Self { kind, detail: detail.to_string() }
    }
}

impl From<cpal::Error> for DeviceError {
    fn from(error: cpal::Error) -> Self {
        Self::new(kind_of(error.kind()), &error)
    }
}

/// Sorts the library's kinds. Its enum is open, hence the wildcard.
pub(crate) fn kind_of(kind: cpal::ErrorKind) -> DeviceErrorKind {
    match kind {
        cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::HostUnavailable => DeviceErrorKind::NotFound,
        cpal::ErrorKind::PermissionDenied => DeviceErrorKind::Denied,
        cpal::ErrorKind::DeviceBusy => DeviceErrorKind::Busy,
        cpal::ErrorKind::StreamInvalidated => DeviceErrorKind::Lost,
        _ => DeviceErrorKind::Failed,
    }
}
