//! Being in a room: sessions, joining and leaving (talk-rest.md section 5.1).

use axum::http::header::SET_COOKIE;
use serde_json::json;

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::throttle::Guess;
use crate::config_keys::Settings;
use crate::live::SessionId;
use crate::registry;
use crate::secrets;
use crate::state::facts_of;
use crate::store::attendees::{self, AttendeeRow};
use crate::store::rooms::{self, RoomRow};
use crate::words::{Actor, ActorKind, ParticipantKind, listable};
use bellbird_talk_wire::constants::{IN_CALL_NONE, ROOM_GROUP, ROOM_PUBLIC};

/// How a caller may come into a room.
enum Way {
    /// It belongs there.
    Member,
    /// Found in the list of open rooms.
    Listed,
    /// By the link of a public room; asks for the password if there is one.
    Public,
    /// Not at all.
    Closed,
}

/// Whether an account finds the room in the list of open rooms.
pub(crate) fn is_listed(room: &RoomRow, account: bool, guest_app: bool) -> bool {
    let openable = matches!(room.room_type, ROOM_GROUP | ROOM_PUBLIC);
    let needed = if guest_app { listable::EVERYONE } else { listable::USERS };
    openable && account && room.listable >= needed
}

fn way_in(asked: &Asked, room: &RoomRow, me: Option<&AttendeeRow>) -> Way {
    if me.is_some() {
        return Way::Member;
    }
    match &asked.user {
        Some(user) if is_listed(room, true, user.account.guest_app) => Way::Listed,
        Some(_) | None if room.is_open_by_link(asked.app.now().unix) => Way::Public,
        Some(_) | None => Way::Closed,
    }
}

/// `POST /room/{token}/participants/active`
pub(super) async fn join_room(asked: Asked) -> OcsResult {
    let token = asked.path("token").to_owned();
    let known_actor = asked.actor();
    let actor =
        known_actor.clone().unwrap_or_else(|| Actor { kind: ActorKind::Guests, id: secrets::guest_id() });
    let wanted = actor.clone();
    let found = asked
        .app
        .store
        .read(move |c| {
            let Some(room) = rooms::by_token(c, &token)? else { return Ok(None) };
            let me = attendees::by_actor(c, room.id, &wanted)?;
            Ok(Some((room, me, Settings::read(c)?)))
        })
        .await?;
    if found.as_ref().is_none_or(|(_, me, _)| me.is_none()) {
        asked.may_ask_for_rooms().await?;
    }
    let Some((room, me, settings)) = found else { return Err(asked.no_such_room()) };
    let way = way_in(&asked, &room, me.as_ref());
    if matches!(way, Way::Closed) {
        return Err(asked.no_such_room());
    }
    asked.is_not_banned(room.id, &actor).await?;
    let force = asked.params.boolean("force", true)?;
    let password = asked.params.text("password")?;
    if let Way::Public = way {
        check_password(&asked, &room, &password).await?;
    }
    leave_previous(&asked, &room, force).await?;

    let name = display_name(&asked, me.as_ref());
    let kind = match (way, actor.kind) {
        (Way::Member | Way::Listed, _) => ParticipantKind::User,
        (Way::Public | Way::Closed, ActorKind::Users) => ParticipantKind::SelfJoined,
        (Way::Public | Way::Closed, ActorKind::Guests | ActorKind::Phones) => ParticipantKind::Guest,
    };
    let (room_id, joining) = (room.id, actor.clone());
    let me = match me {
        Some(me) => me,
        None => asked.app.store.write(move |c| attendees::add(c, room_id, &joining, &name, kind)).await?,
    };
    let now = asked.app.now();
    let facts = facts_of(&me, &room, &settings, now.unix);
    let session: SessionId = secrets::session_id().into();
    let (web, new_cookie) = {
        let mut live = asked.app.live();
        let known = asked.web.filter(|key| live.web.find(key, asked.user_id(), now.at).is_some());
        match known {
            Some(key) => (key, None),
            None => {
                let value = secrets::session_id();
                let key = secrets::digest(&value);
                if !live.web.insert(key, actor.clone(), now.at) {
                    return Err(Ocs::status(503).message("The server is full"));
                }
                (key, Some(value))
            }
        }
    };
    let entered = {
        let mut live = asked.app.live();
        if let Some(web) = live.web.any(&web)
            && !room.password.is_empty()
        {
            web.passwords.insert(room.id, room.password.clone());
        }
        live.enter((room.id, &room.token), &session, web, facts, now)
    };
    if !entered {
        return Err(Ocs::status(503).message("The room is full"));
    }
    // Whatever changed between reading and entering (a removal, a lock) is taken over now.
    asked.app.sync_room(room.id).await?;
    let view = asked.app.live().session(room.id, &session, now).ok_or_else(|| Ocs::status(404))?;
    let settings_read = settings;
    let (seen, settings) = {
        let actor = me.actor.clone();
        asked
            .app
            .store
            .read(move |c| {
                Ok((super::render::RoomSeen::by_id(c, room_id, &actor, &settings_read)?, settings_read))
            })
            .await?
    };
    let Some(seen) = seen else { return Err(Ocs::status(404)) };
    let answer = {
        let live = asked.app.live();
        Ocs::ok(seen.render(&settings, &live, Some(&view), false, now))
    };
    Ok(match new_cookie {
        None => answer,
        Some(value) => {
            let secure = if asked.caller.tls { "; Secure" } else { "" };
            let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", asked.app.cookie_name);
            answer.header(SET_COOKIE, cookie)
        }
    })
}

