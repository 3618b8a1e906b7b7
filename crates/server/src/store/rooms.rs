//! Conversations.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use crate::words::RecordingStatus;
use bellbird_talk_wire::constants::ROOM_PUBLIC;

/// One conversation as stored.
#[derive(Debug, Clone)]
pub(crate) struct RoomRow {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) room_type: u8,
    pub(crate) name: String,
    pub(crate) description: String,
    /// argon2 hash, empty without password.
    pub(crate) password: String,
    pub(crate) read_only: bool,
    pub(crate) listable: u8,
    pub(crate) lobby: bool,
    /// Unix seconds at which the lobby opens by itself; 0 never.
    pub(crate) lobby_timer: i64,
    pub(crate) default_permissions: u32,
    pub(crate) call_permissions: u32,
    pub(crate) recording_consent: bool,
    pub(crate) object_type: String,
    pub(crate) object_id: String,
    /// Both user ids of a one-to-one conversation, see [`pair_key`].
    pub(crate) pair: Option<String>,
    pub(crate) last_activity: i64,
    /// Unix seconds from which the link of a public conversation lets nobody in any more; 0 never.
    pub(crate) link_expires: i64,
    /// How the recording of its call stands. Changed by [`super::recordings`] alone.
    pub(crate) recording: RecordingStatus,
    /// The address under which the recording server knows this server in this room.
    pub(crate) recording_base: String,
}

impl RoomRow {
    /// Whether whoever has the link may look at the room and come in.
    pub(crate) fn is_open_by_link(&self, unix: i64) -> bool {
        self.room_type == ROOM_PUBLIC && (self.link_expires == 0 || unix < self.link_expires)
    }

    /// Whether the lobby keeps people out at `unix` seconds.
    pub(crate) fn lobby_is_active(&self, unix: i64) -> bool {
        self.lobby && (self.lobby_timer == 0 || unix < self.lobby_timer)
    }

    /// The user id on the other side of a one-to-one conversation.
    pub(crate) fn other_of_pair(&self, own: &str) -> Option<String> {
        let [first, second]: [String; 2] = serde_json::from_str(self.pair.as_deref()?).ok()?;
        Some(if first == own { second } else { first })
    }
}

/// What names the one-to-one conversation of two accounts, whoever starts it.
pub(crate) fn pair_key(one: &str, other: &str) -> String {
    let mut ids = [one, other];
    ids.sort_unstable();
    serde_json::json!(ids).to_string()
}

const COLUMNS: &str = "id, token, type, name, description, password, read_only, listable, lobby, lobby_timer, \
     default_permissions, call_permissions, recording_consent, object_type, object_id, pair, last_activity, \
     link_expires, call_recording, recording_base";

fn room(row: &Row<'_>) -> rusqlite::Result<RoomRow> {
    Ok(RoomRow {
        id: row.get(0)?,
        token: row.get(1)?,
        room_type: row.get(2)?,
        name: row.get(3)?,
        description: row.get(4)?,
        password: row.get(5)?,
        read_only: row.get(6)?,
        listable: row.get(7)?,
        lobby: row.get(8)?,
        lobby_timer: row.get(9)?,
        default_permissions: row.get(10)?,
        call_permissions: row.get(11)?,
        recording_consent: row.get(12)?,
        object_type: row.get(13)?,
        object_id: row.get(14)?,
        pair: row.get(15)?,
        last_activity: row.get(16)?,
        link_expires: row.get(17)?,
        recording: RecordingStatus::from_stored(row.get(18)?),
        recording_base: row.get(19)?,
    })
}

/// Stores a new room (its `id` is ignored) and gives the number it got. Fails when the token or pair exists.
pub(crate) fn insert(connection: &Connection, new: &RoomRow) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO rooms (token, type, name, description, password, read_only, listable, lobby, lobby_timer,
                default_permissions, call_permissions, recording_consent, object_type, object_id, pair, last_activity,
                link_expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            new.token,
            new.room_type,
            new.name,
            new.description,
            new.password,
            new.read_only,
            new.listable,
            new.lobby,
            new.lobby_timer,
            new.default_permissions,
            new.call_permissions,
            new.recording_consent,
            new.object_type,
            new.object_id,
            new.pair,
            new.last_activity,
            new.link_expires
        ])?;
    Ok(connection.last_insert_rowid())
}

