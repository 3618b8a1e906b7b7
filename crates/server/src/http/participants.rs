//! Members of a conversation (talk-rest.md section 5).

use bellbird_talk_wire::constants::{PERMISSION_START_CALL, ROOM_GROUP, ROOM_ONE_TO_ONE, ROOM_PUBLIC};
use serde_json::{Value, json};

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::place::Place;
use super::render;
use super::rooms::{checked_permissions, is_phone_number};
use crate::hpb::RoomNews;
use crate::state::permissions_of;
use crate::store::attendees::{self, AttendeeRow};
use crate::store::{StoreError, accounts, bans, rooms};
use crate::words::{Actor, ActorKind, ParticipantKind};

/// `GET /room/{token}/participants`
pub(super) async fn list(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    let now = asked.app.now();
    place.no_lobby(now.unix)?;
    if place.me.kind == ParticipantKind::Guest {
        return Err(Ocs::status(403));
    }
    let with_status = asked.params.boolean("includeStatus", false)?;
    let room = place.room.id;
    let all = asked
        .app
        .store
        .read(move |c| {
            let mut all = Vec::new();
            for attendee in attendees::of_room(c, room)? {
                let is_user = attendee.actor.kind == ActorKind::Users;
                let account =
                    if with_status && is_user { accounts::find(c, &attendee.actor.id)? } else { None };
                all.push((attendee, account));
            }
            Ok(all)
        })
        .await?;
    let sessions = asked.app.live().sessions(room, now);
    // Whoever may call a telephone may see, and end, the call to it.
    let may_dial = place.permissions & PERMISSION_START_CALL != 0;
    let hpb = asked.app.hpb.current().filter(|_| may_dial);
    let list: Vec<Value> = all
        .iter()
        .map(|(attendee, account)| {
            let call_id = hpb.as_ref().and_then(|hpb| hpb.call_id(room, attendee.id));
            render::participant(attendee, &place.room, &place.settings, &sessions, account.as_ref(), call_id)
        })
        .collect();
    Ok(Ocs::ok(list))
}

/// How adding members ended inside of the transaction.
enum Added {
    /// These accounts are in it now.
    Fine(Vec<String>),
    Unknown,
    Banned,
}

/// `POST /room/{token}/participants`
pub(super) async fn add(asked: Asked) -> OcsResult {
    asked.signed_in()?;
    let place = asked.place().await?;
    place.moderator()?;
    if !matches!(place.room.room_type, ROOM_GROUP | ROOM_PUBLIC) {
        return Err(Ocs::error(400, "room-type"));
    }
    let name = asked.params.text("newParticipant")?;
    let source = asked.params.text("source")?;
    let room = place.room.id;
    if name.is_empty() {
        return Err(Ocs::error(400, "new-participant"));
    }
    let outcome = match source.as_str() {
        "" | "users" => {
            let add = move |c: &rusqlite::Connection| match accounts::find(c, &name)? {
                Some(account) if bans::of_actor(c, room, &Actor::user(&account.id))?.is_some() => {
                    Ok(Added::Banned)
                }
                Some(account) => invite(c, room, &[account]).map(Added::Fine),
                None => Ok(Added::Unknown),
            };
            asked.app.store.write(add).await?
        }
        "groups" => {
            let add = move |c: &rusqlite::Connection| match accounts::group_members(c, &name)? {
                Some(members) => invite(c, room, &members).map(Added::Fine),
                None => Ok(Added::Unknown),
            };
            asked.app.store.write(add).await?
        }
        "phones" if place.settings.sip_dialout => {
            if !is_phone_number(&name) {
                return Err(Ocs::error(400, "new-participant"));
            }
            let actor = Actor { kind: ActorKind::Phones, id: name };
            let add = move |c: &rusqlite::Connection| {
                attendees::add(c, room, &actor, &actor.id, ParticipantKind::User)
                    .map(|_| Added::Fine(Vec::new()))
            };
            asked.app.store.write(add).await?
        }
        "phones" | "emails" | "circles" | "teams" | "federated_users" => return Err(Ocs::status(501)),
        _ => return Err(Ocs::error(400, "source")),
    };
    match outcome {
        Added::Fine(invited) => {
            asked.app.sync_room(room).await?;
            asked.app.tell_of_room(room, RoomNews::Invited(invited)).await?;
            Ok(Ocs::status(200))
        }
        Added::Unknown => Err(Ocs::error(404, "new-participant")),
        Added::Banned => Err(Ocs::error(400, "ban")),
    }
}

/// Makes accounts members, but those who are banned; who came in by itself stays for good now.
fn invite(
    c: &rusqlite::Connection,
    room: i64,
    invited: &[accounts::AccountRow],
) -> Result<Vec<String>, StoreError> {
    let mut members = Vec::new();
    for account in invited {
        let actor = Actor::user(&account.id);
        if bans::of_actor(c, room, &actor)?.is_some() {
            continue;
        }
        members.push(account.id.clone());
        let mut attendee = attendees::add(c, room, &actor, &account.display_name, ParticipantKind::User)?;
        if attendee.kind == ParticipantKind::SelfJoined {
            attendee.kind = ParticipantKind::User;
            attendees::update(c, &attendee)?;
        }
    }
    Ok(members)
}

/// The attendee named in the request (404), and how many accounts moderate and attend.
async fn target(asked: &Asked, place: &Place) -> Result<AttendeeRow, Ocs> {
    let id = asked.params.int("attendeeId", 0)?;
    let room = place.room.id;
    let found = asked.app.store.read(move |c| attendees::by_id(c, room, id)).await?;
    found.ok_or_else(|| Ocs::error(404, "participant"))
}

