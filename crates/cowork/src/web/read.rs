//! Reads bodies: kind to fields it does not know, strict with the types of those it knows.

use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use super::Api;
use crate::{JoinKind, Media, Reason, Refusal};

/// Largest body, bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Most that is read of a body that is too large, bytes.
const MAX_THROWN_AWAY: usize = 16 * 1024 * 1024;
/// A body has to be there within this time.
const BODY_TIME: Duration = Duration::from_secs(20);
/// Longest id, characters.
const MAX_ID: usize = 255;
/// Most targets of one request.
const MAX_TARGETS: usize = 64;

/// Connections that are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub(super) client_id: String,
    /// `None`: all of the client.
    pub(super) media: Option<Media>,
}

/// A body: an object, whatever is in it. No body and `null` are an empty object.
pub(super) struct Body(Map<String, Value>);

fn malformed(text: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Malformed, text)
}

impl FromRequest<Api> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Refusal> {
        // Whoever asks first is told before it sends anything.
        let asks_first = request.headers().contains_key(header::EXPECT);
        let body = request.into_body();
        if asks_first && body.size_hint().lower() > MAX_BODY as u64 {
            return Err(too_large());
        }
        let bytes = tokio::time::timeout(BODY_TIME, whole(body))
            .await
            .map_err(|_| Refusal::new(Reason::TooSlow, Reason::TooSlow.description()))??;
        Self::parse(&bytes)
    }
}

fn too_large() -> Refusal {
    Refusal::new(Reason::TooLarge, format!("The body is larger than {MAX_BODY} bytes"))
}

/// All of a body. What is too much is read too, up to a bound, and thrown away: a connection that is closed while the other
/// side still sends takes the answer with it.
async fn whole(body: axum::body::Body) -> Result<Vec<u8>, Refusal> {
    let mut pieces = body.into_data_stream();
    let (mut kept, mut came) = (Vec::new(), 0_usize);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| malformed("The body is incomplete"))?;
        came = came.saturating_add(piece.len());
        if came > MAX_THROWN_AWAY {
            break;
        }
        if came > MAX_BODY {
            kept = Vec::new();
        } else {
            kept.extend_from_slice(&piece);
        }
    }
    if came > MAX_BODY { Err(too_large()) } else { Ok(kept) }
}

impl Body {
    fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(Value::Null) => Ok(Self(Map::new())),
            Ok(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                Err(malformed("The body is no JSON object"))
            }
            Err(_) => Err(malformed("The body is no JSON")),
        }
    }

    /// An id; `None` when missing or null.
    pub(super) fn id(&self, name: &str) -> Result<Option<String>, Refusal> {
        id(&self.0, name)
    }

    /// Yes or no; `None` when missing or null.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(malformed(format!("{name} must be true or false")))
            }
        }
    }

    /// `joinType`; audio when missing.
    pub(super) fn join_kind(&self) -> Result<JoinKind, Refusal> {
        match text(&self.0, "joinType")? {
            None => Ok(JoinKind::Audio),
            Some(word) => word.parse().map_err(|error: crate::UnknownJoinKind| malformed(error.to_string())),
        }
    }

    /// `clients`; `None` when missing or null.
    pub(super) fn targets(&self) -> Result<Option<Vec<Target>>, Refusal> {
        let list = match self.0.get("clients") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                return Err(malformed("clients must be a list"));
            }
        };
        if list.len() > MAX_TARGETS {
            return Err(malformed(format!("clients has more than {MAX_TARGETS} entries")));
        }
        list.iter().map(target).collect::<Result<_, _>>().map(Some)
    }
}

fn target(entry: &Value) -> Result<Target, Refusal> {
    let fields = entry.as_object().ok_or_else(|| malformed("An entry of clients is no object"))?;
    let client_id =
        id(fields, "clientId")?.ok_or_else(|| malformed("An entry of clients has no clientId"))?;
    let media = match text(fields, "media")? {
        None => None,
        Some(word) => Some(word.parse().map_err(|error: crate::UnknownMedia| malformed(error.to_string()))?),
    };
    Ok(Target { client_id, media })
}

