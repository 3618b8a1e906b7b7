//! The web API's part of the door: who may ask, how much, and how often. What is asked is answered by the router that
//! the door was given; it gets whole bodies, and the [`Visitor`] as an extension of the request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{EXPECT, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde_json::json;

use super::Core;
use super::gate::token_of;
use super::shared::{NoEntry, Shared};
use super::sockets::{Rank, Seat};
use super::visitor::Visitor;
use crate::PROGRAMS_OFF;

/// The longest body of a request, bytes.
const MAX_BODY: usize = 64 << 10;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What is read and thrown away of a body that is not wanted, bytes, so that whoever sends it gets to read why: a socket
/// that is closed with something unread takes the answer with it.
const MAX_THROWN_AWAY: usize = 32 << 20;

/// Why a request is not passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    Foreign(super::gate::Refusal),
    NoToken,
    WrongToken,
    Off,
    TooOften,
    TooLong,
    TooSlow,
    Broken,
}

impl Refusal {
    /// Its name in the audit.
    fn name(self) -> &'static str {
        match self {
            Self::Foreign(refusal) => refusal.name(),
            Self::NoToken => "no-token",
            Self::WrongToken => NoEntry::WrongToken.name(),
            Self::Off => PROGRAMS_OFF,
            Self::TooOften => "throttled",
            Self::TooLong => "too-long",
            Self::TooSlow => "too-slow",
            Self::Broken => "broken",
        }
    }

    fn answer(self) -> Response {
        let (status, text) = match self {
            Self::Foreign(_) => (StatusCode::FORBIDDEN, "this name or page is not let in"),
            Self::NoToken => {
                (StatusCode::UNAUTHORIZED, "a token is needed: as Bearer, or as the password of Basic")
            }
            Self::WrongToken => (StatusCode::UNAUTHORIZED, "this token opens nothing here, or was revoked"),
            Self::Off => (StatusCode::FORBIDDEN, "other programs are not let in at the moment"),
            Self::TooOften => (StatusCode::TOO_MANY_REQUESTS, "too many requests; come again in a second"),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 64 KiB"),
            Self::TooSlow => (StatusCode::BAD_REQUEST, "the body did not arrive in time"),
            Self::Broken => (StatusCode::BAD_REQUEST, "the body could not be read"),
        };
        let mut answer = (status, Json(json!({ "error": text }))).into_response();
        match self {
            Self::NoToken | Self::WrongToken => {
                let ways = HeaderValue::from_static("Basic realm=\"Bellbird\", charset=\"UTF-8\", Bearer");
                answer.headers_mut().insert(WWW_AUTHENTICATE, ways);
            }
            Self::TooOften => {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Foreign(_) | Self::Off | Self::TooLong | Self::TooSlow | Self::Broken => {}
        }
        answer
    }
}

/// Passes a request on, or answers why not.
pub(super) async fn admit<C: Core>(
    State(shared): State<Arc<Shared<C>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let body = std::mem::take(request.body_mut());
    let visitor = match judge(&shared, &request) {
        Ok(visitor) => visitor,
        Err((visitor, refusal)) => {
            shared.audit.turned_away(visitor.as_ref(), &what, refusal.name());
            if !request.headers().contains_key(EXPECT) {
                throw_away(body).await;
            }
            return refusal.answer();
        }
    };
    let Ok(_turn) = shared.requests.try_acquire() else {
        shared.audit.turned_away(Some(&visitor), &what, Refusal::TooOften.name());
        return Refusal::TooOften.answer();
    };
    let _busy = request.extensions().get::<Arc<Seat>>().cloned().map(Busy::of);
    let asked = shared.audit.asked(&visitor, what);
    let body = match whole(body).await {
        Ok(body) => body,
        Err(refusal) => {
            asked.ended(refusal.name());
            return refusal.answer();
        }
    };
    *request.body_mut() = Body::from(body);
    request.extensions_mut().insert(visitor.clone());
    let answer = next.run(request).await;
    asked.ended(answer.status().as_str());
    answer
}

