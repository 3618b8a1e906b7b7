//! Requests about the server and the account.

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk_wire::constants::{
    APP_PASSWORD_PATH, AUTOCOMPLETE_PATH, CAPABILITIES_PATH, CLOUD_USER_PATH, CLOUD_USERS_PATH,
    GET_APP_PASSWORD_PATH, NOTIFICATIONS_PATH, REGISTRATION_PATH, STATUS_PATH, USER_STATUS_HEADER,
};
use bellbird_talk_wire::{
    AppPassword, CapabilitiesReply, CloudUser, ContactEntry, Notification, Registered, RegistrationRequest,
    ServerStatus,
};
use reqwest::Method;
use reqwest::header::{ETAG, HeaderValue, IF_NONE_MATCH, LOCATION};
use serde_json::json;
use url::Url;

use super::client::{Request, RestClient, Session};
use super::error::{RestError, Subject};
use super::rooms::PASSWORD_TIMEOUT;
use crate::{Avatar, address};

const AVATAR_PATH: &str = "/index.php/avatar";
/// Points; one of the two sizes that servers keep.
const AVATAR_SIZE: &str = "64";
/// Says whether the person chose the picture.
const IS_CUSTOM_AVATAR: &str = "x-nc-iscustomavatar";

/// How many redirections are followed to find a server.
const MAX_REDIRECTS: usize = 5;
/// How many people one search shows.
const MAX_CONTACTS: &str = "100";

/// Asks whether a server is there, following redirections, which may lead to another host: nothing secret is sent.
/// Returns the final base address.
///
/// # Errors
/// `server-unreachable`, `certificate-refused`, `not-a-talk-server`, `server-failed` (maintenance).
pub(crate) async fn discover(
    base: Url,
    connect: impl Fn(Url) -> Result<RestClient, Problem>,
) -> Result<RestClient, Problem> {
    let mut client = connect(base)?;
    for _ in 0..=MAX_REDIRECTS {
        let request = Request::new(Method::GET, STATUS_PATH, &[]);
        let answer =
            client.session().send(request).await.map_err(|error| error.into_problem(Subject::Account))?;
        match answer.status {
            200 => {
                let status = answer
                    .plain::<ServerStatus>()
                    .filter(|status| status.installed)
                    .ok_or_else(|| not_talk("what answers there is no Nextcloud or Bellbird server"))?;
                if status.maintenance {
                    return Err(Problem::new(ProblemCode::ServerFailed, "the server is in maintenance"));
                }
                return Ok(client);
            }
            301 | 302 | 303 | 307 | 308 => {
                let next = answer
                    .headers
                    .get(LOCATION)
                    .and_then(|location| location.to_str().ok())
                    .and_then(|location| {
                        let mut from = client.base().clone();
                        from.set_path(&format!("{}{STATUS_PATH}", from.path().trim_end_matches('/')));
                        from.join(location).ok()
                    })
                    .filter(|next| next.path().ends_with(STATUS_PATH))
                    .ok_or_else(|| not_talk("the server sends us to something else"))?;
                let secure = client.base().scheme() == "https";
                let next = address::server_address(next.as_str())?;
                if secure && next.scheme() != "https" {
                    return Err(not_talk("the server sends us to an unencrypted address"));
                }
                client = connect(next)?;
            }
            503 => return Err(Problem::new(ProblemCode::ServerFailed, "the server is in maintenance")),
            500..=599 => return Err(Problem::new(ProblemCode::ServerFailed, "the server fails")),
            429 => return Err(Problem::new(ProblemCode::Throttled, "the server asks to wait")),
            _ => return Err(not_talk("what answers there is no Nextcloud or Bellbird server")),
        }
    }
    Err(not_talk("the server sends us in circles"))
}

fn not_talk(detail: &str) -> Problem {
    Problem::new(ProblemCode::NotATalkServer, detail)
}

/// Answer of a poll for notifications.
pub(crate) enum Notifications {
    /// The list, newest first, its tag for the next poll, and the server's clock in Unix seconds.
    List {
        list: Vec<Notification>,
        etag: Option<HeaderValue>,
        server_time: Option<i64>,
        do_not_disturb: bool,
    },
    /// No notification changed; whether we want not to be disturbed may have, where the server tells.
    Unchanged { do_not_disturb: Option<bool> },
    /// No app of the server makes notifications.
    Never,
}

