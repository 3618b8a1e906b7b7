//! What a person, through a window or a script, can ask of the core.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AppView, ContactView, InvitationView, ProgramView, RemoteJoinPolicy, RoomView, ScreenView, SdkMethod,
    SdkResult, TrackKind,
};

/// What media a call is made or answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// Sound alone.
    Voice,
    /// Sound and camera.
    Video,
}

/// What a device is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceRole {
    /// Captures the voice.
    Microphone,
    /// Plays the call.
    Speaker,
    /// Plays the ringtone.
    Ringer,
    /// Takes our picture.
    Camera,
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
    /// Sign in through the browser, where the server can do that. Answered by [`Reply::SignIn`]; how it goes on stands in
    /// [`AppView::signing_in`]. Another one that waits is given up.
    SignInByBrowser {
        /// Address as typed.
        server: String,
    },
    /// Give up a sign-in through the browser; when none waits, nothing.
    CancelSignIn,
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
        /// Which account; `None`: all that are signed in.
        account: Option<String>,
        /// Part of a name; empty lists everyone the server tells.
        text: String,
    },
    /// The picture of somebody. Answered by [`Reply::Avatar`].
    Avatar {
        /// Of which account.
        account: String,
        /// The user id.
        contact: String,
    },
    /// Conversations. Answered by [`Reply::Rooms`].
    ListRooms {
        /// Which account; `None`: all that are signed in.
        account: Option<String>,
    },
    /// Make a conversation of several. Answered by [`Reply::Room`].
    CreateRoom {
        /// Of which account.
        account: Option<String>,
        /// Its name.
        name: String,
        /// Whether whoever has its link may enter.
        public: bool,
        /// User ids of those to add.
        people: Vec<String>,
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
    /// Join a conversation's call, or start one. Answered by [`Reply::Call`]; what is in the way stands in
    /// [`crate::CallView::entrance`].
    JoinRoom {
        /// From which account; `None`: the one a link is for, or else the first.
        account: Option<String>,
        /// Token or link.
        room: String,
        /// With what.
        media: Media,
        /// Join by link as a guest of this name instead of an account.
        #[serde(default)]
        guest_name: Option<String>,
    },
    /// The password an entrance asks for; it is tried once.
    EnterPassword {
        /// Which call.
        call: String,
        /// As typed; never stored.
        password: String,
    },
    /// The person agrees to being recorded in a call: one that rings, or one whose entrance asks.
    GiveConsent {
        /// Which call.
        call: String,
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
    /// Leave a call and end it for all: for moderators.
    EndForEveryone {
        /// Which; `None`: the current one.
        call: Option<String>,
    },
    /// Raise our hand, or take it down.
    SetHand {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// The wished state.
        raised: bool,
    },
    /// Show the others an emoji for a moment.
    React {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// One of [`crate::CallView::reactions`].
        reaction: String,
    },
    /// Have someone's microphone switched off: for moderators.
    AskToMute {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// Whose.
        participant: String,
    },
    /// Add someone to the conversation of a call that runs, and ring them.
    AddPerson {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// A user id.
        contact: String,
    },
    /// Send silence, or switch the camera off; or send again.
    SetMuted {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// What kind.
        kind: TrackKind,
        /// The wished state.
        muted: bool,
    },
    /// Hear nothing of a call here, or hear it again; the others do not learn of it.
    SetSilent {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// The wished state.
        silent: bool,
    },
    /// Screens and windows that can be shared, with pictures of them. Answered by [`Reply::Screens`].
    ListScreens,
    /// Share a screen or window in a call. Where the system asks the person itself, sharing begins with their consent.
    ShareScreen {
        /// Which call; `None`: the current one.
        call: Option<String>,
        /// One of [`Reply::Screens`], by its id.
        screen: String,
    },
    /// Share no screen any more.
    StopSharing {
        /// Which call; `None`: the current one.
        call: Option<String>,
    },
    /// Pause or resume a call.
    SetHold {
        /// Which; `None`: the current one.
        call: Option<String>,
        /// The wished state.
        held: bool,
    },
    /// Choose a device; takes effect at once, also in a call.
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
    /// A method of the call SDK. Answered by [`Reply::Sdk`], also when it was refused.
    Sdk {
        /// From which account a call is made.
        account: Option<String>,
        /// What.
        method: SdkMethod,
    },
    /// Give a program a token of its own. Answered by [`Reply::Program`]. For the person's own window and shell alone.
    AddProgram {
        /// How the person calls it.
        name: String,
    },
    /// Take a program's token away, and end its conversations. For the person alone.
    RevokeProgram {
        /// Which.
        program: String,
    },
    /// Let other programs in, or not. For the person alone.
    AllowPrograms {
        /// The wished state.
        allowed: bool,
    },
    /// Whether an account may be joined to calls from afar. For the person alone.
    SetRemoteJoin {
        /// Which account.
        account: String,
        /// The wished state.
        policy: RemoteJoinPolicy,
    },
    /// Answer a remote join that waits for the person. For the person alone.
    AnswerRemoteJoin {
        /// Which.
        request: String,
        /// Whether it may go on; for voice and video this is kept for the account.
        allow: bool,
        /// Which screen, one of [`Reply::Screens`], where one is to be shared.
        #[serde(default)]
        screen: Option<String>,
    },
    /// The person looks at a conversation: a remote join that names none means it.
    OpenRoom {
        /// Of which account.
        account: Option<String>,
        /// Its token; `None`: none any more.
        room: Option<String>,
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
    /// A picture.
    Avatar {
        /// A `data:` address of a PNG, JPEG, GIF or WebP; `None` when there is none.
        image: Option<String>,
    },
    /// Conversations.
    Rooms {
        /// Latest activity first.
        rooms: Vec<RoomView>,
    },
    /// How a sign-in goes on.
    SignIn {
        /// The address the browser was sent to; `None`: this server wants a name and password typed in.
        address: Option<String>,
    },
    /// A conversation.
    Room {
        /// It.
        room: RoomView,
    },
    /// A call was begun.
    Call {
        /// Its id.
        call: String,
    },
    /// What can be shared.
    Screens {
        /// Screens first, then windows, the one used last on top.
        screens: Vec<ScreenView>,
    },
    /// A new invitation.
    Invitation {
        /// The link and who can use it.
        invitation: InvitationView,
    },
    /// How a method of the SDK went.
    Sdk {
        /// Its result.
        result: SdkResult,
    },
    /// A program with its token, which is told this once.
    Program {
        /// The program.
        program: ProgramView,
        /// What opens the door for it.
        token: String,
    },
    /// The whole state.
    State {
        /// The state.
        state: Box<AppView>,
    },
}
