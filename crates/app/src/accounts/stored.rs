//! The stored logins of a data folder, for a program that uses one without being the folder's core.

use std::path::Path;
use std::sync::Arc;

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};

use super::{KeyStore, PatientKeyStore};
use crate::settings::{AccountHome, Settings, SettingsFile, StoredAccount};

/// Reads stored logins; changes nothing.
#[derive(Debug)]
pub struct StoredLogins {
    settings: Settings,
    keys: PatientKeyStore,
}

impl StoredLogins {
    /// Reads the settings of `data`.
    ///
    /// # Errors
    /// What keeps the settings from being read.
    pub fn open(data: &Path, keys: Arc<dyn KeyStore>) -> Result<Self, Problem> {
        let (_, settings, problem) = SettingsFile::open(Some(data));
        match problem {
            Some(problem) => Err(problem),
            None => Ok(Self { settings, keys: PatientKeyStore::new(keys) }),
        }
    }

    /// Every stored login.
    pub fn all(&self) -> &[StoredAccount] {
        &self.settings.accounts
    }

    /// The login named by its id or, when only one has it, by its user id, with its app password.
    ///
    /// # Errors
    /// `unknown-user` when there is none or several, `not-now` for an account of the embedded server, whose password
    /// its core alone has, `no-key-store` and `signed-out` when the password is not at hand.
    pub async fn find(&self, name: &str) -> Result<(StoredAccount, Secret), Problem> {
        let accounts = self.settings.accounts.iter();
        let named: Vec<_> = match accounts.clone().find(|account| account.id == name) {
            Some(account) => vec![account],
            None => accounts.filter(|account| account.user_id == name).collect(),
        };
        let account = match named.as_slice() {
            [account] => *account,
            [] => return Err(Problem::new(ProblemCode::UnknownUser, "no stored account has this name")),
            _ => {
                let detail = "several stored accounts have this name: use the whole id";
                return Err(Problem::new(ProblemCode::UnknownUser, detail));
            }
        };
        match account.home {
            AccountHome::Local => {
                let detail = "this account lives inside the app's own server: steer the running app instead";
                Err(Problem::new(ProblemCode::NotNow, detail))
            }
            AccountHome::Remote { .. } => match self.keys.load(&account.id).await? {
                Some(secret) => Ok((account.clone(), secret)),
                None => {
                    Err(Problem::new(ProblemCode::SignedOut, "the key store has no password of this account"))
                }
            },
        }
    }
}
