//! The rules of joining (cowork-calls section 4), pure.

use crate::{ClientState, JoinKind, Media, Reason, Refusal};

/// Who joins, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The client.
    pub client_id: String,
    /// The channel.
    pub channel_id: String,
}

/// The three restrictions: a screen may always be shared; who is in an audio call joins with neither audio nor video in
/// addition; a camera is switched by the `video` handler alone.
///
/// # Errors
/// 409.
pub fn check(clients: &[ClientState], kind: JoinKind) -> Result<(), Refusal> {
    let in_call =
        clients.iter().flat_map(ClientState::connections).any(|connection| connection.media == Media::Camera);
    match kind {
        JoinKind::Audio if in_call => {
            Err(Refusal::new(Reason::Conflict, "The user is in a call already; leave it first"))
        }
        JoinKind::Video if in_call => Err(Refusal::new(
            Reason::Conflict,
            "The user is in a call already; the camera is switched by user/calls/video",
        )),
        JoinKind::Audio | JoinKind::Video | JoinKind::Screen => Ok(()),
    }
}

/// Which client joins which channel, of those that are named or not. Whether the user has access to the channel is for
/// the caller to check.
///
/// # Errors
/// 404 when the named client is not there, 409 when none can be chosen.
pub fn choose(
    clients: &[ClientState],
    channel: Option<&str>,
    client: Option<&str>,
) -> Result<Choice, Refusal> {
    let no_client = || Refusal::new(Reason::Conflict, "The user has no client open");
    let choice = |client: &ClientState, channel: &str| Choice {
        client_id: client.client_id.clone(),
        channel_id: channel.to_owned(),
    };
    match (channel, client) {
        (channel, Some(id)) => {
            let client = clients.iter().find(|client| client.client_id == id).ok_or_else(unknown_client)?;
            let channel = channel.or(client.channel()).ok_or_else(|| {
                Refusal::new(Reason::Conflict, "The client has no channel open; say which by channelId")
            })?;
            Ok(choice(client, channel))
        }
        (Some(channel), None) => {
            let client = clients
                .iter()
                .max_by_key(|client| (client.is_at(channel), client.last_interaction))
                .ok_or_else(no_client)?;
            Ok(choice(client, channel))
        }
        (None, None) => {
            let (client, channel) = clients
                .iter()
                .filter_map(|client| Some((client, client.channel()?)))
                .max_by_key(|(client, _)| client.last_interaction)
                .ok_or_else(|| match clients {
                    [] => no_client(),
                    _ => Refusal::new(
                        Reason::Conflict,
                        "No client of the user has a channel open; say which by channelId",
                    ),
                })?;
            Ok(choice(client, channel))
        }
    }
}

