//! Ways to get a login: a typed password, our invitation, or what was stored.

use std::fmt;

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk_wire::RegistrationRequest;
use url::Url;

use crate::account::TalkAccount;
use crate::invite::InvitationLink;
use crate::rest::{Credentials, RestClient, Session, Subject, client_config, discover};
use crate::{CallLink, Fingerprint, address, translate};

/// How this program names itself: in the `User-Agent` and thereby in the person's list of devices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientName(String);

impl ClientName {
    /// Wraps a name like `Bellbird 0.1 (Linux)`; characters that no header may hold are left out.
    pub fn new(name: &str) -> Self {
        Self(name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(200).collect())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ClientName {
    fn default() -> Self {
        Self(format!("Bellbird/{} ({})", env!("CARGO_PKG_VERSION"), std::env::consts::OS))
    }
}

/// All that is stored of a login besides its app password. Plain data; whoever stores it chooses the form.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredLogin {
    /// The server's web root.
    pub server: Url,
    /// Who we are to others.
    pub user_id: String,
    /// What we sign in with; may differ from the user id.
    pub login_name: String,
    /// The name others see, as of sign-in.
    pub display_name: String,
    /// The only certificate accepted; `None` when the system's trust store decides.
    pub fingerprint: Option<Fingerprint>,
}

/// Leaves the names out of logs.
impl fmt::Debug for StoredLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredLogin").field("pinned", &self.fingerprint.is_some()).finish_non_exhaustive()
    }
}

impl TalkAccount {
    /// Signs in with a typed password, which is traded for an app password and then forgotten; an app password works
    /// too. `server` is an address as people type it; `#fp=FINGERPRINT` behind it names the only certificate to trust.
    ///
    /// # Errors
    /// `bad-link`, `server-unreachable`, `certificate-refused`, `not-a-talk-server`, `server-failed`,
    /// `wrong-password` (also for an unknown name: servers do not tell the two apart), `throttled`.
    pub async fn sign_in(
        server: &str,
        login_name: &str,
        password: &Secret,
        client: ClientName,
    ) -> Result<Self, Problem> {
        let (base, fingerprint) = address::server_place(server)?;
        let connect = |url: Url| {
            let tls = client_config(&url, fingerprint)?;
            RestClient::new(url, &tls, client.as_str(), None)
        };
        let anonymous = discover(base, connect).await?;
        let typed = anonymous.with_credentials(Some(Credentials::new(login_name, password))).session();
        let made = typed.app_password().await.map_err(|error| error.into_problem(Subject::SignIn))?;
        let is_ours = made.is_some();
        let app_password = made.unwrap_or_else(|| password.clone());
        let credentials = Credentials::new(login_name, &app_password);
        let session = anonymous.with_credentials(Some(credentials)).session();
        let login = StoredLogin {
            server: anonymous.base().clone(),
            user_id: String::new(),
            login_name: login_name.to_owned(),
            display_name: String::new(),
            fingerprint,
        };
        let completed = Self::complete(session.clone(), login, app_password, &client).await;
        if completed.is_err() && is_ours {
            // Nobody will use it: it must not stay in the person's list of devices.
            let _ = session.revoke().await;
        }
        completed
    }

    /// Makes an account on a Bellbird server by an invitation link, and signs in. The certificate named in the link
    /// is the only one accepted from then on. An empty `display_name` means the login name.
    ///
    /// # Errors
    /// As [`TalkAccount::sign_in`], and `invitation-expired`, `forbidden` (name or password not allowed, or name
    /// taken; the detail says which).
    pub async fn accept_invitation(
        link: &str,
        login_name: &str,
        display_name: &str,
        password: &Secret,
    ) -> Result<Self, Problem> {
        let link = InvitationLink::parse(link)?;
        let client = ClientName::default();
        let tls = client_config(&link.server, link.fingerprint)?;
        let rest = RestClient::new(link.server.clone(), &tls, client.as_str(), None)?;
        let display_name = if display_name.trim().is_empty() { login_name } else { display_name.trim() };
        let request = RegistrationRequest {
            code: link.code.expose().to_owned(),
            login_name: login_name.to_owned(),
            display_name: display_name.to_owned(),
            password: password.expose().to_owned(),
        };
        let registered = rest
            .session()
            .register(&request)
            .await
            .map_err(|error| error.into_problem(Subject::Registration))?;
        let app_password = Secret::new(registered.app_password);
        let session = rest.with_credentials(Some(Credentials::new(login_name, &app_password))).session();
        let login = StoredLogin {
            server: link.server,
            user_id: registered.user_id,
            login_name: login_name.to_owned(),
            display_name: display_name.to_owned(),
            fingerprint: link.fingerprint,
        };
        Self::complete(session, login, app_password, &client).await
    }

    /// A guest of this name on a server: no login, nothing rings, conversations are those whose link one has.
    ///
    /// # Errors
    /// `bad-link` when the address cannot be used, `internal` when TLS cannot be set up.
    pub fn guest(link: &CallLink, name: &str) -> Result<Self, Problem> {
        address::check(&link.server)?;
        let client = ClientName::default();
        let tls = client_config(&link.server, link.fingerprint)?;
        let rest = RestClient::new(link.server.clone(), &tls, client.as_str(), None)?;
        let login = StoredLogin {
            server: link.server.clone(),
            user_id: String::new(),
            login_name: String::new(),
            display_name: translate::display_name(name),
            fingerprint: link.fingerprint,
        };
        Ok(Self::from_parts(rest.session(), tls, login, Secret::new(""), None))
    }

    /// Takes up a stored login. Asks the network nothing; whether it still works shows when it is used.
    ///
    /// # Errors
    /// `bad-link` when the stored address cannot be used, `internal` when TLS cannot be set up.
    pub fn restore(login: StoredLogin, app_password: Secret) -> Result<Self, Problem> {
        address::check(&login.server)?;
        let client = ClientName::default();
        let tls = client_config(&login.server, login.fingerprint)?;
        let credentials = Credentials::new(&login.login_name, &app_password);
        let rest = RestClient::new(login.server.clone(), &tls, client.as_str(), Some(credentials))?;
        Ok(Self::from_parts(rest.session(), tls, login, app_password, None))
    }

    /// Asks who we are and what the server can do.
    pub(crate) async fn complete(
        session: Session,
        mut login: StoredLogin,
        app_password: Secret,
        client: &ClientName,
    ) -> Result<Self, Problem> {
        let (user, capabilities) = tokio::try_join!(session.user(), session.capabilities())
            .map_err(|error| error.into_problem(Subject::SignIn))?;
        if capabilities.capabilities.spreed.is_none() {
            return Err(Problem::new(
                ProblemCode::NotATalkServer,
                "the server has no Talk, or does not let this account use it",
            ));
        }
        if !user.name().is_empty() {
            user.name().clone_into(&mut login.display_name);
        }
        login.user_id = user.id;
        let tls = client_config(&login.server, login.fingerprint)?;
        tracing::info!(client = client.as_str(), "signed in");
        Ok(Self::from_parts(session, tls, login, app_password, Some(capabilities)))
    }
}
