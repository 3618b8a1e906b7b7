//! Changes of what the user has in calls: which clients are meant, what each is told, what is answered.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::read::{Body, Target};
use super::shapes::Group;
use crate::rules::unknown_client;
use crate::{Calls, ClientCall, ClientState, Connection, Media, Order, Refusal, User};

/// What is wanted of each connection that is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Audio { muted: Option<bool>, silent: Option<bool> },
    Video(Option<bool>),
    Raise(Option<bool>),
    Leave,
}

impl Change {
    /// What a body asks of microphone and loudspeaker.
    pub(super) fn audio(body: &Body) -> Result<Self, Refusal> {
        Ok(Self::Audio { muted: body.flag("muted")?, silent: body.flag("silent")? })
    }

    /// What a body asks of the camera.
    pub(super) fn video(body: &Body) -> Result<Self, Refusal> {
        body.flag("video").map(Self::Video)
    }

    /// What a body asks of the hand.
    pub(super) fn raise(body: &Body) -> Result<Self, Refusal> {
        body.flag("raise").map(Self::Raise)
    }
}

/// What of a client is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Meant {
    All,
    Some(BTreeSet<Media>),
}

impl Meant {
    fn has(&self, media: Media) -> bool {
        match self {
            Self::All => true,
            Self::Some(some) => some.contains(&media),
        }
    }
}

/// One client with what is meant of its call.
struct Part<'a> {
    client: &'a ClientState,
    call: &'a ClientCall,
    meant: Meant,
}

impl Part<'_> {
    fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.call.connections.iter().filter(|connection| self.meant.has(connection.media))
    }

    /// What the client is told; nothing where nothing changes, or where nothing is meant that could.
    fn orders(&self, change: Change) -> Vec<Order> {
        let camera = self.connections().any(|connection| connection.media == Media::Camera);
        let any = self.connections().next().is_some();
        match change {
            Change::Audio { muted: None, silent: None } | Change::Video(None) | Change::Raise(None) => {
                Vec::new()
            }
            Change::Audio { muted, silent } if camera => vec![Order::SetAudio { muted, silent }],
            Change::Video(Some(video)) if camera => vec![Order::SetVideo { video }],
            Change::Raise(Some(raise)) if any => vec![Order::Raise { raise }],
            Change::Audio { .. } | Change::Video(Some(_)) | Change::Raise(Some(_)) => Vec::new(),
            Change::Leave => match &self.meant {
                Meant::All => vec![Order::Leave { media: None }],
                Meant::Some(_) => self
                    .connections()
                    .map(|connection| Order::Leave { media: Some(connection.media) })
                    .collect(),
            },
        }
    }

    /// Tells the client, and yields what it says has changed; without an order, how things are.
    async fn run(&self, calls: &dyn Calls, user: &User, change: Change) -> Result<Vec<Connection>, Refusal> {
        let orders = self.orders(change);
        if orders.is_empty() {
            return Ok(self.connections().cloned().collect());
        }
        let mut changed = Vec::new();
        for order in orders {
            changed.extend(calls.order(user, &self.client.client_id, order).await?);
        }
        Ok(changed)
    }
}

/// The clients that are meant and in a call, in this channel when one is given.
fn parts<'a>(
    clients: &'a [ClientState],
    targets: Option<&[Target]>,
    channel: Option<&str>,
) -> Result<Vec<Part<'a>>, Refusal> {
    let mut meant: Vec<(&ClientState, Meant)> = match targets {
        None => clients.iter().map(|client| (client, Meant::All)).collect(),
        Some(_) => Vec::new(),
    };
    for target in targets.unwrap_or_default() {
        let client =
            clients.iter().find(|client| client.client_id == target.client_id).ok_or_else(unknown_client)?;
        let known = meant.iter_mut().find(|(known, _)| known.client_id == client.client_id);
        match (known, target.media) {
            (Some((_, Meant::All)), _) => {}
            (Some((_, Meant::Some(some))), Some(media)) => {
                some.insert(media);
            }
            (Some((_, all)), None) => *all = Meant::All,
            (None, None) => meant.push((client, Meant::All)),
            (None, Some(media)) => meant.push((client, Meant::Some(BTreeSet::from([media])))),
        }
    }
    let in_call = meant.into_iter().filter_map(|(client, meant)| {
        let call = client.call.as_ref()?;
        let here = channel.is_none_or(|channel| call.channel_id == channel);
        here.then_some(Part { client, call, meant })
    });
    Ok(in_call.collect())
}

/// Makes the change at all clients that are meant, at once. What is answered is by channel.
///
/// # Errors
/// 404 for a client that is not there; a client's own refusal when none did it.
pub(super) async fn act(
    calls: &dyn Calls,
    user: &User,
    change: Change,
    targets: Option<&[Target]>,
    channel: Option<&str>,
) -> Result<Vec<Group>, Refusal> {
    let clients = calls.clients(user).await?;
    let parts = parts(&clients, targets, channel)?;
    let outcomes = join_all(parts.iter().map(|part| part.run(calls, user, change))).await;
    let mut groups = Vec::new();
    let (mut done, mut refused) = (false, None);
    for (part, outcome) in parts.iter().zip(outcomes) {
        match outcome {
            Ok(changed) => {
                done = true;
                add(&mut groups, part.call, changed);
            }
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    match refused {
        Some(refusal) if !done => Err(refusal),
        Some(_) | None => Ok(groups),
    }
}

/// All the user has in calls.
pub(super) fn grouped(clients: &[ClientState]) -> Vec<Group> {
    let mut groups = Vec::new();
    for call in clients.iter().filter_map(|client| client.call.as_ref()) {
        add(&mut groups, call, call.connections.clone());
    }
    groups
}

fn add(groups: &mut Vec<Group>, call: &ClientCall, connections: Vec<Connection>) {
    if connections.is_empty() {
        return;
    }
    match groups.iter_mut().find(|group| group.team_id == call.team_id && group.channel_id == call.channel_id)
    {
        Some(group) => group.states.extend(connections),
        None => groups.push(Group {
            team_id: call.team_id.clone(),
            channel_id: call.channel_id.clone(),
            states: connections,
        }),
    }
}

/// Without the channels.
pub(super) fn flat(groups: Vec<Group>) -> Vec<Connection> {
    groups.into_iter().flat_map(|group| group.states).collect()
}
