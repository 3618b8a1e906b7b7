//! Links to a conversation's call, as people pass them on (talk-accounts section 8).
//!
//! Web links name a server and a conversation: `https://HOST/call/TOKEN`, `https://HOST/index.php/call/TOKEN`, both below
//! any path. App links name them for a login the person has: `nextcloudtalk://[USER@]HOST/call/TOKEN` and
//! `nextcloudtalk://open-conversation?server=…&user=…&withRoomToken=…`. A `#fp=` part names the certificate of an
//! embedded server, as in its invitations.

use bellbird_call::RoomId;
use bellbird_call::ports::{Problem, ProblemCode};
use url::Url;

use crate::{Fingerprint, address};

const APP_SCHEME: &str = "nextcloudtalk://";

/// A link taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallLink {
    /// The server's web root.
    pub server: Url,
    /// The conversation's token.
    pub room: RoomId,
    /// Whose login the link is for, when it says.
    pub user: Option<String>,
    /// The server's certificate; `None` when the system's trust store shall decide.
    pub fingerprint: Option<Fingerprint>,
    /// Whether it is meant for a login of ours alone, never for guests.
    pub members_only: bool,
}

impl CallLink {
    /// Whether a text is a link at all, and not a bare token.
    pub fn is_link(text: &str) -> bool {
        text.contains("://")
    }

    /// Reads a link as pasted.
    ///
    /// # Errors
    /// `bad-link`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        match text.strip_prefix(APP_SCHEME) {
            Some(rest) if rest.starts_with("open-conversation") => opened_by_app(text),
            Some(rest) => {
                let (user, place) = match rest.split_once('@') {
                    Some((user, place)) if !user.contains('/') => (Some(user.to_owned()), place),
                    Some(_) | None => (None, rest),
                };
                let secure = Url::parse(&format!("https://{place}")).map_err(|_| bad())?;
                let url = if address::is_loopback(&secure) {
                    Url::parse(&format!("http://{place}")).map_err(|_| bad())?
                } else {
                    secure
                };
                let link = from_web(url)?;
                Ok(Self { user: user.filter(|user| !user.is_empty()), members_only: true, ..link })
            }
            None => from_web(Url::parse(text).map_err(|_| bad())?),
        }
    }
}

fn bad() -> Problem {
    Problem::new(ProblemCode::BadLink, "that is not the link of a conversation")
}

/// Room tokens are lower-case letters and digits (talk-rest section 1); longer or shorter ones are no tokens.
fn token(text: &str) -> Result<RoomId, Problem> {
    let is_token = (4..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_token { Ok(RoomId::new(text)) } else { Err(bad()) }
}

fn from_web(mut url: Url) -> Result<CallLink, Problem> {
    address::check(&url)?;
    let path = url.path().to_owned();
    let (root, rest) = path.split_once("/call/").ok_or_else(bad)?;
    let room = token(rest.trim_end_matches('/'))?;
    let root = root.strip_suffix("/index.php").unwrap_or(root).trim_end_matches('/');
    let named = url.fragment().and_then(|parts| parts.split('&').find_map(|part| part.strip_prefix("fp=")));
    let fingerprint = named.map(str::parse).transpose()?;
    url.set_path(root);
    url.set_query(None);
    url.set_fragment(None);
    // Names in addresses would be sent and shown in odd places; clearing them cannot fail for HTTP.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(CallLink { server: url, room, user: None, fingerprint, members_only: false })
}

fn opened_by_app(text: &str) -> Result<CallLink, Problem> {
    let url = Url::parse(text).map_err(|_| bad())?;
    let value = |key: &str| {
        url.query_pairs()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.into_owned())
            .filter(|v| !v.is_empty())
    };
    let server = address::server_address(&value("server").ok_or_else(bad)?)?;
    let room = token(&value("withRoomToken").ok_or_else(bad)?)?;
    Ok(CallLink { server, room, user: value("user"), fingerprint: None, members_only: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_taken_apart() {
        let print = Fingerprint::of(b"certificate");
        let pinned = format!("https://192.0.2.1:8443/call/abc123#fp={print}");
        for (text, server, user, members_only) in [
            ("https://c.example/call/abc123", "https://c.example/", None, false),
            (" https://c.example/index.php/call/abc123?x=1#direct-call ", "https://c.example/", None, false),
            ("https://c.example/sub/cloud/call/abc123/", "https://c.example/sub/cloud", None, false),
            ("https://c.example/sub/index.php/call/abc123", "https://c.example/sub", None, false),
            ("https://me:secret@c.example/call/abc123", "https://c.example/", None, false),
            ("http://127.0.0.1:8090/call/abc123", "http://127.0.0.1:8090/", None, false),
            (&pinned, "https://192.0.2.1:8443/", None, false),
            ("nextcloudtalk://c.example/call/abc123", "https://c.example/", None, true),
            ("nextcloudtalk://ann@c.example/sub/call/abc123", "https://c.example/sub", Some("ann"), true),
            ("nextcloudtalk://127.0.0.1:8090/call/abc123", "http://127.0.0.1:8090/", None, true),
            (
                "nextcloudtalk://open-conversation?server=https%3A%2F%2Fc.example&user=ann&withRoomToken=abc123",
                "https://c.example/",
                Some("ann"),
                true,
            ),
        ] {
            let link = CallLink::parse(text).unwrap();
            assert_eq!((link.server.as_str(), link.room.as_str()), (server, "abc123"), "{text}");
            assert_eq!((link.user.as_deref(), link.members_only), (user, members_only), "{text}");
            assert_eq!(link.fingerprint.is_some(), text.contains("#fp="), "{text}");
        }
    }

    #[test]
    fn what_is_no_link_to_a_conversation_says_so() {
        for text in [
            "",
            "abc123",
            "https://c.example/",
            "https://c.example/call/",
            "https://c.example/call/abc/def",
            "https://c.example/call/..%2f..%2fx",
            "https://c.example/call/abc123#fp=short",
            "http://c.example/call/abc123",
            "ftp://c.example/call/abc123",
            "file:///call/abc123",
            "nextcloudtalk://",
            "nextcloudtalk://open-conversation?server=https://c.example",
            "nextcloudtalk://open-conversation?withRoomToken=abc123",
            "nextcloudtalk://open-conversation?server=http://c.example&withRoomToken=abc123",
        ] {
            assert_eq!(CallLink::parse(text).unwrap_err().code, ProblemCode::BadLink, "{text}");
        }
    }
}
