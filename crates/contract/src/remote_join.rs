//! Being joined to calls by a program or a server, on behalf of the person (cowork-calls).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::TrackKind;

/// Whether an account may be joined to calls from afar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RemoteJoinPolicy {
    /// The person is asked the first time; an agreement is kept.
    #[default]
    Ask,
    /// It may. A screen is asked for each time all the same.
    Allow,
    /// It may not.
    Forbid,
}

/// A remote join that waits for the person.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct RemoteJoinRequestView {
    /// Names it to [`crate::Command::AnswerRemoteJoin`].
    pub id: String,
    /// Of which account.
    pub account: String,
    /// The conversation's token.
    pub room: String,
    /// Its name.
    pub display_name: String,
    /// Audio: by voice; video: with the camera; screen: a screen is to be chosen and shared.
    pub kind: TrackKind,
    /// Who wants it: a program's name, or the server's host.
    pub by: String,
}
