//! The call SDK's surface as it passes through the door: methods in, results and listeners' payloads out, named and
//! spelled as in mirrorfly-sdk sections 3 to 6.

mod listeners;
mod methods;

pub use listeners::{
    CallMode, CallStatusPayload, CallSwitchPayload, CallType, CallUser, CallUserPayload, CallUsersUpdate,
    IncomingCall, InviteUsersPayload, MediaErrorPayload, MissedCall, MuteStatus, SdkEvent, SdkStatus,
    SdkTrackType, SessionStatus, SpeakingPayload, SwitchStatus, UserDetails, UserStatus, UserTrack,
};
pub use methods::{CallInfo, SdkMethod, SdkResult};
