//! Device errors in the words of a call.

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_devices::{DeviceError, DeviceErrorKind};

/// Which device failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Microphone,
    Speaker,
    Ringer,
}

/// Says what a device error means for the person.
pub(super) fn problem(role: Role, error: &DeviceError) -> Problem {
    let code = match error.kind {
        DeviceErrorKind::NotFound | DeviceErrorKind::Failed => match role {
            Role::Microphone => ProblemCode::NoMicrophone,
            Role::Speaker | Role::Ringer => ProblemCode::NoSpeaker,
        },
        DeviceErrorKind::Denied => ProblemCode::DeviceDenied,
        DeviceErrorKind::Busy => ProblemCode::DeviceBusy,
        DeviceErrorKind::Lost => ProblemCode::DeviceLost,
        DeviceErrorKind::File => ProblemCode::SoundFile,
        DeviceErrorKind::DiskFull => ProblemCode::DiskFull,
    };
    Problem::new(code, &error.detail)
}
