//! Conversations: list, look at, create, delete (talk-rest.md section 4).

use std::collections::BTreeMap;

use axum::http::HeaderName;
use bellbird_talk_wire::constants::{
    MODIFIED_BEFORE_HEADER, ROOM_GROUP, ROOM_ONE_TO_ONE, ROOM_PUBLIC, TALK_HASH_HEADER,
};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use super::params::texts;
use super::presence::is_listed;
use super::render::RoomSeen;
use crate::config_keys::Settings;
use crate::hpb::RoomNews;
use crate::registry;
use crate::secrets;
use crate::store::rooms::{RoomRow, pair_key};
use crate::store::{StoreError, accounts, attendees, rooms};
use crate::words::{Actor, ActorKind, PERMISSIONS_MAX_SENT, ParticipantKind, RecordingStatus};

/// Longest room name, characters.
const MAX_NAME: usize = 255;
/// Longest description, characters.
const MAX_DESCRIPTION: usize = 2000;
/// Most invitees of one request, by kind.
const MAX_INVITEES: usize = 500;

const HASH: HeaderName = HeaderName::from_static(TALK_HASH_HEADER);
const MODIFIED_BEFORE: HeaderName = HeaderName::from_static(MODIFIED_BEFORE_HEADER);

/// `GET /room`
pub(super) async fn list(asked: Asked) -> OcsResult {
    let account = asked.signed_in()?.account.id.clone();
    let since = asked.params.int("modifiedSince", 0)?;
    let with_status = asked.params.boolean("includeStatus", false)?;
    let now = asked.app.now();
    let (seen, settings) = asked
        .app
        .store
        .read(move |c| {
            let settings = Settings::read(c)?;
            let actor = Actor::user(&account);
            let all = rooms::of_account(c, &account)?;
            let seen: Result<Vec<_>, StoreError> =
                all.into_iter().map(|room| RoomSeen::load(c, room, Some(&actor), &settings)).collect();
            Ok((seen?, settings))
        })
        .await?;
    let changed = seen.iter().filter(|seen| {
        let called = asked.app.live().call(seen.room.id).is_some();
        since == 0 || called || seen.room.last_activity >= since
    });
    let list: Vec<Value> = changed.map(|seen| asked.render(seen, &settings, with_status)).collect();
    Ok(Ocs::ok(list).header(HASH, settings.hash).header(MODIFIED_BEFORE, now.unix.to_string()))
}

/// `GET /room/{token}`: also for those who could join, who see it as strangers.
pub(super) async fn get(asked: Asked) -> OcsResult {
    let (token, actor) = (asked.path("token").to_owned(), asked.actor());
    let found = asked
        .app
        .store
        .read(move |c| {
            let Some(room) = rooms::by_token(c, &token)? else { return Ok(None) };
            let settings = Settings::read(c)?;
            Ok(Some((RoomSeen::load(c, room, actor.as_ref(), &settings)?, settings)))
        })
        .await?;
    let unix = asked.app.now().unix;
    let guest_app = asked.user.as_ref().is_some_and(|user| user.account.guest_app);
    let visible = found.filter(|(seen, _)| {
        seen.me.is_some()
            || seen.room.is_open_by_link(unix)
            || is_listed(&seen.room, asked.user.is_some(), guest_app)
    });
    if visible.as_ref().is_none_or(|(seen, _)| seen.me.is_none()) {
        // Before the answer is known to be yes or no: who does not wait for it must not know either.
        asked.may_ask_for_rooms().await?;
    }
    let Some((seen, settings)) = visible else { return Err(asked.no_such_room()) };
    Ok(Ocs::ok(asked.render(&seen, &settings, true)).header(HASH, settings.hash))
}

