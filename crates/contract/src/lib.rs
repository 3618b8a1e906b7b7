//! What passes through the door of a running core: commands in, replies and events out. Plain serializable values,
//! the one source of the TypeScript the UI is built with (`cargo xtask bindings` writes it, a test fails on drift).
//!
//! This crate refuses to know how anything is done: no I/O, no conversion from the core's own types (the edge,
//! `bellbird-app`, converts).

mod bindings;
mod command;
mod event;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod pictures;
mod problem_codes;
mod programs;
mod remote_join;
mod sdk;
mod state;

pub use bindings::typescript;
pub use command::{Command, DeviceRole, Media, Reply};
pub use event::{CallHappening, Event, LevelsView, LinkQualityView, TrackKind, VideoQualityView};
pub use frame::{ClientFrame, CoreFrame, Outcome};
pub use pictures::{
    PICTURE_HEADER, PICTURES_IN_FLIGHT, PictureFrame, PixelLayout, ShownPicture, picture_header,
};
pub use problem_codes::PROBLEM_CODES;
pub use programs::{ControlView, ProgramView};
pub use remote_join::{RemoteJoinPolicy, RemoteJoinRequestView};
pub use sdk::{
    CallInfo, CallMode, CallStatusPayload, CallSwitchPayload, CallType, CallUser, CallUserPayload,
    CallUsersUpdate, IncomingCall, InviteUsersPayload, MediaErrorPayload, MissedCall, MuteStatus, SdkEvent,
    SdkMethod, SdkResult, SdkStatus, SdkTrackType, SessionStatus, SpeakingPayload, SwitchStatus, UserDetails,
    UserStatus, UserTrack,
};
pub use state::{
    AccountState, AccountView, AppView, CallView, ContactView, DeviceView, DevicesView, EndReason,
    EntranceView, GroupView, InvitationView, LocalServerView, ParticipantView, Problem, RoomView, ScreenKind,
    ScreenView, SigningInView, Status, VideoRequest,
};
