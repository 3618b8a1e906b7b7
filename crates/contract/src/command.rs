//! What a person, through a window or a script, can ask of the core.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{AppView, ContactView, InvitationView, RoomView, TrackKind};

/// What media a call is made or answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// Sound alone.
    Voice,
    /// Sound and camera.
    Video,
}

/// What a sound device is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceRole {
    /// Captures the voice.
    Microphone,
    /// Plays the call.
    Speaker,
    /// Plays the ringtone.
    Ringer,
}

/// A command. `account: None` means the first account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Start the embedded server in this core and an account on it, named after the system's user. No form.
    StartHere,
    /// Sign in with a name and password typed in.
    SignIn {
        /// Address as typed; `https://` is added when no scheme is given.
        server: String,
        /// Login name.
        login_name: String,
        /// Used once, to get an app password; never stored.
        password: String,
    },
    /// Make an account on someone's Bellbird server by their invitation link, and sign in.
    AcceptInvitation {
        /// The link as pasted.
        link: String,
        /// The wished login name.
        login_name: String,
        /// The name others see; empty: the login name.
        display_name: String,
        /// The password the account shall have.
        password: String,
    },
    /// Remove an account here and revoke its app password.
    SignOut {
        /// Which.
        account: String,
    },
    /// Change the name others see.
    SetDisplayName {
        /// Which account.
        account: Option<String>,
        /// The new name.
        display_name: String,
    },
    /// Make a link by which someone can register on the embedded server; opens it to the network when it is not.
    CreateInvitation,
    /// People one can call. Answered by [`Reply::Contacts`].
    SearchContacts {
        /// Which account.
        account: Option<String>,
        /// Part of a name; empty lists everyone the server tells.
        text: String,
    },
    /// The account's conversations. Answered by [`Reply::Rooms`].
    ListRooms {
        /// Which account.
        account: Option<String>,
    },
    /// Ring someone. Answered by [`Reply::Call`].
    MakeCall {
        /// From which account.
        account: Option<String>,
        /// A user id, or `echo`.
        contact: String,
        /// With what.
        media: Media,
    },
    /// Join a conversation's call, or start one. Answered by [`Reply::Call`].
    JoinRoom {
        /// From which account.
        account: Option<String>,
        /// Token or link.
        room: String,
        /// With what.
        media: Media,
    },
    /// Take an incoming call.
    Answer {
        /// Which; `None`: the one that rings.
        call: Option<String>,
        /// With what.
        media: Media,
    },
    /// Refuse an incoming call.
    Decline {
        /// Which; `None`: the one that rings.
        call: Option<String>,
    },
    /// Leave a call.
    End {
        /// Which; `None`: the current one.
        call: Option<String>,
    },
    /// Send silence or no picture, or send again.
    SetMuted {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// What kind.
        kind: TrackKind,
        /// The wished state.
        muted: bool,
    },
    /// Pause or resume a call.
    SetHold {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// The wished state.
        held: bool,
    },
    /// Choose a sound device; takes effect at once, also in a call.
    SelectDevice {
        /// For what.
        role: DeviceRole,
        /// By name; `None`: the system's default.
        name: Option<String>,
    },
    /// Put away a problem shown to the person.
    DismissProblem {
        /// Its number in [`AppView::problems`].
        number: u32,
    },
    /// The whole state. Answered by [`Reply::State`].
    Status,
    /// Show the main window, starting its process when none runs.
    ShowWindow,
    /// End every call and stop the core.
    Quit,
}

/// Leaves passwords and links (which carry secrets) out.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = serde_json::to_value(self).unwrap_or_default();
        f.write_str(value.get("command").and_then(|name| name.as_str()).unwrap_or("command"))
    }
}

/// What a command yields.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Nothing but success.
    Ok,
    /// People.
    Contacts {
        /// Echo first, then as the server orders them.
        contacts: Vec<ContactView>,
    },
    /// Conversations.
    Rooms {
        /// Latest activity first.
        rooms: Vec<RoomView>,
    },
    /// A call was begun.
    Call {
        /// Its id.
        call: String,
    },
    /// A new invitation.
    Invitation {
        /// The link and who can use it.
        invitation: InvitationView,
    },
    /// The whole state.
    State {
        /// The state.
        state: Box<AppView>,
    },
}