/// Whether nobody else with an account moderates the room.
fn is_last_moderator(all: &[AttendeeRow], who: &AttendeeRow) -> bool {
    let account = |a: &&AttendeeRow| a.actor.kind == ActorKind::Users && a.id != who.id;
    who.kind.moderates() && !all.iter().filter(account).any(|attendee| attendee.kind.moderates())
}

/// `DELETE /room/{token}/attendees`
pub(super) async fn remove(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    place.moderator()?;
    let attendee = target(&asked, &place).await?;
    let room = place.room.id;
    if place.room.room_type == ROOM_ONE_TO_ONE {
        return Err(Ocs::error(400, "room-type"));
    }
    if attendee.kind == ParticipantKind::Owner && attendee.id != place.me.id {
        return Err(Ocs::error(403, "owner"));
    }
    let kept = asked
        .app
        .store
        .write(move |c| {
            if is_last_moderator(&attendees::of_room(c, room)?, &attendee) {
                return Ok(None);
            }
            attendees::remove(c, &attendee)?;
            Ok(Some(attendee))
        })
        .await?;
    let removed = kept.ok_or_else(|| Ocs::error(400, "last-moderator"))?;
    after_removal(&asked, room, &removed).await
}

pub(super) async fn after_removal(asked: &Asked, room: i64, removed: &AttendeeRow) -> OcsResult {
    asked.app.sync_room(room).await?;
    if removed.actor.kind == ActorKind::Users {
        asked.app.tell_of_room(room, RoomNews::Disinvited(vec![removed.actor.id.clone()])).await?;
        asked.app.push.notify(&removed.actor.id);
    }
    Ok(Ocs::status(200))
}

/// `DELETE /room/{token}/participants/self`
pub(super) async fn remove_self(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    let (room, me) = (place.room.id, place.me.clone());
    let pair = place.room.room_type == ROOM_ONE_TO_ONE;
    let left = asked
        .app
        .store
        .write(move |c| {
            let all = attendees::of_room(c, room)?;
            let others = all.iter().any(|a| a.actor.kind == ActorKind::Users && a.id != me.id);
            if !pair && others && is_last_moderator(&all, &me) {
                return Ok(false);
            }
            attendees::remove(c, &me)?;
            if !others && me.actor.kind == ActorKind::Users {
                // Nobody is left who could ever come back.
                rooms::remove(c, room)?;
            }
            Ok(true)
        })
        .await?;
    if !left {
        return Err(Ocs::error(400, "last-moderator"));
    }
    after_removal(&asked, room, &place.me).await
}

/// `POST /room/{token}/moderators`
pub(super) async fn promote(asked: Asked) -> OcsResult {
    change_kind(asked, |kind| match kind {
        ParticipantKind::User | ParticipantKind::SelfJoined => Some(ParticipantKind::Moderator),
        ParticipantKind::Guest => Some(ParticipantKind::GuestModerator),
        ParticipantKind::Owner | ParticipantKind::Moderator | ParticipantKind::GuestModerator => None,
    })
    .await
}

/// `DELETE /room/{token}/moderators`
pub(super) async fn demote(asked: Asked) -> OcsResult {
    change_kind(asked, |kind| match kind {
        ParticipantKind::Moderator => Some(ParticipantKind::User),
        ParticipantKind::GuestModerator => Some(ParticipantKind::Guest),
        ParticipantKind::Owner
        | ParticipantKind::User
        | ParticipantKind::SelfJoined
        | ParticipantKind::Guest => None,
    })
    .await
}

async fn change_kind(asked: Asked, to: fn(ParticipantKind) -> Option<ParticipantKind>) -> OcsResult {
    let place = asked.place().await?;
    place.moderator()?;
    let mut attendee = target(&asked, &place).await?;
    if attendee.id == place.me.id {
        return Err(Ocs::error(403, "self"));
    }
    let special = !matches!(place.room.room_type, ROOM_GROUP | ROOM_PUBLIC);
    if special || attendee.actor.kind == ActorKind::Phones {
        return Err(Ocs::status(400));
    }
    attendee.kind = to(attendee.kind).ok_or_else(|| Ocs::status(400))?;
    let room = place.room.id;
    asked.app.store.write(move |c| attendees::update(c, &attendee)).await?;
    asked.app.sync_room(room).await?;
    Ok(Ocs::status(200))
}

/// `PUT /room/{token}/attendees/permissions`
pub(super) async fn set_permissions(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    place.moderator()?;
    let mut attendee = target(&asked, &place).await?;
    let bits = asked.params.bits("permissions", 0)?;
    let bits = checked_permissions(bits).ok_or_else(|| Ocs::error(400, "value"))?;
    if attendee.kind.moderates() {
        return Err(Ocs::error(400, "moderator"));
    }
    if !matches!(place.room.room_type, ROOM_GROUP | ROOM_PUBLIC) {
        return Err(Ocs::error(400, "room-type"));
    }
    // Adding to or taking from what counts now, where nothing was set.
    let current = match attendee.permissions {
        0 => permissions_of(&attendee, &place.room, &place.settings),
        own => own,
    };
    attendee.permissions = match asked.params.text("method")?.as_str() {
        "" => mode(&asked.params.text("mode")?, current, bits)?,
        method => mode(method, current, bits)?,
    };
    let room = place.room.id;
    asked.app.store.write(move |c| attendees::update(c, &attendee)).await?;
    asked.app.sync_room(room).await?;
    Ok(Ocs::ok(json!([])))
}

fn mode(name: &str, current: u32, bits: u32) -> Result<u32, Ocs> {
    match name {
        "" | "set" => Ok(bits),
        "add" => Ok(current | bits | 1),
        "remove" => Ok((current & !bits) | 1),
        _ => Err(Ocs::error(400, "mode")),
    }
}
