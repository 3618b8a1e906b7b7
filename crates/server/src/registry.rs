//! Rules of accounts that hold wherever they are made, changed or removed.

use rusqlite::{Connection, params};

use crate::secrets;
use crate::store::{StoreError, accounts, attendees, rooms};
use bellbird_talk_wire::constants::ROOM_FORMER_ONE_TO_ONE;

/// Fewest characters of a password.
pub(crate) const MIN_PASSWORD: usize = 8;
/// Most characters of a password: hashing must not take as much as somebody likes.
pub(crate) const MAX_PASSWORD: usize = 469;
/// Most characters of a user name.
const MAX_NAME: usize = 64;
/// Most characters of a display name.
const MAX_DISPLAY_NAME: usize = 64;

/// What is wrong with a name and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameProblem {
    Name,
    Password,
}

/// User and group names: 1 to 64 of letters, digits, space and `. _ @ -`, no space at the ends, nothing that is a
/// path of its own.
pub(crate) fn check_name(name: &str) -> Result<(), NameProblem> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.trim() == name
        && !name.chars().all(|character| character == '.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '@' | '-'));
    if fits { Ok(()) } else { Err(NameProblem::Name) }
}

pub(crate) fn check_password(password: &str) -> Result<(), NameProblem> {
    let fits = (MIN_PASSWORD..=MAX_PASSWORD).contains(&password.chars().count());
    if fits { Ok(()) } else { Err(NameProblem::Password) }
}

/// A name to show: one line, not too long, `otherwise` when nothing is left.
pub(crate) fn display_name(wished: &str, otherwise: &str) -> String {
    let cleaned: String = wished.chars().filter(|character| !character.is_control()).collect();
    let cut: String = cleaned.trim().chars().take(MAX_DISPLAY_NAME).collect();
    let cut = cut.trim();
    if cut.is_empty() { otherwise.to_owned() } else { cut.to_owned() }
}

/// Makes an app password for an account that exists.
pub(crate) fn new_app_password(
    connection: &Connection,
    account: &str,
    client: &str,
    now: i64,
) -> Result<String, StoreError> {
    let password = secrets::app_password();
    accounts::insert_app_password(connection, account, &secrets::digest(&password), client, now)?;
    Ok(password)
}

/// As [`new_app_password`], ending all others of the account.
pub(crate) fn replace_app_passwords(
    connection: &Connection,
    account: &str,
    client: &str,
    now: i64,
) -> Result<String, StoreError> {
    connection.execute("DELETE FROM app_passwords WHERE account = ?1", params![account])?;
    new_app_password(connection, account, client, now)
}

/// Removes an account wherever it is. False when there is none.
pub(crate) fn remove_account(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let Some(account) = accounts::find(connection, name)? else { return Ok(false) };
    for attendee in attendees::of_account(connection, &account.id)? {
        attendees::remove(connection, &attendee)?;
        let Some(mut room) = rooms::by_id(connection, attendee.room)? else { continue };
        let left = attendees::of_room(connection, room.id)?;
        if left.is_empty() {
            rooms::remove(connection, room.id)?;
        } else if room.pair.is_some() {
            room.room_type = ROOM_FORMER_ONE_TO_ONE;
            room.read_only = true;
            room.name = account.display_name.clone();
            room.pair = None;
            rooms::update(connection, &room)?;
        }
    }
    // One-to-one conversations the account had left by itself.
    connection.execute(
        "UPDATE rooms SET type = ?2, read_only = 1, name = ?3, pair = NULL
         WHERE pair IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(pair) WHERE value = ?1)",
        params![account.id, ROOM_FORMER_ONE_TO_ONE, account.display_name],
    )?;
    accounts::remove(connection, &account.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["alice", "a", "Anna Lee", "x@y.org", "under_score-1"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", " a", "a ", ".", "..", "a/b", "a\nb", "ä", "a:b", &"x".repeat(65)] {
            assert_eq!(check_name(bad), Err(NameProblem::Name), "{bad:?}");
        }
    }

    #[test]
    fn display_names_are_one_short_line() {
        assert_eq!(display_name("  Anna\u{7}\nLee ", "a"), "AnnaLee");
        assert_eq!(display_name("\n", "a"), "a");
        assert_eq!(display_name(&"é".repeat(100), "a").chars().count(), 64);
    }
}
