//! What the SDK tells (mirrorfly-sdk sections 4 to 6).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One callback: the listener's name and its payload.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "listener", content = "payload", rename_all = "camelCase")]
pub enum SdkEvent {
    /// Somebody rings.
    IncomingCallListener(IncomingCall),
    /// How the call, or somebody in it, stands.
    CallStatusListener(CallStatusPayload),
    /// A track came or went.
    UserTrackListener(UserTrack),
    /// Somebody muted or unmuted.
    MuteStatusListener(MuteStatus),
    /// A call rang and was not answered.
    MissedCallListener(MissedCall),
    /// The wish to go from audio to video, and what became of it.
    CallSwitchListener(CallSwitchPayload),
    /// People were added.
    InviteUsersListener(InviteUsersPayload),
    /// Somebody came.
    CallUserJoinedListener(CallUserPayload),
    /// Somebody left.
    CallUserLeftListener(CallUserPayload),
    /// The people of the call changed.
    CallUsersUpdateListener(CallUsersUpdate),
    /// Somebody speaks, or stopped.
    CallSpeakingListener(SpeakingPayload),
    /// A microphone, camera or screen failed.
    MediaErrorListener(MediaErrorPayload),
}

/// Audio or video.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum CallType {
    /// Voice alone.
    Audio,
    /// With cameras.
    Video,
}

/// Of two, or of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum CallMode {
    /// Of two.
    OneToOne,
    /// Of several.
    OneToMany,
}

/// Where the call, or somebody in it, stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum SdkStatus {
    /// The invitation is on its way.
    Calling,
    /// It rings there.
    Ringing,
    /// Answered, no media yet.
    Connecting,
    /// Media flow.
    Connected,
    /// The path is being looked for again.
    Reconnecting,
    /// Declined.
    Busy,
    /// In another call.
    Engaged,
    /// Lost or left.
    Disconnected,
    /// Over.
    Ended,
    /// On hold.
    Hold,
    /// Only `usersStatus` changed.
    UserStatus,
}

/// Whether the whole call is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum SessionStatus {
    /// It is; told once, as the last of the call.
    Closed,
}

/// How somebody in the call stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct UserStatus {
    /// Who.
    pub user_jid: String,
    /// Where they stand.
    pub status: SdkStatus,
    /// Their microphone is off.
    pub audio_muted: bool,
    /// Their camera is off.
    pub video_muted: bool,
}

/// Who somebody is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct UserDetails {
    /// Who.
    pub user_jid: String,
    /// The name others see.
    pub display_name: String,
    /// Where their picture is; empty when there is none.
    pub image: String,
}

/// Somebody rings. `from` and `to` look swapped in a call of two, and are so on purpose (mirrorfly-sdk section 4):
/// who calls is `user_jid`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct IncomingCall {
    /// All in the call.
    pub all_users: Vec<String>,
    /// Of two, or of several.
    pub call_mode: CallMode,
    /// Unix milliseconds when it was begun.
    #[ts(type = "number")]
    pub call_time: i64,
    /// Audio or video.
    pub call_type: CallType,
    /// Of two: the callee; of several: who calls.
    pub from: String,
    /// Of two: who calls; of several: the conversation.
    pub to: String,
    /// The conversation's JID, in a call of several.
    pub group_id: Option<String>,
    /// Whether this concerns us: no, somebody else calls.
    pub local_user: bool,
    /// The conversation's token.
    pub room_id: String,
    /// What passes it on; empty where no link lets anyone in.
    pub room_link: String,
    /// `ringing`.
    pub status: SdkStatus,
    /// The callees.
    pub to_users: Vec<String>,
    /// The callees, with names.
    pub user_details: Vec<UserDetails>,
    /// Who calls.
    pub user_jid: String,
    /// How each stands.
    pub users_status: Vec<UserStatus>,
}

/// How the call, or somebody in it, stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallStatusPayload {
    /// What changed.
    pub status: SdkStatus,
    /// Whose status it is.
    pub user_jid: String,
    /// Whether that is us.
    pub local_user: bool,
    /// `null` while the call lives.
    pub session_status: Option<SessionStatus>,
    /// How each stands.
    pub users_status: Vec<UserStatus>,
    /// Answered on another device of ours: stop ringing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub carbon_attended: Option<bool>,
}

/// Kind of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum SdkTrackType {
    /// A microphone.
    Audio,
    /// A camera.
    Video,
    /// A screen; beyond the model, which has none.
    Screen,
}

/// A track came or went. How it is played or drawn is told by `track`, which names it to the core; a library in front of
/// the door puts an object in its place.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct UserTrack {
    /// Whether it is ours: our own sound is never played.
    pub local_user: bool,
    /// The track's name, for as long as the call lives; `null`: it went. It is `CALL/PARTICIPANT/KIND`, where the first
    /// and the last part hold no slash, `PARTICIPANT` is empty for us, and `KIND` is a [`crate::TrackKind`]: what a
    /// [`crate::ShownPicture`] is asked for by.
    pub track: Option<String>,
    /// Kind.
    pub track_type: SdkTrackType,
    /// Whose.
    pub user_jid: String,
    /// How each stands.
    pub users_status: Vec<UserStatus>,
}

/// Somebody muted or unmuted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MuteStatus {
    /// Who.
    pub user_jid: String,
    /// Whether that is us.
    pub local_user: bool,
    /// What kind.
    pub track_type: SdkTrackType,
    /// The new state.
    pub is_muted: bool,
}

/// A call rang and was not answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MissedCall {
    /// Of two, or of several.
    pub call_mode: CallMode,
    /// Audio or video.
    pub call_type: CallType,
    /// As in [`IncomingCall`].
    pub from: String,
    /// Who called.
    pub user_jid: String,
    /// The conversation's token.
    pub room_id: String,
    /// All in the call.
    pub all_users: Vec<String>,
    /// The conversation's JID, in a call of several.
    pub group_id: Option<String>,
}

/// What became of the wish to go to video.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum SwitchStatus {
    /// They ask.
    Request,
    /// They agreed.
    Accept,
    /// They refused.
    Decline,
    /// They took their wish back, or it was not answered in time.
    Cancel,
}

/// The wish to go from audio to video.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallSwitchPayload {
    /// What.
    pub status: SwitchStatus,
    /// Who.
    pub user_jid: String,
}

/// People were added.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct InviteUsersPayload {
    /// How each stands.
    pub users_status: Vec<UserStatus>,
    /// The conversation's token.
    pub room_id: String,
    /// Who was added.
    pub user_list: Vec<String>,
}

/// Somebody came or left.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallUserPayload {
    /// Who.
    pub user_jid: String,
    /// Whether that is us.
    pub local_user: bool,
}

/// Somebody of the call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallUser {
    /// Who.
    pub user_jid: String,
    /// The name others see.
    pub display_name: String,
    /// Whether that is us.
    pub local_user: bool,
}

/// The people of the call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallUsersUpdate {
    /// All of them.
    pub users_list: Vec<CallUser>,
}

/// Somebody speaks, or stopped.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SpeakingPayload {
    /// Who.
    pub user_jid: String,
    /// Whether that is us.
    pub local_user: bool,
    /// 0: silent, to 10.
    pub volume_level: u8,
}

/// A microphone, camera or screen failed; the call goes on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MediaErrorPayload {
    /// What was tried: `audio`, `video` or `screen`.
    pub action: String,
    /// 100607: the person or the system refused; 100608: there is none, or it is busy or broke.
    pub status_code: u32,
    /// `MEDIA_PERMISSION_DENIED` or `MEDIA_DEVICE_ERROR`.
    pub call_status: String,
}
