//! What the signaling server is still to be told, one line of messages per room.
//!
//! ```text
//! a change ──push──▶ line of its room ──▶ one task per room: POST, in order ──▶ signaling server
//!                       │ too long, or the server is away for longer than the retries last
//!                       └──▶ "behind": only removals are kept; first the room's whole state is sent, once it answers
//!                            again, then the removals
//! ```
//! Pushing never waits and is done under the lock of the live side, so the lines hold changes in the order in which
//! they happened. Who is in the call is read when a message is sent, not when it is pushed: newer never hurts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Hpb;

/// Most messages waiting in one room's line.
const MAX_WAITING: usize = 256;
/// Pauses before a message is sent again.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest body that signaling servers take is 256 KiB.
const MAX_BODY: usize = 250 * 1024;

/// One message to come.
pub(crate) enum Item {
    /// Sessions joined, left or changed their flags; `flags` are the new ones.
    InCall { flags: u32, changed: Vec<Value> },
    /// A moderator ended the call for everybody.
    CallEnded,
    /// Roles or permissions changed.
    Participants { changed: Vec<Value> },
    /// Somebody has to go, or the room is gone: whole, and never dropped, since no later message makes up for it.
    Removal(Value),
    /// Anything else, whole.
    Ready(Value),
}

#[derive(Default)]
struct Line {
    token: Arc<str>,
    waiting: VecDeque<Item>,
    /// A task works on it.
    sending: bool,
    /// Something was dropped: the whole state has to be sent.
    behind: bool,
}

impl Line {
    /// Makes room: whatever the whole state makes up for is dropped.
    fn fall_behind(&mut self) {
        self.behind = true;
        self.waiting.retain(|item| match item {
            Item::Removal(_) => true,
            Item::InCall { .. } | Item::CallEnded | Item::Participants { .. } | Item::Ready(_) => false,
        });
        let surplus = (self.waiting.len() + 1).saturating_sub(MAX_WAITING);
        self.waiting.drain(..surplus);
    }
}

/// All lines.
#[derive(Default)]
pub(crate) struct Outbox {
    lines: Mutex<HashMap<i64, Line>>,
}

/// What a room's task does next.
enum Next {
    Send(Arc<str>, Item),
    /// Everything there is to tell of the room.
    CatchUp(Arc<str>),
    Rest,
}

impl Outbox {
    fn lines(&self) -> MutexGuard<'_, HashMap<i64, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message into its room's line; true when a task has to be started for it.
    pub(super) fn push(&self, room: i64, token: &str, item: Item) -> bool {
        let mut lines = self.lines();
        let line = lines.entry(room).or_default();
        if *line.token != *token {
            line.token = token.into();
        }
        if line.waiting.len() >= MAX_WAITING {
            line.fall_behind();
        }
        line.waiting.push_back(item);
        !std::mem::replace(&mut line.sending, true)
    }

    /// Rooms that are behind and that no task works on; each is to be given a task.
    pub(super) fn wake_behind(&self) -> Vec<i64> {
        let mut lines = self.lines();
        let idle = lines.iter_mut().filter(|(_, line)| line.behind && !line.sending);
        idle.map(|(&room, line)| {
            line.sending = true;
            room
        })
        .collect()
    }

    fn next(&self, room: i64) -> Next {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(&room) else { return Next::Rest };
        if std::mem::take(&mut line.behind) {
            return Next::CatchUp(Arc::clone(&line.token));
        }
        match line.waiting.pop_front() {
            Some(item) => Next::Send(Arc::clone(&line.token), item),
            None => {
                lines.remove(&room);
                Next::Rest
            }
        }
    }

    /// The server is away; `unsent` is what it was to be told.
    fn give_up(&self, room: i64, unsent: Option<Item>) {
        if let Some(line) = self.lines().get_mut(&room) {
            if let Some(item) = unsent {
                line.waiting.push_front(item);
            }
            line.fall_behind();
            line.sending = false;
        }
    }
}

enum Delivery {
    Done,
    /// The server does not answer.
    Away,
    Closing,
}

/// Sends a room's line until it is empty.
pub(super) async fn work_off(hpb: Arc<Hpb>, room: i64) {
    loop {
        let (token, bodies, item) = match hpb.outbox.next(room) {
            Next::Rest => return,
            Next::Send(token, item) => (token, vec![body(&hpb, room, &item)], Some(item)),
            Next::CatchUp(token) => (token, catch_up(&hpb, room), None),
        };
        for body in bodies {
            match deliver(&hpb, &token, &body).await {
                Delivery::Done => {}
                Delivery::Away => {
                    hpb.outbox.give_up(room, item);
                    return;
                }
                Delivery::Closing => return,
            }
        }
    }
}

