//! What requests teach about a server besides their answers: which versions of Talk's interface it speaks, and whether
//! its settings changed since its capabilities were read (talk-rest sections 1 and 8).

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use bellbird_talk_wire::Spreed;
use bellbird_talk_wire::constants::{API_V3, API_V4, TALK_HASH_HEADER};
use reqwest::header::{HeaderMap, HeaderValue};

/// Shared by all requests to one server.
#[derive(Debug)]
pub(crate) struct ServerFacts {
    rooms: AtomicU8,
    signaling: AtomicU8,
    hash: Mutex<Option<HeaderValue>>,
    stale: AtomicBool,
}

impl Default for ServerFacts {
    fn default() -> Self {
        Self {
            rooms: AtomicU8::new(4),
            signaling: AtomicU8::new(3),
            hash: Mutex::new(None),
            stale: AtomicBool::new(false),
        }
    }
}

impl ServerFacts {
    /// Chooses the versions of the interface. A server that lists no features is taken for a current one.
    pub(crate) fn learn(&self, spreed: &Spreed) {
        if spreed.features.is_empty() {
            return;
        }
        let newest = |family: &str, newest: u8| {
            (2..=newest).rev().find(|version| spreed.has(&format!("{family}-v{version}"))).unwrap_or(1)
        };
        self.rooms.store(newest("conversation", 4), Ordering::Relaxed);
        self.signaling.store(newest("signaling", 3), Ordering::Relaxed);
    }

    /// The path of a request on this server.
    pub(crate) fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let (family, version) = match path {
            API_V4 => (4, self.rooms.load(Ordering::Relaxed)),
            API_V3 => (3, self.signaling.load(Ordering::Relaxed)),
            _ => return Cow::Borrowed(path),
        };
        if version == family {
            return Cow::Borrowed(path);
        }
        Cow::Owned(format!("{}{version}", path.trim_end_matches(|c: char| c.is_ascii_digit())))
    }

    /// Looks at an answer's headers.
    pub(crate) fn notice(&self, headers: &HeaderMap) {
        let Some(hash) = headers.get(TALK_HASH_HEADER) else { return };
        // Nothing panics while the lock is held.
        let mut known = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(known) if known == hash => return,
            Some(_) => self.stale.store(true, Ordering::Release),
            None => {}
        }
        *known = Some(hash.clone());
    }

    /// Whether the settings changed since this was last asked.
    pub(crate) fn take_stale(&self) -> bool {
        self.stale.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spreed(features: &[&str]) -> Spreed {
        Spreed { features: features.iter().map(|name| (*name).to_owned()).collect(), ..Spreed::default() }
    }

    #[test]
    fn paths_follow_what_the_server_speaks() {
        for (features, rooms, signaling) in [
            (&[][..], "v4", "v3"),
            (&["conversation-v4", "conversation-v3", "signaling-v3"][..], "v4", "v3"),
            (&["conversation-v3", "conversation-v2", "signaling-v2"][..], "v3", "v2"),
            (&["audio", "video"][..], "v1", "v1"),
        ] {
            let facts = ServerFacts::default();
            facts.learn(&spreed(features));
            assert!(facts.path(API_V4).ends_with(&format!("/api/{rooms}")), "{features:?}");
            assert!(facts.path(API_V3).ends_with(&format!("/api/{signaling}")), "{features:?}");
            assert_eq!(facts.path("/status.php"), "/status.php");
        }
    }

    #[test]
    fn another_hash_means_other_settings() {
        let facts = ServerFacts::default();
        let answer = |hash: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(TALK_HASH_HEADER, HeaderValue::from_static(hash));
            headers
        };
        facts.notice(&HeaderMap::new());
        facts.notice(&answer("one"));
        facts.notice(&answer("one"));
        assert!(!facts.take_stale());
        facts.notice(&answer("two"));
        assert!(facts.take_stale() && !facts.take_stale());
    }
}
