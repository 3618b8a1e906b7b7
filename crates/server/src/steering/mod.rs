//! Steering people's clients for programs: which clients there are and what they are told, and the Web API of
//! cowork-calls over it.
//!
//! ```text
//! program ─▶ bellbird_cowork ─▶ api (accounts, rooms) ─▶ clients ─▶ push socket ─▶ the chosen client
//! ```

mod api;
mod attendance;
mod clients;

pub(crate) use api::CoworkApi;
pub(crate) use clients::ClientHub;
