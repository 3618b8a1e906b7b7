//! What the external signaling server asks of us: `POST /api/v3/signaling/backend` (talk-signaling.md section 7.2).
//!
//! Every request carries a checksum that only the two servers can make, which is looked at before anything else of it.
//! The answer is always a 200; refusals are told inside. The header against foreign web pages is not asked for here:
//! no page knows the secret.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use bellbird_talk_wire::constants::MAX_SESSION_ID_BYTES;
use serde_json::{Value, json};

use super::asked::{Caller, base_url};
use super::ocs::{Ocs, OcsResult};
use crate::config_keys::{MAX_PINGED, Settings};
use crate::hpb::{CHECKSUM_HEADER, Hpb, RANDOM_HEADER, properties};
use crate::live::{AttendeeFacts, granted};
use crate::state::{App, facts_of};
use crate::store::rooms::{self, RoomRow};
use crate::store::{accounts, attendees};
use crate::words::{Actor, ActorKind};

/// Largest request, bytes: a ping with as many sessions as allowed, each with a long name.
const MAX_BODY: usize = 256 * 1024;
/// A body has to be there within this time.
const BODY_TIME: Duration = Duration::from_secs(20);

/// `POST /api/v3/signaling/backend`
pub(super) async fn backend(State(app): State<App>, request: Request) -> OcsResult {
    let (parts, body) = request.into_parts();
    let caller = *parts.extensions.get::<Caller>().ok_or_else(|| Ocs::status(500))?;
    let (random, checksum) =
        (text_of(&parts.headers, RANDOM_HEADER), text_of(&parts.headers, CHECKSUM_HEADER));
    let (Some(hpb), false) = (app.hpb.current(), random.is_empty() || checksum.is_empty()) else {
        return Ok(unproven());
    };
    let body = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_BODY))
        .await
        .map_err(|_| Ocs::status(408).message("The body did not arrive in time"))?
        .map_err(|_| Ocs::status(413).message("The body is too large or incomplete"))?;
    if !hpb.approves(random, checksum, &body) {
        tracing::warn!("a request to the signaling backend has a wrong checksum");
        return Ok(unproven());
    }
    hpb.learn_our_name(base_url(&parts.headers, caller));
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return Ok(refused("invalid_request", "The request is no JSON."));
    };
    let kind = asked["type"].as_str().unwrap_or("");
    let inner = &asked[kind];
    match kind {
        "auth" => auth(&app, &hpb, &inner["params"]).await,
        "room" => room(&app, &hpb, inner).await,
        "ping" => Ok(ping(&app, inner)),
        "session" => session(&app, inner).await,
        _ => Ok(refused("unknown_type", "The given type is not supported.")),
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn refused(code: &str, message: &str) -> Ocs {
    Ocs::ok(json!({ "type": "error", "error": { "code": code, "message": message } }))
}

fn unproven() -> Ocs {
    refused("invalid_request", "The request could not be authenticated.")
}

fn not_invited() -> Ocs {
    refused("no_such_room", "The user is not invited to this room.")
}

/// A member that is text of a reasonable length; empty otherwise.
fn word<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().filter(|text| text.len() <= MAX_SESSION_ID_BYTES).unwrap_or("")
}

/// Who shows this ticket or token.
async fn auth(app: &App, hpb: &Hpb, params: &Value) -> OcsResult {
    let bad_ticket = || refused("invalid_ticket", "The given ticket is not valid for this user.");
    let (version, user) = match params["token"].as_str() {
        Some(token) => match hpb.tokens.user_of_token(token, app.now().unix) {
            Some(user) => ("2.0", user),
            None => return Ok(bad_ticket()),
        },
        None => {
            let (user, ticket) = (word(params, "userid"), word(params, "ticket"));
            if !hpb.tokens.approves_ticket(ticket, user) {
                return Ok(bad_ticket());
            }
            ("1.0", user.to_owned())
        }
    };
    let mut answer = json!({ "version": version, "userid": user });
    if !user.is_empty() {
        let Some(account) = app.store.read(move |c| accounts::find(c, &user)).await? else {
            return Ok(refused("no_such_user", "The given user does not exist."));
        };
        answer["user"] = json!({ "displayname": account.display_name });
    }
    Ok(Ocs::ok(json!({ "type": "auth", "auth": answer })))
}

