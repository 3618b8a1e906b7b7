//! Keeping people out of a conversation (`ban-v1`): accounts, guests and addresses.

use serde_json::{Value, json};

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::participants::after_removal;
use super::place::Place;
use crate::store::bans::{self, AddressRange, BanRow, IP};
use crate::store::{accounts, attendees};
use crate::words::{Actor, ActorKind};
use bellbird_talk_wire::constants::{ROOM_GROUP, ROOM_PUBLIC};

/// Longest note of a moderator, bytes.
const MAX_NOTE: usize = 4000;
/// Longest name of who is banned, bytes.
const MAX_BANNED: usize = 255;

fn as_json(ban: &BanRow) -> Value {
    json!({
        "id": ban.id,
        "moderatorActorType": ban.moderator_type,
        "moderatorActorId": ban.moderator_id,
        "moderatorDisplayName": ban.moderator_name,
        "bannedActorType": ban.banned_type,
        "bannedActorId": ban.banned_id,
        "bannedDisplayName": ban.banned_name,
        "bannedTime": ban.created,
        "internalNote": ban.note,
    })
}

async fn moderated(asked: &Asked) -> Result<Place, Ocs> {
    let place = asked.place().await?;
    place.moderator()?;
    Ok(place)
}

/// `POST /api/v1/ban/{token}`: whoever is banned is put out as well.
pub(super) async fn ban(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    let refused = |key: &str| Ocs::error(400, key);
    if !matches!(place.room.room_type, ROOM_GROUP | ROOM_PUBLIC) {
        return Err(refused("room"));
    }
    let (banned_type, banned_id) = (asked.params.text("actorType")?, asked.params.text("actorId")?);
    let actor = match banned_type.as_str() {
        "users" => Some(Actor { kind: ActorKind::Users, id: banned_id.clone() }),
        "guests" => Some(Actor { kind: ActorKind::Guests, id: banned_id.clone() }),
        IP if AddressRange::parse(&banned_id).is_some() => None,
        _ => return Err(refused("bannedActor")),
    };
    if banned_id.is_empty() || banned_id.len() > MAX_BANNED {
        return Err(refused("bannedActor"));
    }
    let note = asked.params.text("internalNote")?;
    if note.len() > MAX_NOTE {
        return Err(refused("internalNote"));
    }
    let me = &place.me;
    if actor.as_ref() == Some(&me.actor) {
        return Err(refused("self"));
    }
    let (room, unix) = (place.room.id, asked.app.now().unix);
    let mut new = BanRow {
        id: 0,
        moderator_type: me.actor.kind.as_str().into(),
        moderator_id: me.actor.id.clone(),
        moderator_name: me.display_name.clone(),
        banned_type,
        banned_name: banned_id.clone(),
        banned_id,
        created: unix,
        note,
    };
    let done = asked
        .app
        .store
        .write(move |c| {
            let there = match &actor {
                Some(actor) => attendees::by_actor(c, room, actor)?,
                None => None,
            };
            if there.as_ref().is_some_and(|there| there.kind.moderates()) {
                return Ok(Err("moderator"));
            }
            let name = match (&there, &actor) {
                (Some(there), _) => Some(there.display_name.clone()),
                (None, Some(Actor { kind: ActorKind::Users, id })) => {
                    accounts::find(c, id)?.map(|account| account.display_name)
                }
                (None, Some(_) | None) => None,
            };
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                new.banned_name = name;
            }
            let Some(stored) = bans::add(c, room, &new)? else { return Ok(Err("bannedActor")) };
            if let Some(there) = &there {
                attendees::remove(c, there)?;
            }
            Ok(Ok((stored, there)))
        })
        .await?;
    let (stored, removed) = done.map_err(refused)?;
    if let Some(removed) = removed {
        after_removal(&asked, room, &removed).await?;
    }
    Ok(Ocs::ok(as_json(&stored)))
}

/// `GET /api/v1/ban/{token}`
pub(super) async fn list(asked: Asked) -> OcsResult {
    let room = moderated(&asked).await?.room.id;
    let all = asked.app.store.read(move |c| bans::of_room(c, room)).await?;
    Ok(Ocs::ok(all.iter().map(as_json).collect::<Vec<_>>()))
}

/// `DELETE /api/v1/ban/{token}/{banId}`: 200 whether or not there was such a ban.
pub(super) async fn unban(asked: Asked) -> OcsResult {
    let room = moderated(&asked).await?.room.id;
    let id: i64 = asked.path("banId").parse().map_err(|_| Ocs::status(404))?;
    asked.app.store.write(move |c| bans::remove(c, room, id)).await?;
    Ok(Ocs::status(200))
}

impl Asked {
    /// 403 `ban` for who is banned from the room. The address of a banned guest is banned from then on: a cookie is
    /// soon thrown away.
    pub(super) async fn is_not_banned(&self, room: i64, actor: &Actor) -> Result<(), Ocs> {
        let (who, address) = (actor.clone(), self.caller.address.to_canonical());
        let found = self.app.store.read(move |c| bans::against(c, room, &who, address)).await?;
        let Some(found) = found else { return Ok(()) };
        if found.banned_type == ActorKind::Guests.as_str() {
            let id = address.to_string();
            let copy = BanRow { banned_type: IP.into(), banned_name: id.clone(), banned_id: id, ..found };
            self.app.store.write(move |c| bans::add(c, room, &copy)).await?;
        }
        Err(Ocs::error(403, "ban"))
    }
}
