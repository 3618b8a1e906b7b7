//! External signaling: call messages through a separate signaling server (talk-signaling section 6), with or without
//! a media server behind it.
//!
//! ```text
//!   call/ ── Line ──▶ line.rs (WebSocket, pings, queue) ◀──▶ conversation.rs (greeting, resuming, room; pure)
//!     │                    └─ News ──▶ census.rs (events become whole lists; pure)
//!     ├── mcu.rs (publishing once, receiving each; pure) ◀── subscription.rs, early.rs, kept.rs
//!     └── screens.rs (the same for shared screens), layers.rs (which sizes of whose pictures; both pure)
//! ```

mod census;
mod conversation;
mod early;
mod kept;
mod layers;
mod line;
mod mcu;
mod screens;
mod socket;
mod subscription;

pub(crate) use census::Census;
pub(crate) use conversation::{Conversation, Identity, News, Output};
pub(crate) use layers::Layers;
pub(crate) use line::{Admission, Line, Unadmitted, admit};
pub(crate) use mcu::{LinkOwner, Mcu};
pub(crate) use screens::ServedScreens;
