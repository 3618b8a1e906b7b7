//! What a request can fail with, and what a person can do about it.

use std::error::Error as _;
use std::io;

use bellbird_call::ports::{Problem, ProblemCode};

/// Why a request failed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum RestError {
    /// The server answered, and refused.
    Refused {
        /// HTTP status.
        status: u16,
        /// Key in the data, or empty.
        key: String,
    },
    /// The server answered with something that is not Talk's API.
    NotTalk(&'static str),
    /// No answer: network, TLS, time.
    Unreachable(Problem),
}

impl RestError {
    /// The status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::NotTalk(_) | Self::Unreachable(_) => None,
        }
    }

    /// Whether trying again later can help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            Self::NotTalk(_) => false,
            // A certificate does not become right by asking again.
            Self::Unreachable(problem) => problem.code != ProblemCode::CertificateRefused,
        }
    }

    /// In words for a person, `subject` being what was asked for.
    pub(crate) fn into_problem(self, subject: Subject) -> Problem {
        match self {
            Self::Refused { status, key } => refusal(status, &key, subject),
            Self::NotTalk(detail) => Problem::new(ProblemCode::NotATalkServer, detail),
            Self::Unreachable(problem) => problem,
        }
    }
}

/// What a request was about; decides what 401, 403 and 404 mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    /// Signing in with a name and password just typed.
    SignIn,
    /// The account as a whole.
    Account,
    /// A person.
    Person,
    /// A conversation.
    Room,
    /// A call in a conversation we are in, which is locked or not.
    Call {
        /// The conversation takes no writes.
        read_only: bool,
    },
    /// Making an account by invitation.
    Registration,
}

fn refusal(status: u16, key: &str, subject: Subject) -> Problem {
    use ProblemCode as Code;
    let (code, detail) = match (status, key, subject) {
        (401, _, Subject::SignIn) => (Code::WrongPassword, "the name or password was refused"),
        (401, _, _) => (Code::SignedOut, "the server does not accept the stored password any more"),
        (400, "code", Subject::Registration) => {
            (Code::InvitationExpired, "the invitation was used up, withdrawn or is too old")
        }
        (400, "login-name", Subject::Registration) => {
            (Code::Forbidden, "the server does not allow this login name")
        }
        (400, "password", Subject::Registration) => {
            (Code::Forbidden, "the server wants a longer or better password")
        }
        (400, "taken", Subject::Registration) => (Code::Forbidden, "the login name is already taken"),
        (404, _, Subject::Registration) => {
            (Code::NotATalkServer, "the server does not take registrations by invitation")
        }
        (400, "consent", _) => (Code::ConsentNeeded, "calls are recorded here, which needs consent"),
        (400, "type", _) => (Code::Forbidden, "there can be no call in this kind of conversation"),
        (400, "status", _) => (Code::NotNow, "the person does not want to be disturbed"),
        (403, "password", _) => (Code::PasswordNeeded, "the conversation needs a password"),
        (403, "ban", _) => (Code::Forbidden, "we were banned from the conversation"),
        (403 | 404 | 400, "invite", _) | (404, _, Subject::Person) => {
            (Code::UnknownUser, "no such person on this server, or not to be called")
        }
        (403, _, Subject::Call { read_only: true }) => (Code::ReadOnly, "the conversation is locked"),
        (403, _, Subject::Call { read_only: false }) => {
            (Code::Forbidden, "this account may not start calls here")
        }
        (403, ..) => (Code::Forbidden, "the server does not allow it"),
        (404, _, Subject::Room | Subject::Call { .. }) => {
            (Code::UnknownRoom, "no such conversation, or no access to it")
        }
        (404, ..) => (Code::NotATalkServer, "the server does not know this part of Talk"),
        (409, ..) => (Code::NotNow, "another session of this account is in the call"),
        (412, ..) => (Code::Lobby, "a moderator has to let us in from the lobby"),
        (426, ..) => (Code::Forbidden, "the server wants a newer client"),
        (429, ..) => (Code::Throttled, "too many attempts; the server asks to wait"),
        (503, ..) => (Code::ServerFailed, "the server is in maintenance"),
        (300..=399, ..) => (Code::NotATalkServer, "the server sends us elsewhere"),
        (500..=599, ..) => (Code::ServerFailed, "the server failed"),
        _ => (Code::ServerFailed, "the server refused in a way we do not know"),
    };
    Problem::new(code, format_args!("{detail} (status {status})"))
}

