//! Signing in through a browser: login flow v2 (talk-accounts.md section 2.1), with the one page a person sees.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::asked::{Asked, cookie};
use super::auth::{self, Via};
use super::ocs::Ocs;
use super::page::{Text, page};
use crate::config_keys::Settings;
use crate::registry;
use crate::secrets;
use crate::store::accounts;

/// Binds a form to the browser it was shown in.
const COOKIE: &str = "bellbird-login";
/// As long as a flow, seconds.
const COOKIE_KEEPS: u32 = 20 * 60;

fn plain(status: StatusCode, body: Value) -> Response {
    (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}

/// `POST /login/v2`
pub(super) async fn begin(asked: Asked) -> Response {
    let client = registry::display_name(asked.header_text(header::USER_AGENT), "An app");
    let now = asked.app.now().at;
    let Some(tokens) = asked.app.login_flows().begin(&client, asked.caller.address, now) else {
        return auth::too_many(60).into_response();
    };
    let base = asked.base_url();
    let answer = json!({
        "poll": { "token": tokens.poll, "endpoint": format!("{base}/index.php/login/v2/poll") },
        "login": format!("{base}/index.php/login/v2/flow/{}", tokens.login),
    });
    plain(StatusCode::OK, answer)
}

/// `POST /login/v2/poll`: 404 until somebody has granted it, then the credentials, once. The app password is made
/// here, so that a grant nobody fetches leaves none behind.
pub(super) async fn poll(asked: Asked) -> Result<Response, Ocs> {
    let token = asked.params.text("token")?;
    let now = asked.app.now();
    let granted = asked.app.login_flows().take(&token, now.at);
    let made = match granted {
        None => None,
        Some(granted) => {
            let make = move |c: &rusqlite::Connection| {
                let Some(account) = accounts::find(c, &granted.account)? else { return Ok(None) };
                let password = registry::new_app_password(c, &account.id, &granted.client, now.unix)?;
                Ok(Some((account.id, password)))
            };
            asked.app.store.write(make).await?
        }
    };
    Ok(match made {
        None => plain(StatusCode::NOT_FOUND, json!([])),
        Some((login_name, app_password)) => {
            let server = asked.base_url();
            plain(
                StatusCode::OK,
                json!({ "server": server, "loginName": login_name, "appPassword": app_password }),
            )
        }
    })
}

/// What a person has to be told above the form.
#[derive(Clone, Copy)]
enum Trouble {
    Nothing,
    WrongPassword,
    TooManyTries,
}

/// `GET /login/v2/flow/{token}`
pub(super) async fn show(asked: Asked) -> Result<Response, Ocs> {
    form(&asked, StatusCode::OK, Trouble::Nothing, "").await
}

/// `POST /login/v2/flow/{token}`
pub(super) async fn grant(asked: Asked) -> Result<Response, Ocs> {
    let token = asked.path("token");
    let now = asked.app.now().at;
    let Some(client) = asked.app.login_flows().client(token, now) else { return Ok(over()) };
    let state = asked.params.text("state")?;
    let browser = cookie(&asked.headers, COOKIE).unwrap_or_default();
    if browser.is_empty() || !asked.app.login_flows().is_form_state(&state, &browser, token) {
        let body = "<p role=\"alert\">This form was not shown in this browser, or its cookies are switched off. \
                    Start signing in from the app once more.</p>";
        return Ok(page(StatusCode::FORBIDDEN, "Signing in did not work", body));
    }
    let (name, password) = (asked.params.text("user")?, asked.params.text("password")?);
    let name = name.trim();
    let user = match auth::authenticate(&asked.app, asked.caller.address, name, &password).await {
        Ok(user) => user,
        Err(refused) => {
            return match refused.code() {
                401 => form(&asked, StatusCode::FORBIDDEN, Trouble::WrongPassword, name).await,
                429 => form(&asked, StatusCode::TOO_MANY_REQUESTS, Trouble::TooManyTries, name).await,
                _ => Err(refused),
            };
        }
    };
    match user.via {
        Via::Password => {}
        // An app that has been let in lets no other in.
        Via::AppPassword(_) => {
            return form(&asked, StatusCode::FORBIDDEN, Trouble::WrongPassword, name).await;
        }
    }
    if !asked.app.login_flows().grant(token, &user.account.id, now) {
        return Ok(over());
    }
    let body = format!(
        "<p><span class=\"client\">{}</span> is signed in as {}. You can close this page and go back to it.</p>",
        Text(&client),
        Text(&user.account.display_name)
    );
    Ok(page(StatusCode::OK, "Signed in", &body))
}

fn over() -> Response {
    let body = "<p>This sign-in has been used already, or was started more than 20 minutes ago. \
                Start it once more from the app.</p>";
    page(StatusCode::FORBIDDEN, "This sign-in is over", body)
}

async fn form(asked: &Asked, status: StatusCode, trouble: Trouble, name: &str) -> Result<Response, Ocs> {
    let settings = asked.app.store.read(Settings::read).await?;
    let token = asked.path("token");
    let now = asked.app.now().at;
    let known = cookie(&asked.headers, COOKIE).filter(|value| value.len() == secrets::session_id().len());
    let browser = known.unwrap_or_else(secrets::session_id);
    let (client, state) = {
        let mut flows = asked.app.login_flows();
        let Some(client) = flows.client(token, now) else { return Ok(over()) };
        (client, flows.form_state(&browser, token))
    };
    let trouble = match trouble {
        Trouble::Nothing => "",
        Trouble::WrongPassword => "<p role=\"alert\" id=\"trouble\">The name or the password is wrong.</p>",
        Trouble::TooManyTries => {
            "<p role=\"alert\" id=\"trouble\">Too many wrong tries. Wait a few minutes, then try again.</p>"
        }
    };
    let described = if trouble.is_empty() { "" } else { " aria-describedby=\"trouble\"" };
    let (in_name, in_password) = if name.is_empty() { (" autofocus", "") } else { ("", " autofocus") };
    let body = format!(
        "<p><span class=\"client\">{client}</span> wants to use your account on this server. \
         Go on only if you have just started this yourself.</p>{trouble}\
         <form method=\"post\">\
         <input type=\"hidden\" name=\"state\" value=\"{state}\">\
         <label for=\"user\">User name</label>\
         <input id=\"user\" name=\"user\" value=\"{name}\" autocomplete=\"username\" autocapitalize=\"none\" \
         spellcheck=\"false\" required{described}{in_name}>\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" \
         required{described}{in_password}>\
         <button type=\"submit\">Sign in and allow</button></form>",
        client = Text(&client),
        name = Text(name),
    );
    let title = format!("Sign in to {}", settings.server_name);
    let mut response = page(status, &title, &body);
    let secure = if asked.caller.tls { "; Secure" } else { "" };
    let set =
        format!("{COOKIE}={browser}; Path=/; Max-Age={COOKIE_KEEPS}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(set) = HeaderValue::from_str(&set) {
        response.headers_mut().insert(header::SET_COOKIE, set);
    }
    Ok(response)
}