fn display_name(asked: &Asked, me: Option<&AttendeeRow>) -> String {
    if let Some(user) = &asked.user {
        return user.account.display_name.clone();
    }
    let kept = asked.web.and_then(|key| {
        let now = asked.app.now().at;
        asked.app.live().web.find(&key, None, now).map(|web| web.guest_name.clone())
    });
    me.map(|me| me.display_name.clone()).or(kept).unwrap_or_default()
}

/// 403 `password` unless the password is right, was right before in this web session, or none is needed.
async fn check_password(asked: &Asked, room: &RoomRow, password: &str) -> Result<(), Ocs> {
    if room.password.is_empty() {
        return Ok(());
    }
    let now = asked.app.now().at;
    let known = asked.web.is_some_and(|key| {
        let mut live = asked.app.live();
        let web = live.web.find(&key, asked.user_id(), now);
        web.is_some_and(|web| web.passwords.get(&room.id) == Some(&room.password))
    });
    if known {
        return Ok(());
    }
    let (address, refused) = (asked.caller.address, Ocs::error(403, "password"));
    // An empty password is a client asking whether one is needed, not a guess.
    if password.is_empty() {
        return Err(refused);
    }
    asked.app.slow_down(Guess::RoomPassword, address, &room.token).await?;
    if password.len() <= 4 * registry::MAX_PASSWORD
        && asked.app.passwords.verify(password, &room.password).await
    {
        asked.app.throttle().succeeded(Guess::RoomPassword, address, &room.token);
        return Ok(());
    }
    let tried = secrets::digest(password);
    asked.app.throttle().failed(Guess::RoomPassword, address, &room.token, tried, now);
    Err(refused)
}

/// Ends the session this cookie has in the room. 409 when it is in a call and `force` is off.
async fn leave_previous(asked: &Asked, room: &RoomRow, force: bool) -> Result<(), Ocs> {
    let Some(previous) = asked.session_in(room.id, None) else { return Ok(()) };
    if !force && previous.in_call != IN_CALL_NONE {
        let data = json!({
            "sessionId": &*previous.id,
            "inCall": previous.in_call,
            "lastPing": previous.last_ping,
        });
        return Err(Ocs::with(409, data));
    }
    // The attendee stays: the same person is about to come in again.
    let effects = asked.app.live().leave(room.id, &previous.id);
    let effects =
        effects.into_iter().filter(|effect| !matches!(effect, crate::live::Effect::Vacated { .. })).collect();
    asked.app.settle(effects).await?;
    Ok(())
}

/// `DELETE /room/{token}/participants/active`: 200 whoever asks.
pub(super) async fn leave_room(asked: Asked) -> OcsResult {
    let token = asked.path("token").to_owned();
    let room = asked.app.store.read(move |c| rooms::by_token(c, &token)).await?;
    if let Some(room) = room
        && let Some(session) = asked.session_in(room.id, None)
    {
        let effects = asked.app.live().dismiss(room.id, &session.id);
        asked.app.settle(effects).await?;
    }
    Ok(Ocs::null())
}

/// `PUT /room/{token}/participants/state`
pub(super) async fn set_state(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    let state = match asked.params.int("state", -1)? {
        0 => false,
        1 => true,
        _ => return Err(Ocs::error(400, "state")),
    };
    let Some(session) = &place.session else { return Err(Ocs::status(404)) };
    if !asked.app.live().set_active(place.room.id, &session.id, state) {
        return Err(Ocs::status(404));
    }
    Ok(Ocs::ok(asked.room_now(place.room.id, &place.me.actor).await?))
}

/// `POST /api/v1/guest/{token}/name`
pub(super) async fn set_guest_name(asked: Asked) -> OcsResult {
    let mut place = asked.place().await?;
    if place.me.actor.kind != ActorKind::Guests {
        return Err(Ocs::status(403));
    }
    let name = registry::display_name(&asked.params.text("displayName")?, "");
    place.me.display_name = name.clone();
    let me = place.me.clone();
    asked.app.store.write(move |c| attendees::update(c, &me)).await?;
    if let Some(key) = asked.web
        && let Some(web) = asked.app.live().web.any(&key)
    {
        web.guest_name = name;
    }
    asked.app.sync_room(place.room.id).await?;
    Ok(Ocs::null())
}
