//! What can be typed behind `ctl`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{HandTo, RoomType};

#[derive(Debug, ClapArgs)]
pub(crate) struct CtlArgs {
    #[command(subcommand)]
    pub(crate) command: CtlCommand,
    /// The data folder of the core; without it BELLBIRD_DATA, or the system's place for it.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
    /// Which account; without it the first.
    #[arg(long, value_name = "ID", global = true)]
    pub(crate) account: Option<String>,
    /// Come as a program, with its token from this file, instead of as the person. BELLBIRD_TOKEN holds a token for the
    /// same.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProgramCommand {
    /// Give a program a token of its own, which is printed this once.
    Add {
        /// What to call it.
        name: String,
    },
    /// Take a program's token away, and end what it has open.
    Revoke {
        /// Its id, see `programs`.
        id: String,
    },
}

/// Whether something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CtlCommand {
    /// The whole state.
    Status,
    /// Print what happens, until SIGINT.
    Watch,
    /// Ring someone.
    Call {
        /// A user id, or `echo`.
        name: String,
    },
    /// Join a conversation's call.
    Join {
        /// The conversation's token or link.
        room: String,
        /// As a guest of this name, by link.
        #[arg(long, value_name = "NAME")]
        as_guest: Option<String>,
    },
    /// Take the call that rings.
    Answer {
        /// Which call; without it the one that rings.
        call: Option<String>,
    },
    /// Refuse the call that rings.
    Decline {
        /// Which call; without it the one that rings.
        call: Option<String>,
    },
    /// Leave the call.
    End {
        /// Which call; without it the current one.
        call: Option<String>,
        /// End it for all, as a moderator.
        #[arg(long)]
        all: bool,
    },
    /// Raise the hand, or take it down.
    Hand {
        /// Where to.
        to: HandTo,
    },
    /// Show the others an emoji.
    React {
        /// Which, one that the server supports.
        emoji: String,
    },
    /// Have someone's microphone switched off, as a moderator.
    AskMute {
        /// Whose, by the participant's id.
        participant: String,
    },
    /// Add someone to the call and ring them.
    Add {
        /// A user id.
        name: String,
    },
    /// Make a conversation.
    CreateRoom {
        /// Its name.
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// Who can join.
        #[arg(long = "type", default_value = "group")]
        kind: RoomType,
        /// Someone to invite; may be given several times.
        #[arg(long, value_name = "NAME")]
        invite: Vec<String>,
    },
    /// Send silence.
    Mute,
    /// Send the voice again.
    Unmute,
    /// Pause the call.
    Hold,
    /// Go on with it.
    Resume,
    /// List people one can call.
    Contacts {
        /// Part of a name.
        #[arg(default_value = "")]
        text: String,
    },
    /// List the account's conversations.
    Rooms,
    /// Start the embedded server in the core and an account on it.
    StartHere,
    /// Sign in; the password is taken from BELLBIRD_PASSWORD.
    SignIn {
        /// The server's address.
        #[arg(long, value_name = "URL")]
        server: String,
        /// The login name.
        #[arg(long, value_name = "NAME")]
        user: String,
    },
    /// Register by an invitation link; the password is taken from BELLBIRD_PASSWORD.
    Accept {
        /// The link.
        link: String,
        /// The wished login name.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// The name others see; without it the login name.
        #[arg(long, value_name = "TEXT", default_value = "")]
        display_name: String,
    },
    /// Make an invitation link to the embedded server.
    Invite,
    /// Remove an account from the core.
    SignOut {
        /// Its id, see `status`.
        id: String,
    },
    /// Change the name others see.
    DisplayName {
        /// The new name.
        name: String,
    },
    /// Choose a sound device.
    Device {
        /// For what.
        role: Role,
        /// Its name, see `devices`; without it the system's.
        name: Option<String>,
    },
    /// Put away a problem.
    Dismiss {
        /// Its number, see `status`.
        number: u32,
    },
    /// A method of the call SDK, such as `sdk makeVoiceCall '["bob@cloud.example.org"]'`. What comes of it, `watch` prints.
    Sdk {
        /// Its name.
        method: String,
        /// Its arguments as JSON: by name in an object, in order in an array, or a single one as it is.
        arguments: Option<String>,
    },
    /// List the programs that have a token of their own, and where the web API for them is.
    Programs,
    /// Programs with a token of their own.
    #[command(subcommand)]
    Program(ProgramCommand),
    /// Let other programs steer Bellbird, or nobody but its window.
    AllowPrograms {
        /// Which.
        allowed: Switch,
    },
    /// Whether an account may be joined to calls by others.
    RemoteJoin {
        /// What they may.
        policy: Policy,
    },
    /// Allow what others ask of the person: to join a call, to switch microphone or camera on, to share a screen.
    Allow {
        /// Which request, see `remote_joins` of `status`.
        request: String,
        /// The screen to share, where that is asked; without it the primary one.
        #[arg(long, value_name = "ID")]
        screen: Option<String>,
    },
    /// Refuse what others ask of the person.
    Refuse {
        /// Which request, likewise.
        request: String,
    },
    /// Show the window.
    Show,
    /// End every call and stop the core.
    Quit,
}

/// What others may do with an account.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Policy {
    /// The person is asked the first time.
    Ask,
    /// They may; screens are asked for all the same.
    Allow,
    /// They may not.
    Forbid,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Captures the voice.
    Microphone,
    /// Plays the call.
    Speaker,
    /// Plays the ringtone.
    Ringer,
}
