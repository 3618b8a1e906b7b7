//! Stored accounts come back when the app starts.

use std::sync::Arc;
use std::time::Duration;

use bellbird_call::Secret;
use bellbird_call::ports::Problem;
use bellbird_talk::{StoredLogin, TalkAccount};
use url::Url;

use super::{Account, KeyStoreError, Standing};
use crate::app::{App, Inner};
use crate::settings::{AccountHome, StoredAccount};

/// How often a locked key store is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(30);

impl App {
    /// Uses a login that is kept elsewhere, for a run that keeps nothing itself.
    ///
    /// # Errors
    /// `bad-link` when what was stored names no server.
    pub fn use_login(
        &self,
        stored: StoredAccount,
        app_password: Secret,
    ) -> Result<(), bellbird_contract::Problem> {
        let talk = talk_of(&stored, app_password).map_err(|problem| crate::convert::problem(&problem))?;
        self.inner.enter(stored, talk, false);
        Ok(())
    }
}

impl Inner {
    /// Lists the stored accounts and brings each back in a task of its own: neither a key store nor a server that
    /// does not answer keeps the others waiting.
    pub(crate) fn restore_accounts(self: Arc<Self>) {
        let stored = self.change(|state| {
            let stored = state.settings.accounts.clone();
            state.accounts.extend(stored.iter().cloned().map(|stored| Account {
                stored,
                talk: None,
                watch: None,
                standing: Standing::Connecting,
                fleeting: false,
            }));
            stored
        });
        if stored.iter().any(|account| account.home == AccountHome::Local) {
            let inner = self.clone();
            self.runtime.spawn(async move { inner.restore_here().await });
        }
        for account in stored {
            match account.home {
                AccountHome::Local => {}
                AccountHome::Remote { .. } => {
                    let inner = self.clone();
                    self.runtime.spawn(async move { inner.restore_remote(account).await });
                }
            }
        }
    }

    async fn restore_remote(self: Arc<Self>, stored: StoredAccount) {
        let secret = loop {
            match self.keys.load(&stored.id).await {
                Ok(Some(secret)) => break secret,
                Ok(None) => return self.stand(&stored.id, Standing::SignedOut),
                Err(error @ KeyStoreError::Absent) => {
                    self.change(|state| state.problems.show(error.into()));
                    return self.stand(&stored.id, Standing::SignedOut);
                }
                Err(error @ KeyStoreError::Unavailable(_)) => {
                    self.stand(&stored.id, Standing::Offline(error.into()));
                    tokio::select! {
                        () = tokio::time::sleep(ASK_AGAIN) => {}
                        () = self.gone.cancelled() => return,
                    }
                }
            }
            if self.with(|state| state.account(Some(&stored.id)).is_err()) {
                return;
            }
        };
        match talk_of(&stored, secret) {
            Ok(talk) => self.enter(stored, talk, false),
            Err(problem) => self.stand(&stored.id, Standing::Offline(problem)),
        }
    }

    pub(crate) fn stand(&self, id: &str, standing: Standing) {
        self.change(|state| {
            if let Some(account) = state.account_mut(id) {
                account.standing = standing;
            }
        });
    }
}

/// The line to the server of a stored account elsewhere.
fn talk_of(stored: &StoredAccount, app_password: Secret) -> Result<TalkAccount, Problem> {
    let (server, fingerprint) = match &stored.home {
        AccountHome::Remote { server, fingerprint } => (server.as_str(), fingerprint.as_deref()),
        AccountHome::Local => ("", None),
    };
    let bad = |error| Problem::new(bellbird_call::ports::ProblemCode::BadLink, format_args!("{error}"));
    let login = StoredLogin {
        server: Url::parse(server).map_err(bad)?,
        user_id: stored.user_id.clone(),
        login_name: stored.login_name.clone(),
        display_name: stored.display_name.clone(),
        fingerprint: fingerprint.map(str::parse).transpose()?,
    };
    TalkAccount::restore(login, app_password)
}
