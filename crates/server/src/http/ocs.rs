//! The envelope around every answer, and refusals.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bellbird_talk_wire::ErrorData;
use bellbird_talk_wire::constants::OCS_HEADER;
use serde::Serialize;
use serde_json::{Value, json};

use crate::store::StoreError;

/// What a handler answers. Its envelope depends on the path it was asked under, and is put on by [`envelope`].
#[derive(Debug, Clone)]
pub(crate) struct Ocs {
    status: u16,
    message: String,
    data: Data,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug, Clone)]
enum Data {
    Value(Value),
    /// JSON text already made.
    Raw(String),
}

/// A refusal is an answer too.
pub(crate) type OcsResult = Result<Ocs, Ocs>;

impl Ocs {
    pub(crate) fn with(status: u16, data: Value) -> Self {
        Self { status, message: String::new(), data: Data::Value(data), headers: Vec::new() }
    }

    /// 200 with data.
    pub(crate) fn ok(data: impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(data) => Self::with(200, data),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Self::status(500)
            }
        }
    }

    /// 200 with data that is JSON text already.
    pub(crate) fn raw(data: String) -> Self {
        Self { status: 200, message: String::new(), data: Data::Raw(data), headers: Vec::new() }
    }

    /// Without data, which PHP writes as an empty list.
    pub(crate) fn status(status: u16) -> Self {
        Self::with(status, json!([]))
    }

    /// 200 with `null`, as the call endpoints answer.
    pub(crate) fn null() -> Self {
        Self::with(200, Value::Null)
    }

    /// A refusal with a key the client acts on.
    pub(crate) fn error(status: u16, key: &str) -> Self {
        let data = ErrorData { error: key.into(), message: String::new() };
        Self { status, ..Self::ok(data) }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds a header; a value that is no header text is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    pub(crate) fn code(&self) -> u16 {
        self.status
    }

    /// The message.
    pub(crate) fn words(&self) -> &str {
        &self.message
    }

    /// The seconds of its `Retry-After` header.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        let (_, value) = self.headers.iter().find(|(name, _)| *name == header::RETRY_AFTER)?;
        value.to_str().ok()?.parse().ok()
    }

    fn into_enveloped(self, version: Version) -> Response {
        let Self { status, message, data, headers } = self;
        let fine = (200..300).contains(&status) || status == 304;
        let (http, code) = match version {
            Version::Two => (status, status),
            // The old endpoint says how it went in the envelope only.
            Version::One => match status {
                200 => (200, 100),
                401 => (401, 997),
                404 => (200, 998),
                304 => (304, 304),
                other => (200, other),
            },
        };
        let http = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = if http == StatusCode::NOT_MODIFIED || http == StatusCode::NO_CONTENT {
            http.into_response()
        } else {
            let message = if message.is_empty() && fine { "OK".to_owned() } else { message };
            let meta = json!({ "status": if fine { "ok" } else { "failure" }, "statuscode": code, "message": message });
            let data = match data {
                Data::Value(value) => value.to_string(),
                Data::Raw(text) => text,
            };
            let body = format!("{{\"ocs\":{{\"meta\":{meta},\"data\":{data}}}}}");
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = http;
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        };
        // Answers are one person's: no cache may keep them.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl IntoResponse for Ocs {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Ocs {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the database refused");
        match error {
            StoreError::Full => Self::status(507).message("The server's disk is full"),
            StoreError::ReadOnly => Self::status(507).message("The server cannot write to its disk"),
            StoreError::Busy | StoreError::Closed => {
                Self::status(503).message("The server is busy, try again")
            }
            StoreError::Damaged(_) | StoreError::Newer { .. } | StoreError::Other(_) => {
                Self::status(500).message("The server's database does not work")
            }
        }
    }
}

/// Which of the two entry points was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// Puts the envelope on, also on what the router itself refuses, and turns away requests without the header that a
/// foreign web page cannot send.
pub(crate) async fn envelope(version: Version, request: Request, next: Next) -> Response {
    let asked = request.headers().get(OCS_HEADER).is_some_and(|value| !value.is_empty());
    // The signaling server proves itself by a checksum instead.
    if !asked && !request.uri().path().ends_with("/api/v3/signaling/backend") {
        return Ocs::status(412).message("CSRF check failed").into_enveloped(version);
    }
    wrap(version, next.run(request).await)
}

/// Puts the envelope on an answer.
pub(crate) fn wrap(version: Version, mut response: Response) -> Response {
    match response.extensions_mut().remove::<Ocs>() {
        Some(answer) => answer.into_enveloped(version),
        None if response.status().is_success() => response,
        None => Ocs::status(response.status().as_u16())
            .message(response.status().canonical_reason().unwrap_or(""))
            .into_enveloped(version),
    }
}
