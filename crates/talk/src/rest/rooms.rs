//! Requests about conversations.

use std::time::Duration;

use bellbird_call::Secret;
use bellbird_talk_wire::constants::{API_BELLBIRD, API_V1, API_V4, ROOM_ONE_TO_ONE};
use bellbird_talk_wire::{CreateRoomRequest, Invitees, JoinRoomRequest, Participant, Room};
use reqwest::Method;

use super::client::{Request, Session};
use super::error::RestError;

/// Servers hold back the answer to a password for up to half a minute when several were wrong.
pub(super) const PASSWORD_TIMEOUT: Duration = Duration::from_secs(45);

impl Session {
    /// All conversations of the account.
    pub(crate) async fn rooms(&self) -> Result<Vec<Room>, RestError> {
        let list: Vec<serde_json::Value> =
            self.data(Request::new(Method::GET, API_V4, &["room"]).query("noStatusUpdate", "1")).await?;
        Ok(list.into_iter().filter_map(|room| serde_json::from_value(room).ok()).collect())
    }

    /// One conversation.
    pub(crate) async fn room(&self, token: &str) -> Result<Room, RestError> {
        self.data(Request::new(Method::GET, API_V4, &["room", token])).await
    }

    /// Finds or makes the one-to-one conversation with somebody.
    pub(crate) async fn one_to_one(&self, user_id: &str) -> Result<Room, RestError> {
        let body = CreateRoomRequest {
            room_type: ROOM_ONE_TO_ONE,
            invite: user_id.to_owned(),
            source: "users".to_owned(),
            ..CreateRoomRequest::default()
        };
        self.data(Request::new(Method::POST, API_V4, &["room"]).json(&body)).await
    }

    /// Makes a conversation of several.
    pub(crate) async fn create_room(
        &self,
        kind: u8,
        name: &str,
        users: Vec<String>,
    ) -> Result<Room, RestError> {
        let body = CreateRoomRequest {
            room_type: kind,
            room_name: name.to_owned(),
            participants: Some(Invitees { users, ..Invitees::default() }),
            ..CreateRoomRequest::default()
        };
        self.data(Request::new(Method::POST, API_V4, &["room"]).json(&body)).await
    }

    /// Adds somebody to a conversation.
    pub(crate) async fn add_participant(&self, token: &str, user_id: &str) -> Result<(), RestError> {
        let body = serde_json::json!({ "newParticipant": user_id, "source": "users" });
        self.done(Request::new(Method::POST, API_V4, &["room", token, "participants"]).json(&body)).await
    }

    /// Lets everybody with the link of a conversation in, or those who were invited alone.
    pub(crate) async fn set_public(&self, token: &str, public: bool) -> Result<(), RestError> {
        let method = if public { Method::POST } else { Method::DELETE };
        self.done(Request::new(method, API_V4, &["room", token, "public"])).await
    }

    /// From this Unix second on the link lets nobody in; 0 never. On Bellbird's own server.
    pub(crate) async fn set_link_expiry(&self, token: &str, expires: i64) -> Result<(), RestError> {
        let body = serde_json::json!({ "expires": expires });
        self.done(Request::new(Method::PUT, API_BELLBIRD, &["room", token, "link"]).json(&body)).await
    }

    /// Who belongs to a conversation.
    pub(crate) async fn participants(&self, token: &str) -> Result<Vec<Participant>, RestError> {
        let list: Vec<serde_json::Value> =
            self.data(Request::new(Method::GET, API_V4, &["room", token, "participants"])).await?;
        Ok(list.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect())
    }

    /// Enters a conversation: makes a session in it, tied to our cookies.
    pub(crate) async fn enter_room(&self, token: &str, password: Option<&Secret>) -> Result<Room, RestError> {
        let typed = password.map_or("", Secret::expose).to_owned();
        let body = JoinRoomRequest { password: typed, force: true };
        let path = ["room", token, "participants", "active"];
        let mut request = Request::new(Method::POST, API_V4, &path).json(&body);
        if password.is_some() {
            request = request.timeout(PASSWORD_TIMEOUT);
        }
        self.data(request).await
    }

    /// Tells the name others shall see of us, a guest in the conversation entered.
    pub(crate) async fn set_guest_name(&self, token: &str, name: &str) -> Result<(), RestError> {
        let body = serde_json::json!({ "displayName": name });
        self.done(Request::new(Method::POST, API_V1, &["guest", token, "name"]).json(&body)).await
    }

    /// Leaves a conversation's session; we stay a member.
    pub(crate) async fn leave_room(&self, token: &str) -> Result<(), RestError> {
        self.done(Request::new(Method::DELETE, API_V4, &["room", token, "participants", "active"])).await
    }
}
