//! One call's line to Talk.
//!
//! ```text
//!            Dial                          Accept
//!   Idle ───────────▶ Entering ─▶ Inside::Joining ─▶ Inside::InCall ──▶ leaving ─▶ over
//!     │  Ring, 1:1        ▲  └──▶ Inside::Ringing ──────▲  │ session lost after an outage
//!     │                   │ Accept            │ Accept     ▼
//!     └─ Ring, group ─▶ Watching              └──▶ Inside::Joining ◀── Entering again
//! ```
//!
//! One task, one closed list of inputs ([`input::Input`]); requests run beside it and come back as inputs, so that no
//! answer of the server can hold up a command. The order is fixed: enter the room, open the long poll, join the call;
//! the reverse when leaving.

mod arrivals;
mod commands;
mod early_words;
mod entering;
mod gestures;
mod input;
mod inside;
mod introductions;
mod leaving;
mod line;
mod messages;
mod news;
mod rights;
mod screens;
mod task;
mod topology;
mod way;

use bellbird_call::ports::{
    Problem, ProblemCode, SignalingBackend, SignalingCommand, SignalingEvent, SignalingSink,
};
use tokio::sync::mpsc;

use crate::account::TalkAccount;
use crate::{Consent, Entrance};
use task::CallTask;

/// Commands that may wait. Data channel texts, which a peer can send at will, are dropped from half of it on.
const COMMANDS: usize = 1024;

/// What a call is opened with.
#[derive(Default, Debug)]
pub struct CallOptions {
    /// The consent to recordings that joining may need. Where an entrance is given, that one's counts.
    pub consent: Consent,
    /// What led into the conversation; the call goes on from there.
    pub entrance: Option<Entrance>,
}

/// One call on a Talk server. Dropping it leaves the call and the room in the background.
pub struct TalkCall {
    commands: mpsc::Sender<SignalingCommand>,
    sink: SignalingSink,
}

impl TalkCall {
    pub(crate) fn open(account: TalkAccount, sink: SignalingSink, options: CallOptions) -> Self {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let task = CallTask::new(account.clone(), sink.clone(), options);
        account.spawn(task.run(receiver));
        Self { commands, sink }
    }
}

impl SignalingBackend for TalkCall {
    fn send(&mut self, command: SignalingCommand) {
        let from_peer = matches!(command, SignalingCommand::DataReceived { .. });
        if from_peer && self.commands.capacity() < COMMANDS / 2 {
            return;
        }
        match self.commands.try_send(command) {
            // After the end of the call there is nobody left to take commands.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                let problem = Problem::new(ProblemCode::Internal, "too many commands wait for the server");
                (self.sink)(SignalingEvent::Failed(problem));
            }
        }
    }
}
