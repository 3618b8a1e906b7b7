//! Who is asked: implemented by the embedded server and by a running core.

use async_trait::async_trait;
use axum::http::Extensions;

use crate::{Channel, ClientState, Connection, Credentials, Order, Refusal, Team};

/// For whom a program asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The account as states name it.
    pub id: String,
    /// Its name for people.
    pub display_name: String,
    /// The implementer's own name of the account.
    pub key: String,
    /// The program that asks, as the person knows it; empty when unknown.
    pub program: String,
}

/// What the API asks of whoever serves it. Called from tasks of the runtime, at the same time from many.
///
/// All of it is about the user's own clients and about what the user may see; the API has made sure of nothing but what
/// [`Calls::authenticate`] and [`Calls::may_enter`] said.
#[async_trait]
pub trait Calls: Send + Sync + 'static {
    /// Whose credentials these are. `request` holds what the listener knows of the connection.
    ///
    /// # Errors
    /// 401 when they are nobody's, 403 when their owner may not use the API, 429 after too many wrong ones.
    async fn authenticate(&self, credentials: Credentials, request: &Extensions) -> Result<User, Refusal>;

    /// The user's open clients.
    ///
    /// # Errors
    /// 500.
    async fn clients(&self, user: &User) -> Result<Vec<ClientState>, Refusal>;

    /// Whether the user has access to the channel.
    ///
    /// # Errors
    /// 404 when there is no such channel, 403 when the user has no access to it.
    async fn may_enter(&self, user: &User, channel: &str) -> Result<(), Refusal>;

    /// Tells a client of the user what to do, and waits at most ten seconds for its answer: the connections that are
    /// other now. None when the person is asked first.
    ///
    /// # Errors
    /// 403 when the person forbids it, 404 when the client is gone, 409 when it cannot or does not answer.
    async fn order(&self, user: &User, client_id: &str, order: Order) -> Result<Vec<Connection>, Refusal>;

    /// The teams the user is in.
    ///
    /// # Errors
    /// 500.
    async fn teams(&self, user: &User) -> Result<Vec<Team>, Refusal>;

    /// The channels of a team that the user has access to, without direct messages.
    ///
    /// # Errors
    /// 404 when the user is in no such team.
    async fn channels(&self, user: &User, team: &str) -> Result<Vec<Channel>, Refusal>;

    /// The channels between the user and one other person each.
    ///
    /// # Errors
    /// 500.
    async fn direct_messages(&self, user: &User) -> Result<Vec<Channel>, Refusal>;

    /// Everybody in the channel's call.
    ///
    /// # Errors
    /// 404 when the team or the channel is not there, 403 when the user has no access to it.
    async fn channel_calls(&self, user: &User, team: &str, channel: &str)
    -> Result<Vec<Connection>, Refusal>;
}
