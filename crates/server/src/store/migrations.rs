//! The numbered steps from an empty file to today's schema. A step that has been released is never changed.

use rusqlite::Connection;

use super::StoreError;

/// Step `n` (counted from 1) leads to `user_version` `n`.
const STEPS: &[&str] = &[FIRST, SECOND, THIRD];

const FIRST: &str = "
CREATE TABLE config (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE accounts (
    id TEXT PRIMARY KEY COLLATE NOCASE,
    display_name TEXT NOT NULL,
    password TEXT NOT NULL,
    guest_app INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'online',
    status_message TEXT,
    created INTEGER NOT NULL
);
CREATE TABLE app_passwords (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(id) ON DELETE CASCADE,
    digest BLOB NOT NULL UNIQUE,
    client TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX app_passwords_by_account ON app_passwords(account);

CREATE TABLE groups (
    name TEXT PRIMARY KEY COLLATE NOCASE
);
CREATE TABLE group_members (
    name TEXT NOT NULL COLLATE NOCASE REFERENCES groups(name) ON DELETE CASCADE,
    account TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(id) ON DELETE CASCADE,
    PRIMARY KEY (name, account)
) WITHOUT ROWID;
CREATE INDEX group_members_by_account ON group_members(account);

CREATE TABLE invitations (
    digest BLOB PRIMARY KEY,
    expires INTEGER NOT NULL,
    uses_left INTEGER NOT NULL,
    created INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE rooms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    type INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    password TEXT NOT NULL DEFAULT '',
    read_only INTEGER NOT NULL DEFAULT 0,
    listable INTEGER NOT NULL DEFAULT 0,
    lobby INTEGER NOT NULL DEFAULT 0,
    lobby_timer INTEGER NOT NULL DEFAULT 0,
    default_permissions INTEGER NOT NULL DEFAULT 0,
    call_permissions INTEGER NOT NULL DEFAULT 0,
    recording_consent INTEGER NOT NULL DEFAULT 0,
    object_type TEXT NOT NULL DEFAULT '',
    object_id TEXT NOT NULL DEFAULT '',
    pair TEXT UNIQUE,
    last_activity INTEGER NOT NULL
);
CREATE INDEX rooms_by_listable ON rooms(listable) WHERE listable > 0;

CREATE TABLE attendees (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL REFERENCES rooms(id) ON DELETE CASCADE,
    actor_type TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    participant_type INTEGER NOT NULL,
    permissions INTEGER NOT NULL DEFAULT 0,
    notification_level INTEGER NOT NULL DEFAULT 0,
    notify_calls INTEGER NOT NULL DEFAULT 1,
    favorite INTEGER NOT NULL DEFAULT 0,
    important INTEGER NOT NULL DEFAULT 0,
    sensitive INTEGER NOT NULL DEFAULT 0,
    archived INTEGER NOT NULL DEFAULT 0,
    UNIQUE (room, actor_type, actor_id)
);
CREATE INDEX attendees_by_actor ON attendees(actor_type, actor_id);

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(id) ON DELETE CASCADE,
    room INTEGER NOT NULL REFERENCES rooms(id) ON DELETE CASCADE,
    call_start INTEGER NOT NULL,
    caller_type TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    caller_name TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX notifications_by_account ON notifications(account);
CREATE INDEX notifications_by_room ON notifications(room);
";

const SECOND: &str = "
ALTER TABLE rooms ADD COLUMN link_expires INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rooms_by_lobby_timer ON rooms(lobby_timer) WHERE lobby != 0 AND lobby_timer > 0;
";

const THIRD: &str = "
ALTER TABLE rooms ADD COLUMN call_recording INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN recording_owner TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN recording_base TEXT NOT NULL DEFAULT '';
CREATE TABLE recordings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL COLLATE NOCASE REFERENCES accounts(id) ON DELETE CASCADE,
    token TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX recordings_by_account ON recordings(account);
ALTER TABLE notifications ADD COLUMN subject INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN recording INTEGER NOT NULL DEFAULT 0;

CREATE TABLE bans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL REFERENCES rooms(id) ON DELETE CASCADE,
    moderator_type TEXT NOT NULL,
    moderator_id TEXT NOT NULL,
    moderator_name TEXT NOT NULL,
    banned_type TEXT NOT NULL,
    banned_id TEXT NOT NULL,
    banned_name TEXT NOT NULL,
    created INTEGER NOT NULL,
    note TEXT NOT NULL,
    UNIQUE (room, banned_type, banned_id)
);
";

/// Runs the steps that are missing, all in one transaction, so that a crash in between leaves the old schema.
pub(super) fn run(connection: &Connection) -> Result<(), StoreError> {
    let known = STEPS.len() as i64;
    if version(connection)? == known {
        return Ok(());
    }
    super::in_transaction(connection, |connection| {
        // Asked again under the write lock: another process may have been faster.
        let found = version(connection)?;
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        for step in &STEPS[usize::try_from(found).unwrap_or(0)..] {
            connection.execute_batch(step)?;
        }
        connection.pragma_update(None, "user_version", known)?;
        Ok(())
    })
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_connection;

    #[test]
    fn a_newer_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_connection(folder.path()).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let refused = open_connection(folder.path()).map(drop);
        assert_eq!(refused, Err(StoreError::Newer { found: 99, known: STEPS.len() as i64 }));
    }

    #[test]
    fn opening_twice_keeps_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        crate::store::config::set(&open_connection(folder.path()).unwrap(), "a", "1").unwrap();
        let again = open_connection(folder.path()).unwrap();
        assert_eq!(crate::store::config::get(&again, "a").unwrap(), Some("1".into()));
    }
}
