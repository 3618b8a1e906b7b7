//! The CoWork calls Web API (cowork-calls): a program makes a person's client join, mute, show, raise a hand, leave.
//!
//! Here is what does not depend on who serves it: the rules, the state of a call, the HTTP surface with its checks and its
//! description. The embedded server and a running core implement [`Calls`] and mount [`router`]; nothing here knows
//! accounts, sockets or calls.
//!
//! ```text
//!   program ── HTTP ──▶ web/ (read, refuse, answer) ──▶ rules.rs (pure) ──▶ Calls::order ──▶ the chosen client
//! ```

mod calls;
mod credentials;
mod order;
mod refusal;
mod rules;
mod state;
mod web;

/// To implement [`Calls`] with.
pub use async_trait::async_trait;
/// What a listener knows of a connection, as [`Calls::authenticate`] gets it.
pub use axum::http::Extensions;
pub use calls::{Calls, User};
pub use credentials::Credentials;
pub use order::{JoinKind, Order, UnknownJoinKind};
pub use refusal::{Reason, Refusal};
pub use rules::{Choice, check, choose};
pub use state::{Channel, ClientCall, ClientState, Connection, Media, Team, UnknownMedia};
pub use web::{MAX_BODY, router};
