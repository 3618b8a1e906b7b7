//! The server itself and the caller's account: what it can do, app passwords, name, status.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bellbird_talk_wire::constants::{
    FEATURE_LINK_EXPIRY, PERMISSIONS_MAX_CUSTOM, PERMISSIONS_MAX_DEFAULT, TALK_HASH_HEADER,
};
use bellbird_talk_wire::{AppPassword, CAPABILITY_CLIENT_ORDERS, ServerStatus};
use serde_json::{Value, json};

use super::asked::Asked;
use super::auth::{User, Via};
use super::ocs::{Ocs, OcsResult};
use crate::config_keys::Settings;
use crate::registry;
use crate::state::App;
use crate::store::{accounts, attendees};

/// The Nextcloud version whose API is served.
const VERSION: (u32, u32, u32) = (31, 0, 0);
/// The Talk version whose API is served.
const TALK_VERSION: &str = "21.0.0";

/// What of Talk is served; see talk-rest.md section 8 for what each means.
const FEATURES: &[&str] = &[
    "audio",
    "video",
    "conversation-v2",
    "conversation-v3",
    "conversation-v4",
    "signaling-v3",
    "guest-signaling",
    "multi-room-users",
    "no-ping",
    "in-call-flags",
    "start-call-flag",
    "conversation-call-flags",
    "silent-call",
    "send-call-notification",
    "call-notification-state-api",
    "notification-calls",
    "notification-levels",
    "publishing-permissions",
    "conversation-permissions",
    "conversation-creation-all",
    "read-only-rooms",
    "webinary-lobby",
    "listable-rooms",
    "room-description",
    "raise-hand",
    "force-mute",
    "session-state",
    "recording-v1",
    "ban-v1",
    "download-call-participants",
    "recording-consent",
    "favorites",
    "important-conversations",
    "sensitive-conversations",
    "archived-conversations-v2",
    "avatar",
    "sip-support-dialout",
    FEATURE_LINK_EXPIRY,
];

/// What clients may send each other as reactions in a call.
const REACTIONS: &[&str] = &["❤️", "🎉", "👏", "👋", "👍", "👎", "🔥", "😂", "🤩", "🤔", "😲", "😥"];

