//! Web sessions: what a cookie stands for.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::SessionId;
use crate::words::Actor;

/// Most cookies remembered; more guests than this are turned away.
const MAX_WEB_SESSIONS: usize = 20_000;
/// A cookie without a room session is forgotten after this long.
const IDLE: Duration = Duration::from_secs(24 * 3600);

/// SHA-256 of the cookie's value: what is looked up is not what is sent, so timing tells nothing.
pub(crate) type WebKey = [u8; 32];

/// One cookie's memory.
pub(crate) struct WebSession {
    /// The account it belongs to, or the guest it makes.
    pub(crate) actor: Actor,
    /// A guest's own choice of name; unused for accounts.
    pub(crate) guest_name: String,
    /// The room sessions held, by room.
    pub(crate) rooms: HashMap<i64, SessionId>,
    /// Hashes of room passwords that were given correctly, by room.
    pub(crate) passwords: HashMap<i64, String>,
    last_used: Instant,
}

/// All cookies.
#[derive(Default)]
pub(crate) struct WebSessions {
    by_key: HashMap<WebKey, WebSession>,
}

impl WebSessions {
    /// The session of the cookie, when `user` (or nobody, for a guest) may use it.
    pub(crate) fn find(&mut self, key: &WebKey, user: Option<&str>, now: Instant) -> Option<&mut WebSession> {
        let web = self.by_key.get_mut(key)?;
        let owner = match web.actor.kind {
            crate::words::ActorKind::Users => Some(web.actor.id.as_str()),
            crate::words::ActorKind::Guests | crate::words::ActorKind::Phones => None,
        };
        if owner != user {
            return None;
        }
        web.last_used = now;
        Some(web)
    }

    /// Whoever owns it; for housekeeping.
    pub(crate) fn any(&mut self, key: &WebKey) -> Option<&mut WebSession> {
        self.by_key.get_mut(key)
    }

    /// False when there are too many.
    pub(crate) fn insert(&mut self, key: WebKey, actor: Actor, now: Instant) -> bool {
        if self.by_key.len() >= MAX_WEB_SESSIONS {
            let oldest = self.by_key.iter().filter(|(_, web)| web.rooms.is_empty());
            let Some(oldest) = oldest.min_by_key(|(_, web)| web.last_used).map(|(key, _)| *key) else {
                return false;
            };
            self.by_key.remove(&oldest);
        }
        let web = WebSession {
            actor,
            guest_name: String::new(),
            rooms: HashMap::new(),
            passwords: HashMap::new(),
            last_used: now,
        };
        self.by_key.insert(key, web);
        true
    }

    pub(crate) fn forget_idle(&mut self, now: Instant) {
        self.by_key
            .retain(|_, web| !web.rooms.is_empty() || now.saturating_duration_since(web.last_used) < IDLE);
    }
}
