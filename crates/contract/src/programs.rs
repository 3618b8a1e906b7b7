//! Other programs that may come through the door.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Who else may steer this core.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, TS)]
pub struct ControlView {
    /// Other programs are let in. The window always is.
    pub allowed: bool,
    /// Where the web API for them is, such as `http://127.0.0.1:40000/api/cowork`; `None` before the door is open.
    pub web_api: Option<String>,
    /// Those that have a token of their own.
    pub programs: Vec<ProgramView>,
}

/// A program with a token of its own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct ProgramView {
    /// Names it to [`crate::Command::RevokeProgram`].
    pub id: String,
    /// As the person called it.
    pub name: String,
    /// Unix milliseconds when it got its token.
    #[ts(type = "number")]
    pub created_at_ms: i64,
    /// Unix milliseconds when it last came; `None`: not since the core started.
    #[ts(type = "number | null")]
    pub last_used_at_ms: Option<i64>,
}
