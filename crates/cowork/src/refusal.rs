//! Why something is not done.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why; each is one status of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// 400: the request cannot be understood.
    Malformed,
    /// 401: no credentials, or wrong ones.
    Unauthenticated,
    /// 403: known who asks, but it may not be.
    Forbidden,
    /// 404: no such channel, team or client.
    NotFound,
    /// 405: the path has other methods.
    WrongMethod,
    /// 408: the body did not arrive in time.
    TooSlow,
    /// 409: a rule of the call is against it, or no client can do it now.
    Conflict,
    /// 413: the body is too large.
    TooLarge,
    /// 429: too many tries.
    TooMany,
    /// 500: our own fault.
    Failed,
    /// 503: busy, or about to end.
    Unavailable,
}

impl Reason {
    /// All there are, by status.
    pub const ALL: [Self; 11] = [
        Self::Malformed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::WrongMethod,
        Self::TooSlow,
        Self::Conflict,
        Self::TooLarge,
        Self::TooMany,
        Self::Failed,
        Self::Unavailable,
    ];

    /// The status of HTTP.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// In words, as the description of the API has them.
    pub fn description(self) -> &'static str {
        match self {
            Self::Malformed => {
                "The request cannot be understood: no JSON object, a wrong type, an unknown `joinType`"
            }
            Self::Unauthenticated => "No credentials, or wrong ones",
            Self::Forbidden => "No access to the channel, or the person does not allow it",
            Self::NotFound => "No such team, channel or client",
            Self::WrongMethod => "The path has other methods",
            Self::TooSlow => "The body did not arrive in time",
            Self::Conflict => {
                "A rule of the call is against it, no client is open that could do it, or it did not answer in time"
            }
            Self::TooLarge => "The body is too large",
            Self::TooMany => "Too many tries; `Retry-After` says when to come back",
            Self::Failed => "The server failed by itself",
            Self::Unavailable => "The server is busy, or about to end",
        }
    }
}

/// Something is not done, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// Sorted.
    pub reason: Reason,
    /// In words for whoever wrote the program; no secret, nothing of the request repeated.
    pub text: String,
    /// Seconds after which to come back.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal in these words.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into(), retry_after: None }
    }

    /// The client that was told to do something did not answer in time.
    pub fn no_answer() -> Self {
        Self::new(Reason::Conflict, "The client did not answer in time")
    }

    /// Come back after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// The body of a refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    /// What is wrong, in words.
    error: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.reason.status();
        let mut response = (status, Json(ErrorBody { error: self.text })).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Bellbird\""));
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