/// `GET /status.php`
pub(super) async fn status(State(app): State<App>) -> Response {
    let Ok(settings) = app.store.read(Settings::read).await else {
        return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (major, minor, micro) = VERSION;
    Json(ServerStatus {
        installed: true,
        maintenance: false,
        needs_db_upgrade: false,
        version: format!("{major}.{minor}.{micro}.0"),
        versionstring: format!("{major}.{minor}.{micro}"),
        edition: String::new(),
        productname: settings.server_name,
    })
    .into_response()
}

/// `GET /cloud/capabilities`
pub(super) async fn capabilities(asked: Asked) -> OcsResult {
    let (answer, hash) = all_capabilities(&asked).await?;
    Ok(Ocs::ok(answer).header(HeaderName::from_static(TALK_HASH_HEADER), hash))
}

/// `GET /room/{token}/capabilities`: Talk's alone, which are the same for every conversation here.
pub(super) async fn room_capabilities(asked: Asked) -> OcsResult {
    asked.place().await?;
    let (mut answer, hash) = all_capabilities(&asked).await?;
    let talk = answer["capabilities"]["spreed"].take();
    Ok(Ocs::ok(talk).header(HeaderName::from_static(TALK_HASH_HEADER), hash))
}

/// The capabilities, and the hash that changes with them.
async fn all_capabilities(asked: &Asked) -> Result<(Value, String), Ocs> {
    let settings = asked.app.store.read(Settings::read).await?;
    let (major, minor, micro) = VERSION;
    let base = asked.base_url();
    let mut signaling = json!({ "session-ping-limit": settings.session_ping_limit, "mode": "internal" });
    if let Some(hpb) = asked.app.hpb.current() {
        signaling["mode"] = json!("external");
        signaling["hello-v2-token-key"] = json!(hpb.tokens.public_pem());
    }
    let socket = base.replacen("http", "ws", 1);
    let answer = json!({
        "version": {
            "major": major, "minor": minor, "micro": micro,
            "string": format!("{major}.{minor}.{micro}"), "edition": "", "extendedSupport": false,
        },
        "capabilities": {
            "core": { "pollinterval": 60, "webdav-root": "remote.php/webdav" },
            "theming": { "name": settings.server_name, "url": base },
            "user_status": { "enabled": true, "supports_emoji": false },
            "notifications": {
                "ocs-endpoints": ["list", "get", "delete", "delete-all", "exists"],
                "push": [],
            },
            "notify_push": {
                "type": ["notifications"],
                "endpoints": {
                    "websocket": format!("{socket}/push/ws"),
                    "pre_auth": format!("{base}/push/pre_auth"),
                },
            },
            "password_policy": { "minLength": registry::MIN_PASSWORD },
            "bellbird": {
                "registration": settings.registrations_by_invitation,
                "ringing-messages": true,
                CAPABILITY_CLIENT_ORDERS: true,
            },
            "spreed": {
                "version": TALK_VERSION,
                "features": FEATURES,
                "features-local": ["favorites", "archived-conversations-v2"],
                "config": {
                    "call": {
                        "enabled": settings.calls,
                        "breakout-rooms": false,
                        "recording": asked.app.recorder().is_some(),
                        "recording-consent": settings.recording_consent,
                        "supported-reactions": REACTIONS,
                        "sip-enabled": false,
                        "sip-dialout-enabled": settings.sip_dialout,
                        "can-enable-sip": false,
                        "start-without-media": false,
                        "max-duration": 0,
                        "end-to-end-encryption": false,
                        "blur-virtual-background": false,
                    },
                    "conversations": { "can-create": asked.user.is_some() },
                    "permissions": {
                        "max-default": PERMISSIONS_MAX_DEFAULT,
                        "max-custom": PERMISSIONS_MAX_CUSTOM,
                        "default": settings.default_permissions,
                    },
                    "signaling": signaling,
                },
                "config-local": {},
            },
        },
    });
    Ok((answer, settings.hash))
}

/// `GET /core/getapppassword`
pub(super) async fn get_app_password(asked: Asked) -> OcsResult {
    let user = asked.signed_in()?;
    match user.via {
        Via::AppPassword(_) => {
            return Err(Ocs::status(403).message("You cannot request an new apppassword with an apppassword"));
        }
        Via::Password => {}
    }
    let client = registry::display_name(asked.header_text(header::USER_AGENT), "unknown");
    let (account, unix) = (user.account.id.clone(), asked.app.now().unix);
    let made = asked.app.store.write(move |c| registry::new_app_password(c, &account, &client, unix)).await?;
    Ok(Ocs::ok(AppPassword { apppassword: made }))
}

/// `DELETE /core/apppassword`
pub(super) async fn delete_app_password(asked: Asked) -> OcsResult {
    match asked.signed_in()?.via {
        Via::AppPassword(id) => {
            asked.app.store.write(move |c| accounts::remove_app_password(c, id)).await?;
            asked.app.push.drop_revoked(&asked.app.store).await?;
            Ok(Ocs::status(200))
        }
        Via::Password => Err(Ocs::status(403).message("no app password in use")),
    }
}

fn user_object(user: &User) -> Value {
    let account = &user.account;
    json!({
        "id": account.id,
        "enabled": true,
        "display-name": account.display_name,
        "displayname": account.display_name,
        "email": null,
        "groups": [],
        "language": "en",
    })
}

/// `GET /cloud/user`
pub(super) async fn cloud_user(asked: Asked) -> OcsResult {
    Ok(Ocs::ok(user_object(asked.signed_in()?)))
}

/// `GET /cloud/users/{userId}`, of oneself alone.
pub(super) async fn get_user(asked: Asked) -> OcsResult {
    let user = asked.signed_in()?;
    if !user.account.id.eq_ignore_ascii_case(asked.path("userId")) {
        return Err(Ocs::status(403));
    }
    Ok(Ocs::ok(user_object(user)))
}

/// `PUT /cloud/users/{userId}`: the own display name.
pub(super) async fn edit_user(asked: Asked) -> OcsResult {
    let account = asked.signed_in()?.account.id.clone();
    if !account.eq_ignore_ascii_case(asked.path("userId")) {
        return Err(Ocs::status(403));
    }
    match asked.params.text("key")?.as_str() {
        "display" | "displayname" => {}
        _ => return Err(Ocs::status(400).message("Only the display name can be changed")),
    }
    let name = registry::display_name(&asked.params.text("value")?, "");
    if name.is_empty() {
        return Err(Ocs::status(400).message("The name is empty"));
    }
    let memberships = asked
        .app
        .store
        .write(move |c| {
            accounts::set_display_name(c, &account, &name)?;
            attendees::of_account(c, &account)
        })
        .await?;
    for membership in memberships {
        asked.app.sync_room(membership.room).await?;
    }
    Ok(Ocs::status(200))
}

fn status_object(account: &accounts::AccountRow, for_others: bool) -> Value {
    let status = match account.status.as_str() {
        "invisible" if for_others => "offline",
        status => status,
    };
    json!({
        "userId": account.id,
        "status": status,
        "message": account.status_message,
        "messageId": null,
        "messageIsPredefined": false,
        "icon": null,
        "clearAt": null,
        "statusIsUserDefined": true,
    })
}

/// `GET /apps/user_status/api/v1/user_status`
pub(super) async fn own_status(asked: Asked) -> OcsResult {
    Ok(Ocs::ok(status_object(&asked.signed_in()?.account, false)))
}

/// `GET /apps/user_status/api/v1/statuses/{userId}`
pub(super) async fn others_status(asked: Asked) -> OcsResult {
    asked.signed_in()?;
    let name = asked.path("userId").to_owned();
    let account = asked.app.store.read(move |c| accounts::find(c, &name)).await?;
    Ok(Ocs::ok(status_object(&account.ok_or_else(|| Ocs::status(404))?, true)))
}

/// `PUT /apps/user_status/api/v1/user_status/status`
pub(super) async fn set_status(asked: Asked) -> OcsResult {
    let mut account = asked.signed_in()?.account.clone();
    let status = asked.params.text("statusType")?;
    if !matches!(status.as_str(), "online" | "away" | "dnd" | "busy" | "invisible" | "offline") {
        return Err(Ocs::status(400).message("No such status"));
    }
    account.status = status;
    save_status(&asked, account).await
}

/// `PUT /apps/user_status/api/v1/user_status/message/custom`, and `DELETE …/message`
pub(super) async fn set_status_message(asked: Asked) -> OcsResult {
    let mut account = asked.signed_in()?.account.clone();
    let message = asked.params.text("message")?;
    if message.chars().count() > 80 {
        return Err(Ocs::status(400).message("The message is too long"));
    }
    account.status_message = Some(message).filter(|message| !message.is_empty());
    save_status(&asked, account).await
}

async fn save_status(asked: &Asked, account: accounts::AccountRow) -> OcsResult {
    let stored = account.clone();
    asked
        .app
        .store
        .write(move |c| accounts::set_status(c, &stored.id, &stored.status, stored.status_message.as_deref()))
        .await?;
    Ok(Ocs::ok(status_object(&account, false)))
}

/// `PUT /apps/user_status/api/v1/heartbeat`: a status set by hand stays.
pub(super) async fn heartbeat(asked: Asked) -> OcsResult {
    let user = asked.signed_in()?;
    match asked.params.text("status")?.as_str() {
        "online" | "away" => Ok(Ocs::ok(status_object(&user.account, false))),
        _ => Err(Ocs::status(400).message("No such status")),
    }
}
