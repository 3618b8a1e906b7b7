//! Who is in a channel's call, put together from what clients report and from the call's sessions, which also those have
//! that report nothing: guests, other programs, clients of another make.

use std::collections::HashMap;

use bellbird_cowork::{Connection, Media};
use bellbird_talk_wire::ConnectionState;
use bellbird_talk_wire::constants::{IN_CALL_AUDIO, IN_CALL_VIDEO};

use super::clients::ClientSeen;
use crate::secrets;
use crate::words::{Actor, ActorKind};

/// One session in the call.
pub(super) struct InCall {
    /// Its signaling session, which is nobody else's business.
    pub(super) session: String,
    pub(super) flags: u32,
    pub(super) actor: Actor,
    pub(super) display_name: String,
}

/// A reported connection as the API shows it; `None` when its medium is none.
pub(super) fn shown(
    user_id: &str,
    display_name: &str,
    client_id: &str,
    state: &ConnectionState,
) -> Option<Connection> {
    Some(Connection {
        user_id: user_id.to_owned(),
        display_name: display_name.to_owned(),
        client_id: client_id.to_owned(),
        media: state.media.parse().ok()?,
        muted: state.muted,
        silent: state.silent,
        video: state.video,
        hand_up: state.hand_up,
    })
}

/// Everybody in the channel's call. What `own`'s clients (an account with its name) report is believed as it is; of others no more clients than they have
/// sessions there, so that nobody can pretend to be in a call. The sessions that remain are told by their flags.
pub(super) fn in_call(
    channel: &str,
    own: (&str, &str),
    sessions: &[InCall],
    clients: impl Fn(&str) -> Vec<ClientSeen>,
) -> Vec<Connection> {
    let mut names = vec![own];
    for session in sessions.iter().filter(|session| session.actor.kind == ActorKind::Users) {
        if !names.iter().any(|(id, _)| *id == session.actor.id) {
            names.push((&session.actor.id, &session.display_name));
        }
    }
    let mut connections = Vec::new();
    let mut told: HashMap<&str, usize> = HashMap::new();
    for (id, display_name) in names {
        let most = sessions.iter().filter(|session| session.actor == Actor::user(id)).count();
        let mut here = clients(id);
        here.retain(|client| client.call.as_ref().is_some_and(|call| call.channel_id == channel));
        here.sort_by_key(|client| std::cmp::Reverse(client.last_interaction));
        if id != own.0 {
            here.truncate(most);
        }
        told.insert(id, here.len());
        for client in here {
            let states = client.call.iter().flat_map(|call| &call.connections);
            connections.extend(states.filter_map(|state| shown(id, display_name, &client.id, state)));
        }
    }
    for session in sessions {
        if session.actor.kind == ActorKind::Users
            && let Some(left) = told.get_mut(session.actor.id.as_str()).filter(|left| **left > 0)
        {
            *left -= 1;
            continue;
        }
        connections.push(Connection {
            user_id: match session.actor.kind {
                ActorKind::Users => session.actor.id.clone(),
                ActorKind::Guests | ActorKind::Phones => session.actor.to_string(),
            },
            display_name: session.display_name.clone(),
            client_id: client_of_session(&session.session),
            media: Media::Camera,
            muted: session.flags & IN_CALL_AUDIO == 0,
            silent: false,
            video: session.flags & IN_CALL_VIDEO != 0,
            hand_up: false,
        });
    }
    connections
}

/// A client's id for a session that has told none: the same for as long as the session lives, and of no use to anybody
/// who would take the session over.
fn client_of_session(session: &str) -> String {
    let digest = secrets::digest(session);
    let mut id = String::from("cowork-");
    for (index, byte) in digest.iter().take(16).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        id.push_str(&format!("{byte:02x}"));
    }
    id
}

#[cfg(test)]
mod tests {
    use bellbird_talk_wire::ReportedCall;
    use bellbird_talk_wire::constants::IN_CALL;

    use super::*;

    fn session(name: &str, actor: Actor, flags: u32) -> InCall {
        InCall { session: name.to_owned(), flags, display_name: actor.id.to_uppercase(), actor }
    }

    fn client(id: &str, last_interaction: u64, channel: &str, media: &[&str]) -> ClientSeen {
        let connections = media
            .iter()
            .map(|media| ConnectionState { media: (*media).to_owned(), silent: true, ..Default::default() })
            .collect();
        let call = Some(ReportedCall { channel_id: channel.to_owned(), connections });
        ClientSeen { id: id.to_owned(), last_interaction, open_channel: None, call }
    }

    fn rows(connections: &[Connection]) -> Vec<(String, String, bool, bool, bool)> {
        let row = |c: &Connection| (c.user_id.clone(), c.media.to_string(), c.muted, c.video, c.silent);
        connections.iter().map(row).collect()
    }

    #[test]
    fn reports_come_first_and_sessions_fill_up() {
        let guest = Actor { kind: ActorKind::Guests, id: "f00".to_owned() };
        let sessions = [
            session("s1", Actor::user("ann"), IN_CALL | IN_CALL_AUDIO | IN_CALL_VIDEO),
            session("s2", Actor::user("ann"), IN_CALL | IN_CALL_AUDIO),
            session("s3", guest, IN_CALL),
            session("s4", Actor::user("bob"), IN_CALL | IN_CALL_VIDEO),
        ];
        let clients = |id: &str| match id {
            "ann" => vec![client("a", 1, "x", &["camera", "screen0"]), client("b", 2, "y", &["camera"])],
            _ => Vec::new(),
        };
        let told = in_call("x", ("ann", "ANN"), &sessions, clients);
        let row = |id: &str, media: &str, muted, video, silent| {
            (id.to_owned(), media.to_owned(), muted, video, silent)
        };
        assert_eq!(
            rows(&told),
            [
                row("ann", "camera", false, false, true),
                row("ann", "screen0", false, false, true),
                row("ann", "camera", false, false, false),
                row("guests/f00", "camera", true, false, false),
                row("bob", "camera", true, true, false),
            ]
        );
        assert!(told.iter().all(|connection| !connection.client_id.contains("s2")));
        assert_eq!(told[2].client_id, in_call("x", ("ann", "ANN"), &sessions, clients)[2].client_id);
        assert_eq!((told[2].client_id.len(), &told[2].client_id[..7]), (43, "cowork-"));
    }

    #[test]
    fn nobody_pretends_to_be_in_a_call() {
        let clients = |id: &str| match id {
            "ann" => vec![client("a", 1, "x", &["camera"]), client("b", 2, "x", &["camera"])],
            _ => Vec::new(),
        };
        assert_eq!(in_call("x", ("bob", "BOB"), &[], clients), []);
        let one = [session("s", Actor::user("ann"), IN_CALL)];
        let told = in_call("x", ("bob", "BOB"), &one, clients);
        assert_eq!(told.iter().map(|c| c.client_id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(in_call("x", ("ann", "ANN"), &one, clients).len(), 2, "what is one's own is believed");
    }
}
