//! Accounts, their app passwords and groups.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;

/// One account, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountRow {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) guest_app: bool,
    pub(crate) status: String,
    pub(crate) status_message: Option<String>,
}

const COLUMNS: &str = "id, display_name, guest_app, status, status_message";

fn account(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: row.get(0)?,
        display_name: row.get(1)?,
        guest_app: row.get(2)?,
        status: row.get(3)?,
        status_message: row.get(4)?,
    })
}

/// False when the name is taken (names are compared without case).
pub(crate) fn insert(
    connection: &Connection,
    id: &str,
    display_name: &str,
    password_hash: &str,
    guest_app: bool,
    now: i64,
) -> Result<bool, StoreError> {
    let inserted = connection.execute(
        "INSERT OR IGNORE INTO accounts (id, display_name, password, guest_app, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, display_name, password_hash, guest_app, now],
    )?;
    Ok(inserted == 1)
}

pub(crate) fn find(connection: &Connection, id: &str) -> Result<Option<AccountRow>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE id = ?1"))?;
    Ok(statement.query_row([id], account).optional()?)
}

pub(crate) fn all(connection: &Connection) -> Result<Vec<AccountRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts ORDER BY id"))?;
    let rows = statement.query_map([], account)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Accounts whose id or display name contains `text` (without case), in the order of display names.
pub(crate) fn search(
    connection: &Connection,
    text: &str,
    limit: u32,
    offset: u32,
) -> Result<Vec<AccountRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM accounts WHERE id LIKE ?1 ESCAPE '\\' OR display_name LIKE ?1 ESCAPE '\\'
         ORDER BY display_name COLLATE NOCASE, id LIMIT ?2 OFFSET ?3"
    ))?;
    let rows = statement.query_map(params![like_pattern(text), limit, offset], account)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Removes the account and, by the schema, all that hangs on it. False when there was none.
pub(crate) fn remove(connection: &Connection, id: &str) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM accounts WHERE id = ?1", [id])? == 1)
}

/// The id as it was first written, and the argon2 hash of the password.
pub(crate) fn password_hash(
    connection: &Connection,
    id: &str,
) -> Result<Option<(AccountRow, String)>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS}, password FROM accounts WHERE id = ?1"))?;
    Ok(statement.query_row([id], |row| Ok((account(row)?, row.get(5)?))).optional()?)
}

pub(crate) fn set_password_hash(connection: &Connection, id: &str, hash: &str) -> Result<bool, StoreError> {
    Ok(connection.execute("UPDATE accounts SET password = ?2 WHERE id = ?1", params![id, hash])? == 1)
}

/// Also renames the account where it attends.
pub(crate) fn set_display_name(connection: &Connection, id: &str, name: &str) -> Result<(), StoreError> {
    connection.execute("UPDATE accounts SET display_name = ?2 WHERE id = ?1", params![id, name])?;
    connection.execute(
        "UPDATE attendees SET display_name = ?2 WHERE actor_type = 'users' AND actor_id = ?1",
        params![id, name],
    )?;
    Ok(())
}

pub(crate) fn set_status(
    connection: &Connection,
    id: &str,
    status: &str,
    message: Option<&str>,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE accounts SET status = ?2, status_message = ?3 WHERE id = ?1",
        params![id, status, message],
    )?;
    Ok(())
}

/// The new app password's row number.
pub(crate) fn insert_app_password(
    connection: &Connection,
    account: &str,
    digest: &[u8; 32],
    client: &str,
    now: i64,
) -> Result<i64, StoreError> {
    connection.execute(
        "INSERT INTO app_passwords (account, digest, client, created) VALUES (?1, ?2, ?3, ?4)",
        params![account, digest, client, now],
    )?;
    Ok(connection.last_insert_rowid())
}

/// The account that the app password with this digest opens, and the app password's row number.
pub(crate) fn find_by_app_password(
    connection: &Connection,
    digest: &[u8; 32],
) -> Result<Option<(AccountRow, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.id, a.display_name, a.guest_app, a.status, a.status_message, p.id
         FROM app_passwords p JOIN accounts a ON a.id = p.account WHERE p.digest = ?1",
    )?;
    Ok(statement.query_row(params![digest], |row| Ok((account(row)?, row.get(5)?))).optional()?)
}

pub(crate) fn remove_app_password(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection.execute("DELETE FROM app_passwords WHERE id = ?1", [id])?;
    Ok(())
}

pub(crate) fn app_password_exists(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM app_passwords WHERE id = ?1")?;
    Ok(statement.query_row([id], |_| Ok(())).optional()?.is_some())
}

/// Makes the group when it is new and adds the accounts; gives the names that are no accounts.
pub(crate) fn add_to_group(
    connection: &Connection,
    group: &str,
    names: &[String],
) -> Result<Vec<String>, StoreError> {
    connection.execute("INSERT OR IGNORE INTO groups (name) VALUES (?1)", [group])?;
    let mut unknown = Vec::new();
    for name in names {
        match find(connection, name)? {
            Some(account) => {
                connection.execute(
                    "INSERT OR IGNORE INTO group_members (name, account) VALUES (?1, ?2)",
                    params![group, account.id],
                )?;
            }
            None => unknown.push(name.clone()),
        }
    }
    Ok(unknown)
}

/// Groups with their members, both in the order of names.
pub(crate) fn groups(connection: &Connection) -> Result<Vec<(String, Vec<String>)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT g.name, m.account FROM groups g LEFT JOIN group_members m ON m.name = g.name
         ORDER BY g.name, m.account",
    )?;
    let mut rows = statement.query([])?;
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if groups.last().is_none_or(|(last, _)| *last != name) {
            groups.push((name, Vec::new()));
        }
        if let (Some((_, members)), Some(member)) = (groups.last_mut(), row.get::<_, Option<String>>(1)?) {
            members.push(member);
        }
    }
    Ok(groups)
}

pub(crate) fn group_members(
    connection: &Connection,
    group: &str,
) -> Result<Option<Vec<AccountRow>>, StoreError> {
    let exists = connection
        .prepare_cached("SELECT 1 FROM groups WHERE name = ?1")?
        .query_row([group], |_| Ok(()))
        .optional()?;
    if exists.is_none() {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM accounts WHERE id IN (SELECT account FROM group_members WHERE name = ?1) ORDER BY id"
    ))?;
    let rows = statement.query_map([group], account)?;
    Ok(Some(rows.collect::<Result<_, _>>()?))
}

pub(crate) fn is_in_group(connection: &Connection, account: &str, group: &str) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM group_members WHERE name = ?1 AND account = ?2")?;
    Ok(statement.query_row([group, account], |_| Ok(())).optional()?.is_some())
}

pub(crate) fn remove_group(connection: &Connection, group: &str) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM groups WHERE name = ?1", [group])? == 1)
}
