//! What the recording server tells us: how a recording goes, and its file (talk-rest.md section 7).
//!
//! Every request carries a checksum that only the two servers can make, looked at before anything else of it. Of an
//! upload it is over the room's token alone, since the file is written as it arrives.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::asked::Caller;
use super::ocs::{Ocs, OcsResult};
use super::throttle::Guess;
use crate::config_keys::Settings;
use crate::recording::{CHECKSUM_HEADER, Incoming, NotStored, RANDOM_HEADER};
use crate::secrets;
use crate::state::App;
use crate::store::recordings::{self, RecordingRow};
use crate::store::rooms::RoomRow;
use crate::store::{StoreError, attendees, notifications, rooms};
use crate::words::{Actor, RecordingStatus};

/// Largest message, bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// A message has to be there within this time.
const MESSAGE_TIME: Duration = Duration::from_secs(20);
/// The next piece of a file has to be there within this time.
const PIECE_TIME: Duration = Duration::from_secs(60);
/// Longest owner's name, bytes.
const MAX_OWNER: usize = 1024;
/// Most parts of one upload.
const MAX_PARTS: usize = 16;

fn refused(status: u16, code: &str, message: &str) -> Ocs {
    Ocs::with(status, json!({ "type": "error", "error": { "code": code, "message": message } }))
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// Refuses with `status` what does not come from the recording server; 429 where that was tried too often.
pub(super) async fn prove(
    app: &App,
    headers: &HeaderMap,
    caller: Caller,
    proven: &[u8],
    status: u16,
) -> Result<(), Ocs> {
    let (random, checksum) = (text_of(headers, RANDOM_HEADER), text_of(headers, CHECKSUM_HEADER));
    if app.recording.current().is_some_and(|backend| backend.approves(random, checksum, proven)) {
        return Ok(());
    }
    // What is proven needs no delay: a checksum cannot be guessed, and others must not hold the recording server up.
    app.slow_down(Guess::RecordingSecret, caller.address, "").await?;
    tracing::warn!("a request of a recording server has a wrong checksum");
    let now = app.now().at;
    app.throttle().failed(Guess::RecordingSecret, caller.address, "", secrets::digest(checksum), now);
    Err(refused(status, "invalid_request", "The request could not be authenticated."))
}

/// `POST /api/v1/recording/backend`
pub(super) async fn backend(State(app): State<App>, request: Request) -> OcsResult {
    let (parts, body) = request.into_parts();
    let caller = *parts.extensions.get::<Caller>().ok_or_else(|| Ocs::status(500))?;
    let body = tokio::time::timeout(MESSAGE_TIME, to_bytes(body, MAX_MESSAGE))
        .await
        .map_err(|_| Ocs::status(408).message("The body did not arrive in time"))?
        .map_err(|_| Ocs::status(413).message("The body is too large or incomplete"))?;
    prove(&app, &parts.headers, caller, &body, 403).await?;
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return Err(refused(400, "invalid_request", "The request is no JSON."));
    };
    let kind = message["type"].as_str().unwrap_or("");
    let inner = &message[kind];
    let unknown = || refused(404, "no_such_room", "Room not found.");
    if !matches!(kind, "started" | "stopped" | "failed") {
        return Err(refused(400, "unknown_type", "The given type is not supported."));
    }
    let token = inner["token"].as_str().unwrap_or("").to_owned();
    let room = app.store.read(move |c| rooms::by_token(c, &token)).await?.ok_or_else(unknown)?.id;
    match kind {
        "started" => {
            let to = match inner["status"].as_u64() {
                Some(1) => RecordingStatus::Video,
                Some(2) => RecordingStatus::Audio,
                Some(_) | None => return Err(refused(400, "invalid_request", "No such status.")),
            };
            if !app.change_recording(room, RecordingStatus::is_starting, to).await? {
                tracing::warn!("the recording server records a room without having been asked to");
                return Err(unknown());
            }
        }
        "stopped" => {
            let running = |status| status != RecordingStatus::None;
            app.change_recording(room, running, RecordingStatus::None).await?;
        }
        // What comes after the end is no failure any more.
        _ => {
            app.change_recording(room, RecordingStatus::is_underway, RecordingStatus::Failed).await?;
        }
    }
    Ok(Ocs::null())
}

/// What an upload consists of.
#[derive(Default)]
struct Upload {
    owner: Option<String>,
    file: Option<Incoming>,
}

