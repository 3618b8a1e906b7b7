//! The Nextcloud Talk backend: the same client code for the embedded server and for any Nextcloud.
//!
//! [`TalkAccount`] is a login: it finds people, watches for calls and opens [`TalkCall`]s, which implement
//! [`bellbird_call::ports::SignalingBackend`]. Call messages travel through the server's own long poll (*internal*
//! signaling), peers form a mesh. This crate makes no peer connection and touches no sound; it refuses to send a
//! password unencrypted over a network, or anything to a server whose pinned certificate changed.
//!
//! ```text
//!   app ── TalkAccount ──▶ rest/ (requests, cookies, TLS) ──▶ server
//!             │ watch()                 ▲
//!             ├──────▶ watch.rs ── push.rs (WebSocket), ringing.rs (pure)
//!             │ open_call()             │
//!             ├──────▶ call/ ── internal/ (long poll, outbox), mesh/, roster.rs (pure)
//!             └──────▶ entrance.rs (password, lobby, consent, before there is a call)
//! ```

mod account;
mod address;
mod avatar;
mod call;
mod call_features;
mod call_link;
mod consent;
mod directory;
mod entrance;
mod external;
mod fingerprint;
#[doc(hidden)]
pub mod fuzz;
mod http_date;
mod internal;
mod invite;
mod link;
mod login_flow;
mod mesh;
mod orders;
mod push;
mod rest;
mod ringing;
mod roster;
mod screen;
mod sign_in;
mod tcp;
mod translate;
mod watch;

pub use account::{LinkChange, TalkAccount};
pub use avatar::Avatar;
/// What the wire says of the connections of a call, and why an order is refused.
pub use bellbird_talk_wire::{ConnectionState, JoinWith, OrderRefusal};
pub use call::{CallOptions, TalkCall};
pub use call_features::CallFeatures;
pub use call_link::CallLink;
pub use consent::Consent;
pub use directory::{Contact, InCall, Room, RoomKind};
pub use entrance::{Entrance, EntranceRoom, EntranceStep};
pub use fingerprint::Fingerprint;
pub use login_flow::LoginFlow;
pub use orders::{ClientCall, ClientState, Order, OrderReply, OrderSink, OrderTicket};
pub use sign_in::{ClientName, StoredLogin};
pub use watch::{AccountEvent, AccountSink, Outcome, Watch};
