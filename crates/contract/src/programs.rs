//! Other programs that may come through the door.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Command;

/// Who else may steer this core. What the person decides about it, they decide with [`Command::AllowPrograms`],
/// [`Command::AddProgram`] (whose answer is the only time that a token is told) and [`Command::RevokeProgram`].
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, TS)]
pub struct ControlView {
    /// Other programs are let in. The window always is; while this is `false`, whoever else comes with the door file's
    /// token can do nothing but change it.
    pub allowed: bool,
    /// Where the web API for them is, such as `http://127.0.0.1:40000/api/cowork`; its port changes with every start.
    /// `None` where there is none.
    pub web_api: Option<String>,
    /// Those that have a token of their own, the oldest first.
    pub programs: Vec<ProgramView>,
}

/// A program with a token of its own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct ProgramView {
    /// Names it to [`crate::Command::RevokeProgram`].
    pub id: String,
    /// As the person called it; no two have the same.
    pub name: String,
    /// Unix milliseconds when it got its token.
    #[ts(type = "number")]
    pub created_at_ms: i64,
    /// Unix milliseconds when it last came, to some seconds; `None`: not since the core started.
    #[ts(type = "number | null")]
    pub last_used_at_ms: Option<i64>,
}

impl Command {
    /// Whether only the person may give it, through their own window or shell: what lets others in, signs in or out,
    /// answers in their name, or ends the core. A program with a token of its own is refused it with `forbidden`.
    pub fn is_for_the_person_alone(&self) -> bool {
        match self {
            Self::AddProgram { .. }
            | Self::RevokeProgram { .. }
            | Self::AllowPrograms { .. }
            | Self::SetRemoteJoin { .. }
            | Self::AnswerRemoteJoin { .. }
            | Self::StartHere
            | Self::SignIn { .. }
            | Self::SignInByBrowser { .. }
            | Self::CancelSignIn
            | Self::SignOut { .. }
            | Self::AcceptInvitation { .. }
            | Self::CreateInvitation
            | Self::Quit => true,
            Self::SetDisplayName { .. }
            | Self::SearchContacts { .. }
            | Self::Avatar { .. }
            | Self::ListRooms { .. }
            | Self::CreateRoom { .. }
            | Self::MakeCall { .. }
            | Self::JoinRoom { .. }
            | Self::EnterPassword { .. }
            | Self::GiveConsent { .. }
            | Self::Answer { .. }
            | Self::Decline { .. }
            | Self::End { .. }
            | Self::EndForEveryone { .. }
            | Self::SetHand { .. }
            | Self::React { .. }
            | Self::AskToMute { .. }
            | Self::AddPerson { .. }
            | Self::SetMuted { .. }
            | Self::SetSilent { .. }
            | Self::ListScreens
            | Self::ShareScreen { .. }
            | Self::StopSharing { .. }
            | Self::SetHold { .. }
            | Self::SelectDevice { .. }
            | Self::DismissProblem { .. }
            | Self::Sdk { .. }
            | Self::OpenRoom { .. }
            | Self::Status
            | Self::ShowWindow => false,
        }
    }
}