/// `POST /api/v1/recording/{token}/store`
pub(super) async fn store(
    State(app): State<App>,
    Path(token): Path<String>,
    mut request: Request,
) -> OcsResult {
    let caller = *request.extensions().get::<Caller>().ok_or_else(|| Ocs::status(500))?;
    let wanted = token.clone();
    let (room, settings) =
        app.store.read(move |c| Ok((rooms::by_token(c, &wanted)?, Settings::read(c)?))).await?;
    let room = room.ok_or_else(|| Ocs::status(404))?;
    prove(&app, request.headers(), caller, token.as_bytes(), 401).await?;
    let Ok(_turn) = app.recording.uploads.acquire().await else { return Err(Ocs::status(503)) };
    // The bound is kept below, piece by piece.
    DefaultBodyLimit::disable().apply(&mut request);
    let parts = Multipart::from_request(request, &()).await;
    let parts = parts.map_err(|_| Ocs::error(400, "invalid_file"))?;
    let Upload { owner, file } = match take(&app, parts, settings.recording_max_bytes).await {
        Ok(upload) => upload,
        Err(reason) => return Err(lost(&app, &room, &reason).await?),
    };
    let Some(owner) = owner.filter(|owner| !owner.is_empty()) else {
        return Err(lost(&app, &room, &NotStored::TooLarge).await?);
    };
    let Some(file) = file else { return Err(Ocs::error(400, "invalid_file")) };
    let (id, actor) = (room.id, Actor::user(&owner));
    if app.store.read(move |c| attendees::by_actor(c, id, &actor)).await?.is_none() {
        return Err(Ocs::error(400, "owner_participant"));
    }
    let (name, size) = match app.recording.files.keep(file, &room.token).await {
        Ok(kept) => kept,
        Err(reason) => return Err(lost(&app, &room, &reason).await?),
    };
    let (row, unix, account) = (RecordingRow { token, name }, app.now().unix, owner.clone());
    app.store
        .write(move |c| {
            recordings::take_owner(c, id)?;
            let recording = recordings::insert(c, &account, &row, size, unix)?;
            notifications::insert_recording(c, &account, id, Some(recording), unix)
        })
        .await?;
    app.push.notify(&owner);
    tracing::info!(size, "a recording was stored");
    Ok(Ocs::null())
}

/// Takes all parts of an upload, the file to the disk.
async fn take(app: &App, mut parts: Multipart, most: u64) -> Result<Upload, NotStored> {
    let mut upload = Upload::default();
    let broken = || NotStored::Disk(std::io::ErrorKind::UnexpectedEof.into());
    for _ in 0..MAX_PARTS {
        let next = tokio::time::timeout(PIECE_TIME, parts.next_field()).await;
        let Some(mut part) = next.map_err(|_| broken())?.map_err(|_| broken())? else { return Ok(upload) };
        match part.name() {
            Some("owner") => {
                let mut text = Vec::new();
                while let Some(piece) = piece(&mut part).await? {
                    if text.len() + piece.len() > MAX_OWNER {
                        return Err(NotStored::TooLarge);
                    }
                    text.extend_from_slice(&piece);
                }
                upload.owner = String::from_utf8(text).ok();
            }
            Some("file") => {
                let name = part.file_name().unwrap_or("").to_owned();
                let mut file = app.recording.files.begin(&name, most).await?;
                while let Some(piece) = piece(&mut part).await? {
                    if let Err(reason) = file.add(&piece).await {
                        drop(file);
                        discard(&mut part, most).await?;
                        return Err(reason);
                    }
                }
                upload.file = Some(file);
            }
            Some(_) | None => {
                discard(&mut part, MAX_MESSAGE as u64).await?;
            }
        }
    }
    Err(NotStored::TooLarge)
}

/// Reads the rest of a part, up to so many bytes: who is still sending does not hear an answer.
async fn discard(part: &mut Field<'_>, mut most: u64) -> Result<(), NotStored> {
    while let Some(piece) = piece(part).await? {
        most = most.checked_sub(piece.len() as u64).ok_or(NotStored::TooLarge)?;
    }
    Ok(())
}

async fn piece(part: &mut Field<'_>) -> Result<Option<axum::body::Bytes>, NotStored> {
    let broken = || NotStored::Disk(std::io::ErrorKind::UnexpectedEof.into());
    tokio::time::timeout(PIECE_TIME, part.chunk()).await.map_err(|_| broken())?.map_err(|_| broken())
}

/// What is answered when a recording is not stored; where it is nobody's fault but this server's, whoever started it
/// is told.
async fn lost(app: &App, room: &RoomRow, reason: &NotStored) -> Result<Ocs, StoreError> {
    tracing::warn!(%reason, "a recording was not stored");
    let (key, tell) = match reason {
        NotStored::TooLarge => ("size", true),
        NotStored::Disk(_) => ("invalid_file", true),
        NotStored::Empty => ("empty_file", false),
        NotStored::Name => ("file_extension", false),
        NotStored::Kind => ("file_mimetype", false),
    };
    if tell {
        let (id, unix) = (room.id, app.now().unix);
        let told = app
            .store
            .write(move |c| {
                let owner = recordings::take_owner(c, id)?;
                if let Some(owner) = &owner {
                    notifications::insert_recording(c, owner, id, None, unix)?;
                }
                Ok(owner)
            })
            .await?;
        if let Some(owner) = told {
            app.push.notify(&owner);
        }
    }
    Ok(Ocs::error(400, key))
}
