//! How to signal, and internal signaling (talk-signaling.md sections 1 and 2). What an external signaling server asks
//! is answered in `hpb_backend`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellbird_talk_wire::constants::{
    MAX_MESSAGES_PER_POST, MAX_PEER_MESSAGE_BYTES, MODE_EXTERNAL, MODE_INTERNAL, PULL_SECONDS,
};
use bellbird_talk_wire::{HelloAuthParams, IceServerEntry, OutgoingMessage, SignalingSettings};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::recording_backend::prove;
use crate::config_keys::{Settings, TurnServer};
use crate::live::{Pull, PullTicket};
use crate::recording::{CHECKSUM_HEADER, RANDOM_HEADER};
use crate::secrets;
use crate::state::App;
use crate::store::rooms;

/// How long TURN credentials are good for, seconds.
const TURN_KEEPS: i64 = 24 * 3600;

/// `GET /api/v3/signaling/settings`
pub(super) async fn settings(asked: Asked) -> OcsResult {
    let token = asked.params.text("token")?;
    // The recording server belongs to no conversation, and shows instead that it is the recording server.
    let records = asked.headers.contains_key(RANDOM_HEADER) || asked.headers.contains_key(CHECKSUM_HEADER);
    if records {
        prove(&asked.app, &asked.headers, asked.caller, token.as_bytes(), 401).await?;
    }
    let actor = asked.actor();
    let unix = asked.app.now().unix;
    let (room, settings, name) = asked
        .app
        .store
        .read(move |c| {
            let mut name = None;
            let room = if token.is_empty() { None } else { Some(rooms::by_token(c, &token)?) };
            let visible = match room {
                None => true,
                Some(None) => false,
                Some(Some(room)) => {
                    let attends = match &actor {
                        Some(actor) => {
                            let me = crate::store::attendees::by_actor(c, room.id, actor)?;
                            name = me.map(|me| me.display_name);
                            name.is_some()
                        }
                        None => false,
                    };
                    attends || records || room.is_open_by_link(unix) || room.listable > 0
                }
            };
            Ok((visible, Settings::read(c)?, name))
        })
        .await?;
    if !room {
        asked.may_ask_for_rooms().await?;
        return Err(asked.no_such_room());
    }
    let turn = asked.app.hpb.turn_servers(&settings);
    let stun: Vec<String> = settings.stun_servers.iter().map(|server| format!("stun:{server}")).collect();
    let user = asked.user_id();
    let (mode, server, ticket, hello_token) = match asked.app.hpb.current() {
        None => (MODE_INTERNAL, String::new(), String::new(), String::new()),
        Some(hpb) => {
            let shown = match &asked.user {
                Some(user) => user.account.display_name.clone(),
                None => name.unwrap_or_default(),
            };
            let hello_token = hpb.tokens.token(&asked.base_url(), user, &shown, unix);
            let hello_token = hello_token.ok_or_else(|| Ocs::status(500).message("No token can be made"))?;
            (
                MODE_EXTERNAL,
                hpb.public_url().to_owned(),
                hpb.tokens.ticket(user.unwrap_or(""), unix),
                hello_token,
            )
        }
    };
    let answer = SignalingSettings {
        signaling_mode: mode.into(),
        user_id: user.map(str::to_owned),
        server,
        hello_auth_params: HelloAuthParams {
            v1: Some(json!({ "userid": user, "ticket": ticket })),
            v2: Some(json!({ "token": hello_token })),
        },
        ticket,
        stunservers: if stun.is_empty() {
            Vec::new()
        } else {
            vec![IceServerEntry { urls: stun, username: None, credential: None }]
        },
        turnservers: turn.iter().map(|server| turn_entry(server, unix)).collect(),
        sip_dialin_info: String::new(),
        hide_warning: true,
        federation: None,
    };
    Ok(Ocs::ok(answer))
}

/// Time-limited credentials that the TURN server can check with the secret it shares with us.
fn turn_entry(server: &TurnServer, unix: i64) -> IceServerEntry {
    let username = format!("{}:{}", unix + TURN_KEEPS, secrets::instance_id());
    // HMAC takes keys of any length.
    let credential = Hmac::<Sha1>::new_from_slice(server.secret.as_bytes())
        .map(|mac| STANDARD.encode(mac.chain_update(&username).finalize().into_bytes()))
        .ok();
    IceServerEntry { urls: server.urls.clone(), username: Some(username), credential }
}

