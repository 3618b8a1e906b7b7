//! Calls, API v4 (talk-rest.md section 3).

use axum::http::header;
use axum::response::{IntoResponse, Response};
use bellbird_talk_wire::CallPeer;
use bellbird_talk_wire::constants::{
    IN_CALL, PERMISSION_JOIN_CALL, PERMISSION_START_CALL, ROOM_CHANGELOG, ROOM_FORMER_ONE_TO_ONE,
    ROOM_NOTE_TO_SELF,
};
use serde_json::json;

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::place::Place;
use super::render::in_start_group;
use crate::hpb::DialFailure;
use crate::live::LeftCall;
use crate::state::rung_accounts;
use crate::store::notifications::{self, CallNotice};
use crate::store::{StoreError, accounts, attendees, rooms};
use crate::words::{Actor, ActorKind, ParticipantKind};

/// Everything a joiner provides unless it says otherwise: in the call, audio, video.
const ALL_FLAGS: u32 = 7;

/// `GET /call/{token}`
pub(super) async fn peers(asked: Asked) -> OcsResult {
    let place = asked.call_place().await?;
    place.writable()?;
    let now = asked.app.now();
    place.no_lobby(now.unix)?;
    let peers: Vec<CallPeer> = asked
        .app
        .live()
        .peers(place.room.id, now)
        .into_iter()
        .map(|(session, actor, display_name)| CallPeer {
            actor_type: actor.kind.as_str().into(),
            actor_id: actor.id,
            display_name,
            token: place.room.token.clone(),
            last_ping: session.last_ping,
            session_id: session.id.to_string(),
        })
        .collect();
    Ok(Ocs::ok(peers))
}

/// `POST /call/{token}`
pub(super) async fn join(asked: Asked) -> OcsResult {
    let place = asked.call_place().await?;
    place.writable()?;
    let now = asked.app.now();
    place.no_lobby(now.unix)?;
    let flags = asked.params.bits("flags", ALL_FLAGS)?;
    let silent = asked.params.boolean("silent", false)?;
    let silent_for = asked.params.texts("silentFor")?;
    let consents = asked.params.boolean("recordingConsent", false)?;
    let needs_consent = match place.settings.recording_consent {
        0 => false,
        1 => true,
        _ => place.room.recording_consent,
    };
    if needs_consent && !consents {
        return Err(Ocs::error(400, "consent"));
    }
    let Some(session) = &place.session else { return Err(Ocs::status(404)) };
    let room = place.room.id;
    if asked.app.live().call(room).is_none() {
        let in_group = place.settings.start_calls_groups.is_empty() || {
            let (settings, account) = (place.settings.clone(), asked.user_id().map(str::to_owned));
            asked.app.store.read(move |c| in_start_group(c, &settings, account.as_deref())).await?
        };
        // Asked again: somebody may have started the call meanwhile.
        if !place.may_start_call(in_group) && asked.app.live().call(room).is_none() {
            return Err(Ocs::status(403));
        }
    } else {
        place.permission(PERMISSION_JOIN_CALL)?;
    }
    if matches!(place.room.room_type, ROOM_CHANGELOG | ROOM_FORMER_ONE_TO_ONE | ROOM_NOTE_TO_SELF) {
        return Err(Ocs::error(400, "type"));
    }
    let started =
        asked.app.live().join_call(room, &session.id, flags, now).ok_or_else(|| Ocs::status(404))?;
    refill_pair(&asked, &place).await?;
    if started {
        begin(&asked, &place, silent, silent_for).await?;
    } else if let Some(user) = &asked.user {
        asked.app.withdraw(&user.account.id, room).await?;
    }
    Ok(Ocs::null())
}

