//! How a method went, in the numbers programs know (mirrorfly-sdk section 1).

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_contract::{CallType, SdkResult};

use super::jid::NotNamed;

pub(super) fn accepted(message: &str) -> SdkResult {
    SdkResult {
        status_code: 200,
        message: message.into(),
        code: None,
        call_type: None,
        room_id: None,
        call_info: None,
    }
}

/// A call was begun.
pub(super) fn begun(call_type: CallType, room_id: String, message: &str) -> SdkResult {
    SdkResult { call_type: Some(call_type), room_id: Some(room_id), ..accepted(message) }
}

pub(super) fn refused(problem: &Problem) -> SdkResult {
    SdkResult {
        status_code: status(problem.code),
        code: Some(problem.code.as_str().into()),
        ..accepted(&problem.detail)
    }
}

pub(super) fn outcome(done: Result<(), Problem>, message: &str) -> SdkResult {
    match done {
        Ok(()) => accepted(message),
        Err(problem) => refused(&problem),
    }
}

/// What is wrong with a JID.
pub(super) fn not_named(why: NotNamed, jid: &str) -> Problem {
    let jid: String = jid.chars().filter(|c| !c.is_control()).take(100).collect();
    match why {
        NotNamed::Malformed => Problem::new(ProblemCode::BadLink, format_args!("{jid:?} is no JID")),
        NotNamed::Foreign => {
            Problem::new(ProblemCode::UnknownUser, format_args!("{jid} is not of this account's server"))
        }
    }
}

fn status(code: ProblemCode) -> u16 {
    use ProblemCode as Code;
    match code {
        Code::BadLink | Code::NotNow => 400,
        Code::SignedOut | Code::WrongPassword => 401,
        Code::Forbidden
        | Code::ReadOnly
        | Code::Lobby
        | Code::PasswordNeeded
        | Code::ConsentNeeded
        | Code::NotATalkServer => 403,
        Code::UnknownUser | Code::UnknownRoom => 404,
        Code::ServerUnreachable
        | Code::ServerFailed
        | Code::Throttled
        | Code::CertificateRefused
        | Code::InvitationExpired
        | Code::NoMicrophone
        | Code::NoSpeaker
        | Code::DeviceDenied
        | Code::DeviceBusy
        | Code::DeviceLost
        | Code::NoCamera
        | Code::CameraDenied
        | Code::CameraBusy
        | Code::CameraLost
        | Code::NoScreen
        | Code::ScreenDenied
        | Code::ScreenLost
        | Code::VideoFile
        | Code::SoundFile
        | Code::BadDescription
        | Code::NoMediaPath
        | Code::SignalingLost
        | Code::PortInUse
        | Code::DiskFull
        | Code::ReadOnlyFolder
        | Code::NoKeyStore
        | Code::TimedOut
        | Code::Internal => 500,
    }
}

/// A problem of the contract in the core's words again.
pub(super) fn problem_of(problem: &bellbird_contract::Problem) -> Problem {
    let code = ProblemCode::ALL.iter().find(|code| code.as_str() == problem.code);
    Problem::new(code.copied().unwrap_or(ProblemCode::Internal), &problem.detail)
}
