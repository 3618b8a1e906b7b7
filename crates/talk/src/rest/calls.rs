//! Requests about calls and their signaling.

use std::time::Duration;

use bellbird_talk_wire::constants::{API_V3, API_V4, PULL_SECONDS};
use bellbird_talk_wire::{
    CallPeer, JoinCallRequest, LeaveCallRequest, PullItem, SendMessagesRequest, SignalingSettings,
    UpdateFlagsRequest,
};
use reqwest::Method;

use super::client::{Request, Session};
use super::error::RestError;

/// A pull waits up to [`PULL_SECONDS`] at the server; the rest is for the network.
const PULL_TIMEOUT: Duration = Duration::from_secs(PULL_SECONDS + 15);

/// Whether a call that rang still wants us (talk-rest section 3.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotificationState {
    /// It runs, and this account is not in it.
    Ringing,
    /// It is over.
    Ended,
    /// Room gone, or the account joined on some device.
    Settled,
}

impl Session {
    /// Joins the call of the room we entered. `silent` and `consent` are for servers that know them.
    pub(crate) async fn join_call(
        &self,
        token: &str,
        flags: u32,
        silent: bool,
        consent: bool,
    ) -> Result<(), RestError> {
        let body = JoinCallRequest { flags, silent, recording_consent: consent, silent_for: Vec::new() };
        self.done(Request::new(Method::POST, API_V4, &["call", token]).json(&body)).await
    }

    /// Says anew what we send in the call we are in (talk-rest section 3).
    pub(crate) async fn update_call_flags(&self, token: &str, flags: u32) -> Result<(), RestError> {
        let body = UpdateFlagsRequest { flags };
        self.done(Request::new(Method::PUT, API_V4, &["call", token]).json(&body)).await
    }

    /// Leaves the call, or ends it for all.
    pub(crate) async fn leave_call(&self, token: &str, all: bool) -> Result<(), RestError> {
        let path = ["call", token];
        let mut request = Request::new(Method::DELETE, API_V4, &path);
        if all {
            // Older servers know no such field; without it, leaving is the same everywhere.
            request = request.json(&LeaveCallRequest { all });
        }
        self.done(request).await
    }

    /// Rings one member for the call we are in (talk-rest section 3.5).
    pub(crate) async fn ring_attendee(&self, token: &str, attendee: i64) -> Result<(), RestError> {
        let attendee = attendee.to_string();
        self.done(Request::new(Method::POST, API_V4, &["call", token, "ring", &attendee])).await
    }

    /// Who is in the call.
    pub(crate) async fn call_peers(&self, token: &str) -> Result<Vec<CallPeer>, RestError> {
        self.data(Request::new(Method::GET, API_V4, &["call", token])).await
    }

    /// Whether a call that rang still wants us; `own_user` is used with servers that cannot tell by themselves.
    pub(crate) async fn notification_state(
        &self,
        token: &str,
        own_user: &str,
        supported: bool,
    ) -> Result<NotificationState, RestError> {
        if supported {
            let path = ["call", token, "notification-state"];
            let request = Request::new(Method::GET, API_V4, &path);
            return match self.send(request).await?.status {
                200 => Ok(NotificationState::Ringing),
                201 => Ok(NotificationState::Ended),
                404 => Ok(NotificationState::Settled),
                status => Err(RestError::Refused { status, key: String::new() }),
            };
        }
        match self.call_peers(token).await {
            Ok(peers) if peers.is_empty() => Ok(NotificationState::Ended),
            Ok(peers) if peers.iter().any(|peer| peer.actor_type == "users" && peer.actor_id == own_user) => {
                Ok(NotificationState::Settled)
            }
            Ok(_) => Ok(NotificationState::Ringing),
            Err(RestError::Refused { status: 404, .. }) => Ok(NotificationState::Settled),
            Err(error) => Err(error),
        }
    }

    /// How to signal in a room, and its STUN and TURN servers.
    pub(crate) async fn signaling_settings(&self, token: &str) -> Result<SignalingSettings, RestError> {
        self.data(Request::new(Method::GET, API_V3, &["signaling", "settings"]).query("token", token)).await
    }

    /// Sends peer messages, given as JSON text of a list.
    pub(crate) async fn send_messages(&self, token: &str, messages: String) -> Result<(), RestError> {
        let body = SendMessagesRequest { messages };
        self.done(Request::new(Method::POST, API_V3, &["signaling", token]).json(&body)).await
    }

    /// Waits for news; keeps our session in the room alive.
    pub(crate) async fn pull(&self, token: &str) -> Result<Vec<PullItem>, RestError> {
        self.data(Request::new(Method::GET, API_V3, &["signaling", token]).timeout(PULL_TIMEOUT)).await
    }
}
