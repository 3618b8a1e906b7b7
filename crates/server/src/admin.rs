//! What the person who owns the server does: accounts, groups, settings, invitations.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::config_keys::{CONFIG_KEYS, ConfigKey};
use crate::error::ServerError;
use crate::registry::{self, NameProblem};
use crate::secrets;
use crate::store::{self, StoreError, accounts, config, in_transaction, invitations};

/// The account that the echo contact runs as.
pub const ECHO_ACCOUNT: &str = "echo";

/// Why an administrative command was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The name has characters that are not allowed, or is too long.
    #[error("`{0}` cannot be a user name: use 1 to 64 letters, digits, spaces or one of . _ @ -")]
    BadName(String),
    /// The account exists.
    #[error("there is already an account named {0}")]
    NameTaken(String),
    /// No such account.
    #[error("there is no account named {0}")]
    NoSuchUser(String),
    /// No such group.
    #[error("there is no group named {0}")]
    NoSuchGroup(String),
    /// Too short or too long.
    #[error(
        "a password needs at least {} and at most {} characters",
        registry::MIN_PASSWORD,
        registry::MAX_PASSWORD
    )]
    BadPassword,
    /// No such setting.
    #[error("there is no setting named {0}")]
    UnknownKey(String),
    /// The setting does not take the value.
    #[error("{key} does not take this value; {help}")]
    BadValue {
        /// The setting.
        key: &'static str,
        /// What it takes.
        help: &'static str,
    },
    /// The data folder could not be used.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// One account as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// Login name and user id.
    pub name: String,
    /// The name others see.
    pub display_name: String,
    /// A guest's account, which finds only what is open to guests.
    pub guest_app: bool,
}

/// One group as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// Its name.
    pub name: String,
    /// Its members' user ids.
    pub members: Vec<String>,
}

/// One setting as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name.
    pub key: &'static str,
    /// Its value; for a secret one, `***` when it is set.
    pub value: String,
    /// Its value when never set.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// Administration of a data folder, also while another process serves it: a running server sees every change with
