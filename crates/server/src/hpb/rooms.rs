//! What the signaling server is told of conversations and their members.

use serde_json::{Value, json};

use super::Item;
use crate::live::Live;
use crate::state::Shared;
use crate::store::rooms::RoomRow;
use crate::store::{StoreError, attendees, rooms};
use crate::words::ActorKind;

/// What happened to a conversation.
pub(crate) enum RoomNews {
    /// It is new: all accounts in it are invited.
    Created,
    /// These accounts belong to it now.
    Invited(Vec<String>),
    /// These no longer do.
    Disinvited(Vec<String>),
    /// Its name or a setting changed.
    Updated,
}

/// The conversation as signaling clients may see it.
pub(crate) fn properties(room: &RoomRow, live: &Live, unix: i64) -> Value {
    json!({
        "name": room.name,
        "type": room.room_type,
        "lobby-state": u8::from(room.lobby_is_active(unix)),
        "lobby-timer": (room.lobby_timer > 0).then_some(room.lobby_timer),
        "read-only": u8::from(room.read_only),
        "listable": room.listable,
        "active-since": live.call(room.id).map(|call| call.started),
        "sip-enabled": 0,
        "description": room.description,
    })
}

impl Shared {
    /// Tells the signaling server, if there is one, what happened to a conversation that is still there.
    pub(crate) async fn tell_of_room(&self, room: i64, news: RoomNews) -> Result<(), StoreError> {
        let Some(hpb) = self.hpb.current() else { return Ok(()) };
        let found = self
            .store
            .read(move |c| {
                let Some(row) = rooms::by_id(c, room)? else { return Ok(None) };
                let all = attendees::of_room(c, room)?;
                let users = all.into_iter().filter(|attendee| attendee.actor.kind == ActorKind::Users);
                Ok(Some((row, users.map(|attendee| attendee.actor.id).collect::<Vec<_>>())))
            })
            .await?;
        let Some((row, all)) = found else { return Ok(()) };
        let properties = properties(&row, &self.live(), self.now().unix);
        let (kind, inner) = match news {
            RoomNews::Created => {
                ("invite", json!({ "userids": all, "alluserids": all, "properties": properties }))
            }
            RoomNews::Invited(users) => {
                ("invite", json!({ "userids": users, "alluserids": all, "properties": properties }))
            }
            RoomNews::Disinvited(users) => {
                ("disinvite", json!({ "userids": users, "alluserids": all, "properties": properties }))
            }
            RoomNews::Updated => ("update", json!({ "userids": all, "properties": properties })),
        };
        let body = json!({ "type": kind, kind: inner });
        let item = if kind == "disinvite" { Item::Removal(body) } else { Item::Ready(body) };
        hpb.push(room, &row.token, item);
        Ok(())
    }

    /// Tells the signaling server, if there is one, that a conversation with these accounts is about to be deleted.
    pub(crate) fn tell_of_deletion(&self, room: &RoomRow, users: &[String]) {
        if let Some(hpb) = self.hpb.current() {
            let body = json!({ "type": "delete", "delete": { "userids": users } });
            hpb.push(room.id, &room.token, Item::Removal(body));
        }
    }
}
