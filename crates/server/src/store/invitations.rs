//! Invitations to register. Only a digest of each code is kept: reading the database gives no way in.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

pub(crate) fn insert(
    connection: &Connection,
    digest: &[u8; 32],
    expires: i64,
    uses: u32,
    now: i64,
) -> Result<(), StoreError> {
    connection.execute("DELETE FROM invitations WHERE expires <= ?1 OR uses_left = 0", [now])?;
    connection.execute(
        "INSERT INTO invitations (digest, expires, uses_left, created) VALUES (?1, ?2, ?3, ?4)",
        params![digest, expires, uses, now],
    )?;
    Ok(())
}

pub(crate) fn is_valid(connection: &Connection, digest: &[u8; 32], now: i64) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM invitations WHERE digest = ?1 AND expires > ?2 AND uses_left > 0")?;
    Ok(statement.query_row(params![digest, now], |_| Ok(())).optional()?.is_some())
}

/// Takes one use away; false when none was left (somebody else was faster, or it has expired).
pub(crate) fn consume(connection: &Connection, digest: &[u8; 32], now: i64) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE invitations SET uses_left = uses_left - 1 WHERE digest = ?1 AND expires > ?2 AND uses_left > 0",
    )?;
    Ok(statement.execute(params![digest, now])? == 1)
}
