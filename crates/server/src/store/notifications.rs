//! Notifications of calls and their recordings. Whether one of a call means "it rings" or "you missed it" is decided when it is read, by whether
//! the call it tells of still runs, so a server that dies in a call leaves a correct missed call behind.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;

/// Older ones than this many are dropped per account.
const KEPT_PER_ACCOUNT: u32 = 200;

/// One stored notification with what is needed of its room.
#[derive(Debug, Clone)]
pub(crate) struct NotificationRow {
    pub(crate) id: i64,
    pub(crate) room: i64,
    pub(crate) token: String,
    pub(crate) room_type: u8,
    pub(crate) room_name: String,
    pub(crate) call_start: i64,
    pub(crate) caller_type: String,
    pub(crate) caller_id: String,
    pub(crate) caller_name: String,
    pub(crate) created: i64,
    pub(crate) about: About,
}

/// What a notification is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// A call that runs or was missed.
    Call,
    /// A recording that has been stored.
    Recording { id: i64, name: String },
    /// A recording that could not be stored.
    RecordingLost,
}

/// The values of the column `subject`; 0 is a call.
const RECORDING: u8 = 1;
const RECORDING_LOST: u8 = 2;

/// What a new notification tells.
#[derive(Debug, Clone)]
pub(crate) struct CallNotice {
    pub(crate) room: i64,
    /// Unix seconds at which the call started; together with the room it names the call.
    pub(crate) call_start: i64,
    pub(crate) caller_type: &'static str,
    pub(crate) caller_id: String,
    pub(crate) caller_name: String,
    /// Unix seconds.
    pub(crate) created: i64,
}

fn notification(row: &Row<'_>) -> rusqlite::Result<NotificationRow> {
    Ok(NotificationRow {
        id: row.get(0)?,
        room: row.get(1)?,
        token: row.get(2)?,
        room_type: row.get(3)?,
        room_name: row.get(4)?,
        call_start: row.get(5)?,
        caller_type: row.get(6)?,
        caller_id: row.get(7)?,
        caller_name: row.get(8)?,
        created: row.get(9)?,
        about: match row.get(10)? {
            RECORDING => About::Recording {
                id: row.get(11)?,
                name: row.get::<_, Option<String>>(12)?.unwrap_or_default(),
            },
            RECORDING_LOST => About::RecordingLost,
            _ => About::Call,
        },
    })
}

/// Notifies `account`; an older notification of the same call is replaced, so that a client that has already
/// settled it sees a new number and rings again.
pub(crate) fn insert(connection: &Connection, account: &str, notice: &CallNotice) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM notifications WHERE account = ?1 AND room = ?2 AND call_start = ?3 AND subject = 0",
        )?
        .execute(params![account, notice.room, notice.call_start])?;
    connection
        .prepare_cached(
            "INSERT INTO notifications (account, room, call_start, caller_type, caller_id, caller_name, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            account,
            notice.room,
            notice.call_start,
            notice.caller_type,
            notice.caller_id,
            notice.caller_name,
            notice.created
        ])?;
    forget_old(connection, account)
}

/// Notifies `account` of a recording of the room's call: of the one stored under this number, or that it is lost.
pub(crate) fn insert_recording(
    connection: &Connection,
    account: &str,
    room: i64,
    recording: Option<i64>,
    unix: i64,
) -> Result<(), StoreError> {
    let subject = if recording.is_some() { RECORDING } else { RECORDING_LOST };
    // Another try may have failed before, or succeed now.
    connection
        .prepare_cached("DELETE FROM notifications WHERE account = ?1 AND room = ?2 AND subject = ?3")?
        .execute(params![account, room, RECORDING_LOST])?;
    connection
        .prepare_cached(
            "INSERT INTO notifications (account, room, call_start, caller_type, caller_id, caller_name, created, subject, recording)
             VALUES (?1, ?2, 0, '', '', '', ?3, ?4, ?5)",
        )?
        .execute(params![account, room, unix, subject, recording.unwrap_or(0)])?;
    forget_old(connection, account)
}

fn forget_old(connection: &Connection, account: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM notifications WHERE account = ?1 AND id <=
             (SELECT id FROM notifications WHERE account = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![account, KEPT_PER_ACCOUNT])?;
    Ok(())
}

/// Newest first.
pub(crate) fn of_account(connection: &Connection, account: &str) -> Result<Vec<NotificationRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT n.id, n.room, r.token, r.type, r.name, n.call_start, n.caller_type, n.caller_id, n.caller_name, n.created,
                n.subject, n.recording, f.name
         FROM notifications n JOIN rooms r ON r.id = n.room LEFT JOIN recordings f ON f.id = n.recording WHERE n.account = ?1 ORDER BY n.id DESC",
    )?;
    let rows = statement.query_map([account], notification)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn has_any_in_room(connection: &Connection, account: &str, room: i64) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM notifications WHERE room = ?2 AND account = ?1 AND subject = 0 LIMIT 1",
    )?;
    Ok(statement.query_row(params![account, room], |_| Ok(())).optional()?.is_some())
}

/// Accounts with a notification of any call of the room.
pub(crate) fn accounts_in_room(connection: &Connection, room: i64) -> Result<Vec<String>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT DISTINCT account FROM notifications WHERE room = ?1 AND subject = 0")?;
    let rows = statement.query_map([room], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes the calls of the room away from the account; what was recorded of them it is still told.
pub(crate) fn remove_of_room(connection: &Connection, account: &str, room: i64) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("DELETE FROM notifications WHERE account = ?1 AND room = ?2 AND subject = 0")?;
    Ok(statement.execute(params![account, room])? > 0)
}

/// Takes away what the account was told at `unix` seconds of the room's recordings.
pub(crate) fn remove_recording(
    connection: &Connection,
    account: &str,
    room: i64,
    unix: i64,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM notifications WHERE account = ?1 AND room = ?2 AND created = ?3 AND subject != 0",
    )?;
    Ok(statement.execute(params![account, room, unix])? > 0)
}

/// False when the account has no such notification.
pub(crate) fn remove(connection: &Connection, account: &str, id: i64) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM notifications WHERE account = ?1 AND id = ?2")?;
    Ok(statement.execute(params![account, id])? > 0)
}

pub(crate) fn remove_all(connection: &Connection, account: &str) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM notifications WHERE account = ?1", [account])? > 0)
}