/// `GET /listed-room`
pub(super) async fn listed(asked: Asked) -> OcsResult {
    let account = asked.signed_in()?.account.clone();
    let text = asked.params.text("searchTerm")?;
    let (seen, settings) = asked
        .app
        .store
        .read(move |c| {
            let settings = Settings::read(c)?;
            let openness = if account.guest_app { 2 } else { 1 };
            let found = rooms::listable(c, openness, &text, &account.id)?;
            let seen: Result<Vec<_>, StoreError> = found
                .into_iter()
                .filter(|room| is_listed(room, true, account.guest_app))
                .map(|room| RoomSeen::load(c, room, None, &settings))
                .collect();
            Ok((seen?, settings))
        })
        .await?;
    let list: Vec<Value> = seen.iter().map(|seen| asked.render(seen, &settings, false)).collect();
    Ok(Ocs::ok(list))
}

/// Who is to be added to a new room.
#[derive(Default)]
struct Invitees {
    users: Vec<String>,
    groups: Vec<String>,
    phones: Vec<String>,
    /// Of kinds that this server does not know; told back as invalid.
    others: BTreeMap<String, Vec<String>>,
}

impl Invitees {
    fn read(asked: &Asked) -> Result<Self, Ocs> {
        let mut invitees = Self::default();
        let refused = || Ocs::error(400, "invite");
        match asked.params.value("participants") {
            None | Some(Value::Null) => {}
            Some(Value::Object(kinds)) => {
                for (kind, names) in kinds {
                    invitees.add(kind, texts(names).ok_or_else(refused)?);
                }
            }
            Some(Value::Array(list)) if list.is_empty() => {}
            Some(_) => return Err(refused()),
        }
        let invite = asked.params.text("invite")?;
        if !invite.is_empty() {
            let source = asked.params.text("source")?;
            invitees.add(if source.is_empty() { "users" } else { &source }, vec![invite]);
        }
        let fits = |names: &Vec<String>| names.len() <= MAX_INVITEES;
        if [&invitees.users, &invitees.groups, &invitees.phones].into_iter().all(fits)
            && invitees.others.values().all(fits)
        {
            Ok(invitees)
        } else {
            Err(refused())
        }
    }

    fn add(&mut self, kind: &str, names: Vec<String>) {
        match kind {
            "users" => self.users.extend(names),
            "groups" => self.groups.extend(names),
            "phones" => self.phones.extend(names),
            other => {
                if !names.is_empty() && self.others.len() < 16 {
                    self.others.entry(other.to_owned()).or_default().extend(names);
                }
            }
        }
    }
}

/// `POST /room`
pub(super) async fn create(asked: Asked) -> OcsResult {
    let user = asked.signed_in()?.clone();
    let room_type = asked.params.int("roomType", i64::from(ROOM_GROUP))?;
    match u8::try_from(room_type) {
        Ok(ROOM_ONE_TO_ONE) => create_pair(&asked, &user.account).await,
        Ok(kind @ (ROOM_GROUP | ROOM_PUBLIC)) => create_group(&asked, &user.account, kind).await,
        Ok(_) | Err(_) => Err(Ocs::error(400, "type")),
    }
}

async fn create_pair(asked: &Asked, me: &accounts::AccountRow) -> OcsResult {
    let mut invite = asked.params.text("invite")?;
    if invite.is_empty() {
        invite = Invitees::read(asked)?.users.into_iter().next().unwrap_or_default();
    }
    let (me, now) = (me.clone(), asked.app.now().unix);
    let actor = Actor::user(&me.id);
    let made = asked
        .app
        .store
        .write(move |c| {
            let Some(other) = accounts::find(c, &invite)? else { return Ok(Err(404)) };
            if other.id == me.id {
                return Ok(Err(403));
            }
            let pair = pair_key(&me.id, &other.id);
            let (room, status) = match rooms::by_pair(c, &pair)? {
                Some(room) => (room.id, 200),
                None => {
                    let mut room = blank_room(ROOM_ONE_TO_ONE, now);
                    room.name = format!("{}, {}", me.display_name, other.display_name);
                    room.pair = Some(pair);
                    (insert_room(c, room)?, 201)
                }
            };
            // Whoever asks is in it (again); the other one only when it is new.
            let joiners = if status == 201 { vec![&me, &other] } else { vec![&me] };
            for account in joiners {
                let actor = Actor::user(&account.id);
                attendees::add(c, room, &actor, &account.display_name, ParticipantKind::Owner)?;
            }
            Ok(Ok((room, status)))
        })
        .await?;
    let (room, status) = made.map_err(|status| Ocs::error(status, "invite"))?;
    if status == 201 {
        asked.app.tell_of_room(room, RoomNews::Created).await?;
    }
    Ok(Ocs::ok(asked.room_now(room, &actor).await?).with_status(status))
}

