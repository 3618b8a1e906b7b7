//! External signaling: call messages through a separate signaling server (talk-signaling section 6), with or without
//! a media server behind it.
//!
//! ```text
//!   call/ ── Line ──▶ line.rs (WebSocket, pings, queue) ◀──▶ conversation.rs (greeting, resuming, room; pure)
//!     │                    └─ News ──▶ census.rs (events become whole lists; pure)
//!     └── mcu.rs (publishing once, receiving each; pure) ◀── subscription.rs, early.rs
//! ```

mod census;
mod conversation;
mod early;
mod line;
mod mcu;
mod socket;
mod subscription;

pub(crate) use census::Census;
pub(crate) use conversation::News;
pub(crate) use line::{Admission, Line, Unadmitted, admit};
pub(crate) use mcu::{LinkOwner, Mcu};

/// Plays a server's frames, one a line, to a session, its list of people and its rules, a second apart. For fuzzing.
pub(crate) fn play(text: &str) {
    use std::time::{Duration, Instant};

    use bellbird_talk_wire::{HelloAuthParams, ServerFrame};
    use conversation::{Conversation, Identity, Output};

    let mut now = Instant::now();
    let name = || "room".to_owned();
    let identity = Identity { auth_url: name(), room: name(), room_session: name() };
    let mut conversation = Conversation::new(identity, HelloAuthParams::default(), now);
    let mut census = Census::new("me");
    let mut mcu = Mcu::new("me", "Me", true, 1);
    conversation.connected(now);
    for line in text.lines() {
        now += Duration::from_secs(1);
        if let Ok(frame) = serde_json::from_str::<ServerFrame>(line) {
            conversation.handle(frame, now);
        }
        conversation.handle_timeout(now);
        while let Some(output) = conversation.poll_output() {
            match output {
                Output::Tell(News::Event(event)) => {
                    census.apply(event);
                    let users = census.users();
                    let members: Vec<_> = users
                        .into_iter()
                        .filter(|user| user.in_call != 0)
                        .map(|user| crate::mesh::Member { session: user.session_id, has_streams: true })
                        .collect();
                    mcu.set_members(&members, now);
                }
                Output::Tell(News::Peer { message, .. }) => {
                    let from = message.from.unwrap_or_default();
                    mcu.handle_message(&from, message.sid, message.body, now);
                }
                Output::Tell(News::Refused { request, code }) => mcu.refused(request, &code, now),
                Output::Reconnect => {
                    conversation.disconnected();
                    conversation.connected(now);
                }
                Output::Send(_) | Output::Fetch | Output::Ready | Output::Tell(_) => {}
            }
        }
        mcu.handle_timeout(now);
        while mcu.poll_output().is_some() {}
    }
}