/// A session enters or leaves a conversation there. It must have entered it here before.
async fn room(app: &App, hpb: &Arc<Hpb>, asked: &Value) -> OcsResult {
    let token = word(asked, "roomid").to_owned();
    let Some(row) = app.store.read(move |c| rooms::by_token(c, &token)).await? else {
        return Ok(not_invited());
    };
    let (session, user) = (word(asked, "sessionid"), word(asked, "userid"));
    let by_bridge = word(asked, "actortype") == ActorKind::Phones.as_str();
    let facts = match word(asked, "action") {
        "" | "join" if by_bridge => match telephone(app, &row, session, asked).await? {
            Some(facts) => {
                hpb.repeat_in_call(row.id, session);
                facts
            }
            None => return Ok(not_invited()),
        },
        "" | "join" => {
            let Some((facts, in_call)) = own_session(app, row.id, session, user) else {
                return Ok(not_invited());
            };
            if in_call {
                hpb.repeat_in_call(row.id, session);
            }
            facts
        }
        "leave" => {
            let known = app.live().facts_of_session(row.id, session);
            let whose = known.filter(|(facts, _)| by_bridge || is_user(facts, user));
            let Some((facts, _)) = whose else { return Ok(not_invited()) };
            let effects = app.live().leave(row.id, session);
            app.settle(effects).await?;
            facts
        }
        _ => return Ok(refused("invalid_request", "The given action is not supported.")),
    };
    let mut answer = json!({
        "version": "1.0",
        "roomid": row.token,
        "properties": properties(&row, &app.live(), app.now().unix),
        "permissions": granted(&facts),
    });
    if facts.actor.kind != ActorKind::Users && !facts.display_name.is_empty() {
        answer["session"] = json!({ "displayname": facts.display_name });
    }
    Ok(Ocs::ok(json!({ "type": "room", "room": answer })))
}

/// Accounts are named by their id, guests by nothing.
fn is_user(facts: &AttendeeFacts, user: &str) -> bool {
    match facts.actor.kind {
        ActorKind::Users => facts.actor.id == user,
        ActorKind::Guests | ActorKind::Phones => user.is_empty(),
    }
}

/// The session of this room and user, kept alive by being asked for, and whether it is in the call.
fn own_session(app: &App, room: i64, session: &str, user: &str) -> Option<(AttendeeFacts, bool)> {
    let now = app.now();
    let mut live = app.live();
    let found = live.facts_of_session(room, session).filter(|(facts, _)| is_user(facts, user))?;
    live.pinged(&HashMap::from([(session.to_owned(), user.to_owned())]), now);
    Some(found)
}

/// Lets an invited telephone in, by the session that the bridge has made for it.
async fn telephone(
    app: &App,
    row: &RoomRow,
    session: &str,
    asked: &Value,
) -> Result<Option<AttendeeFacts>, Ocs> {
    let actor = Actor { kind: ActorKind::Phones, id: word(asked, "actorid").to_owned() };
    let (room, unix) = (row.clone(), app.now().unix);
    let facts = app
        .store
        .read(move |c| {
            let settings = Settings::read(c)?;
            let attendee = attendees::by_actor(c, room.id, &actor)?;
            Ok(attendee.map(|attendee| facts_of(&attendee, &room, &settings, unix)))
        })
        .await?;
    let Some(facts) = facts.filter(|_| !session.is_empty() && !row.read_only) else { return Ok(None) };
    let flags = asked["incall"].as_u64().and_then(|flags| u32::try_from(flags).ok()).unwrap_or(0);
    let now = app.now();
    let entered = app.live().bridge_in((row.id, &row.token), &session.into(), facts.clone(), flags, now);
    Ok(entered.then_some(facts))
}

/// These sessions are alive.
fn ping(app: &App, asked: &Value) -> Ocs {
    let entries = asked["entries"].as_array().map_or(&[][..], Vec::as_slice);
    let entry = |entry: &Value| (word(entry, "sessionid").to_owned(), word(entry, "userid").to_owned());
    let alive: HashMap<String, String> = entries.iter().take(MAX_PINGED as usize).map(entry).collect();
    let now = app.now();
    app.live().pinged(&alive, now);
    Ocs::ok(json!({ "type": "room", "room": { "version": "1.0", "roomid": word(asked, "roomid") } }))
}

/// A bridge adds or removes a session of its own, of nobody we know: it is shown by the signaling server alone.
async fn session(app: &App, asked: &Value) -> OcsResult {
    let token = word(asked, "roomid").to_owned();
    if app.store.read(move |c| rooms::by_token(c, &token)).await?.is_none() {
        return Ok(refused("no_such_room", "The room does not exist."));
    }
    match word(asked, "action") {
        "add" | "remove" => {
            let answer = json!({ "version": "1.0", "roomid": word(asked, "roomid") });
            Ok(Ocs::ok(json!({ "type": "session", "session": answer })))
        }
        _ => Ok(refused("invalid_request", "The given action is not supported.")),
    }
}