/// In a one-to-one conversation the other one is invited again, should it have left.
async fn refill_pair(asked: &Asked, place: &Place) -> Result<(), StoreError> {
    let Some(other) = place.room.other_of_pair(&place.me.actor.id) else { return Ok(()) };
    let room = place.room.id;
    let missing = {
        let other = Actor::user(&other);
        asked.app.store.read(move |c| Ok(attendees::by_actor(c, room, &other)?.is_none())).await?
    };
    if missing {
        asked
            .app
            .store
            .write(move |c| {
                if let Some(account) = accounts::find(c, &other)? {
                    let actor = Actor::user(&account.id);
                    attendees::add(c, room, &actor, &account.display_name, ParticipantKind::Owner)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// Notes the start and, unless silent, rings everybody else.
async fn begin(
    asked: &Asked,
    place: &Place,
    silent: bool,
    silent_for: Vec<String>,
) -> Result<(), StoreError> {
    let now = asked.app.now();
    let room = place.room.id;
    let Some(call) = asked.app.live().call(room) else { return Ok(()) };
    let notice = notice(place, call.started, now.unix);
    let row = place.room.clone();
    let settings = place.settings.clone();
    let (starter, shared) = (place.me.id, asked.app.clone());
    let starter_account = asked.user_id().map(str::to_owned);
    let rung = asked
        .app
        .store
        .write(move |c| {
            rooms::touch(c, room, now.unix)?;
            let mut rung = Vec::new();
            let all = attendees::of_room(c, room)?;
            if let Some(starter) = starter_account
                && notifications::remove_of_room(c, &starter, room)?
            {
                // A call missed earlier is settled by calling back.
                rung.push(starter);
            }
            if silent || row.object_type == "file" {
                return Ok(rung);
            }
            for (attendee, account) in rung_accounts(&all, &row, &settings, now.unix) {
                let there_already = attendee == starter || shared.live().is_in_call(room, attendee);
                if !there_already && !silent_for.contains(&account) {
                    notifications::insert(c, &account, &notice)?;
                    rung.push(account);
                }
            }
            Ok(rung)
        })
        .await?;
    for account in rung {
        asked.app.push.notify(&account);
    }
    Ok(())
}

fn notice(place: &Place, call_start: i64, unix: i64) -> CallNotice {
    CallNotice {
        room: place.room.id,
        call_start,
        caller_type: place.me.actor.kind.as_str(),
        caller_id: place.me.actor.id.clone(),
        caller_name: place.me.display_name.clone(),
        created: unix,
    }
}

/// `GET /call/{token}/download`: a table of those who have been in the call, for moderators.
pub(super) async fn download(asked: Asked) -> Result<Response, Ocs> {
    let place = asked.call_place().await?;
    place.moderator()?;
    let room = place.room.id;
    let mut there = asked.app.live().joined(room).ok_or_else(|| Ocs::status(400))?;
    if !matches!(asked.params.text("format")?.as_str(), "" | "csv") {
        return Err(Ocs::status(400));
    }
    there.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let rows = asked
        .app
        .store
        .read(move |c| {
            let mut rows = String::from("name,email,type,identifier\n");
            for actor in there {
                // Guests who have left the room are not known by name any more.
                let attendee = attendees::by_actor(c, room, &actor)?;
                let name = attendee.map(|attendee| attendee.display_name).unwrap_or_default();
                let cells = [&harmless(name), "", actor.kind.as_str(), &actor.id].map(cell);
                rows.push_str(&cells.join(","));
                rows.push('\n');
            }
            Ok(rows)
        })
        .await?;
    let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8");
    let disposition = format!("attachment; filename=\"{}.csv\"", place.room.token);
    let fixed = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff"), kind];
    Ok((fixed, [(header::CONTENT_DISPOSITION, disposition)], rows).into_response())
}

/// A name that a spreadsheet would compute is kept from it by a quote.
fn harmless(name: String) -> String {
    if name.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{name}") } else { name }
}

/// A cell of the table (RFC 4180 section 2).
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r', ' ']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// `PUT /call/{token}`
pub(super) async fn update_flags(asked: Asked) -> OcsResult {
    let place = asked.call_place().await?;
    let flags = asked.params.bits("flags", 0)?;
    let Some(session) = &place.session else { return Err(Ocs::status(404)) };
    if flags & IN_CALL == 0 || !asked.app.live().update_flags(place.room.id, &session.id, flags) {
        return Err(Ocs::status(400));
    }
    Ok(Ocs::null())
}

/// `DELETE /call/{token}`: nobody is kept in a call, not even where calls have been switched off.
pub(super) async fn leave(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    let all = asked.params.boolean("all", false)?;
    let Some(session) = &place.session else { return Err(Ocs::status(404)) };
    let who =
        if all && place.me.kind.moderates() { LeftCall::Everybody } else { LeftCall::Session(&session.id) };
    let effects = asked.app.live().leave_call(place.room.id, who);
    asked.app.settle(effects).await?;
    Ok(Ocs::null())
}

/// 400 unless a call runs and the caller is in it.
fn in_call(asked: &Asked, place: &Place) -> Result<i64, Ocs> {
    let call = asked.app.live().call(place.room.id);
    match (call, &place.session) {
        (Some(call), Some(session)) if session.in_call != 0 => Ok(call.started),
        (Some(_) | None, _) => Err(Ocs::error(400, "in-call")),
    }
}

/// `POST /call/{token}/ring/{attendeeId}`
pub(super) async fn ring(asked: Asked) -> OcsResult {
    let place = asked.call_place().await?;
    place.permission(PERMISSION_START_CALL)?;
    let started = in_call(&asked, &place)?;
    let room = place.room.id;
    let id: i64 = asked.path("attendeeId").parse().map_err(|_| Ocs::status(404))?;
    let target = asked
        .app
        .store
        .read(move |c| {
            let Some(attendee) = attendees::by_id(c, room, id)? else { return Ok(None) };
            let account = accounts::find(c, &attendee.actor.id)?;
            Ok(Some((attendee, account)))
        })
        .await?;
    let Some((attendee, account)) = target else { return Err(Ocs::status(404)) };
    if attendee.actor.kind != ActorKind::Users {
        return Err(Ocs::error(400, "actor-type"));
    }
    if asked.app.live().is_in_call(room, attendee.id) {
        return Ok(Ocs::null());
    }
    if account.is_some_and(|account| account.status == "dnd") {
        return Err(Ocs::error(400, "status"));
    }
    let notice = notice(&place, started, asked.app.now().unix);
    let name = attendee.actor.id.clone();
    asked.app.store.write(move |c| notifications::insert(c, &name, &notice)).await?;
    asked.app.live().forget_joined(room, &attendee.actor);
    asked.app.push.notify(&attendee.actor.id);
    Ok(Ocs::null())
}

/// `POST /call/{token}/dialout/{attendeeId}`: a bridge behind the external signaling server makes the call.
pub(super) async fn dial_out(asked: Asked) -> OcsResult {
    let place = asked.call_place().await?;
    place.permission(PERMISSION_START_CALL)?;
    in_call(&asked, &place)?;
    let room = place.room.id;
    let id: i64 = asked.path("attendeeId").parse().map_err(|_| Ocs::status(404))?;
    let target = asked.app.store.read(move |c| attendees::by_id(c, room, id)).await?;
    let telephone = target.filter(|attendee| attendee.actor.kind == ActorKind::Phones);
    let Some(telephone) = telephone else { return Err(Ocs::status(404)) };
    let failed = |code: &str, words: &str| Ocs::with(501, json!({ "error": code, "message": words }));
    let Some(hpb) = asked.app.hpb.current().filter(|_| place.settings.sip_dialout) else {
        return Err(failed("unsupported", "No telephone bridge is attached to this server"));
    };
    let (number, caller) = (&telephone.actor.id, &place.settings.sip_caller);
    match hpb.dial(room, &place.room.token, id, number, caller).await {
        Ok(()) => Ok(Ocs::status(201)),
        Err(DialFailure { code, message }) => Err(failed(&code, &message)),
    }
}

/// `GET /call/{token}/notification-state`
pub(super) async fn notification_state(asked: Asked) -> OcsResult {
    if asked.user.is_none() {
        return Err(Ocs::status(403));
    }
    let place = asked.call_place().await?;
    let (room, me) = (place.room.id, &place.me);
    let live = asked.app.live();
    Ok(if live.call(room).is_none() {
        Ocs::with(201, serde_json::Value::Null)
    } else if live.is_in_call(room, me.id) || live.has_joined(room, &me.actor) {
        Ocs::status(404)
    } else {
        Ocs::null()
    })
}
