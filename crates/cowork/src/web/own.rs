//! The paths about the user's own clients (cowork-calls section 3).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::act::{Change, act, flat, grouped};
use super::description::Refusals;
use super::read::Body;
use super::shapes::{AudioBody, Group, JoinBody, LeaveBody, OwnStatus, RaiseBody, VideoBody};
use super::{Api, Asking};
use crate::{Connection, Order, Refusal, check, choose};

/// The user, and the clients they have open.
#[utoipa::path(
    get,
    path = "/api/cowork/user",
    tag = "user",
    responses((status = 200, description = "The user", body = OwnStatus), Refusals)
)]
pub(super) async fn user(State(api): State<Api>, Asking(user): Asking) -> Result<Json<OwnStatus>, Refusal> {
    let clients = api.calls.clients(&user).await?;
    Ok(Json(OwnStatus::new(user, clients)))
}

/// What the user has in calls.
#[utoipa::path(
    get,
    path = "/api/cowork/user/calls",
    tag = "user",
    responses((status = 200, description = "By channel; empty without a call", body = Vec<Group>), Refusals)
)]
pub(super) async fn calls(State(api): State<Api>, Asking(user): Asking) -> Result<Json<Vec<Group>>, Refusal> {
    Ok(Json(grouped(&api.calls.clients(&user).await?)))
}

/// Joins a call in a channel by audio, video or screen share.
///
/// A screen share can always be started. Whoever is in an audio call joins with neither audio nor video in addition; a
/// camera is switched by `video`.
#[utoipa::path(
    post,
    path = "/api/cowork/user/calls/join",
    tag = "user",
    request_body = Option<JoinBody>,
    responses(
        (
            status = 200,
            description = "What the client has in addition now; empty while its person is being asked",
            body = Vec<Connection>
        ),
        Refusals
    )
)]
pub(super) async fn join(
    State(api): State<Api>,
    Asking(user): Asking,
    body: Body,
) -> Result<Json<Vec<Connection>>, Refusal> {
    let (channel, client, kind) = (body.id("channelId")?, body.id("clientId")?, body.join_kind()?);
    if let Some(channel) = &channel {
        api.calls.may_enter(&user, channel).await?;
    }
    let _turn = api.joins.turn(&user.key).await?;
    let clients = api.calls.clients(&user).await?;
    let choice = choose(&clients, channel.as_deref(), client.as_deref())?;
    check(&clients, kind)?;
    if channel.is_none() {
        // What a client says that it has open is no proof of access.
        api.calls.may_enter(&user, &choice.channel_id).await?;
    }
    let order = Order::Join { channel: choice.channel_id, kind };
    api.calls.order(&user, &choice.client_id, order).await.map(Json)
}

/// Switches microphone and loudspeaker.
#[utoipa::path(
    post,
    path = "/api/cowork/user/calls/audio",
    tag = "user",
    request_body = Option<AudioBody>,
    responses((status = 200, description = "The connections meant, by channel", body = Vec<Group>), Refusals)
)]
pub(super) async fn audio(
    State(api): State<Api>,
    Asking(user): Asking,
    body: Body,
) -> Result<Json<Vec<Group>>, Refusal> {
    let change = Change::audio(&body)?;
    act(&*api.calls, &user, change, body.targets()?.as_deref(), None).await.map(Json)
}

/// Switches the camera.
#[utoipa::path(
    post,
    path = "/api/cowork/user/calls/video",
    tag = "user",
    request_body = Option<VideoBody>,
    responses((status = 200, description = "The connections meant", body = Vec<Connection>), Refusals)
)]
pub(super) async fn video(
    State(api): State<Api>,
    Asking(user): Asking,
    body: Body,
) -> Result<Json<Vec<Connection>>, Refusal> {
    let change = Change::video(&body)?;
    act(&*api.calls, &user, change, body.targets()?.as_deref(), None).await.map(flat).map(Json)
}

/// Raises or lowers the hand.
#[utoipa::path(
    post,
    path = "/api/cowork/user/calls/raise",
    tag = "user",
    request_body = Option<RaiseBody>,
    responses((status = 200, description = "The connections meant", body = Vec<Connection>), Refusals)
)]
pub(super) async fn raise(
    State(api): State<Api>,
    Asking(user): Asking,
    body: Body,
) -> Result<Json<Vec<Connection>>, Refusal> {
    let change = Change::raise(&body)?;
    act(&*api.calls, &user, change, body.targets()?.as_deref(), None).await.map(flat).map(Json)
}

/// Leaves calls, or ends shares.
#[utoipa::path(
    post,
    path = "/api/cowork/user/calls/leave",
    tag = "user",
    request_body = Option<LeaveBody>,
    responses((status = 200, description = "Left, or there was nothing to leave; always empty"), Refusals)
)]
pub(super) async fn leave(
    State(api): State<Api>,
    Asking(user): Asking,
    body: Body,
) -> Result<StatusCode, Refusal> {
    act(&*api.calls, &user, Change::Leave, body.targets()?.as_deref(), None).await?;
    Ok(StatusCode::OK)
}