impl Session {
    /// Trades the password in use for an app password; `None` when it is one already.
    pub(crate) async fn app_password(&self) -> Result<Option<Secret>, RestError> {
        // Servers make passwords wait that come after wrong ones.
        let request = Request::new(Method::GET, GET_APP_PASSWORD_PATH, &[]).timeout(PASSWORD_TIMEOUT);
        match self.data::<AppPassword>(request).await {
            Ok(answer) => Ok(Some(Secret::new(answer.apppassword))),
            Err(RestError::Refused { status: 403, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Revokes the app password in use.
    pub(crate) async fn revoke(&self) -> Result<(), RestError> {
        self.done(Request::new(Method::DELETE, APP_PASSWORD_PATH, &[])).await
    }

    /// Who we are.
    pub(crate) async fn user(&self) -> Result<CloudUser, RestError> {
        self.data(Request::new(Method::GET, CLOUD_USER_PATH, &[])).await
    }

    /// What the server can do.
    pub(crate) async fn capabilities(&self) -> Result<CapabilitiesReply, RestError> {
        self.data(Request::new(Method::GET, CAPABILITIES_PATH, &[])).await
    }

    /// Changes our own name.
    pub(crate) async fn set_display_name(&self, user_id: &str, name: &str) -> Result<(), RestError> {
        let body = json!({ "key": "displayname", "value": name });
        self.done(Request::new(Method::PUT, CLOUD_USERS_PATH, &[user_id]).json(&body)).await
    }

    /// People whose name has `text` in it.
    pub(crate) async fn search(&self, text: &str) -> Result<Vec<ContactEntry>, RestError> {
        let request = Request::new(Method::GET, AUTOCOMPLETE_PATH, &[])
            .query("search", text)
            .query("itemType", "call")
            .query("itemId", "new")
            .query("shareTypes[]", "0")
            .query("limit", MAX_CONTACTS);
        let entries: Vec<serde_json::Value> = self.data(request).await?;
        Ok(entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect())
    }

    /// The picture of somebody of the server; `None` where they chose none and the server would draw their initials.
    pub(crate) async fn avatar(&self, user_id: &str) -> Result<Option<Avatar>, RestError> {
        let answer = self.send(Request::new(Method::GET, AVATAR_PATH, &[user_id, AVATAR_SIZE])).await?;
        if answer.status == 404 || answer.headers.get(IS_CUSTOM_AVATAR).is_some_and(|value| value == "0") {
            return Ok(None);
        }
        Ok(Avatar::from_bytes(answer.bytes()?))
    }

    /// The notifications, unless they are those of `etag`.
    pub(crate) async fn notifications(&self, etag: Option<&HeaderValue>) -> Result<Notifications, RestError> {
        let mut request = Request::new(Method::GET, NOTIFICATIONS_PATH, &[]);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag.clone());
        }
        let answer = self.send(request).await?;
        // Compared as the server writes it (talk-accounts section 4).
        let do_not_disturb = answer.headers.get(USER_STATUS_HEADER).map(|status| status == "dnd");
        match answer.status {
            304 => Ok(Notifications::Unchanged { do_not_disturb }),
            204 => Ok(Notifications::Never),
            _ => {
                let list: Vec<serde_json::Value> = answer.data()?;
                Ok(Notifications::List {
                    do_not_disturb: do_not_disturb.unwrap_or(false),
                    list: list.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect(),
                    etag: answer.headers.get(ETAG).cloned(),
                    server_time: answer
                        .headers
                        .get(reqwest::header::DATE)
                        .and_then(|date| date.to_str().ok())
                        .and_then(crate::http_date::unix_seconds),
                })
            }
        }
    }

    /// Puts a notification away.
    pub(crate) async fn delete_notification(&self, id: i64) -> Result<(), RestError> {
        self.done(Request::new(Method::DELETE, NOTIFICATIONS_PATH, &[&id.to_string()])).await
    }

    /// Makes an account by invitation.
    pub(crate) async fn register(&self, request: &RegistrationRequest) -> Result<Registered, RestError> {
        self.data(Request::new(Method::POST, REGISTRATION_PATH, &[]).json(request)).await
    }
}
