//! The requests that lead out again, in the reverse order. Nothing here can fail in a way that matters: a session
//! that is not left times out.

use std::time::Duration;

use bellbird_talk_wire::{ConnectionKind, PeerBody, PeerMessage, ServerEvent};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::input::Input;
use super::line::Line;
use crate::account::TalkAccount;
use crate::external::News;
use crate::rest::Session;

/// How long each step may take.
const STEP_LIMIT: Duration = Duration::from_secs(5);
/// How long a signaling server may take to tell that a call ended for all.
const END_LIMIT: Duration = Duration::from_millis(1500);
/// How long a session that said no stays with a signaling server, so that the caller sees who said it: a caller's list
/// of users may come after the message.
const LINGER: Duration = Duration::from_millis(1500);
/// The same at a server that passes messages on itself, if the caller stays in the call. Nextcloud hands a message out one
/// to two seconds after it came, and throws away what waits of a session that leaves.
const LINGER_INSIDE: Duration = Duration::from_secs(6);
/// Between looks whether the caller has gone.
const LOOK_AGAIN: Duration = Duration::from_millis(700);

/// What is left to be done when a call ends here.
pub(super) struct Leaving {
    pub(super) account: TalkAccount,
    pub(super) session: Session,
    /// The room.
    pub(super) token: String,
    /// The line into it.
    pub(super) line: Line,
    /// A request to join the call that may still be on its way.
    pub(super) pending: Option<JoinHandle<()>>,
    /// We are in the call, or tried to be; `Some(true)` ends it for all.
    pub(super) call: Option<bool>,
    /// What to tell the caller, from which session.
    pub(super) farewell: Option<Farewell>,
    /// Where a signaling server tells that the call ended for all.
    pub(super) last_word: Option<LastWord>,
}

/// What is still told of a call that we end for all. Signaling servers before 2.1 can lock a room up for everyone in it
/// when somebody leaves it while they end its call, so we stay until they have.
pub(super) struct LastWord {
    /// The number of the line into the room.
    pub(super) line: u64,
    pub(super) answers: mpsc::Receiver<Input>,
}

/// A refusal.
pub(super) struct Farewell {
    pub(super) body: PeerBody,
    pub(super) own_session: String,
    /// The caller's sessions in the call, as far as they are known.
    pub(super) callers: Vec<String>,
    /// Whether the server can be asked for them: not where it knows sessions by other ids.
    pub(super) may_ask: bool,
}

impl Leaving {
    /// Leaves.
    pub(super) async fn run(self) {
        let Self { account, session, token, line, pending, call, farewell, last_word } = self;
        if let Some(pending) = pending {
            // Whether it came to an end or not, what follows is the same.
            let _ = tokio::time::timeout(STEP_LIMIT, pending).await;
        }
        if let Some(farewell) = farewell {
            say(&account, &session, &token, &line, farewell).await;
        }
        if let Some(all) = call {
            let left = tokio::time::timeout(STEP_LIMIT, session.leave_call(&token, all)).await;
            if matches!(left, Ok(Err(ref error)) if error.is_passing()) {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let _ = tokio::time::timeout(STEP_LIMIT, session.leave_call(&token, all)).await;
            }
        }
        if let Some(last_word) = last_word {
            // A server that does not tell has nothing to end.
            let _ = tokio::time::timeout(END_LIMIT, last_word.heard()).await;
        }
        line.close(STEP_LIMIT).await;
        let _ = tokio::time::timeout(STEP_LIMIT, session.leave_room(&token)).await;
    }
}

impl LastWord {
    async fn heard(mut self) {
        while let Some(answer) = self.answers.recv().await {
            if matches!(answer, Input::News(line, News::Event(ServerEvent::CallEnded { .. })) if line == self.line)
            {
                return;
            }
        }
    }
}

async fn say(account: &TalkAccount, session: &Session, token: &str, line: &Line, farewell: Farewell) {
    let Farewell { body, own_session, mut callers, may_ask } = farewell;
    if callers.is_empty() && may_ask {
        let peers = tokio::time::timeout(STEP_LIMIT, session.call_peers(token)).await;
        if let Ok(Ok(peers)) = peers {
            callers = peers
                .into_iter()
                .filter(|peer| peer.actor_id != account.user_id() && peer.session_id != own_session)
                .map(|peer| peer.session_id)
                .collect();
        }
    }
    for caller in &callers {
        line.send(message(caller.clone(), None, body.clone()), None);
    }
    line.flush(STEP_LIMIT).await;
    if may_ask {
        // Either outcome ends the wait.
        let _ = tokio::time::timeout(LINGER_INSIDE, gone(session, token, &callers)).await;
    } else {
        tokio::time::sleep(LINGER).await;
    }
}

/// Returns when none of these sessions is in the call any more, or nobody can tell.
async fn gone(session: &Session, token: &str, callers: &[String]) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        match session.call_peers(token).await {
            Ok(peers) if peers.iter().any(|peer| callers.contains(&peer.session_id)) => {}
            Err(error) if error.is_passing() => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// A message to a session, of the connection that carries the person.
pub(super) fn message(to: String, sid: Option<String>, body: PeerBody) -> PeerMessage {
    PeerMessage { to: Some(to), from: None, connection: ConnectionKind::Person, sid, broadcaster: None, body }
}
