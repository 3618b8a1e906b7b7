//! Recording a call, as moderators ask for it (talk-rest.md section 7), and the files that come of it.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::asked::Asked;
use super::auth;
use super::ocs::{Ocs, OcsResult};
use super::place::Place;
use crate::recording::{Refusal, next_piece};
use crate::store::{notifications, recordings};
use crate::words::RecordingStatus;

/// 401 for guests, also for those who moderate; 403 for other members.
async fn moderated(asked: &Asked) -> Result<Place, Ocs> {
    asked.signed_in()?;
    let place = asked.place().await?;
    place.moderator()?;
    Ok(place)
}

/// The recording server cannot be reached, or does not want to.
fn unwilling(refusal: &Refusal) -> Ocs {
    tracing::warn!(?refusal, "the recording server did not do as asked");
    Ocs::status(500).message("The recording server does not answer as it should")
}

/// `POST /api/v1/recording/{token}`: 200 once the recording server knows; that it records, it says later.
pub(super) async fn start(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    let owner = asked.signed_in()?.account.id.clone();
    let (kind, starting) = match asked.params.int("status", 0)? {
        1 => (RecordingStatus::Video, RecordingStatus::StartingVideo),
        2 => (RecordingStatus::Audio, RecordingStatus::StartingAudio),
        _ => return Err(Ocs::error(400, "status")),
    };
    if place.room.recording.is_underway() {
        return Err(Ocs::error(400, "recording"));
    }
    let room = place.room.id;
    if asked.app.live().call(room).is_none() {
        return Err(Ocs::error(400, "call"));
    }
    let Some(recorder) = asked.app.recorder() else { return Err(Ocs::error(400, "config")) };
    // Noted before it is asked for: the answer may be overtaken by the word that it records.
    let base = asked.base_url();
    let (name, from) = (owner.clone(), base.clone());
    let begun = asked.app.store.write(move |c| recordings::begin(c, room, starting, &name, &from)).await?;
    if !begun {
        return Err(Ocs::error(400, "recording"));
    }
    if let Err(refusal) = recorder.start(&place.room.token, &base, kind, &owner).await {
        let before = place.room.recording;
        asked
            .app
            .store
            .write(move |c| recordings::change(c, room, RecordingStatus::is_starting, before))
            .await?;
        return Err(unwilling(&refusal));
    }
    asked.app.tell_of_recording(room).await?;
    if asked.app.live().call(room).is_none() {
        // It ended meanwhile, perhaps before the recording server had heard of it.
        asked.app.end_recording(room);
    }
    Ok(Ocs::null())
}

/// `DELETE /api/v1/recording/{token}`: stopping what does not run is fine. The room says so until it is confirmed.
pub(super) async fn stop(asked: Asked) -> OcsResult {
    let place = moderated(&asked).await?;
    if place.room.recording == RecordingStatus::None {
        return Ok(Ocs::null());
    }
    let room = place.room.id;
    let outcome = match asked.app.recording.current() {
        Some(recorder) => recorder.stop(&place.room, Some(&place.me.actor)).await,
        None => Err(Refusal::Unknown),
    };
    match outcome {
        Ok(()) => Ok(Ocs::null()),
        Err(Refusal::Unknown) => {
            // Nobody will ever confirm that it has stopped.
            let to = RecordingStatus::Failed;
            asked.app.change_recording(room, RecordingStatus::is_underway, to).await?;
            Ok(Ocs::null())
        }
        Err(refusal @ Refusal::Failed(_)) => Err(unwilling(&refusal)),
    }
}

/// `DELETE /api/v1/recording/{token}/notification`: the caller has seen what it was told at `timestamp`.
pub(super) async fn dismiss(asked: Asked) -> OcsResult {
    let place = asked.place().await?;
    place.moderator()?;
    let account = asked.signed_in()?.account.id.clone();
    let (room, unix) = (place.room.id, asked.params.int("timestamp", 0)?);
    let name = account.clone();
    if asked.app.store.write(move |c| notifications::remove_recording(c, &name, room, unix)).await? {
        asked.app.push.notify(&account);
    }
    Ok(Ocs::null())
}

/// `GET /index.php/apps/bellbird/recording/{id}`: the file, to the account it was recorded for.
pub(super) async fn download(asked: Asked) -> Result<Response, Ocs> {
    let Some(user) = &asked.user else {
        // A browser asks for name and password then.
        return Err(auth::unauthorized().header(header::WWW_AUTHENTICATE, "Basic realm=\"Bellbird\""));
    };
    let id: i64 = asked.path("id").parse().map_err(|_| Ocs::status(404))?;
    let account = user.account.id.clone();
    let found = asked.app.store.read(move |c| recordings::find(c, &account, id)).await?;
    let row = found.ok_or_else(|| Ocs::status(404))?;
    let opened = asked.app.recording.files.open(&row.token, &row.name).await;
    let (file, length) = opened.map_err(|error| {
        tracing::warn!(%error, "a recording cannot be read");
        Ocs::status(404)
    })?;
    let pieces = futures_util::stream::try_unfold(file, async |mut file| {
        Ok::<_, std::io::Error>(next_piece(&mut file).await?.map(|piece| (Bytes::from(piece), file)))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let fixed = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let encoded: String = url::form_urlencoded::byte_serialize(row.name.as_bytes()).collect();
    let disposition = format!("attachment; filename*=UTF-8''{}", encoded.replace('+', "%20"));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