fn body(hpb: &Hpb, room: i64, item: &Item) -> String {
    let with_users = |kind: &str, mut inner: Value, users: Vec<Value>, changed: &[Value]| {
        inner["changed"] = json!(changed);
        inner["users"] = json!(users);
        let whole = json!({ "type": kind, kind: inner }).to_string();
        if whole.len() <= MAX_BODY {
            return whole;
        }
        // Clients merge these lists, so the changed ones alone tell as much.
        inner["users"] = json!(changed);
        json!({ "type": kind, kind: inner }).to_string()
    };
    match item {
        Item::InCall { flags, changed } => {
            with_users("incall", json!({ "incall": flags }), hpb.users(room, true), changed)
        }
        Item::CallEnded => json!({ "type": "incall", "incall": { "incall": 0, "all": true } }).to_string(),
        Item::Participants { changed } => {
            with_users("participants", json!({}), hpb.users(room, false), changed)
        }
        Item::Removal(body) | Item::Ready(body) => body.to_string(),
    }
}

/// The messages from which the signaling server learns all about a room's sessions.
fn catch_up(hpb: &Hpb, room: i64) -> Vec<String> {
    let all = hpb.users(room, false);
    let flags = hpb.users(room, true).first().and_then(|user| user["inCall"].as_u64()).unwrap_or(0);
    let flags = u32::try_from(flags).unwrap_or(0);
    vec![
        body(hpb, room, &Item::Participants { changed: all.clone() }),
        body(hpb, room, &Item::InCall { flags, changed: all }),
    ]
}

async fn deliver(hpb: &Hpb, token: &str, body: &str) -> Delivery {
    let mut pauses = PAUSES.into_iter();
    loop {
        let tried = async {
            let Ok(_turn) = hpb.turns.acquire().await else { return Err("closed".to_owned()) };
            hpb.link.post(token, body, PATIENCE).await
        };
        let outcome = tokio::select! {
            outcome = tried => outcome,
            () = hpb.closing.cancelled() => return Delivery::Closing,
        };
        let reason = match outcome {
            Ok(answer) if answer.status.is_success() => return Delivery::Done,
            Ok(answer)
                if answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS =>
            {
                // Saying it again would not help.
                tracing::warn!(status = answer.status.as_u16(), "the signaling server refuses a message");
                return Delivery::Done;
            }
            Ok(answer) => format!("status {}", answer.status.as_u16()),
            Err(reason) => reason,
        };
        let Some(pause) = pauses.next() else {
            tracing::warn!(%reason, "the signaling server cannot be reached; it is told when it answers again");
            return Delivery::Away;
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = hpb.closing.cancelled() => return Delivery::Closing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u32) -> Item {
        Item::InCall { flags: number, changed: Vec::new() }
    }

    #[test]
    fn a_line_keeps_its_order_and_asks_for_one_task() {
        let outbox = Outbox::default();
        assert!(outbox.push(1, "a", item(1)));
        assert!(!outbox.push(1, "a", item(2)));
        assert!(outbox.push(2, "b", item(3)));
        for expected in [1, 2] {
            let Next::Send(token, Item::InCall { flags, .. }) = outbox.next(1) else { panic!("{expected}") };
            assert_eq!((&*token, flags), ("a", expected));
        }
        assert!(matches!(outbox.next(1), Next::Rest));
        assert!(outbox.push(1, "a", item(4)), "the first task has ended");
    }

    #[test]
    fn what_is_lost_is_made_up_for_by_the_whole_state() {
        let outbox = Outbox::default();
        for number in 0..=MAX_WAITING {
            outbox.push(1, "a", item(u32::try_from(number).unwrap()));
        }
        assert!(matches!(outbox.next(1), Next::CatchUp(_)));
        let Next::Send(_, Item::InCall { flags, .. }) = outbox.next(1) else { panic!("the newest is kept") };
        assert_eq!(flags as usize, MAX_WAITING);
        outbox.give_up(1, Some(item(0)));
        assert_eq!(outbox.wake_behind(), [1]);
        assert!(outbox.wake_behind().is_empty(), "a task works on it now");
        assert!(matches!(outbox.next(1), Next::CatchUp(_)));
        assert!(matches!(outbox.next(1), Next::Rest));
    }

    #[test]
    fn who_was_put_out_stays_out_after_an_outage() {
        let outbox = Outbox::default();
        outbox.push(1, "a", Item::Removal(json!(1)));
        outbox.push(1, "a", item(5));
        outbox.push(1, "a", Item::Removal(json!(2)));
        let Next::Send(_, unsent) = outbox.next(1) else { panic!("the first removal") };
        outbox.give_up(1, Some(unsent));
        assert_eq!(outbox.wake_behind(), [1]);
        assert!(matches!(outbox.next(1), Next::CatchUp(_)));
        for expected in [1, 2] {
            let Next::Send(_, Item::Removal(body)) = outbox.next(1) else { panic!("removal {expected}") };
            assert_eq!(body, json!(expected));
        }
        for number in 0..2 * MAX_WAITING {
            outbox.push(2, "b", Item::Removal(json!(number)));
        }
        assert!(outbox.lines()[&2].waiting.len() <= MAX_WAITING, "bounded all the same");
    }
}
