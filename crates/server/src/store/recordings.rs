//! How the recording of each room's call stands, and which recordings have been stored for whom.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::rooms;
use crate::words::RecordingStatus;

/// A stored recording.
#[derive(Debug, Clone)]
pub(crate) struct RecordingRow {
    /// The room's, at the time.
    pub(crate) token: String,
    /// Of the file, within the room's folder.
    pub(crate) name: String,
}

/// Notes that somebody asks for a recording, unless one is underway; false then.
pub(crate) fn begin(
    connection: &Connection,
    room: i64,
    status: RecordingStatus,
    owner: &str,
    base: &str,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE rooms SET call_recording = ?2, recording_owner = ?3, recording_base = ?4
             WHERE id = ?1 AND call_recording IN (0, 5)",
        )?
        .execute(params![room, status.number(), owner, base])?;
    Ok(changed > 0)
}

/// Changes how the recording stands if `from` holds of it; false when it does not, or the room is gone. To be used in
/// a write alone, where nobody can come in between.
pub(crate) fn change(
    connection: &Connection,
    room: i64,
    from: fn(RecordingStatus) -> bool,
    to: RecordingStatus,
) -> Result<bool, StoreError> {
    let Some(row) = rooms::by_id(connection, room)? else { return Ok(false) };
    if !from(row.recording) {
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE rooms SET call_recording = ?2 WHERE id = ?1")?
        .execute(params![room, to.number()])?;
    Ok(true)
}

/// Who is told of the recording that was started last, until it has been stored.
pub(crate) fn take_owner(connection: &Connection, room: i64) -> Result<Option<String>, StoreError> {
    let owner: Option<String> = connection
        .prepare_cached("SELECT recording_owner FROM rooms WHERE id = ?1")?
        .query_row([room], |row| row.get(0))
        .optional()?;
    connection.prepare_cached("UPDATE rooms SET recording_owner = '' WHERE id = ?1")?.execute([room])?;
    Ok(owner.filter(|owner| !owner.is_empty()))
}

/// Rooms whose recording is underway.
pub(crate) fn underway(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM rooms WHERE call_recording BETWEEN 1 AND 4")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes a file that lies in the room's folder; gives its number.
pub(crate) fn insert(
    connection: &Connection,
    account: &str,
    file: &RecordingRow,
    size: u64,
    unix: i64,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO recordings (account, token, name, size, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![account, file.token, file.name, size.cast_signed(), unix])?;
    Ok(connection.last_insert_rowid())
}

/// A recording of this account.
pub(crate) fn find(
    connection: &Connection,
    account: &str,
    id: i64,
) -> Result<Option<RecordingRow>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT token, name FROM recordings WHERE account = ?1 AND id = ?2")?;
    let found = statement
        .query_row(params![account, id], |row| Ok(RecordingRow { token: row.get(0)?, name: row.get(1)? }));
    Ok(found.optional()?)
}
