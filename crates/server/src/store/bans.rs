//! Who may not come into which conversation.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use crate::words::{Actor, ActorKind};

/// The `banned_type` of addresses.
pub(crate) const IP: &str = "ip";
/// Most bans of one room; further ones are not noted.
const MAX_PER_ROOM: i64 = 1000;

/// One ban as stored.
#[derive(Debug, Clone)]
pub(crate) struct BanRow {
    pub(crate) id: i64,
    pub(crate) moderator_type: String,
    pub(crate) moderator_id: String,
    pub(crate) moderator_name: String,
    /// `users`, `guests` or [`IP`].
    pub(crate) banned_type: String,
    pub(crate) banned_id: String,
    pub(crate) banned_name: String,
    /// Unix seconds.
    pub(crate) created: i64,
    pub(crate) note: String,
}

const COLUMNS: &str = "id, moderator_type, moderator_id, moderator_name, banned_type, banned_id, banned_name, \
     created, note";

fn ban(row: &Row<'_>) -> rusqlite::Result<BanRow> {
    Ok(BanRow {
        id: row.get(0)?,
        moderator_type: row.get(1)?,
        moderator_id: row.get(2)?,
        moderator_name: row.get(3)?,
        banned_type: row.get(4)?,
        banned_id: row.get(5)?,
        banned_name: row.get(6)?,
        created: row.get(7)?,
        note: row.get(8)?,
    })
}

/// Notes a ban (its `id` is ignored) and gives it as it stands: an older one of the same stays. `None`: there are too
/// many.
pub(crate) fn add(connection: &Connection, room: i64, new: &BanRow) -> Result<Option<BanRow>, StoreError> {
    let there: i64 = connection
        .prepare_cached("SELECT COUNT(*) FROM bans WHERE room = ?1")?
        .query_row([room], |row| row.get(0))?;
    if there < MAX_PER_ROOM {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO bans (room, moderator_type, moderator_id, moderator_name, banned_type, banned_id,
                    banned_name, created, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                room,
                new.moderator_type,
                new.moderator_id,
                new.moderator_name,
                new.banned_type,
                new.banned_id,
                new.banned_name,
                new.created,
                new.note
            ])?;
    }
    find(connection, room, &new.banned_type, &new.banned_id)
}

fn find(
    connection: &Connection,
    room: i64,
    banned_type: &str,
    banned_id: &str,
) -> Result<Option<BanRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM bans WHERE room = ?1 AND banned_type = ?2 AND banned_id = ?3"
    ))?;
    Ok(statement.query_row(params![room, banned_type, banned_id], ban).optional()?)
}

/// The oldest first.
pub(crate) fn of_room(connection: &Connection, room: i64) -> Result<Vec<BanRow>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM bans WHERE room = ?1 ORDER BY id"))?;
    let rows = statement.query_map([room], ban)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn remove(connection: &Connection, room: i64, id: i64) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM bans WHERE room = ?1 AND id = ?2")?.execute([room, id])?;
    Ok(())
}

/// The ban of the actor itself.
pub(crate) fn of_actor(
    connection: &Connection,
    room: i64,
    actor: &Actor,
) -> Result<Option<BanRow>, StoreError> {
    find(connection, room, actor.kind.as_str(), &actor.id)
}

/// The ban that keeps the actor out who comes from `address`. Addresses count for guests alone: accounts can be told
/// apart.
pub(crate) fn against(
    connection: &Connection,
    room: i64,
    actor: &Actor,
    address: IpAddr,
) -> Result<Option<BanRow>, StoreError> {
    let own = of_actor(connection, room, actor)?;
    if own.is_some() || actor.kind != ActorKind::Guests {
        return Ok(own);
    }
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM bans WHERE room = ?1 AND banned_type = 'ip'"))?;
    for found in statement.query_map([room], ban)? {
        let found = found?;
        if AddressRange::parse(&found.banned_id).is_some_and(|range| range.contains(address)) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// One address, or those that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressRange {
    first: IpAddr,
    /// How many bits are alike.
    bits: u32,
}

impl AddressRange {
    /// `192.0.2.1` or `192.0.2.0/24`, and likewise for IPv6.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let first = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { first, bits })
    }

    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                (first.to_bits() ^ other.to_bits()).checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => {
                (first.to_bits() ^ other.to_bits()).checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_begins_alike() {
        for (range, address, holds) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/24", "::ffff:192.0.2.7", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "2001:db8::1", true),
        ] {
            let range = AddressRange::parse(range).unwrap();
            assert_eq!(range.contains(address.parse().unwrap()), holds, "{range:?} {address}");
        }
        for wrong in
            ["", "a", "192.0.2", "192.0.2.0/33", "192.0.2.0/-1", "::/129", "192.0.2.0/", "1.2.3.4/8/8"]
        {
            assert_eq!(AddressRange::parse(wrong), None, "{wrong}");
        }
    }
}
