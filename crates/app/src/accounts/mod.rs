//! Our logins: signed in, watched, kept.

mod browser;
mod key_store;
mod restore;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk::{AccountEvent, AccountSink, ClientName, StoredLogin, TalkAccount, Watch};

use crate::app::Inner;
use crate::settings::{AccountHome, StoredAccount};
use crate::state::State;

pub(crate) use browser::SigningIn;
pub(crate) use key_store::PatientKeyStore;
pub use key_store::{KeyStore, KeyStoreError, MemoryKeyStore, SystemKeyStore};
pub use stored::StoredLogins;

/// How long a server may take to hear that we leave.
const FAREWELL: Duration = Duration::from_secs(3);

/// One login.
pub(crate) struct Account {
    pub(crate) stored: StoredAccount,
    /// `None` while its password is not at hand.
    pub(crate) talk: Option<TalkAccount>,
    /// Its drop ends the watching.
    pub(crate) watch: Option<Watch>,
    pub(crate) standing: Standing,
    /// Its app password is revoked when the app stops.
    pub(crate) fleeting: bool,
}

/// How a login stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// On its way.
    Connecting,
    /// Can be rung.
    Online,
    /// Cannot be rung now; tries again by itself.
    Offline(Problem),
    /// Its password was revoked or is lost.
    SignedOut,
}

impl Account {
    /// Its id and its line to the server, for something that needs both.
    ///
    /// # Errors
    /// `signed-out` while its password is not at hand.
    pub(crate) fn place(&self) -> Result<(String, TalkAccount), Problem> {
        match (&self.talk, &self.standing) {
            (_, Standing::SignedOut) | (None, _) => {
                Err(Problem::new(ProblemCode::SignedOut, "this account must sign in again"))
            }
            (Some(talk), Standing::Connecting | Standing::Online | Standing::Offline(_)) => {
                Ok((self.stored.id.clone(), talk.clone()))
            }
        }
    }
}

impl State {
    /// Whether no account is on its way.
    pub(crate) fn is_settled(&self) -> bool {
        self.accounts.len() >= self.settings.accounts.len()
            && self.accounts.iter().all(|account| account.standing != Standing::Connecting)
    }
}

impl Inner {
    fn client_name(&self) -> ClientName {
        ClientName::new(&self.config.client_name)
    }

    /// Signs in with a name and password, and keeps the login. The password is traded for an app password and
    /// forgotten.
    pub(crate) async fn sign_in(
        self: Arc<Self>,
        server: &str,
        login_name: &str,
        password: &Secret,
    ) -> Result<(), Problem> {
        let talk = TalkAccount::sign_in(server, login_name.trim(), password, self.client_name()).await?;
        // One that was an app password already is the person's, not ours to revoke.
        let made = talk.app_password() != password;
        self.welcome(talk, made).await;
        Ok(())
    }

    /// Registers by an invitation link, and keeps the login.
    pub(crate) async fn accept_invitation(
        self: Arc<Self>,
        link: &str,
        login_name: &str,
        display_name: &str,
        password: &Secret,
    ) -> Result<(), Problem> {
        let login_name = login_name.trim();
        let talk = TalkAccount::accept_invitation(link.trim(), login_name, display_name, password).await?;
        self.welcome(talk, true).await;
        Ok(())
    }

    /// Takes a fresh login in: the key store gets its app password, the settings the rest. `made`: the app password
    /// was made for us.
    async fn welcome(self: &Arc<Self>, talk: TalkAccount, made: bool) {
        let login = talk.login();
        let stored = StoredAccount {
            id: account_id(login),
            user_id: login.user_id.clone(),
            login_name: login.login_name.clone(),
            display_name: login.display_name.clone(),
            home: AccountHome::Remote {
                server: login.server.to_string(),
                fingerprint: login.fingerprint.as_ref().map(ToString::to_string),
            },
        };
        if self.config.data.is_some()
            && let Err(error) = self.keys.save(&stored.id, talk.app_password()).await
        {
            self.change(|state| state.problems.show(error.into()));
        }
        self.change(|state| state.keep_account(stored.clone()));
        let fleeting = made && self.config.data.is_none();
        self.enter(stored, talk, fleeting);
    }

