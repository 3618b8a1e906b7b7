//! As whom, and on which server, a call is had.

use bellbird_talk::StoredLogin;
use url::Url;

use super::jid::Domain;

/// Fixed for the life of a call.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(super) domain: Domain,
    /// Our user id; `None` for guests.
    user: Option<String>,
    /// The name others see.
    pub(super) name: String,
    server: Url,
    /// What lets others into the conversation, where that is known from the beginning.
    pub(super) link: Option<String>,
}

impl Home {
    pub(crate) fn of(login: &StoredLogin, guest: bool) -> Self {
        Self {
            domain: Domain::of(&login.server),
            user: (!guest).then(|| login.user_id.clone()),
            name: login.display_name.clone(),
            server: login.server.clone(),
            link: None,
        }
    }

    /// Our JID. A guest's own device is not known by any name before it is in the call.
    pub(super) fn own(&self) -> String {
        match &self.user {
            Some(user) => self.domain.user(user),
            None => self.domain.guest("me"),
        }
    }

    /// Where our picture is; empty for guests, who have none.
    pub(super) fn picture(&self) -> String {
        let Some(user) = &self.user else { return String::new() };
        let mut address = self.server.clone();
        // A server is no mail address: it has a path to add to.
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty().extend(["index.php", "avatar", user, "64"]);
        }
        address.set_fragment(None);
        address.into()
    }
}