/// The user has no such client.
pub(crate) fn unknown_client() -> Refusal {
    Refusal::new(Reason::NotFound, "The user has no such client open")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientCall, Connection};

    fn client(id: &str, last_interaction: u64, open_channel: Option<&str>) -> ClientState {
        ClientState {
            client_id: id.to_owned(),
            last_interaction,
            open_channel: open_channel.map(str::to_owned),
            call: None,
        }
    }

    fn in_call(mut client: ClientState, channel: &str, media: &[Media]) -> ClientState {
        let connection = |media: &Media| Connection {
            user_id: "ann".to_owned(),
            display_name: "Ann".to_owned(),
            client_id: client.client_id.clone(),
            media: *media,
            muted: false,
            silent: false,
            video: false,
            hand_up: false,
        };
        let connections = media.iter().map(connection).collect();
        client.call =
            Some(ClientCall { team_id: "t".to_owned(), channel_id: channel.to_owned(), connections });
        client
    }

    #[test]
    fn the_three_restrictions() {
        let idle = [client("a", 1, Some("x"))];
        let audio = [client("b", 2, None), in_call(client("a", 1, None), "x", &[Media::Camera])];
        let both = [in_call(client("a", 1, None), "x", &[Media::Camera, Media::Screen(0)])];
        let screen = [in_call(client("a", 1, None), "x", &[Media::Screen(0)])];
        for (clients, kind, fine) in [
            (&[][..], JoinKind::Audio, true),
            (&idle[..], JoinKind::Audio, true),
            (&idle[..], JoinKind::Video, true),
            (&idle[..], JoinKind::Screen, true),
            (&audio[..], JoinKind::Audio, false),
            (&audio[..], JoinKind::Video, false),
            (&audio[..], JoinKind::Screen, true),
            (&both[..], JoinKind::Audio, false),
            (&both[..], JoinKind::Screen, true),
            (&screen[..], JoinKind::Audio, true),
            (&screen[..], JoinKind::Screen, true),
        ] {
            match check(clients, kind) {
                Ok(()) => assert!(fine, "{kind:?} {clients:?}"),
                Err(refused) => {
                    assert!(!fine, "{kind:?} {clients:?}");
                    assert_eq!(refused.reason, Reason::Conflict);
                }
            }
        }
    }

    #[test]
    fn video_in_a_call_is_sent_to_the_video_handler() {
        let clients = [in_call(client("a", 1, None), "x", &[Media::Camera])];
        let refused = check(&clients, JoinKind::Video).unwrap_err();
        assert!(refused.text.contains("user/calls/video"), "{refused}");
    }

    #[test]
    fn the_server_chooses_client_and_channel() {
        let one = || client("a", 5, Some("x"));
        let two = || client("b", 9, Some("y"));
        let shut = || client("c", 20, None);
        let calling = || in_call(client("d", 1, Some("y")), "z", &[Media::Camera]);
        type Chosen = Result<(&'static str, &'static str), Reason>;
        type Named = Option<&'static str>;
        let table: [(&str, Vec<ClientState>, Named, Named, Chosen); 18] = [
            ("both named", vec![one(), two()], Some("q"), Some("a"), Ok(("a", "q"))),
            ("the client's own channel", vec![one(), two()], None, Some("a"), Ok(("a", "x"))),
            ("the channel of its call", vec![calling()], None, Some("d"), Ok(("d", "z"))),
            ("a client that is not there", vec![one()], None, Some("b"), Err(Reason::NotFound)),
            ("a client that is not there", vec![one()], Some("x"), Some("b"), Err(Reason::NotFound)),
            ("a client without a channel", vec![one(), shut()], None, Some("c"), Err(Reason::Conflict)),
            ("the same, told where", vec![one(), shut()], Some("x"), Some("c"), Ok(("c", "x"))),
            ("most recent", vec![one(), two()], None, None, Ok(("b", "y"))),
            ("most recent, other order", vec![two(), one()], None, None, Ok(("b", "y"))),
            ("only one", vec![one()], None, None, Ok(("a", "x"))),
            ("most recent with a channel", vec![one(), two(), shut()], None, None, Ok(("b", "y"))),
            ("no channel open anywhere", vec![shut()], None, None, Err(Reason::Conflict)),
            ("no client", vec![], None, None, Err(Reason::Conflict)),
            ("no client for the channel", vec![], Some("x"), None, Err(Reason::Conflict)),
            ("channel open first", vec![one(), two(), shut()], Some("x"), None, Ok(("a", "x"))),
            ("open nowhere: most recent", vec![one(), two(), shut()], Some("q"), None, Ok(("c", "q"))),
            (
                "open in both: most recent",
                vec![client("e", 7, Some("x")), one()],
                Some("x"),
                None,
                Ok(("e", "x")),
            ),
            ("in the call there", vec![calling(), two()], Some("z"), None, Ok(("d", "z"))),
        ];
        for (name, clients, channel, client, expected) in table {
            let got = choose(&clients, channel, client);
            let got =
                got.as_ref().map(|c| (c.client_id.as_str(), c.channel_id.as_str())).map_err(|r| r.reason);
            assert_eq!(got, expected, "{name}");
        }
    }
}