    /// Puts an account in its place in the list and watches it. An older one of the same id goes. `fleeting`: nobody
    /// will use its app password after this run.
    pub(crate) fn enter(self: &Arc<Self>, stored: StoredAccount, talk: TalkAccount, fleeting: bool) {
        let id = stored.id.clone();
        self.change(|state| {
            let account = Account {
                stored,
                talk: Some(talk.clone()),
                watch: None,
                standing: Standing::Connecting,
                fleeting,
            };
            match state.account_mut(&id) {
                Some(place) => *place = account,
                None => state.accounts.push(account),
            }
        });
        self.with(|state| state.account(Some(&id)).ok().map(|account| account.stored.clone()))
            .inspect(|stored| self.take_orders(stored, &talk));
        let app = Arc::downgrade(self);
        let account = id.clone();
        let sink: AccountSink = Arc::new(move |event| {
            if let Some(inner) = app.upgrade() {
                inner.account_happened(&account, event);
            }
        });
        // Outside of the lock: the sink may be called before this returns.
        let watch = talk.watch(sink);
        self.change(|state| {
            if let Some(account) = state.account_mut(&id) {
                account.watch = Some(watch);
            }
        });
    }

    fn account_happened(self: &Arc<Self>, account: &str, event: AccountEvent) {
        tracing::debug!(account, ?event, "account");
        let stand = |standing: Standing| {
            self.change(|state| {
                if let Some(account) = state.account_mut(account) {
                    account.standing = standing;
                }
            });
        };
        match event {
            AccountEvent::Online => stand(Standing::Online),
            AccountEvent::Offline(problem) => stand(Standing::Offline(problem)),
            AccountEvent::SignedOut => stand(Standing::SignedOut),
            AccountEvent::Incoming(invitation) => self.receive_call(account, invitation),
            AccountEvent::Missed(invitation) => self.miss_call(account, invitation),
            AccountEvent::Withdrawn { room, outcome } => self.withdraw_call(account, &room, outcome),
        }
    }

    /// Removes an account here, and revokes its app password as well as that can be done.
    pub(crate) async fn sign_out(self: Arc<Self>, id: &str) -> Result<(), Problem> {
        let removed = self.change(|state| {
            let position = state.accounts.iter().position(|account| account.stored.id == id);
            let position =
                position.ok_or_else(|| Problem::new(ProblemCode::NotNow, "there is no such account"))?;
            state.calls.end_of_account(id);
            state.keep(|settings| {
                settings.accounts.retain(|stored| stored.id != id);
                settings.remote_joins.remove(id);
            });
            Ok::<_, Problem>(state.accounts.remove(position))
        })?;
        let Account { stored, talk, watch, .. } = removed;
        drop(watch);
        if let Some(talk) = talk {
            revoke(&talk).await;
        }
        if self.config.data.is_some()
            && stored.home != AccountHome::Local
            && let Err(error) = self.keys.remove(id).await
        {
            tracing::warn!(%error, "the key store keeps a revoked password");
        }
        Ok(())
    }

    /// Changes the name others see.
    pub(crate) async fn set_display_name(
        self: Arc<Self>,
        account: Option<&str>,
        name: &str,
    ) -> Result<(), Problem> {
        let (id, talk) = self.with(|state| state.account(account)?.place())?;
        talk.set_display_name(name).await?;
        self.change(|state| {
            if let Some(account) = state.account_mut(&id) {
                account.stored.display_name = name.to_owned();
                let stored = account.stored.clone();
                state.keep_account(stored);
            }
        });
        Ok(())
    }

    /// Leaves every server when the app stops. App passwords that nobody will use again are revoked: those of a run
    /// that keeps nothing, and those of local accounts, which get new ones at each start.
    pub(crate) async fn leave_servers(self: Arc<Self>) {
        let (accounts, local) =
            self.change(|state| (std::mem::take(&mut state.accounts), state.local_server.take()));
        for Account { talk, watch, standing, fleeting, .. } in accounts {
            drop(watch);
            let Some(talk) = talk else { continue };
            talk.calls_settled(FAREWELL).await;
            if fleeting && standing != Standing::SignedOut {
                revoke(&talk).await;
            }
        }
        let served = local.is_some();
        // The echo contact goes before its server does.
        drop(local);
        if served
            && let Some(server) = &self.config.local_server
            && let Err(problem) = server.stop().await
        {
            tracing::warn!(%problem, "the embedded server did not stop well");
        }
    }
}

/// Revokes the app password, within bounds; a server that cannot be reached keeps it.
async fn revoke(talk: &TalkAccount) {
    match tokio::time::timeout(FAREWELL, talk.revoke()).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => tracing::info!(%problem, "the app password could not be revoked"),
        Err(_) => tracing::info!("the app password could not be revoked in time"),
    }
}

/// What an account is known by here and in the key store.
fn account_id(login: &StoredLogin) -> String {
    let host = login.server.host_str().unwrap_or_default();
    let path = login.server.path().trim_end_matches('/');
    match login.server.port() {
        Some(port) => format!("{}@{host}:{port}{path}", login.user_id),
        None => format!("{}@{host}{path}", login.user_id),
    }
}
