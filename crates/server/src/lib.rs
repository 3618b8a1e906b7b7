//! The embedded server: Nextcloud Talk's own API on one machine, so that the same client drives it and a real
//! Nextcloud.
//!
//! It serves accounts (also by invitation), people search, conversations, calls, internal signaling by long poll,
//! notifications and their push WebSocket. It never touches media and does not chat. Of web pages it serves two: to
//! sign in, and for guests who have no app.
//!
//! ```text
//! listener ─▶ http (routes, guards in Talk's order) ─▶ store (SQLite: what must survive)
//!                                                  └─▶ live  (memory: sessions, calls, messages) ─▶ long polls
//!                                                  └─▶ push  (WebSockets)
//!                          programs ─▶ steering (cowork-calls: which client does it) ─▶ push
//!                                  external signaling server ◀─▶ hpb        (only where one is configured)
//!                                           recording server ◀─▶ recording  (likewise)
//! ```
//! - Whatever was acknowledged is on the disk: `kill -9` loses sessions and running calls, which clients re-make, and
//!   nothing else.
//! - Another process may change accounts and settings at any time through [`Admin`]: nothing stored is cached.
//! - Loopback speaks plain HTTP; every other address TLS, with the folder's own certificate or one from an authority.

mod admin;
mod config_keys;
mod error;
mod folder;
mod hpb;
mod http;
mod live;
mod login_flows;
mod push;
mod recording;
mod registry;
mod secrets;
mod server;
mod state;
mod steering;
mod store;
mod tls;
mod words;

pub use admin::{Admin, AdminError, ConfigEntry, ECHO_ACCOUNT, GroupEntry, UserEntry};
pub use config_keys::{CONFIG_KEYS, ConfigKey};
pub use error::ServerError;
pub use hpb::HpbConfig;
pub use server::{Listening, Server, ServerConfig, TurnConfig};
pub use tls::{CertificateFiles, Fingerprint};
