//! *Start here*: the embedded server in this core, an account on it named after the system's user, and the echo
//! contact. No form, no password: each start of the core gives its local accounts new app passwords.

use std::sync::Arc;
use std::time::Duration;

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_contract::InvitationView;
use bellbird_talk::{StoredLogin, TalkAccount};
use url::Url;

use crate::accounts::Standing;
use crate::app::Inner;
use crate::convert::Clocks;
use crate::echo::{ECHO, EchoContact};
use crate::local_server::LocalServer;
use crate::person;
use crate::settings::{AccountHome, StoredAccount};
use crate::state::LocalServerState;

/// How long an invitation can be used.
const INVITATION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many people one invitation serves: whoever gets a link by mistake then keeps the one meant out, who will ask.
const INVITATION_USES: u32 = 1;

/// The id of the first account on the embedded server.
const LOCAL_ID: &str = "local";

impl Inner {
    fn server(&self) -> Result<&Arc<dyn LocalServer>, Problem> {
        let missing = || Problem::new(ProblemCode::NotNow, "this program cannot be a server");
        self.config.local_server.as_ref().ok_or_else(missing)
    }

    /// Starts the embedded server and an account on it; when there is one already, nothing.
    pub(crate) async fn start_here(self: Arc<Self>) -> Result<(), Problem> {
        let _alone = self.here.lock().await;
        let known = self.with(|state| {
            state
                .accounts
                .iter()
                .find(|account| account.stored.home == AccountHome::Local)
                .map(|account| (account.stored.clone(), account.talk.is_some()))
        });
        let stored = match known {
            Some((_, true)) => return Ok(()),
            Some((stored, false)) => stored,
            None => StoredAccount {
                id: LOCAL_ID.into(),
                user_id: person::login_name(),
                login_name: person::login_name(),
                display_name: person::full_name(),
                home: AccountHome::Local,
            },
        };
        let url = self.run_server().await?;
        self.enter_local(&url, stored.clone()).await?;
        self.change(|state| state.keep_account(stored));
        Ok(())
    }

    /// Brings the stored local accounts back.
    pub(crate) async fn restore_here(self: Arc<Self>) {
        let _alone = self.here.lock().await;
        let stored: Vec<StoredAccount> = self.with(|state| {
            let local = |account: &&StoredAccount| account.home == AccountHome::Local;
            state.settings.accounts.iter().filter(local).cloned().collect()
        });
        let url = match self.run_server().await {
            Ok(url) => url,
            Err(problem) => {
                for account in stored {
                    self.stand(&account.id, Standing::Offline(problem.clone()));
                }
                return self.change(|state| state.problems.show(problem));
            }
        };
        for account in stored {
            let id = account.id.clone();
            if let Err(problem) = self.enter_local(&url, account).await {
                self.stand(&id, Standing::Offline(problem.clone()));
                self.change(|state| state.problems.show(problem));
            }
        }
        if let Some(port) = self.with(|state| state.settings.local_server.network_port)
            && let Err(problem) = self.open_to_network(Some(port)).await
        {
            self.change(|state| state.problems.show(problem));
        }
    }

    /// Makes a link by which someone can register; the first one opens the embedded server to the network.
    pub(crate) async fn create_invitation(self: Arc<Self>) -> Result<InvitationView, Problem> {
        let _alone = self.here.lock().await;
        if self.with(|state| state.local_server.is_none()) {
            return Err(Problem::new(
                ProblemCode::NotNow,
                "nothing is started here that one could invite to",
            ));
        }
        let port = self.with(|state| state.settings.local_server.network_port);
        self.open_to_network(port).await?;
        let link = self.server()?.create_invitation(INVITATION_LIFETIME, INVITATION_USES).await?;
        let expires_at_ms = Clocks::now().unix_ms_in(INVITATION_LIFETIME);
        Ok(InvitationView { link, expires_at_ms, uses: INVITATION_USES })
    }

    async fn open_to_network(&self, port: Option<u16>) -> Result<(), Problem> {
        let public = self.server()?.open_to_network(port).await?;
        self.change(|state| {
            // Links out there name this port: it is asked for again at the next start.
            let opened = public.port();
            if state.settings.local_server.network_port != opened {
                state.keep(|settings| settings.local_server.network_port = opened);
            }
            if let Some(server) = &mut state.local_server {
                server.public_url = Some(public);
            }
        });
        Ok(())
    }

    async fn run_server(self: &Arc<Self>) -> Result<Url, Problem> {
        if let Some(url) = self.with(|state| state.local_server.as_ref().map(|server| server.url.clone())) {
            return Ok(url);
        }
        let url = self.server()?.start().await?;
        self.change(|state| {
            state.local_server = Some(LocalServerState { url: url.clone(), public_url: None, echo: None });
        });
        // The echo contact is a comfort: without it the person can still call everyone else.
        let echo = async {
            let password = self.server()?.ensure_echo().await?;
            let talk = TalkAccount::restore(login(&url, ECHO, "Echo"), password)?;
            Ok::<_, Problem>(EchoContact::start(talk, self.media.clone(), self.runtime.clone()))
        };
        match echo.await {
            Ok(echo) => self.change(|state| {
                if let Some(server) = &mut state.local_server {
                    server.echo = Some(echo);
                }
            }),
            Err(problem) => self.change(|state| state.problems.show(problem)),
        }
        Ok(url)
    }

    async fn enter_local(self: &Arc<Self>, url: &Url, stored: StoredAccount) -> Result<(), Problem> {
        let password: Secret =
            self.server()?.ensure_account(&stored.login_name, &stored.display_name).await?;
        let login = login(url, &stored.login_name, &stored.display_name);
        let talk = TalkAccount::restore(StoredLogin { user_id: stored.user_id.clone(), ..login }, password)?;
        self.enter(stored, talk, true);
        Ok(())
    }
}

fn login(url: &Url, name: &str, display_name: &str) -> StoredLogin {
    StoredLogin {
        server: url.clone(),
        user_id: name.into(),
        login_name: name.into(),
        display_name: display_name.into(),
        fingerprint: None,
    }
}
