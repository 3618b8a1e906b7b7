//! Server-wide settings as they lie in the database; their meaning is in [`crate::config_keys`].

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

pub(crate) fn get(connection: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM config WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

pub(crate) fn set(connection: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO config (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?;
    statement.execute(params![key, value])?;
    Ok(())
}

/// The value of `key`, or `made` kept as its value from now on.
pub(crate) fn get_or_insert(connection: &Connection, key: &str, made: &str) -> Result<String, StoreError> {
    connection.execute("INSERT OR IGNORE INTO config (key, value) VALUES (?1, ?2)", params![key, made])?;
    Ok(get(connection, key)?.unwrap_or_else(|| made.to_owned()))
}

/// Every stored pair in the order of keys.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM config ORDER BY key")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