/// the next request.
///
/// All functions block for a few milliseconds, those that take a password for a tenth of a second: call them from
/// `spawn_blocking` in async code. Cloning is cheap.
#[derive(Clone)]
pub struct Admin {
    folder: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl Admin {
    /// Opens the folder, making it when it is not there.
    pub fn open(data: impl AsRef<Path>) -> Result<Self, ServerError> {
        let folder = data.as_ref();
        crate::folder::prepare(folder)?;
        let connection =
            store::open_connection(folder).map_err(|error| ServerError::from_store(folder, error))?;
        Ok(Self { folder: folder.to_owned(), connection: Arc::new(Mutex::new(connection)) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(&self, job: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, AdminError> {
        let connection = self.connection();
        in_transaction(&connection, job)
            .map_err(|error| AdminError::Server(ServerError::from_store(&self.folder, error)))
    }

    fn read<T>(&self, job: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, AdminError> {
        let connection = self.connection();
        job(&connection).map_err(|error| AdminError::Server(ServerError::from_store(&self.folder, error)))
    }

    /// Adds an account; without `display_name` the name is shown. `guest_app`: see [`UserEntry::guest_app`].
    pub fn add_user(
        &self,
        name: &str,
        display_name: Option<&str>,
        password: &str,
        guest_app: bool,
    ) -> Result<(), AdminError> {
        let problem = |problem| match problem {
            NameProblem::Name => AdminError::BadName(name.to_owned()),
            NameProblem::Password => AdminError::BadPassword,
        };
        registry::check_name(name).map_err(problem)?;
        registry::check_password(password).map_err(problem)?;
        let hash = secrets::hash_password(password).map_err(|_| AdminError::BadPassword)?;
        let display_name = registry::display_name(display_name.unwrap_or(""), name);
        let now = unix_now();
        let added = self.write(|c| accounts::insert(c, name, &display_name, &hash, guest_app, now))?;
        if added { Ok(()) } else { Err(AdminError::NameTaken(name.to_owned())) }
    }

    /// Every account in the order of names.
    pub fn users(&self) -> Result<Vec<UserEntry>, AdminError> {
        let rows = self.read(accounts::all)?;
        let entry = |row: accounts::AccountRow| UserEntry {
            name: row.id,
            display_name: row.display_name,
            guest_app: row.guest_app,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Removes an account with its app passwords and notifications. It is signed out everywhere; its one-to-one
    /// conversations stay with the others, locked.
    pub fn remove_user(&self, name: &str) -> Result<(), AdminError> {
        let removed = self.write(|c| registry::remove_account(c, name))?;
        if removed { Ok(()) } else { Err(AdminError::NoSuchUser(name.to_owned())) }
    }

    /// Gives an account a new password. App passwords stay valid.
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), AdminError> {
        registry::check_password(password).map_err(|_| AdminError::BadPassword)?;
        let hash = secrets::hash_password(password).map_err(|_| AdminError::BadPassword)?;
        let changed = self.write(|c| accounts::set_password_hash(c, name, &hash))?;
        if changed { Ok(()) } else { Err(AdminError::NoSuchUser(name.to_owned())) }
    }

    /// Makes an app password; it cannot be shown again.
    pub fn new_app_password(&self, name: &str) -> Result<String, AdminError> {
        let made = self.write(|c| {
            let Some(account) = accounts::find(c, name)? else { return Ok(None) };
            registry::new_app_password(c, &account.id, "command line", unix_now()).map(Some)
        })?;
        made.ok_or_else(|| AdminError::NoSuchUser(name.to_owned()))
    }

    /// Makes the account of the echo contact if it is missing, and a new app password for it (older ones of its end).
    pub fn ensure_echo(&self) -> Result<String, AdminError> {
        let missing = self.read(|c| accounts::find(c, ECHO_ACCOUNT))?.is_none();
        // Nobody knows the password: only app passwords open this account.
        let hash = if missing {
            secrets::hash_password(&secrets::app_password()).map_err(|_| AdminError::BadPassword)?
        } else {
            String::new()
        };
        let now = unix_now();
        self.write(|c| {
            if missing {
                accounts::insert(c, ECHO_ACCOUNT, "Echo", &hash, false, now)?;
            }
            registry::replace_app_passwords(c, ECHO_ACCOUNT, "echo contact", now)
        })
    }

    /// Puts accounts into a group, which is made when it is new. Nothing happens when one of them does not exist.
    pub fn add_group(&self, group: &str, names: &[String]) -> Result<(), AdminError> {
        registry::check_name(group).map_err(|_| AdminError::BadName(group.to_owned()))?;
        let unknown = self.write(|c| {
            for name in names {
                if accounts::find(c, name)?.is_none() {
                    return Ok(Some(name.clone()));
                }
            }
            accounts::add_to_group(c, group, names)?;
            Ok(None)
        })?;
        unknown.map_or(Ok(()), |name| Err(AdminError::NoSuchUser(name)))
    }

    /// Every group in the order of names.
    pub fn groups(&self) -> Result<Vec<GroupEntry>, AdminError> {
        let groups = self.read(accounts::groups)?;
        Ok(groups.into_iter().map(|(name, members)| GroupEntry { name, members }).collect())
    }

    /// Removes a group; its accounts stay.
    pub fn remove_group(&self, group: &str) -> Result<(), AdminError> {
        let removed = self.write(|c| accounts::remove_group(c, group))?;
        if removed { Ok(()) } else { Err(AdminError::NoSuchGroup(group.to_owned())) }
    }

    /// Changes a setting.
    pub fn set_config(&self, key: &str, value: &str) -> Result<(), AdminError> {
        let known = ConfigKey::find(key).ok_or_else(|| AdminError::UnknownKey(key.to_owned()))?;
        if !known.accepts(value) {
            return Err(AdminError::BadValue { key: known.key, help: known.help });
        }
        self.write(|c| config::set(c, key, value))
    }

    /// One setting's value.
    pub fn config(&self, key: &str) -> Result<String, AdminError> {
        let known = ConfigKey::find(key).ok_or_else(|| AdminError::UnknownKey(key.to_owned()))?;
        Ok(self.read(|c| config::get(c, key))?.unwrap_or_else(|| known.default.to_owned()))
    }

    /// Every setting with its meaning.
    pub fn list_config(&self) -> Result<Vec<ConfigEntry>, AdminError> {
        let stored = self.read(config::all)?;
        let entry = |known: &ConfigKey| {
            let set = stored.iter().find(|(key, _)| key == known.key).map(|(_, value)| value.clone());
            let value = match set {
                Some(value) if known.secret && !value.is_empty() => "***".to_owned(),
                Some(value) => value,
                None => known.default.to_owned(),
            };
            ConfigEntry { key: known.key, value, default: known.default, help: known.help }
        };
        Ok(CONFIG_KEYS.iter().map(entry).collect())
    }

    /// Makes an invitation that can be used `uses` times (at least once) until `expires` has passed. The code goes
    /// into a link, see [`Listening::invitation_link`](crate::Listening::invitation_link); it cannot be shown again.
    pub fn create_invitation(&self, expires: Duration, uses: u32) -> Result<String, AdminError> {
        let code = secrets::invitation_code();
        let now = unix_now();
        let until = now.saturating_add(i64::try_from(expires.as_secs()).unwrap_or(i64::MAX));
        self.write(|c| invitations::insert(c, &secrets::digest(&code), until, uses.max(1), now))?;
        Ok(code)
    }
}

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}
