//! Finding people, and their pictures.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bellbird_talk_wire::ContactEntry;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use crate::config_keys::Settings;
use crate::store::{StoreError, accounts, attendees, rooms};
use crate::words::Actor;

/// Most entries of one answer.
const MOST: i64 = 200;

/// `GET /core/autocomplete/get`
pub(super) async fn autocomplete(asked: Asked) -> OcsResult {
    let own = asked.signed_in()?.account.id.clone();
    let text = asked.params.text("search")?;
    let item = asked.params.text("itemId")?;
    let limit = u32::try_from(asked.params.int("limit", 100)?.clamp(1, MOST)).unwrap_or(100);
    let offset = u32::try_from(asked.params.int("offset", 0)?.max(0)).unwrap_or(u32::MAX);
    let types = asked.params.texts("shareTypes")?;
    let wants = |kind: &str| types.iter().any(|name| name == kind);
    let (users, groups) = (types.is_empty() || wants("0"), wants("1"));
    let entries = asked
        .app
        .store
        .read(move |c| {
            // Who already is in the room need not be found for it.
            let room = if item.is_empty() || item == "new" { None } else { rooms::by_token(c, &item)? };
            let attends = |account: &str| -> Result<bool, StoreError> {
                match &room {
                    Some(room) => Ok(attendees::by_actor(c, room.id, &Actor::user(account))?.is_some()),
                    None => Ok(false),
                }
            };
            let mut entries = Vec::new();
            if users {
                for account in accounts::search(c, &text, limit, offset)? {
                    if account.id != own && !attends(&account.id)? {
                        entries.push(person(&account));
                    }
                }
            }
            if groups && offset == 0 {
                let wanted = text.to_lowercase();
                let found = accounts::groups(c)?.into_iter().map(|(name, _)| name);
                entries.extend(found.filter(|name| name.to_lowercase().contains(&wanted)).map(group));
            }
            Ok(entries)
        })
        .await?;
    Ok(Ocs::ok(entries))
}

fn person(account: &accounts::AccountRow) -> ContactEntry {
    let status = if account.status == "invisible" { "offline" } else { &account.status };
    ContactEntry {
        id: account.id.clone(),
        label: account.display_name.clone(),
        icon: "icon-user".into(),
        source: "users".into(),
        status: json!({ "status": status, "message": account.status_message, "icon": null, "clearAt": null }),
        subline: String::new(),
        share_with_display_name_unique: account.id.clone(),
    }
}

fn group(name: String) -> ContactEntry {
    ContactEntry {
        id: name.clone(),
        label: name.clone(),
        icon: "icon-group".into(),
        source: "groups".into(),
        status: json!(""),
        subline: String::new(),
        share_with_display_name_unique: name,
    }
}

/// `GET /avatar/{userId}/{size}`: a picture for every id, so that asking tells nothing of who exists.
pub(super) async fn avatar(asked: Asked) -> Response {
    let id = asked.path("userId").to_owned();
    let wanted = id.clone();
    // The name is for those who may look people up anyway.
    let name = if asked.user.is_some() {
        let found = asked.app.store.read(move |c| accounts::find(c, &wanted)).await;
        found.ok().flatten().map(|account| account.display_name)
    } else {
        None
    };
    picture(&id, name.as_deref().unwrap_or(&id), size(&asked))
}

/// `GET /avatar/guest/{name}/{size}`
pub(super) async fn guest_avatar(asked: Asked) -> Response {
    let name = asked.path("name").to_owned();
    picture(&name, &name, size(&asked))
}

fn size(asked: &Asked) -> u32 {
    asked.path("size").parse().map_or(64, |size: u32| if size > 64 { 512 } else { 64 })
}

/// `GET /room/{token}/avatar`
pub(super) async fn room_avatar(asked: Asked) -> Result<Response, Ocs> {
    let (token, actor) = (asked.path("token").to_owned(), asked.actor());
    let unix = asked.app.now().unix;
    let found = asked
        .app
        .store
        .read(move |c| {
            let Some(room) = rooms::by_token(c, &token)? else { return Ok(None) };
            let settings = Settings::read(c)?;
            let seen = super::render::RoomSeen::load(c, room, actor.as_ref(), &settings)?;
            Ok(Some(seen).filter(|seen| seen.me.is_some() || seen.room.is_open_by_link(unix)))
        })
        .await?;
    let Some(seen) = found else {
        asked.may_ask_for_rooms().await?;
        return Err(asked.no_such_room());
    };
    let key = seen.other.as_ref().map_or(&seen.room.token, |other| &other.id);
    Ok(picture(key, seen.display_name(), 512))
}

/// Up to two initials on a colour of the id's own.
fn picture(key: &str, name: &str, size: u32) -> Response {
    let initials: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|character| character.is_alphanumeric()))
        .take(2)
        .flat_map(char::to_uppercase)
        .collect();
    let initials = if initials.is_empty() { "?".to_owned() } else { initials };
    let digest = Sha256::digest(key);
    let hue = u16::from_be_bytes([digest[0], digest[1]]) % 360;
    // Alphanumeric characters only: nothing of it can be markup.
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{size}\" height=\"{size}\" viewBox=\"0 0 64 64\">\
         <rect width=\"64\" height=\"64\" fill=\"hsl({hue},45%,42%)\"/>\
         <text x=\"32\" y=\"33\" fill=\"#fff\" font-family=\"sans-serif\" font-size=\"27\" text-anchor=\"middle\" \
         dominant-baseline=\"central\">{initials}</text></svg>"
    );
    let mut response = Body::from(svg).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "private, max-age=86400"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'none'; sandbox"),
        (header::HeaderName::from_static("x-nc-iscustomavatar"), "0"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