fn blank_room(room_type: u8, unix: i64) -> RoomRow {
    RoomRow {
        id: 0,
        token: String::new(),
        room_type,
        name: String::new(),
        description: String::new(),
        password: String::new(),
        read_only: false,
        listable: 0,
        lobby: false,
        lobby_timer: 0,
        default_permissions: 0,
        call_permissions: 0,
        recording_consent: false,
        object_type: String::new(),
        object_id: String::new(),
        pair: None,
        last_activity: unix,
        link_expires: 0,
        recording: RecordingStatus::None,
        recording_base: String::new(),
    }
}

/// Stores the room under a token nobody has.
fn insert_room(c: &Connection, mut room: RoomRow) -> Result<i64, StoreError> {
    // Telephones are called only into rooms whose tokens are digits.
    let by_telephone = Settings::read(c)?.sip_dialout;
    loop {
        room.token = if by_telephone { secrets::dialable_token() } else { secrets::room_token() };
        if rooms::by_token(c, &room.token)?.is_none() {
            return rooms::insert(c, &room);
        }
    }
}

/// A room name as clients may send it.
pub(super) fn checked_name(name: &str) -> Option<String> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.contains(char::is_control);
    fits.then(|| name.to_owned())
}

pub(super) fn checked_description(text: &str) -> Option<String> {
    (text.chars().count() <= MAX_DESCRIPTION).then(|| text.to_owned())
}

/// A permission number as it is stored: what says anything at all is a set of its own.
pub(super) fn checked_permissions(bits: u32) -> Option<u32> {
    match bits {
        0 => Some(0),
        bits if bits <= PERMISSIONS_MAX_SENT => Some(bits | 1),
        _ => None,
    }
}

fn small(asked: &Asked, name: &str, most: u8) -> Result<u8, Option<Ocs>> {
    let value = asked.params.int(name, 0).map_err(Some)?;
    u8::try_from(value).ok().filter(|value| *value <= most).ok_or(None)
}

