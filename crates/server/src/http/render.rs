//! Rooms and participants as clients see them.

use bellbird_talk_wire::constants::{NO_SESSION, ROOM_ONE_TO_ONE};
use bellbird_talk_wire::{Participant, Room};
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::place::may_start_call;
use crate::config_keys::Settings;
use crate::live::{Live, Moment, SessionView};
use crate::state::permissions_of;
use crate::store::accounts::{self, AccountRow};
use crate::store::attendees::AttendeeRow;
use crate::store::rooms::RoomRow;
use crate::store::{StoreError, attendees, rooms};
use crate::words::{Actor, ActorKind};

/// All of a room that lies in the database, for one viewer.
#[derive(Clone)]
pub(crate) struct RoomSeen {
    pub(crate) room: RoomRow,
    pub(crate) me: Option<AttendeeRow>,
    /// The account on the other side of a one-to-one conversation.
    pub(crate) other: Option<AccountRow>,
    pub(crate) in_start_group: bool,
    /// How many attend, and how many of them moderate, the viewer included.
    attending: usize,
    moderating: usize,
}

/// Whether the account is in a group that may start calls, or there is no such list.
pub(crate) fn in_start_group(
    c: &Connection,
    settings: &Settings,
    account: Option<&str>,
) -> Result<bool, StoreError> {
    if settings.start_calls_groups.is_empty() {
        return Ok(true);
    }
    let Some(account) = account else { return Ok(false) };
    for group in &settings.start_calls_groups {
        if accounts::is_in_group(c, account, group)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl RoomSeen {
    pub(crate) fn load(
        c: &Connection,
        room: RoomRow,
        viewer: Option<&Actor>,
        settings: &Settings,
    ) -> Result<Self, StoreError> {
        let all = attendees::of_room(c, room.id)?;
        let me = viewer.and_then(|actor| all.iter().find(|a| a.actor == *actor).cloned());
        let account = viewer.filter(|actor| actor.kind == ActorKind::Users).map(|actor| actor.id.as_str());
        let other = match account.and_then(|own| room.other_of_pair(own)) {
            Some(other) => accounts::find(c, &other)?,
            None => None,
        };
        let in_start_group = in_start_group(c, settings, account)?;
        let moderating =
            all.iter().filter(|a| a.kind.moderates() && a.actor.kind == ActorKind::Users).count();
        Ok(Self { room, me, other, in_start_group, attending: all.len(), moderating })
    }

    pub(crate) fn by_id(
        c: &Connection,
        id: i64,
        viewer: &Actor,
        settings: &Settings,
    ) -> Result<Option<Self>, StoreError> {
        rooms::by_id(c, id)?.map(|room| Self::load(c, room, Some(viewer), settings)).transpose()
    }

    /// The name the viewer knows the room by.
    pub(crate) fn display_name(&self) -> &str {
        self.other.as_ref().map_or(&self.room.name, |other| &other.display_name)
    }

    /// The room object. `session`: the viewer's own.
    pub(crate) fn render(
        &self,
        settings: &Settings,
        live: &Live,
        session: Option<&SessionView>,
        with_status: bool,
        now: Moment,
    ) -> Value {
        let Self { room, me, .. } = self;
        let call = live.call(room.id);
        let permissions = me.as_ref().map_or(0, |me| permissions_of(me, room, settings));
        let moderates = me.as_ref().is_some_and(|me| me.kind.moderates());
        let one_to_one = room.room_type == ROOM_ONE_TO_ONE;
        let lobby = room.lobby_is_active(now.unix);
        let other_status = self.other.as_ref().filter(|_| with_status);
        let known = Room {
            token: room.token.clone(),
            kind: room.room_type,
            display_name: self.display_name().to_owned(),
            id: room.id,
            name: self.other.as_ref().map_or_else(|| room.name.clone(), |other| other.id.clone()),
            description: room.description.clone(),
            object_type: room.object_type.clone(),
            object_id: room.object_id.clone(),
            participant_type: me.as_ref().map_or(4, |me| me.kind.number()),
            participant_flags: session.map_or(0, |session| session.in_call),
            actor_type: me.as_ref().map_or(String::new(), |me| me.actor.kind.as_str().into()),
            actor_id: me.as_ref().map_or(String::new(), |me| me.actor.id.clone()),
            attendee_id: me.as_ref().map_or(0, |me| me.id),
            attendee_permissions: me.as_ref().map_or(0, |me| me.permissions),
            permissions,
            session_id: session.map_or(NO_SESSION.into(), |session| session.id.to_string()),
            last_ping: session.map_or(0, |session| session.last_ping),
            can_start_call: me
                .as_ref()
                .is_some_and(|me| may_start_call(room, me, settings, permissions, self.in_start_group)),
            can_leave_conversation: me.is_some()
                && (one_to_one || !moderates || self.moderating > 1 || self.attending == 1),
            can_delete_conversation: moderates && !one_to_one,
            call_permissions: room.call_permissions,
            default_permissions: room.default_permissions,
            read_only: u8::from(room.read_only),
            listable: room.listable,
            lobby_state: u8::from(lobby),
            lobby_timer: if lobby { room.lobby_timer } else { 0 },
            has_password: !room.password.is_empty(),
            sip_enabled: 0,
            recording_consent: u8::from(room.recording_consent),
            has_call: call.is_some(),
            call_flag: call.map_or(0, |call| call.flags),
            call_start_time: call.map_or(0, |call| call.started),
            call_recording: room.recording.number(),
            last_activity: room.last_activity,
            unread_messages: 0,
            is_favorite: me.as_ref().is_some_and(|me| me.favorite),
            is_important: me.as_ref().is_some_and(|me| me.important),
            notification_level: me.as_ref().map_or(0, |me| me.notification_level),
            notification_calls: me.as_ref().map_or(1, |me| u8::from(me.notify_calls)),
            status: other_status.map(|other| other.status.clone()),
        };
        let mut object = match serde_json::to_value(known) {
            Ok(Value::Object(object)) => object,
            Ok(_) | Err(_) => Map::new(),
        };
        // What other clients read and this server has only one value for.
        let rest = json!({
            "avatarVersion": format!("{:x}", room.id),
            "isCustomAvatar": false,
            "attendeePin": "",
            "canEnableSIP": false,
            "mentionPermissions": 0,
            "messageExpiration": 0,
            "breakoutRoomMode": 0,
            "breakoutRoomStatus": 0,
            "lastMessage": [],
            "lastReadMessage": 0,
            "lastCommonReadMessage": 0,
            "unreadMention": false,
            "unreadMentionDirect": false,
            "isArchived": me.as_ref().is_some_and(|me| me.archived),
            "isSensitive": me.as_ref().is_some_and(|me| me.sensitive),
            "remoteServer": "",
            "linkExpires": room.link_expires,
            "remoteToken": "",
        });
        if let Value::Object(rest) = rest {
            object.extend(rest);
        }
        if let Some(other) = other_status {
            object.insert("statusIcon".into(), Value::Null);
            object.insert("statusMessage".into(), json!(other.status_message));
            object.insert("statusClearAt".into(), Value::Null);
        }
        Value::Object(object)
    }
}

impl Asked {
    /// The caller's view of a room it attends, with its session.
    pub(crate) fn render(&self, seen: &RoomSeen, settings: &Settings, with_status: bool) -> Value {
        let session = self.session_in(seen.room.id, seen.me.as_ref().map(|me| me.id));
        let now = self.app.now();
        let live = self.app.live();
        seen.render(settings, &live, session.as_ref(), with_status, now)
    }

    /// Loads and renders the room as it is now; what settings endpoints answer.
    pub(crate) async fn room_now(&self, id: i64, actor: &Actor) -> Result<Value, super::ocs::Ocs> {
        let actor = actor.clone();
        let found = self
            .app
            .store
            .read(move |c| {
                let settings = Settings::read(c)?;
                Ok(RoomSeen::by_id(c, id, &actor, &settings)?.map(|seen| (seen, settings)))
            })
            .await?;
        let (seen, settings) = found.ok_or_else(|| super::ocs::Ocs::status(404))?;
        Ok(self.render(&seen, &settings, false))
    }
}

/// A member of a room, with its sessions. `call_id`: the bridge's name of the call to a telephone.
pub(crate) fn participant(
    attendee: &AttendeeRow,
    room: &RoomRow,
    settings: &Settings,
    sessions: &[SessionView],
    status: Option<&AccountRow>,
    call_id: Option<String>,
) -> Value {
    let own: Vec<&SessionView> = sessions.iter().filter(|session| session.attendee == attendee.id).collect();
    let known = Participant {
        attendee_id: attendee.id,
        actor_type: attendee.actor.kind.as_str().into(),
        actor_id: attendee.actor.id.clone(),
        display_name: attendee.display_name.clone(),
        participant_type: attendee.kind.number(),
        permissions: permissions_of(attendee, room, settings),
        attendee_permissions: attendee.permissions,
        attendee_pin: String::new(),
        in_call: own.iter().fold(0, |flags, session| flags | session.in_call),
        last_ping: own.iter().map(|session| session.last_ping).max().unwrap_or(0),
        room_token: room.token.clone(),
        session_ids: own.iter().map(|session| session.id.to_string()).collect(),
        status: status.map(|account| account.status.clone()),
    };
    let mut object = serde_json::to_value(known).unwrap_or_default();
    if let Some(account) = status {
        object["statusMessage"] = json!(account.status_message);
    }
    object["phoneNumber"] = json!("");
    object["callId"] = json!(call_id.unwrap_or_default());
    object
}
