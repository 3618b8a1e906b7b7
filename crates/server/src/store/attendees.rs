//! Who belongs to which conversation.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use crate::words::{Actor, ActorKind, ParticipantKind};

/// One membership as stored.
#[derive(Debug, Clone)]
pub(crate) struct AttendeeRow {
    pub(crate) id: i64,
    pub(crate) room: i64,
    pub(crate) actor: Actor,
    pub(crate) display_name: String,
    pub(crate) kind: ParticipantKind,
    /// Own permission bits; 0 inherits.
    pub(crate) permissions: u32,
    pub(crate) notification_level: u8,
    pub(crate) notify_calls: bool,
    pub(crate) favorite: bool,
    pub(crate) important: bool,
    pub(crate) sensitive: bool,
    pub(crate) archived: bool,
}

const COLUMNS: &str = "id, room, actor_type, actor_id, display_name, participant_type, permissions, \
     notification_level, notify_calls, favorite, important, sensitive, archived";

fn attendee(row: &Row<'_>) -> rusqlite::Result<AttendeeRow> {
    let kind: String = row.get(2)?;
    Ok(AttendeeRow {
        id: row.get(0)?,
        room: row.get(1)?,
        actor: Actor { kind: ActorKind::from_stored(&kind), id: row.get(3)? },
        display_name: row.get(4)?,
        kind: ParticipantKind::from_stored(row.get(5)?),
        permissions: row.get(6)?,
        notification_level: row.get(7)?,
        notify_calls: row.get(8)?,
        favorite: row.get(9)?,
        important: row.get(10)?,
        sensitive: row.get(11)?,
        archived: row.get(12)?,
    })
}

/// Adds the actor, or gives the membership it already has.
pub(crate) fn add(
    connection: &Connection,
    room: i64,
    actor: &Actor,
    display_name: &str,
    kind: ParticipantKind,
) -> Result<AttendeeRow, StoreError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO attendees (room, actor_type, actor_id, display_name, participant_type)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![room, actor.kind.as_str(), actor.id, display_name, kind.number()])?;
    by_actor(connection, room, actor)?
        .ok_or_else(|| StoreError::Other("an attendee vanished while it was added".into()))
}

pub(crate) fn by_actor(
    connection: &Connection,
    room: i64,
    actor: &Actor,
) -> Result<Option<AttendeeRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM attendees WHERE room = ?1 AND actor_type = ?2 AND actor_id = ?3"
    ))?;
    Ok(statement.query_row(params![room, actor.kind.as_str(), actor.id], attendee).optional()?)
}

pub(crate) fn by_id(connection: &Connection, room: i64, id: i64) -> Result<Option<AttendeeRow>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM attendees WHERE room = ?1 AND id = ?2"))?;
    Ok(statement.query_row(params![room, id], attendee).optional()?)
}

/// In the order in which they came.
pub(crate) fn of_room(connection: &Connection, room: i64) -> Result<Vec<AttendeeRow>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM attendees WHERE room = ?1 ORDER BY id"))?;
    let rows = statement.query_map([room], attendee)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every membership of one account.
pub(crate) fn of_account(connection: &Connection, account: &str) -> Result<Vec<AttendeeRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM attendees WHERE actor_type = 'users' AND actor_id = ?1"
    ))?;
    let rows = statement.query_map([account], attendee)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes back all that can change of a membership.
pub(crate) fn update(connection: &Connection, changed: &AttendeeRow) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE attendees SET display_name = ?2, participant_type = ?3, permissions = ?4, notification_level = ?5,
                notify_calls = ?6, favorite = ?7, important = ?8, sensitive = ?9, archived = ?10 WHERE id = ?1",
        )?
        .execute(params![
            changed.id,
            changed.display_name,
            changed.kind.number(),
            changed.permissions,
            changed.notification_level,
            changed.notify_calls,
            changed.favorite,
            changed.important,
            changed.sensitive,
            changed.archived
        ])?;
    Ok(())
}

pub(crate) fn clear_permissions(connection: &Connection, room: i64) -> Result<(), StoreError> {
    connection.execute("UPDATE attendees SET permissions = 0 WHERE room = ?1", [room])?;
    Ok(())
}

/// Removes one membership and the account's notifications of the room.
pub(crate) fn remove(connection: &Connection, attendee: &AttendeeRow) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM attendees WHERE id = ?1")?.execute([attendee.id])?;
    if attendee.actor.kind == ActorKind::Users {
        super::notifications::remove_of_room(connection, &attendee.actor.id, attendee.room)?;
    }
    Ok(())
}