fn judge<C: Core>(shared: &Shared<C>, request: &Request) -> Result<Visitor, (Option<Visitor>, Refusal)> {
    let way = shared.gate.judge(request.headers()).map_err(|refusal| (None, Refusal::Foreign(refusal)))?;
    let token = token_of(request.headers()).ok_or((None, Refusal::NoToken))?;
    let visitor = shared.recognise(&token, way, false).map_err(|no| match no {
        NoEntry::WrongToken => (None, Refusal::WrongToken),
        NoEntry::ProgramsOff => (None, Refusal::Off),
    })?;
    // The person's token, too: what is switched off is this whole surface.
    if !shared.core.programs_allowed() {
        return Err((Some(visitor), Refusal::Off));
    }
    if !shared.allowances.take(&visitor, Instant::now()) {
        return Err((Some(visitor), Refusal::TooOften));
    }
    Ok(visitor)
}

/// Reads a body to its end. One that is too long is read on for a while all the same, and thrown away.
async fn whole(body: Body) -> Result<Bytes, Refusal> {
    // A length that is announced spares reading what is refused anyway; nothing is allocated by it.
    let announced = body.size_hint().lower();
    if announced > MAX_BODY as u64 {
        throw_away(body).await;
        return Err(Refusal::TooLong);
    }
    let mut stream = body.into_data_stream();
    let mut read = BytesMut::new();
    let reading = async {
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| Refusal::Broken)?;
            if read.len() + piece.len() > MAX_BODY {
                return Err(Refusal::TooLong);
            }
            read.extend_from_slice(&piece);
        }
        Ok(())
    };
    let result = tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or(Err(Refusal::TooSlow));
    if result == Err(Refusal::TooLong) {
        throw_away(Body::from_stream(stream)).await;
    }
    result.map(|()| read.freeze())
}

/// Reads what is sent, up to a bound in length and time.
async fn throw_away(body: Body) {
    if body.size_hint().lower() > MAX_THROWN_AWAY as u64 {
        return;
    }
    let mut stream = body.into_data_stream();
    let mut read = 0;
    let reading = async {
        while read < MAX_THROWN_AWAY
            && let Some(Ok(piece)) = stream.next().await
        {
            read += piece.len();
        }
    };
    // Whoever is slower than that is not waited for.
    let _ = tokio::time::timeout(BODY_TIMEOUT, reading).await;
}

/// Keeps a socket its seat while its request is answered.
struct Busy(Arc<Seat>);

impl Busy {
    fn of(seat: Arc<Seat>) -> Self {
        seat.set_rank(Rank::Busy);
        Self(seat)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set_rank(Rank::Resting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_are_read_whole_or_refused() {
        assert_eq!(whole(Body::empty()).await, Ok(Bytes::new()));
        assert_eq!(whole(Body::from("ab")).await, Ok(Bytes::from_static(b"ab")));
        assert_eq!(whole(Body::from(vec![0; MAX_BODY])).await.map(|body| body.len()), Ok(MAX_BODY));
        assert_eq!(whole(Body::from(vec![0; MAX_BODY + 1])).await, Err(Refusal::TooLong));
        let pieces = |count: usize| {
            let pieces = (0..count).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![0; 1000])));
            Body::from_stream(futures_util::stream::iter(pieces))
        };
        assert_eq!(whole(pieces(65)).await.map(|body| body.len()), Ok(65_000));
        assert_eq!(whole(pieces(10_000)).await, Err(Refusal::TooLong));
        let broken = futures_util::stream::iter([Ok(Bytes::new()), Err(std::io::Error::other("gone"))]);
        assert_eq!(whole(Body::from_stream(broken)).await, Err(Refusal::Broken));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(whole(never).await, Err(Refusal::TooSlow));
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        throw_away(never).await;
    }
}
