//! The bodies of requests and answers, as the description shows them. Requests are read by [`read`](super::read).

use serde::Serialize;
use utoipa::ToSchema;

use crate::{ClientState, Connection, Media, User};

/// Body of `join`.
#[derive(ToSchema)]
#[schema(as = Join)]
#[expect(dead_code, reason = "only described")]
#[schema(rename_all = "camelCase")]
pub(super) struct JoinBody {
    /// The channel; missing: the one the chosen client has open.
    #[schema(max_length = 255)]
    channel_id: Option<String>,
    /// The client; missing: the one that has the channel open, else the one most recently used.
    #[schema(max_length = 255)]
    client_id: Option<String>,
    /// `AUDIO` (also when missing), `VIDEO`, which includes audio, or `SCREEN`; in any case.
    #[schema(
        pattern = "^([Aa][Uu][Dd][Ii][Oo]|[Vv][Ii][Dd][Ee][Oo]|[Ss][Cc][Rr][Ee][Ee][Nn])$",
        example = "AUDIO"
    )]
    join_type: Option<String>,
}

/// Connections that are meant.
#[derive(ToSchema)]
#[schema(as = Target)]
#[expect(dead_code, reason = "only described")]
#[schema(rename_all = "camelCase")]
pub(super) struct TargetBody {
    /// The client.
    #[schema(max_length = 255)]
    client_id: String,
    /// One medium of it; missing: all.
    #[schema(pattern = "^(camera|screen(0|[1-9][0-9]{0,2}))$")]
    media: Option<String>,
}

/// Body of `audio`.
#[derive(ToSchema)]
#[schema(as = Audio)]
#[expect(dead_code, reason = "only described")]
pub(super) struct AudioBody {
    /// The microphone is off; missing: unchanged.
    muted: Option<bool>,
    /// The loudspeaker is off; missing: unchanged.
    silent: Option<bool>,
    /// Missing: every connection of the user.
    #[schema(max_items = 64)]
    clients: Option<Vec<TargetBody>>,
}

/// Body of `video`.
#[derive(ToSchema)]
#[schema(as = Video)]
#[expect(dead_code, reason = "only described")]
pub(super) struct VideoBody {
    /// The camera is on; missing: unchanged.
    video: Option<bool>,
    /// Missing: every connection of the user.
    #[schema(max_items = 64)]
    clients: Option<Vec<TargetBody>>,
}

/// Body of `raise`.
#[derive(ToSchema)]
#[schema(as = Raise)]
#[expect(dead_code, reason = "only described")]
pub(super) struct RaiseBody {
    /// The hand is up; missing: unchanged.
    raise: Option<bool>,
    /// Missing: every connection of the user.
    #[schema(max_items = 64)]
    clients: Option<Vec<TargetBody>>,
}

/// Body of `leave`.
#[derive(ToSchema)]
#[schema(as = Leave)]
#[expect(dead_code, reason = "only described")]
pub(super) struct LeaveBody {
    /// Missing: every connection of the user.
    #[schema(max_items = 64)]
    clients: Option<Vec<TargetBody>>,
}

/// Connections in one channel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChannelStates)]
pub(super) struct Group {
    /// The team of the channel.
    pub(super) team_id: String,
    /// The channel.
    pub(super) channel_id: String,
    /// The connections.
    pub(super) states: Vec<Connection>,
}

/// The user, and where they are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(super) struct OwnStatus {
    /// The account.
    id: String,
    /// Its name for people.
    display_name: String,
    /// The open clients, the most recently used first.
    clients: Vec<OpenClient>,
}

/// An open client.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Client)]
pub(super) struct OpenClient {
    /// `cowork-<uuid>`.
    client_id: String,
    /// The channel it shows or is in a call in; missing when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    channel_id: Option<String>,
    /// It is in a call.
    in_call: bool,
}

impl OwnStatus {
    pub(super) fn new(user: User, mut clients: Vec<ClientState>) -> Self {
        clients.sort_by_key(|client| std::cmp::Reverse(client.last_interaction));
        let open = |client: ClientState| OpenClient {
            channel_id: client.channel().map(str::to_owned),
            in_call: client.connections().iter().any(|connection| connection.media == Media::Camera),
            client_id: client.client_id,
        };
        Self {
            id: user.id,
            display_name: user.display_name,
            clients: clients.into_iter().map(open).collect(),
        }
    }
}
