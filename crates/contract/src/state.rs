//! The whole state of a core, as a window shows it. Always complete; a window replaces what it had.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ControlView, Media, RemoteJoinPolicy, RemoteJoinRequestView};

/// Everything a window needs to draw itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, TS)]
pub struct AppView {
    /// The core's version.
    pub version: String,
    /// Our logins.
    pub accounts: Vec<AccountView>,
    /// A sign-in that waits for the person in the browser.
    pub signing_in: Option<SigningInView>,
    /// Calls that ring or run, and the one that ended last (for some seconds, so that its end can be read).
    pub calls: Vec<CallView>,
    /// Sound devices.
    pub devices: DevicesView,
    /// The embedded server, when it runs in this core.
    pub local_server: Option<LocalServerView>,
    /// Problems not yet put away.
    pub problems: Vec<Problem>,
    /// Who else may steer this core.
    #[serde(default)]
    pub control: ControlView,
    /// Remote joins that wait for the person, the oldest first.
    #[serde(default)]
    pub remote_joins: Vec<RemoteJoinRequestView>,
    /// The system user's name, as a proposal.
    pub suggested_name: String,
}

/// One login.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct AccountView {
    /// Its id.
    pub id: String,
    /// The user id on the server.
    pub user: String,
    /// The name others see.
    pub display_name: String,
    /// The server's address.
    pub server: String,
    /// Whether it lives on the embedded server of this core.
    pub local: bool,
    /// How it stands.
    pub state: AccountState,
    /// Whether it may be joined to calls from afar.
    #[serde(default)]
    pub remote_join: RemoteJoinPolicy,
}

/// A sign-in that waits for the person in the browser.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct SigningInView {
    /// The server, as typed.
    pub server: String,
    /// What the browser has to open, in case it did not.
    pub address: String,
}

/// How a login stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AccountState {
    /// On its way.
    Connecting,
    /// Can be rung.
    Online,
    /// Cannot be rung now; tries again by itself.
    Offline {
        /// Why.
        problem: Problem,
    },
    /// The password was revoked; must sign in anew.
    SignedOut,
}

/// A person one can call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct ContactView {
    /// Of which account.
    #[serde(default)]
    pub account: String,
    /// The user id.
    pub id: String,
    /// The name.
    pub display_name: String,
    /// Presence when known: `online`, `away`, `dnd`, `busy`, `offline`.
    pub presence: Option<String>,
    /// Whether this is the echo contact.
    pub echo: bool,
}

/// A conversation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct RoomView {
    /// Of which account.
    #[serde(default)]
    pub account: String,
    /// Its token.
    pub token: String,
    /// Its name.
    pub display_name: String,
    /// `one_to_one`, `group` or `public`.
    pub kind: String,
    /// Whether a call runs in it.
    pub has_call: bool,
    /// Unix seconds of the last activity.
    #[ts(type = "number")]
    pub last_activity: i64,
    /// What to pass on so that others can enter; `None` where a link does not let anyone in.
    #[serde(default)]
    pub link: Option<String>,
}

/// Where a call or a participant stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The invitation is on its way; for an incoming call: it rings here.
    Calling,
    /// It rings at the far end.
    Ringing,
    /// Accepted, no media yet.
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
}

/// Why a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The person here ended it.
    LocalHangup,
    /// The far end left.
    RemoteHangup,
    /// The person here declined.
    LocalDecline,
    /// The far end declined.
    RemoteDecline,
    /// The far end is in another call.
    RemoteEngaged,
    /// We were in another call.
    LocalEngaged,
    /// Nobody answered.
    NoAnswer,
    /// We did not answer.
    Missed,
    /// Answered on another device.
    AnsweredElsewhere,
    /// Ended by a moderator.
    EndedByModerator,
    /// No path for media.
    ConnectionLost,
    /// The service refused or failed.
    SignalingFailed,
    /// Our own media failed.
    MediaFailed,
}

/// What is in the way into a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum EntranceView {
    /// Nothing so far.
    Entering,
    /// Its password; [`crate::Command::EnterPassword`] answers.
    Password {
        /// The one before was wrong.
        refused: bool,
        /// The server asks to wait before the next.
        throttled: bool,
    },
    /// A moderator, who lets us in; we go in by ourselves then.
    Lobby {
        /// Unix milliseconds when the lobby opens by itself.
        #[ts(type = "number | null")]
        opens_at_ms: Option<i64>,
    },
    /// Our consent to be recorded; [`crate::Command::GiveConsent`] answers.
    Consent,
}

/// Whether the question to go from audio to video is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum VideoRequest {
    /// Nobody asks.
    #[default]
    None,
    /// We asked, and wait.
    AskedByUs,
    /// They asked, and wait for us.
    AskedByThem,
}

