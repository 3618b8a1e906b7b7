//! Signing in through the browser: login flow v2 (talk-accounts section 2.1).
//!
//! The person proves who they are to their server alone, in whatever way it wants; we are handed an app password. Where
//! a server has no such flow, a typed password remains ([`TalkAccount::sign_in`]).

use std::fmt;
use std::time::{Duration, Instant};

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk_wire::{LoginFlowBegun, LoginFlowGranted};
use reqwest::Method;
use url::Url;

use crate::account::TalkAccount;
use crate::rest::{Credentials, Request, RestClient, RestError, Session, Subject, client_config, discover};
use crate::{ClientName, Fingerprint, StoredLogin, address};

const LOGIN_PATH: &str = "/index.php/login/v2";
/// Between questions whether the person has signed in.
const POLL_EVERY: Duration = Duration::from_millis(1500);
/// How long the person has; servers forget the attempt after 20 minutes.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// How long a login that was handed over may take to be looked up. It is handed over once, so it is not given up lightly.
const COMPLETE_LIMIT: Duration = Duration::from_secs(120);

/// A sign-in that waits for the person in the browser.
pub struct LoginFlow {
    login: Url,
    anonymous: Session,
    poll_path: String,
    token: Secret,
    client: ClientName,
    fingerprint: Option<Fingerprint>,
    until: Instant,
}

impl fmt::Debug for LoginFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginFlow")
    }
}

impl LoginFlow {
    /// Begins a sign-in. `None`: this server has no such flow. `server` is an address as people type it; `#fp=FINGERPRINT`
    /// behind it names the only certificate to trust.
    ///
    /// # Errors
    /// `bad-link`, `server-unreachable`, `certificate-refused`, `not-a-talk-server`, `server-failed`, `throttled`.
    pub async fn begin(server: &str, client: ClientName) -> Result<Option<Self>, Problem> {
        let (base, fingerprint) = address::server_place(server)?;
        let connect = |url: Url| {
            let tls = client_config(&url, fingerprint)?;
            RestClient::new(url, &tls, client.as_str(), None)
        };
        let found = discover(base, connect).await?;
        let answer = found.session().send(Request::new(Method::POST, LOGIN_PATH, &[])).await;
        let answer = answer.map_err(|error| error.into_problem(Subject::Account))?;
        let begun: LoginFlowBegun = match answer.status {
            200 => {
                answer.plain().ok_or_else(|| odd("the server begins a sign-in in a way we do not know"))?
            }
            403 | 404 | 405 | 501 => return Ok(None),
            status => {
                return Err(RestError::Refused { status, key: String::new() }.into_problem(Subject::Account));
            }
        };
        let ours = found.base().origin();
        let same_origin = |text: &str| {
            let url = Url::parse(text).map_err(|_| odd("the server begins a sign-in nowhere"))?;
            if url.origin() == ours {
                return Ok(url);
            }
            let (there, here) = (url.origin().ascii_serialization(), ours.ascii_serialization());
            Err(odd(&format!(
                "the server was asked at {here} and sends the sign-in to {there}. Is that its real address? If not, its \
                 administrator has to tell it the real one"
            )))
        };
        let login = same_origin(&begun.login)?;
        let mut endpoint = same_origin(&begun.poll.endpoint)?;
        let poll_path = endpoint.path().to_owned();
        endpoint.set_path("");
        endpoint.set_query(None);
        endpoint.set_fragment(None);
        let anonymous = connect(endpoint)?.session();
        let token = Secret::new(begun.poll.token);
        Ok(Some(Self {
            login,
            anonymous,
            poll_path,
            token,
            client,
            fingerprint,
            until: Instant::now() + PATIENCE,
        }))
    }

    /// What to open in the person's browser. It grants access to whoever opens it first: not to be logged.
    pub fn address(&self) -> &Url {
        &self.login
    }

    /// Waits until the person has signed in. Dropping the future gives up.
    ///
    /// # Errors
    /// `timed-out` after 20 minutes, `forbidden` when the server takes the attempt back, `certificate-refused`,
    /// `not-a-talk-server`, and what keeps the login from being looked up once it was granted; it is revoked then.
    pub async fn finish(self) -> Result<TalkAccount, Problem> {
        let granted = loop {
            if Instant::now() >= self.until {
                return Err(Problem::new(ProblemCode::TimedOut, "nobody signed in within 20 minutes"));
            }
            let request = Request::new(Method::POST, &self.poll_path, &[]).form("token", self.token.expose());
            match self.anonymous.send(request).await {
                Ok(answer) if answer.status == 200 => match answer.plain::<LoginFlowGranted>() {
                    Some(granted) => break granted,
                    None => return Err(odd("the server ends a sign-in in a way we do not know")),
                },
                Ok(answer) if answer.status == 404 || answer.status == 429 || answer.status >= 500 => {}
                Ok(_) => {
                    return Err(Problem::new(ProblemCode::Forbidden, "the server refused the sign-in"));
                }
                Err(error) if error.is_passing() => {}
                Err(error) => return Err(error.into_problem(Subject::Account)),
            }
            tokio::time::sleep(POLL_EVERY).await;
        };
        take(granted, &self.client, self.fingerprint).await
    }
}

/// Makes an account of what was granted. The server it names may be another than the one asked.
async fn take(
    granted: LoginFlowGranted,
    client: &ClientName,
    fingerprint: Option<Fingerprint>,
) -> Result<TalkAccount, Problem> {
    let app_password = Secret::new(granted.app_password);
    let server = address::server_address(&granted.server)?;
    let tls = client_config(&server, fingerprint)?;
    let credentials = Credentials::new(&granted.login_name, &app_password);
    let rest = RestClient::new(server.clone(), &tls, client.as_str(), Some(credentials))?;
    let login = StoredLogin {
        server,
        user_id: String::new(),
        login_name: granted.login_name,
        display_name: String::new(),
        fingerprint,
    };
    let until = Instant::now() + COMPLETE_LIMIT;
    loop {
        let made = TalkAccount::complete(rest.session(), login.clone(), app_password.clone(), client).await;
        match made {
            Err(problem) if may_pass(&problem) && Instant::now() < until => {
                tokio::time::sleep(POLL_EVERY).await;
            }
            Err(problem) => {
                // Nobody will use it: it must not stay in the person's list of devices.
                let _ = rest.session().revoke().await;
                return Err(problem);
            }
            Ok(account) => return Ok(account),
        }
    }
}

fn may_pass(problem: &Problem) -> bool {
    matches!(
        problem.code,
        ProblemCode::ServerUnreachable | ProblemCode::ServerFailed | ProblemCode::Throttled
    )
}

fn odd(detail: &str) -> Problem {
    Problem::new(ProblemCode::NotATalkServer, detail)
}