/// Sorts what the HTTP library reports. The URL is left out: it may name people and rooms.
pub(crate) fn unreachable(error: reqwest::Error) -> RestError {
    if let Some(tls) = tls_error(&error) {
        return RestError::Unreachable(tls_problem(tls));
    }
    let (code, detail) = if error.is_timeout() {
        (ProblemCode::ServerUnreachable, "the server did not answer in time".to_owned())
    } else if error.is_connect() {
        (ProblemCode::ServerUnreachable, "nothing answers at the server's address".to_owned())
    } else if error.is_builder() {
        (ProblemCode::Internal, "the request could not be made".to_owned())
    } else if says_not_http(&error) {
        (ProblemCode::NotATalkServer, "what answers there does not speak HTTP".to_owned())
    } else {
        (ProblemCode::ServerUnreachable, "the connection to the server broke".to_owned())
    };
    RestError::Unreachable(Problem::new(code, detail))
}

/// What a failed connection says of the far end's certificate, when that was the reason.
pub(crate) fn untrusted(error: &(dyn std::error::Error + 'static)) -> Option<Problem> {
    let problem = tls_problem(tls_error(error)?);
    (problem.code == ProblemCode::CertificateRefused).then_some(problem)
}

/// What went wrong with TLS, in words for a person.
fn tls_problem(error: &rustls::Error) -> Problem {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure) => {
            Problem::new(
                ProblemCode::CertificateRefused,
                "the server's certificate is not the one that was trusted before",
            )
        }
        rustls::Error::InvalidCertificate(reason) => Problem::new(
            ProblemCode::CertificateRefused,
            format_args!("the server's certificate is not trusted: {reason}"),
        ),
        rustls::Error::InvalidMessage(_) => {
            Problem::new(ProblemCode::NotATalkServer, "what answers there does not speak TLS")
        }
        other => Problem::new(ProblemCode::CertificateRefused, format_args!("no secure connection: {other}")),
    }
}

/// Finds a TLS error in the chain of causes. An `io::Error` hides what it wraps from `source`, hence the detour.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    // The chain is a list of wrappers; the bound keeps a cycle from hanging us.
    for _ in 0..16 {
        let error = cause?;
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn says_not_http(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    for _ in 0..16 {
        let Some(error) = cause else { return false };
        if error.to_string().contains("invalid HTTP") {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, key: &str, subject: Subject, code: ProblemCode) {
        let problem = RestError::Refused { status, key: key.into() }.into_problem(subject);
        assert_eq!(problem.code, code, "{status} {key:?} {subject:?}");
        assert!(problem.detail.contains(&status.to_string()));
    }

    #[test]
    fn every_refusal_has_a_code_a_person_can_act_on() {
        use ProblemCode as Code;
        let room = Subject::Room;
        let call = Subject::Call { read_only: false };
        for (status, key, subject, code) in [
            (401, "", Subject::SignIn, Code::WrongPassword),
            (401, "", room, Code::SignedOut),
            (400, "code", Subject::Registration, Code::InvitationExpired),
            (400, "taken", Subject::Registration, Code::Forbidden),
            (400, "login-name", Subject::Registration, Code::Forbidden),
            (400, "password", Subject::Registration, Code::Forbidden),
            (404, "", Subject::Registration, Code::NotATalkServer),
            (400, "consent", call, Code::ConsentNeeded),
            (400, "type", call, Code::Forbidden),
            (400, "status", call, Code::NotNow),
            (403, "password", room, Code::PasswordNeeded),
            (403, "ban", room, Code::Forbidden),
            (403, "invite", Subject::Person, Code::UnknownUser),
            (404, "invite", Subject::Person, Code::UnknownUser),
            (404, "", Subject::Person, Code::UnknownUser),
            (403, "", Subject::Call { read_only: true }, Code::ReadOnly),
            (403, "", call, Code::Forbidden),
            (403, "", room, Code::Forbidden),
            (404, "", room, Code::UnknownRoom),
            (404, "", call, Code::UnknownRoom),
            (404, "", Subject::Account, Code::NotATalkServer),
            (409, "", room, Code::NotNow),
            (412, "", call, Code::Lobby),
            (426, "", room, Code::Forbidden),
            (429, "", Subject::SignIn, Code::Throttled),
            (503, "", room, Code::ServerFailed),
            (500, "", room, Code::ServerFailed),
            (501, "", room, Code::ServerFailed),
            (302, "", room, Code::NotATalkServer),
            (418, "", room, Code::ServerFailed),
        ] {
            check(status, key, subject, code);
        }
    }

    #[test]
    fn only_what_can_pass_is_tried_again() {
        for (status, passing) in
            [(500, true), (503, true), (429, true), (404, false), (401, false), (409, false)]
        {
            assert_eq!(RestError::Refused { status, key: String::new() }.is_passing(), passing, "{status}");
        }
        let refused = Problem::new(ProblemCode::CertificateRefused, "");
        assert!(!RestError::Unreachable(refused).is_passing());
        let away = Problem::new(ProblemCode::ServerUnreachable, "");
        assert!(RestError::Unreachable(away).is_passing());
    }
}
