//! The words of a call, the state machine that decides what happens next, and the two ports it speaks through.
//!
//! This crate has no I/O, no async runtime, no serialization and no clock: it is *told* the time, takes one input
//! and yields outputs until drained. It knows no service and no codec. What carries call messages stands behind
//! [`ports::SignalingBackend`], what carries sound and pictures behind [`ports::MediaEngine`].
//!
//! ```text
//!   person ── Intent ──┐                          ┌── SignalingCommand ──▶ SignalingBackend
//!   service ─ SignalingEvent ─▶ CallInput ─▶ CallMachine ─▶ CallOutput ── MediaCommand ──▶ MediaEngine
//!   media ─── MediaEvent ──┘      (now)           └── CallEvent ──▶ whoever shows the call
//! ```

mod description;
mod end_reason;
mod event;
mod gesture;
pub mod glare;
mod ids;
mod intent;
mod link;
mod machine;
mod participant;
pub mod ports;
mod secret;
mod status;
mod switch;
mod video;
mod view;

pub use description::{IceCandidate, IceServer, SessionDescription};
pub use end_reason::EndReason;
pub use event::{CallEvent, MediaStage};
pub use gesture::{MAX_REACTIONS, Reaction, RoomFacts};
pub use ids::{AccountId, CallId, ContactId, LinkId, ParticipantId, RoomId};
pub use intent::{CallTarget, Intent, Invitation, LeaveScope};
pub use link::{Link, LinkDirection, LinkRole, LinkSource, LinkState};
pub use machine::{CallConfig, CallInput, CallMachine, CallOutput};
pub use participant::{MediaKind, MediaKinds, RemoteParticipant};
pub use secret::Secret;
pub use status::CallStatus;
pub use switch::{VideoRequest, VideoSwitch};
pub use video::{VideoLayer, VideoQuality, Watch};
pub use view::{CallDirection, CallView, LinkQuality, ParticipantView};
