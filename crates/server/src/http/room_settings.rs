//! What moderators change in a conversation, and what members change for themselves.

use bellbird_talk_wire::constants::{ROOM_GROUP, ROOM_PUBLIC};

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::place::Place;
use super::rooms::{checked_description, checked_name, checked_permissions};
use crate::hpb::RoomNews;
use crate::registry;
use crate::state::waits_in_lobby;
use crate::store::rooms::RoomRow;
use crate::store::{attendees, notifications, rooms};
use crate::words::ActorKind;

/// The room as a moderator may change it.
async fn moderated(asked: &Asked) -> Result<Place, Ocs> {
    let place = asked.place().await?;
    place.moderator()?;
    Ok(place)
}

/// 400 for one-to-one and other special conversations.
fn of_many(place: &Place) -> Result<(), Ocs> {
    if matches!(place.room.room_type, ROOM_GROUP | ROOM_PUBLIC) {
        Ok(())
    } else {
        Err(Ocs::error(400, "type"))
    }
}

/// Stores a change of the room, takes it over for those in it, and answers the room as it is now. The change is made
/// on the row as it is when it is written, so that two moderators do not undo each other's work.
async fn store(
    asked: &Asked,
    place: &Place,
    change: impl FnOnce(&mut RoomRow) + Send + 'static,
) -> OcsResult {
    let (id, unix) = (place.room.id, asked.app.now().unix);
    asked
        .app
        .store
        .write(move |c| {
            let Some(mut room) = rooms::by_id(c, id)? else { return Ok(()) };
            change(&mut room);
            room.last_activity = unix;
            rooms::update(c, &room)
        })
        .await?;
    asked.app.sync_room(id).await?;
    asked.app.tell_of_room(id, RoomNews::Updated).await?;
    Ok(Ocs::ok(asked.room_now(id, &place.me.actor).await?))
}

/// `PUT /room/{token}`
pub(super) async fn rename(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let name = checked_name(&asked.params.text("roomName")?).ok_or_else(|| Ocs::error(400, "value"))?;
    store(&asked, &place, |room| room.name = name).await
}

/// `PUT /room/{token}/description`
pub(super) async fn describe(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let text = asked.params.text("description")?;
    let text = checked_description(&text).ok_or_else(|| Ocs::error(400, "value"))?;
    store(&asked, &place, |room| room.description = text).await
}

/// `PUT /room/{token}/password`; an empty one removes it.
pub(super) async fn set_password(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    if place.room.room_type != ROOM_PUBLIC {
        return Err(Ocs::error(400, "type"));
    }
    let hash = password_hash(&asked).await?;
    store(&asked, &place, |room| room.password = hash).await
}

async fn password_hash(asked: &Asked) -> Result<String, Ocs> {
    let password = asked.params.text("password")?;
    if password.chars().count() > registry::MAX_PASSWORD {
        return Err(Ocs::error(400, "value"));
    }
    if password.is_empty() { Ok(String::new()) } else { asked.app.passwords.hash(&password).await }
}

/// `PUT /room/{token}/listable`
pub(super) async fn set_listable(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let scope = asked.params.int("scope", -1)?;
    let scope =
        u8::try_from(scope).ok().filter(|scope| *scope <= 2).ok_or_else(|| Ocs::error(400, "value"))?;
    store(&asked, &place, move |room| room.listable = scope).await
}

/// 0 or 1, else 400.
fn switch(asked: &Asked, name: &str) -> Result<bool, Ocs> {
    match asked.params.int(name, -1)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Ocs::error(400, "value")),
    }
}

/// `PUT /room/{token}/read-only`; locking ends the call.
pub(super) async fn set_read_only(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let locked = switch(&asked, "state")?;
    store(&asked, &place, move |room| room.read_only = locked).await
}

/// `POST /room/{token}/public`
pub(super) async fn make_public(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let hash = if asked.params.has("password") { Some(password_hash(&asked).await?) } else { None };
    store(&asked, &place, |room| {
        room.room_type = ROOM_PUBLIC;
        if let Some(hash) = hash {
            room.password = hash;
        }
    })
    .await
}

/// `DELETE /room/{token}/public`; whoever came by the link has to go.
pub(super) async fn make_private(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let id = place.room.id;
    asked
        .app
        .store
        .write(move |c| {
            for attendee in attendees::of_room(c, id)?.iter().filter(|attendee| attendee.kind.vanishes()) {
                attendees::remove(c, attendee)?;
            }
            Ok(())
        })
        .await?;
    store(&asked, &place, |room| {
        room.room_type = ROOM_GROUP;
        room.password = String::new();
        room.link_expires = 0;
    })
    .await
}

/// `PUT /ocs/v2.php/apps/bellbird/api/v1/room/{token}/link`, an extension of this server: from the Unix second
/// `expires` on, a public conversation's link lets nobody in any more; 0 never. Members, and whoever is inside by then,
/// stay. A link is withdrawn at once by making the conversation private.
pub(super) async fn set_link_expiry(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    if place.room.room_type != ROOM_PUBLIC {
        return Err(Ocs::error(400, "type"));
    }
    let expires = asked.params.int("expires", -1)?;
    if expires < 0 {
        return Err(Ocs::error(400, "value"));
    }
    store(&asked, &place, move |room| room.link_expires = expires).await
}

