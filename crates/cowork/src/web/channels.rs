//! The paths about teams and channels (cowork-calls sections 5 and 6).

use axum::Json;
use axum::extract::State;

use super::act::{Change, act, flat};
use super::description::Refusals;
use super::read::Body;
use super::shapes::{AudioBody, RaiseBody, VideoBody};
use super::{Api, Asking, Named};
use crate::{Channel, Connection, Reason, Refusal, Team, User};

/// The teams the user is in.
#[utoipa::path(
    get,
    path = "/api/cowork/teams",
    tag = "teams",
    responses((status = 200, description = "The teams", body = Vec<Team>), Refusals)
)]
pub(super) async fn teams(State(api): State<Api>, Asking(user): Asking) -> Result<Json<Vec<Team>>, Refusal> {
    api.calls.teams(&user).await.map(Json)
}

/// The channels between the user and one other person each.
#[utoipa::path(
    get,
    path = "/api/cowork/teams/directmessages",
    tag = "teams",
    responses((status = 200, description = "The channels", body = Vec<Channel>), Refusals)
)]
pub(super) async fn direct_messages(
    State(api): State<Api>,
    Asking(user): Asking,
) -> Result<Json<Vec<Channel>>, Refusal> {
    api.calls.direct_messages(&user).await.map(Json)
}

/// The channels of a team, without direct messages.
#[utoipa::path(
    get,
    path = "/api/cowork/teams/{teamId}/channels",
    tag = "teams",
    params(("teamId" = String, Path, description = "The team")),
    responses((status = 200, description = "The channels", body = Vec<Channel>), Refusals)
)]
pub(super) async fn channels(
    State(api): State<Api>,
    Asking(user): Asking,
    Named(team): Named<String>,
) -> Result<Json<Vec<Channel>>, Refusal> {
    api.calls.channels(&user, &team).await.map(Json)
}

/// Everybody in the channel's call.
#[utoipa::path(
    get,
    path = "/api/cowork/teams/{teamId}/channels/{channelId}/calls",
    tag = "teams",
    params(
        ("teamId" = String, Path, description = "The team"),
        ("channelId" = String, Path, description = "The channel")
    ),
    responses((status = 200, description = "Their connections; empty without a call", body = Vec<Connection>), Refusals)
)]
pub(super) async fn calls(
    State(api): State<Api>,
    Asking(user): Asking,
    Named((team, channel)): Named<(String, String)>,
) -> Result<Json<Vec<Connection>>, Refusal> {
    api.calls.channel_calls(&user, &team, &channel).await.map(Json)
}

/// Switches the user's own microphone and loudspeaker in the channel's call.
#[utoipa::path(
    post,
    path = "/api/cowork/teams/{teamId}/channels/{channelId}/calls/audio",
    tag = "teams",
    params(
        ("teamId" = String, Path, description = "The team"),
        ("channelId" = String, Path, description = "The channel")
    ),
    request_body = Option<AudioBody>,
    responses((status = 200, description = "The own connections meant", body = Vec<Connection>), Refusals)
)]
pub(super) async fn audio(
    State(api): State<Api>,
    Asking(user): Asking,
    Named(place): Named<(String, String)>,
    body: Body,
) -> Result<Json<Vec<Connection>>, Refusal> {
    let change = Change::audio(&body)?;
    act_in(&api, &user, &place, change, &body).await
}

/// Switches the user's own camera in the channel's call.
#[utoipa::path(
    post,
    path = "/api/cowork/teams/{teamId}/channels/{channelId}/calls/video",
    tag = "teams",
    params(
        ("teamId" = String, Path, description = "The team"),
        ("channelId" = String, Path, description = "The channel")
    ),
    request_body = Option<VideoBody>,
    responses((status = 200, description = "The own connections meant", body = Vec<Connection>), Refusals)
)]
pub(super) async fn video(
    State(api): State<Api>,
    Asking(user): Asking,
    Named(place): Named<(String, String)>,
    body: Body,
) -> Result<Json<Vec<Connection>>, Refusal> {
    let change = Change::video(&body)?;
    act_in(&api, &user, &place, change, &body).await
}

/// Raises or lowers the user's own hand in the channel's call.
#[utoipa::path(
    post,
    path = "/api/cowork/teams/{teamId}/channels/{channelId}/calls/raise",
    tag = "teams",
    params(
        ("teamId" = String, Path, description = "The team"),
        ("channelId" = String, Path, description = "The channel")
    ),
    request_body = Option<RaiseBody>,
    responses((status = 200, description = "The own connections meant", body = Vec<Connection>), Refusals)
)]
pub(super) async fn raise(
    State(api): State<Api>,
    Asking(user): Asking,
    Named(place): Named<(String, String)>,
    body: Body,
) -> Result<Json<Vec<Connection>>, Refusal> {
    let change = Change::raise(&body)?;
    act_in(&api, &user, &place, change, &body).await
}

/// Makes the change at the user's clients in this channel.
async fn act_in(
    api: &Api,
    user: &User,
    (team, channel): &(String, String),
    change: Change,
    body: &Body,
) -> Result<Json<Vec<Connection>>, Refusal> {
    let targets = body.targets()?;
    if !api.calls.teams(user).await?.iter().any(|known| known.id == *team) {
        return Err(Refusal::new(Reason::NotFound, "The user is in no such team"));
    }
    api.calls.may_enter(user, channel).await?;
    act(&*api.calls, user, change, targets.as_deref(), Some(channel)).await.map(flat).map(Json)
}