/// Writes back everything of the room that can change, but how its recording stands.
pub(crate) fn update(connection: &Connection, changed: &RoomRow) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE rooms SET type = ?2, name = ?3, description = ?4, password = ?5, read_only = ?6, listable = ?7,
                lobby = ?8, lobby_timer = ?9, default_permissions = ?10, call_permissions = ?11,
                recording_consent = ?12, pair = ?13, last_activity = ?14, link_expires = ?15 WHERE id = ?1",
        )?
        .execute(params![
            changed.id,
            changed.room_type,
            changed.name,
            changed.description,
            changed.password,
            changed.read_only,
            changed.listable,
            changed.lobby,
            changed.lobby_timer,
            changed.default_permissions,
            changed.call_permissions,
            changed.recording_consent,
            changed.pair,
            changed.last_activity,
            changed.link_expires
        ])?;
    Ok(())
}

fn find(
    connection: &Connection,
    condition: &str,
    value: &dyn rusqlite::ToSql,
) -> Result<Option<RoomRow>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM rooms WHERE {condition} = ?1"))?;
    Ok(statement.query_row([value], room).optional()?)
}

pub(crate) fn by_token(connection: &Connection, token: &str) -> Result<Option<RoomRow>, StoreError> {
    find(connection, "token", &token)
}

pub(crate) fn by_id(connection: &Connection, id: i64) -> Result<Option<RoomRow>, StoreError> {
    find(connection, "id", &id)
}

pub(crate) fn by_pair(connection: &Connection, pair: &str) -> Result<Option<RoomRow>, StoreError> {
    find(connection, "pair", &pair)
}

/// Rooms the account attends, the last active first.
pub(crate) fn of_account(connection: &Connection, account: &str) -> Result<Vec<RoomRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM rooms WHERE id IN
         (SELECT room FROM attendees WHERE actor_type = 'users' AND actor_id = ?1)
         ORDER BY last_activity DESC, id DESC"
    ))?;
    let rows = statement.query_map([account], room)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Open rooms whose name contains `text`, with at least the given openness.
pub(crate) fn listable(
    connection: &Connection,
    at_least: u8,
    text: &str,
    not_of: &str,
) -> Result<Vec<RoomRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM rooms WHERE listable >= ?1 AND instr(lower(name), lower(?2)) > 0 AND id NOT IN
         (SELECT room FROM attendees WHERE actor_type = 'users' AND actor_id = ?3 UNION ALL
          SELECT room FROM bans WHERE banned_type = 'users' AND banned_id = ?3) ORDER BY name LIMIT 200"
    ))?;
    let rows = statement.query_map(params![at_least, text, not_of], room)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn remove(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection.execute("DELETE FROM rooms WHERE id = ?1", [id])?;
    Ok(())
}

pub(crate) fn touch(connection: &Connection, id: i64, unix: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE rooms SET last_activity = MAX(last_activity, ?2) WHERE id = ?1")?
        .execute(params![id, unix])?;
    Ok(())
}

/// Rooms whose lobby should have opened by `unix` seconds.
pub(crate) fn lobbies_over(connection: &Connection, unix: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM rooms WHERE lobby != 0 AND lobby_timer > 0 AND lobby_timer <= ?1")?;
    let rows = statement.query_map([unix], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Opens a room's lobby for good.
pub(crate) fn open_lobby(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE rooms SET lobby = 0, lobby_timer = 0 WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// What a call's end resets: permissions that were given for that call alone.
pub(crate) fn clear_call_permissions(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE rooms SET call_permissions = 0 WHERE id = ?1 AND call_permissions != 0")?
        .execute([id])?;
    Ok(())
}

/// Settles what calls and guests left behind when the last run ended without warning: sessions live in memory, so
/// no call runs and no guest or self-joined account is present when a server starts.
pub(crate) fn settle_after_start(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(
        "UPDATE rooms SET call_permissions = 0 WHERE call_permissions != 0;
         DELETE FROM attendees WHERE actor_type = 'guests' OR participant_type = 5;",
    )?;
    Ok(())
}