/// `PUT /room/{token}/permissions/{mode}`
pub(super) async fn set_permissions(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let bits = asked.params.bits("permissions", 0)?;
    let bits = checked_permissions(bits).ok_or_else(|| Ocs::error(400, "value"))?;
    let id = place.room.id;
    match asked.path("mode") {
        "default" => {
            // What was set for single members no longer counts.
            asked.app.store.write(move |c| attendees::clear_permissions(c, id)).await?;
            store(&asked, &place, move |room| room.default_permissions = bits).await
        }
        "call" => store(&asked, &place, move |room| room.call_permissions = bits).await,
        _ => Err(Ocs::error(400, "mode")),
    }
}

/// `PUT /room/{token}/webinar/lobby`
pub(super) async fn set_lobby(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    of_many(&place)?;
    let on = switch(&asked, "state")?;
    let timer = asked.params.int("timer", 0)?;
    if timer < 0 {
        return Err(Ocs::error(400, "value"));
    }
    let answer = store(&asked, &place, move |room| {
        room.lobby = on;
        room.lobby_timer = if on { timer } else { 0 };
    })
    .await?;
    if on {
        // Who has to wait is not rung any more.
        let (id, settings, unix) = (place.room.id, place.settings.clone(), asked.app.now().unix);
        let told = asked
            .app
            .store
            .write(move |c| {
                let Some(room) = rooms::by_id(c, id)? else { return Ok(Vec::new()) };
                let mut told = Vec::new();
                for attendee in attendees::of_room(c, id)? {
                    let permissions = crate::state::permissions_of(&attendee, &room, &settings);
                    if attendee.actor.kind == ActorKind::Users
                        && waits_in_lobby(&attendee, &room, permissions, unix)
                        && notifications::remove_of_room(c, &attendee.actor.id, id)?
                    {
                        told.push(attendee.actor.id);
                    }
                }
                Ok(told)
            })
            .await?;
        for account in told {
            asked.app.push.notify(&account);
        }
    }
    Ok(answer)
}

/// `PUT /room/{token}/webinar/sip`: there is no dial-in here.
pub(super) async fn set_sip(asked: Asked) -> OcsResult {
    asked.signed_in()?;
    moderated(&asked).await?;
    Err(Ocs::error(412, "config"))
}

/// `PUT /room/{token}/recording-consent`
pub(super) async fn set_recording_consent(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    let needed = match asked.params.int("recordingConsent", -1)? {
        0 => false,
        1 => true,
        _ => return Err(Ocs::error(400, "value")),
    };
    if needed && asked.app.live().call(place.room.id).is_some() {
        return Err(Ocs::error(400, "call"));
    }
    store(&asked, &place, move |room| room.recording_consent = needed).await
}

/// Stores a change of the caller's own membership.
async fn store_own(
    asked: &Asked,
    place: &Place,
    change: impl FnOnce(&mut attendees::AttendeeRow) + Send + 'static,
) -> OcsResult {
    let (room, me) = (place.room.id, place.me.id);
    asked
        .app
        .store
        .write(move |c| {
            let Some(mut attendee) = attendees::by_id(c, room, me)? else { return Ok(()) };
            change(&mut attendee);
            attendees::update(c, &attendee)
        })
        .await?;
    Ok(Ocs::ok(asked.room_now(room, &place.me.actor).await?))
}

/// `POST /room/{token}/notify`
pub(super) async fn set_notification_level(asked: Asked) -> OcsResult {
    asked.signed_in()?;
    let place = asked.place().await?;
    let level = asked.params.int("level", -1)?;
    let level =
        u8::try_from(level).ok().filter(|level| *level <= 3).ok_or_else(|| Ocs::error(400, "level"))?;
    store_own(&asked, &place, move |me| me.notification_level = level).await
}

/// `POST /room/{token}/notify-calls`
pub(super) async fn set_notify_calls(asked: Asked) -> OcsResult {
    asked.signed_in()?;
    let place = asked.place().await?;
    let on = switch(&asked, "level").map_err(|_| Ocs::error(400, "level"))?;
    store_own(&asked, &place, move |me| me.notify_calls = on).await
}

/// `POST|DELETE /room/{token}/{favorite|important|sensitive|archive}`
pub(super) async fn set_mark(asked: Asked, mark: Mark, on: bool) -> OcsResult {
    asked.signed_in()?;
    let place = asked.place().await?;
    store_own(&asked, &place, move |me| match mark {
        Mark::Favorite => me.favorite = on,
        Mark::Important => me.important = on,
        Mark::Sensitive => me.sensitive = on,
        Mark::Archive => me.archived = on,
    })
    .await
}

/// What a member can mark a room as, for itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Favorite,
    Important,
    Sensitive,
    Archive,
}
