//! The frames of the control WebSocket: JSON text, one value a frame.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Command, Event, Problem, Reply};

/// From a window or script to the core. The first frame of a connection must be `hello`.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Opens the conversation; a wrong token closes it.
    Hello {
        /// The token from the core's door file, or a program's own.
        token: String,
        /// The window's process says so of itself: it is let in when other programs are not. A page need not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        window: Option<bool>,
    },
    /// Asks for something; answered by one `reply` with the same id.
    Command {
        /// Chosen by the client, unique among its unanswered commands.
        id: u32,
        /// What is asked.
        command: Command,
    },
}

/// From the core.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum CoreFrame {
    /// The token was right. An `event` with the whole state follows at once.
    Welcome {
        /// The core's version.
        version: String,
    },
    /// The answer to a command.
    Reply {
        /// The command's id.
        id: u32,
        /// How it went.
        outcome: Outcome,
    },
    /// Something happened.
    Event {
        /// What.
        event: Event,
    },
}

/// How a command went.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done {
        /// What the command yields.
        reply: Reply,
    },
    /// Not done.
    Failed {
        /// Why.
        problem: Problem,
    },
}