/// 400 while an external server does the signaling.
fn internal(asked: &Asked) -> Result<(), Ocs> {
    match asked.app.hpb.current() {
        None => Ok(()),
        Some(_) => Err(Ocs::status(400).message("Internal signaling disabled.")),
    }
}

/// `POST /api/v3/signaling/{token}`
pub(super) async fn send(asked: Asked) -> OcsResult {
    internal(&asked)?;
    let (room, session) = own_session(&asked).await?;
    let messages = match asked.params.value("messages") {
        Some(Value::String(text)) => serde_json::from_str::<Vec<Value>>(text)
            .map_err(|_| Ocs::status(400).message("The messages are no JSON list"))?,
        // Accepted unwrapped as well.
        Some(Value::Array(list)) => list.clone(),
        Some(_) | None => return Err(Ocs::status(400).message("The messages are missing")),
    };
    if messages.len() > MAX_MESSAGES_PER_POST {
        return Err(Ocs::status(400).message("Too many messages at once"));
    }
    for message in messages {
        let Ok(message) = serde_json::from_value::<OutgoingMessage>(message) else { continue };
        if message.ev != "message"
            || message.session_id != *session
            || message.function.len() > MAX_PEER_MESSAGE_BYTES
        {
            continue;
        }
        if let Ok(message) = serde_json::from_str(&message.function) {
            asked.app.live().post_message(room, &session, message);
        }
    }
    Ok(Ocs::status(200))
}

/// The cookie's session in the room of the path. 404 without one.
async fn own_session(asked: &Asked) -> Result<(i64, crate::live::SessionId), Ocs> {
    let token = asked.path("token").to_owned();
    let room = asked.app.store.read(move |c| rooms::by_token(c, &token)).await?;
    let Some(room) = room else {
        asked.may_ask_for_rooms().await?;
        return Err(asked.no_such_room());
    };
    let session = asked.session_in(room.id, None).ok_or_else(gone)?;
    Ok((room.id, session.id))
}

/// The list clients expect even when they are no longer in the room.
fn gone() -> Ocs {
    Ocs::with(404, json!([{ "type": "usersInRoom", "data": [] }]))
}

/// Ends the pull also when the client hangs up in the middle.
struct Pulling {
    app: App,
    ticket: PullTicket,
}

impl Drop for Pulling {
    fn drop(&mut self) {
        let now = self.app.now().at;
        self.app.live().end_pull(&self.ticket, now);
    }
}

/// `GET /api/v3/signaling/{token}`: answers as soon as there is anything to tell, after 30 s in any case.
pub(super) async fn pull(asked: Asked) -> OcsResult {
    internal(&asked)?;
    let (room, session) = own_session(&asked).await?;
    let app = &asked.app;
    let ticket = app.live().begin_pull(room, &session, app.now()).ok_or_else(gone)?;
    let pulling = Pulling { app: app.clone(), ticket };
    let end = tokio::time::sleep(Duration::from_secs(PULL_SECONDS));
    tokio::pin!(end);
    let mut at_once = false;
    let found = loop {
        let woken = pulling.ticket.wake().notified();
        tokio::pin!(woken);
        // Registered before looking, so that nothing can slip in between.
        woken.as_mut().enable();
        let found = app.live().check_pull(&pulling.ticket, at_once, app.now());
        if found != Pull::Wait {
            break found;
        }
        tokio::select! {
            () = woken => {}
            () = &mut end => at_once = true,
            () = app.closing.cancelled() => at_once = true,
        }
    };
    match found {
        Pull::News { messages, users } => {
            let mut data = String::from("[");
            for message in messages {
                data.push_str(&json!({ "type": "message", "data": message }).to_string());
                data.push(',');
            }
            data.push_str(&format!("{{\"type\":\"usersInRoom\",\"data\":{users}}}]"));
            Ok(Ocs::raw(data))
        }
        Pull::Wait | Pull::Gone => {
            // The same cookie in the same room again: this one has been replaced.
            if asked.session_in(room, None).is_some() {
                return Err(Ocs::with(409, json!([{ "type": "usersInRoom", "data": [] }])));
            }
            Err(gone())
        }
    }
}