/// A whole call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct CallView {
    /// Its id.
    pub id: String,
    /// Of which account; empty for guests.
    pub account: String,
    /// The server we are a guest on.
    #[serde(default)]
    pub guest_on: Option<String>,
    /// Set while we are on the way into the conversation: what is in the way. Nothing is captured or sent before.
    #[serde(default)]
    pub entrance: Option<EntranceView>,
    /// Answering needs [`crate::Command::GiveConsent`] first: calls are recorded here.
    #[serde(default)]
    pub asks_consent: bool,
    /// Whether we were rung.
    pub incoming: bool,
    /// The conversation, once known.
    pub room: Option<String>,
    /// The name to show.
    pub display_name: String,
    /// The other person's user id, when there is one.
    pub contact: Option<String>,
    /// Whether it is a call to the echo contact.
    pub echo: bool,
    /// The call as a whole.
    pub status: Status,
    /// Waits for Answer or Decline.
    pub can_answer: bool,
    /// What was asked for or offered.
    pub media: Media,
    /// Who had us join: a program's name or the server's host; `None`: the person.
    #[serde(default)]
    pub joined_by: Option<String>,
    /// Our microphone is off.
    pub muted: bool,
    /// The others are not heard here: our loudspeaker is off. They do not learn of it.
    #[serde(default)]
    pub silent: bool,
    /// Our camera is on.
    #[serde(default)]
    pub camera_on: bool,
    /// We share a screen.
    #[serde(default)]
    pub sharing_screen: bool,
    /// The server lets us switch a camera on.
    #[serde(default)]
    pub may_show_camera: bool,
    /// The server lets us share a screen.
    #[serde(default)]
    pub may_share_screen: bool,
    /// The call is recorded, or is about to be.
    #[serde(default)]
    pub recorded: bool,
    /// We put it on hold.
    pub on_hold: bool,
    /// Our hand is raised.
    #[serde(default)]
    pub hand_raised: bool,
    /// Whether somebody asks to go from audio to video; [`crate::SdkMethod`] has the answers.
    #[serde(default)]
    pub video_request: VideoRequest,
    /// What can be shown as a reaction.
    #[serde(default)]
    pub reactions: Vec<String>,
    /// What is so with calls of several; `None` with others, and before it is known.
    #[serde(default)]
    pub group: Option<GroupView>,
    /// Unix milliseconds when it first connected; `None` before. The window counts from it.
    #[ts(type = "number | null")]
    pub connected_at_ms: Option<i64>,
    /// Unix milliseconds since when the path has been lost, while it is.
    #[ts(type = "number | null")]
    pub reconnecting_since_ms: Option<i64>,
    /// The others.
    pub participants: Vec<ParticipantView>,
    /// Set once it is over.
    pub ended: Option<EndReason>,
    /// Connected time in whole seconds, once it is over.
    pub duration_s: Option<u32>,
}

/// What is so with calls of several.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct GroupView {
    /// We may ask others to mute, and end the call for all.
    pub moderator: bool,
    /// We may add people.
    pub may_add: bool,
    /// Everyone sends to everyone: with many in the call, a media server is needed.
    pub mesh: bool,
    /// Whoever has the conversation's link may enter.
    pub open_by_link: bool,
    /// That link, where others can reach the server.
    pub link: Option<String>,
}

/// One of the others.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct ParticipantView {
    /// Which device.
    pub id: String,
    /// The user id, when known.
    pub contact: Option<String>,
    /// The name.
    pub display_name: String,
    /// How they stand.
    pub status: Status,
    /// Their microphone is off.
    pub audio_muted: bool,
    /// Their camera is off.
    pub video_muted: bool,
    /// A picture of their camera can come here; whether one does now, `video_muted` says.
    #[serde(default)]
    pub has_video: bool,
    /// They share a screen with us.
    #[serde(default)]
    pub has_screen: bool,
    /// Since when their hand is raised, Unix milliseconds by their own clock; `None`: it is not.
    #[serde(default)]
    #[ts(type = "number | null")]
    pub hand_raised_ms: Option<u64>,
}

/// Devices, and which are chosen (`None`: the system's default).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, TS)]
pub struct DevicesView {
    /// Microphones.
    pub microphones: Vec<DeviceView>,
    /// Loudspeakers.
    pub speakers: Vec<DeviceView>,
    /// Cameras.
    #[serde(default)]
    pub cameras: Vec<DeviceView>,
    /// The chosen microphone.
    pub microphone: Option<String>,
    /// The chosen loudspeaker.
    pub speaker: Option<String>,
    /// The chosen ring device.
    pub ringer: Option<String>,
    /// The chosen camera.
    #[serde(default)]
    pub camera: Option<String>,
}

/// Something that can be shared.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct ScreenView {
    /// Identifies it to [`crate::Command::ShareScreen`], for as long as it is there.
    pub id: String,
    /// What it is.
    pub kind: ScreenKind,
    /// For people: a monitor's name, a window's title; empty for [`ScreenKind::SystemChoice`].
    pub label: String,
    /// How it looks now, as a `data:` address; `None` where that cannot be known.
    pub thumbnail: Option<String>,
}

/// What can be shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ScreenKind {
    /// A whole monitor.
    Monitor,
    /// One window.
    Window,
    /// The system's own dialog asks which (Wayland).
    SystemChoice,
}

/// One device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct DeviceView {
    /// Identifies it to [`crate::Command::SelectDevice`].
    pub name: String,
    /// For people.
    pub label: String,
    /// Whether the system uses it when none is chosen.
    pub is_default: bool,
}

/// The embedded server in this core.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct LocalServerView {
    /// Its address for programs on this machine.
    pub url: String,
    /// Its address for others, when opened to the network.
    pub public_url: Option<String>,
}

/// A way for someone else to register.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct InvitationView {
    /// The link to pass on.
    pub link: String,
    /// Unix milliseconds until which it can be used.
    #[ts(type = "number")]
    pub expires_at_ms: i64,
    /// How many people can use it.
    pub uses: u32,
}

/// Something that went wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Problem {
    /// For [`crate::Command::DismissProblem`]; 0 where it cannot be put away.
    #[serde(default)]
    pub number: u32,
    /// A stable code; the window has words for each.
    pub code: String,
    /// Details in English, for the curious.
    pub detail: String,
}
