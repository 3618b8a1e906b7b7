//! Why a command failed.

use bellbird_app::{Problem, of_io};

use bellbird_control::{ClientError, DoorError, PROGRAMS_OFF, WRONG_TOKEN};
use bellbird_server::{AdminError, ServerError};

use crate::words;

/// A failed command: a stable code, and details in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }

    /// What happened and what to do, and the details.
    pub(crate) fn message(&self) -> String {
        words::message(&self.code, &self.detail)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::new(problem.code.as_str(), problem.detail)
    }
}

impl From<bellbird_contract::Problem> for Failure {
    fn from(problem: bellbird_contract::Problem) -> Self {
        Self::new(problem.code, problem.detail)
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        let code = match &error {
            ServerError::ReadOnly(_) | ServerError::NotAFolder(_) => "read-only-folder",
            other => other.code(),
        };
        Self::new(code, error.to_string())
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let code = match error {
            AdminError::Server(error) => return error.into(),
            AdminError::BadName(_) => "bad-name",
            AdminError::NameTaken(_) => "name-taken",
            AdminError::NoSuchUser(_) => "unknown-user",
            AdminError::NoSuchGroup(_) => "unknown-group",
            AdminError::BadPassword => "bad-password",
            AdminError::UnknownKey(_) => "unknown-setting",
            AdminError::BadValue { .. } => "bad-value",
        };
        Self::new(code, error.to_string())
    }
}

impl From<DoorError> for Failure {
    fn from(error: DoorError) -> Self {
        match &error {
            DoorError::AlreadyRunning { .. } => Self::new("already-running", error.to_string()),
            DoorError::Folder(cause) => of_io(cause, "the data folder cannot be used").into(),
            DoorError::Listen(cause) => of_io(cause, "no port could be had on loopback").into(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::NotRunning => "no-core",
            ClientError::TurnedAway(reason) if reason == PROGRAMS_OFF => return Self::new(PROGRAMS_OFF, ""),
            ClientError::TurnedAway(reason) if reason == WRONG_TOKEN => return Self::new(WRONG_TOKEN, ""),
            ClientError::Refused(_) | ClientError::TurnedAway(_) | ClientError::Unreadable(_) => {
                "core-refused"
            }
        };
        Self::new(code, error.to_string())
    }
}
