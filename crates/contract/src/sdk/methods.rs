//! What a program can ask of the SDK (mirrorfly-sdk section 3).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{CallType, UserStatus};

/// A method with its arguments. Those without a call id mean the one current call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "method", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SdkMethod {
    /// Ring people by voice: one, several (a new conversation of all), or those of a conversation.
    MakeVoiceCall {
        /// JIDs of the callees.
        users: Vec<String>,
        /// JID of an existing conversation.
        #[serde(default)]
        group_id: Option<String>,
    },
    /// Likewise with the camera.
    MakeVideoCall {
        /// JIDs of the callees.
        users: Vec<String>,
        /// JID of an existing conversation.
        #[serde(default)]
        group_id: Option<String>,
    },
    /// Take the call that rings.
    AnswerCall,
    /// Refuse the call that rings.
    DeclineCall,
    /// Leave the current call; one of two ends for both.
    EndCall,
    /// Refuse a second call because one is active: its caller sees `engaged`.
    CallEngaged,
    /// Microphone off or on.
    MuteAudio {
        /// The wished state.
        mute: bool,
    },
    /// Camera off or on.
    MuteVideo {
        /// The wished state.
        mute: bool,
    },
    /// Add people to the running call, and ring them.
    InviteUsers {
        /// JIDs.
        users: Vec<String>,
    },
    /// Ask the far end to go from audio to video.
    RequestVideoCallSwitch,
    /// Take that back.
    CancelVideoCallSwitchRequest,
    /// Agree to the far end's request: both publish video.
    AcceptVideoCallSwitchRequest,
    /// Refuse it: nothing changes.
    DeclineVideoCallSwitchRequest,
    /// What is known of the current call.
    GetCallInfo,
}

/// How a method went. 200: accepted; 400: bad argument, or nothing it could apply to now; 401: signed out; 403: the account's server or
/// its permissions lack the feature; 404: no such user or conversation; 500: it failed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SdkResult {
    /// See above.
    pub status_code: u16,
    /// For people, in English.
    pub message: String,
    /// What went wrong, by the stable code of a [`crate::Problem`]; not there when nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub code: Option<String>,
    /// Of a call that was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub call_type: Option<CallType>,
    /// Of a call that was begun: its id, until the conversation is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room_id: Option<String>,
    /// What [`SdkMethod::GetCallInfo`] asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub call_info: Option<CallInfo>,
}

/// The current call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallInfo {
    /// The conversation's token, or the call's id until it is known.
    pub room_id: String,
    /// What passes it on; empty where no link lets anyone in.
    pub room_link: String,
    /// Audio or video.
    pub call_type: CallType,
    /// Of two, or of several.
    pub call_mode: super::CallMode,
    /// The conversation's JID, in a call of several.
    pub group_id: Option<String>,
    /// Everyone in it.
    pub users_status: Vec<UserStatus>,
}