async fn create_group(asked: &Asked, me: &accounts::AccountRow, room_type: u8) -> OcsResult {
    let params = &asked.params;
    let now = asked.app.now().unix;
    let bad = |key: &'static str| move |other: Option<Ocs>| other.unwrap_or_else(|| Ocs::error(400, key));
    let mut room = blank_room(room_type, now);
    room.name = checked_name(&params.text("roomName")?).ok_or_else(|| Ocs::error(400, "name"))?;
    room.description =
        checked_description(&params.text("description")?).ok_or_else(|| Ocs::error(400, "description"))?;
    room.read_only = small(asked, "readOnly", 1).map_err(bad("read-only"))? == 1;
    room.listable = small(asked, "listable", 2).map_err(bad("listable"))?;
    room.lobby = small(asked, "lobbyState", 1).map_err(bad("lobby"))? == 1;
    let timer = params.int("lobbyTimer", 0)?;
    if timer < 0 {
        return Err(Ocs::error(400, "lobby-timer"));
    }
    room.lobby_timer = timer;
    room.recording_consent = small(asked, "recordingConsent", 1).map_err(bad("recording-consent"))? == 1;
    if params.int("sipEnabled", 0)? != 0 {
        return Err(Ocs::error(400, "sip-enabled"));
    }
    room.default_permissions =
        checked_permissions(params.bits("permissions", 0)?).ok_or_else(|| Ocs::error(400, "permissions"))?;
    room.object_type = params.text("objectType")?;
    room.object_id = params.text("objectId")?;
    let object = (room.object_type.as_str(), room.object_id.as_str());
    match object {
        ("", "") => {}
        ("", _) => return Err(Ocs::error(400, "object-type")),
        (_, "") => return Err(Ocs::error(400, "object-id")),
        ("phone" | "phone_temporary" | "phone_persist" | "event" | "instant_meeting", id)
            if id.len() <= 255 => {}
        _ => return Err(Ocs::error(400, "object")),
    }
    let password = params.text("password")?;
    if !password.is_empty() {
        if room_type != ROOM_PUBLIC || password.chars().count() > registry::MAX_PASSWORD {
            return Err(Ocs::error(400, "password"));
        }
        room.password = asked.app.passwords.hash(&password).await?;
    }
    let invitees = Invitees::read(asked)?;
    let strict = !params.has("participants");
    let me = me.clone();
    let actor = Actor::user(&me.id);
    let made = asked
        .app
        .store
        .write(move |c| {
            let settings = Settings::read(c)?;
            let (joining, phones, invalid) = resolve(c, &settings, invitees)?;
            // The old way of naming one invitee fails as a whole.
            if strict && !invalid.is_empty() {
                return Ok(None);
            }
            let id = insert_room(c, room)?;
            attendees::add(c, id, &Actor::user(&me.id), &me.display_name, ParticipantKind::Owner)?;
            for account in joining {
                let actor = Actor::user(&account.id);
                attendees::add(c, id, &actor, &account.display_name, ParticipantKind::User)?;
            }
            for number in phones {
                let actor = Actor { kind: ActorKind::Phones, id: number.clone() };
                attendees::add(c, id, &actor, &number, ParticipantKind::User)?;
            }
            Ok(Some((id, invalid)))
        })
        .await?;
    let (id, invalid) = made.ok_or_else(|| Ocs::error(404, "invite"))?;
    asked.app.tell_of_room(id, RoomNews::Created).await?;
    let mut object = asked.room_now(id, &actor).await?;
    if invalid.is_empty() {
        return Ok(Ocs::ok(object).with_status(201));
    }
    object["invalidParticipants"] = json!(invalid);
    Ok(Ocs::ok(object).with_status(202))
}

type Resolved = (Vec<accounts::AccountRow>, Vec<String>, BTreeMap<String, Vec<String>>);

/// Accounts and numbers behind the invitees, and what is none.
fn resolve(c: &Connection, settings: &Settings, invitees: Invitees) -> Result<Resolved, StoreError> {
    let mut joining = Vec::new();
    let mut phones = Vec::new();
    let mut invalid = invitees.others;
    let mut refuse = |kind: &str, name: String| invalid.entry(kind.to_owned()).or_default().push(name);
    for name in invitees.users {
        match accounts::find(c, &name)? {
            Some(account) => joining.push(account),
            None => refuse("users", name),
        }
    }
    for name in invitees.groups {
        match accounts::group_members(c, &name)? {
            Some(members) => joining.extend(members),
            None => refuse("groups", name),
        }
    }
    for number in invitees.phones {
        if settings.sip_dialout && is_phone_number(&number) {
            phones.push(number)
        } else {
            refuse("phones", number)
        }
    }
    Ok((joining, phones, invalid))
}

/// International numbers as in E.164.
pub(super) fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (4..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// `DELETE /room/{token}`
pub(super) async fn delete(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    place.moderator()?;
    if place.room.room_type == ROOM_ONE_TO_ONE {
        return Err(Ocs::error(400, "type"));
    }
    let id = place.room.id;
    let (told, members) = asked
        .app
        .store
        .write(move |c| {
            let told = crate::store::notifications::accounts_in_room(c, id)?;
            let members = attendees::of_room(c, id)?;
            rooms::remove(c, id)?;
            Ok((told, members))
        })
        .await?;
    let users = members.into_iter().filter(|member| member.actor.kind == ActorKind::Users);
    let users: Vec<String> = users.map(|member| member.actor.id).collect();
    asked.app.tell_of_deletion(&place.room, &users);
    asked.app.sync_room(id).await?;
    asked.app.abandon_recording(place.room);
    for account in told {
        asked.app.push.notify(&account);
    }
    Ok(Ocs::status(200))
}