fn id(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    let Some(id) = text(fields, name)? else { return Ok(None) };
    if id.chars().count() > MAX_ID {
        return Err(malformed(format!("{name} is longer than {MAX_ID} characters")));
    }
    Ok(Some(id.to_owned()))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(malformed(format!("{name} must be a text")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, or the refusal's words.
    fn join(text: &str) -> Result<(Option<String>, Option<String>, JoinKind), String> {
        let read = || {
            let body = Body::parse(text.as_bytes())?;
            Ok((body.id("channelId")?, body.id("clientId")?, body.join_kind()?))
        };
        read().map_err(|refused: Refusal| {
            assert_eq!(refused.reason, Reason::Malformed);
            refused.text
        })
    }

    #[test]
    fn bodies_are_read_kindly_but_not_wrongly() {
        let some = |text: &str| Some(text.to_owned());
        for (text, expected) in [
            ("", Ok((None, None, JoinKind::Audio))),
            ("null", Ok((None, None, JoinKind::Audio))),
            ("{}", Ok((None, None, JoinKind::Audio))),
            (r#"{"channelId":"x","more":{"a":[1]}}"#, Ok((some("x"), None, JoinKind::Audio))),
            (r#"{"clientId":null,"joinType":"Screen"}"#, Ok((None, None, JoinKind::Screen))),
            (r#"{"clientId":"c","joinType":null}"#, Ok((None, some("c"), JoinKind::Audio))),
        ] {
            assert_eq!(join(text), expected, "{text}");
        }
        for text in [
            "{",
            " \r\n",
            "[]",
            "[null,null,\"audio\"]",
            "5",
            "\"audio\"",
            "true",
            "\u{0}",
            r#"{"joinType":"phone"}"#,
            r#"{"joinType":5}"#,
            r#"{"channelId":5}"#,
            r#"{"clientId":["c"]}"#,
            r#"{"channelId":{}}"#,
        ] {
            assert!(join(text).is_err(), "{text}");
        }
        assert!(join(&"[".repeat(10_000)).is_err());
        assert!(join(&format!("{{\"channelId\":\"{}\"}}", "x".repeat(256))).is_err());
        assert!(Body::parse(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn targets_name_clients_and_media() {
        let targets = |text: &str| Body::parse(text.as_bytes()).and_then(|body| body.targets());
        let target = |media| Target { client_id: "c".to_owned(), media };
        for (text, expected) in [
            ("{}", None),
            (r#"{"clients":null}"#, None),
            (r#"{"clients":[]}"#, Some(vec![])),
            (r#"{"clients":[{"clientId":"c"}]}"#, Some(vec![target(None)])),
            (r#"{"clients":[{"clientId":"c","media":null}]}"#, Some(vec![target(None)])),
            (
                r#"{"clients":[{"clientId":"c","media":"screen1"},{"clientId":"c","media":"camera","x":1}]}"#,
                Some(vec![target(Some(Media::Screen(1))), target(Some(Media::Camera))]),
            ),
        ] {
            assert_eq!(targets(text), Ok(expected), "{text}");
        }
        for text in [
            r#"{"clients":{}}"#,
            r#"{"clients":"c"}"#,
            r#"{"clients":["c"]}"#,
            r#"{"clients":[["c"]]}"#,
            r#"{"clients":[{}]}"#,
            r#"{"clients":[{"clientId":null}]}"#,
            r#"{"clients":[{"clientId":1}]}"#,
            r#"{"clients":[{"clientId":"c","media":"phone"}]}"#,
            r#"{"clients":[{"clientId":"c","media":0}]}"#,
        ] {
            assert_eq!(targets(text).unwrap_err().reason, Reason::Malformed, "{text}");
        }
        let many = format!("{{\"clients\":[{}]}}", vec![r#"{"clientId":"c"}"#; 65].join(","));
        assert!(targets(&many).is_err());
    }

    #[test]
    fn flags_are_flags() {
        let flag = |text: &str| Body::parse(text.as_bytes()).and_then(|body| body.flag("muted"));
        for (text, expected) in [
            ("{}", None),
            (r#"{"muted":true}"#, Some(true)),
            (r#"{"muted":false}"#, Some(false)),
            (r#"{"muted":null}"#, None),
        ] {
            assert_eq!(flag(text), Ok(expected));
        }
        for text in [r#"{"muted":"true"}"#, r#"{"muted":1}"#, r#"{"muted":[]}"#] {
            assert!(flag(text).is_err(), "{text}");
        }
    }
}
