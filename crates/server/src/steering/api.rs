//! The Web API of cowork-calls as this server answers it. One team, the server itself; its channels are the conversations.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::Extensions;
use bellbird_cowork::{
    Calls, Channel, ClientCall, ClientState, Connection, Credentials, JoinKind, Order, Reason, Refusal, Team,
    User, async_trait,
};
use bellbird_talk_wire::constants::{ROOM_GROUP, ROOM_ONE_TO_ONE, ROOM_PUBLIC};
use bellbird_talk_wire::{ClientOrder, JoinWith, OrderRefusal};

use super::attendance::{InCall, in_call, shown};
use super::clients::{ClientSeen, Unordered};
use crate::config_keys::Settings;
use crate::http::Caller;
use crate::http::auth::{self, User as SignedIn};
use crate::http::ocs::Ocs;
use crate::http::presence::is_listed;
use crate::http::throttle::Guess;
use crate::secrets;
use crate::state::{App, permissions_of, waits_in_lobby};
use crate::store::attendees::AttendeeRow;
use crate::store::rooms::RoomRow;
use crate::store::{StoreError, accounts, attendees, bans, rooms};
use crate::words::Actor;

/// Longest text of a client's refusal that is passed on, characters.
const MAX_REFUSAL: usize = 200;

/// See the module.
pub(crate) struct CoworkApi {
    app: App,
}

/// How a user stands to a conversation.
enum Standing {
    /// There is none.
    Unknown,
    /// It is others'.
    Closed,
    /// A member, but there is no call for them now, and why.
    Shut(&'static str),
    /// No member, but whoever knows of it may come in.
    Open(RoomRow),
    Member(RoomRow),
}

impl CoworkApi {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    /// The only team's id, the same for as long as the data folder.
    fn team_id(&self) -> &str {
        &self.app.instance
    }

    fn is_own_team(&self, team: &str) -> Result<(), Refusal> {
        if team == self.team_id() {
            return Ok(());
        }
        Err(Refusal::new(Reason::NotFound, "The user is in no such team"))
    }

    fn client(&self, user: &User, seen: ClientSeen) -> ClientState {
        let ClientSeen { id, last_interaction, open_channel, call } = seen;
        let call = call.map(|call| ClientCall {
            team_id: self.team_id().to_owned(),
            channel_id: call.channel_id,
            connections: call
                .connections
                .iter()
                .filter_map(|state| shown(&user.id, &user.display_name, &id, state))
                .collect(),
        });
        ClientState { client_id: id, last_interaction, open_channel, call }
    }

    /// How the user stands to the conversation with this token.
    async fn look_at(&self, user: &User, channel: &str) -> Result<Standing, Refusal> {
        let (account, token, unix) = (user.key.clone(), channel.to_owned(), self.app.now().unix);
        let found = self.app.store.read(move |c| {
            let Some(room) = rooms::by_token(c, &token)? else { return Ok(Standing::Unknown) };
            let settings = Settings::read(c)?;
            let actor = Actor::user(&account);
            let me = attendees::by_actor(c, room.id, &actor)?;
            Ok(match &me {
                _ if !settings.calls => Standing::Shut("Calls are switched off on this server"),
                Some(_) if room.read_only => Standing::Shut("The conversation is locked"),
                Some(me) if waits(me, &room, &settings, unix) => {
                    Standing::Shut("The user has to wait in the lobby")
                }
                Some(_) => Standing::Member(room),
                None => {
                    let guest_app = accounts::find(c, &account)?.is_some_and(|account| account.guest_app);
                    let open = room.is_open_by_link(unix) || is_listed(&room, true, guest_app);
                    let banned = bans::of_actor(c, room.id, &actor)?.is_some();
                    if open && !banned { Standing::Open(room) } else { Standing::Closed }
                }
            })
        });
        found.await.map_err(failed)
    }

    /// Counts a guess at a conversation's token; 429 after too many of them. An account is known by name: where it asks
    /// from does not matter.
    async fn guessed(&self, user: &User, channel: &str, refusal: Refusal) -> Refusal {
        const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        if let Err(refused) = self.app.slow_down(Guess::RoomToken, ANYWHERE, &user.key).await {
            return refused_by(&refused);
        }
        let (tried, now) = (secrets::digest(channel), self.app.now().at);
        self.app.throttle().failed(Guess::RoomToken, ANYWHERE, &user.key, tried, now);
        refusal
    }

    /// The room, for who may take part in its calls. `as_member`: for its members alone.
    async fn enter(&self, user: &User, channel: &str, as_member: bool) -> Result<RoomRow, Refusal> {
        let refusal = match self.look_at(user, channel).await? {
            Standing::Member(room) => return Ok(room),
            Standing::Open(room) if !as_member => return Ok(room),
            Standing::Open(_) => {
                return Err(Refusal::new(Reason::Forbidden, "The user is no member of the channel"));
            }
            Standing::Shut(why) => return Err(Refusal::new(Reason::Forbidden, why)),
            Standing::Closed => Refusal::new(Reason::Forbidden, "The user has no access to the channel"),
            Standing::Unknown => Refusal::new(Reason::NotFound, "There is no such channel"),
        };
        Err(self.guessed(user, channel, refusal).await)
    }

    /// The user's conversations of these kinds that can hold a call.
    async fn conversations(&self, user: &User, kinds: &'static [u8]) -> Result<Vec<Channel>, Refusal> {
        let (account, team_id) = (user.key.clone(), self.team_id().to_owned());
        let list = self.app.store.read(move |c| {
            let mut list = Vec::new();
            for room in rooms::of_account(c, &account)? {
                if !kinds.contains(&room.room_type) {
                    continue;
                }
                let other = match room.other_of_pair(&account) {
                    Some(other) => accounts::find(c, &other)?,
                    None => None,
                };
                list.push(Channel {
                    channel_id: room.token,
                    team_id: team_id.clone(),
                    display_name: other.map_or(room.name, |other| other.display_name),
                    description: room.description,
                });
            }
            Ok(list)
        });
        list.await.map_err(failed)
    }
}

#[async_trait]
impl Calls for CoworkApi {
    async fn authenticate(&self, credentials: Credentials, request: &Extensions) -> Result<User, Refusal> {
        let unplaced = || Refusal::new(Reason::Failed, Reason::Failed.description());
        let caller = *request.get::<Caller>().ok_or_else(unplaced)?;
        let signed_in = match credentials {
            Credentials::Basic { name, password } => {
                auth::authenticate(&self.app, caller.address, &name, &password).await
            }
            Credentials::Bearer { token } => {
                auth::authenticate_token(&self.app, caller.address, &token).await
            }
        };
        let SignedIn { account, .. } = signed_in.map_err(|refused| refused_by(&refused))?;
        Ok(User {
            id: account.id.clone(),
            display_name: account.display_name,
            key: account.id,
            program: String::new(),
        })
    }

    async fn clients(&self, user: &User) -> Result<Vec<ClientState>, Refusal> {
        let seen = self.app.clients.of(&user.key);
        Ok(seen.into_iter().map(|seen| self.client(user, seen)).collect())
    }

    async fn may_enter(&self, user: &User, channel: &str) -> Result<(), Refusal> {
        self.enter(user, channel, false).await.map(drop)
    }

    async fn order(&self, user: &User, client_id: &str, order: Order) -> Result<Vec<Connection>, Refusal> {
        match self.app.clients.order(&user.key, client_id, to_wire(order)).await {
            Ok(states) => {
                let shown = |state| shown(&user.id, &user.display_name, client_id, state);
                Ok(states.iter().filter_map(shown).collect())
            }
            Err(Unordered::Gone) => {
                Err(Refusal::new(Reason::Conflict, "The client is not connected any more"))
            }
            Err(Unordered::Busy) => {
                Err(Refusal::new(Reason::TooMany, "The client has too many orders already").retry_after(1))
            }
            Err(Unordered::Silent) => Err(Refusal::no_answer()),
            Err(Unordered::Refused(refused)) => {
                let reason = match refused.code {
                    OrderRefusal::Forbidden => Reason::Forbidden,
                    OrderRefusal::NotFound => Reason::NotFound,
                    OrderRefusal::Conflict => Reason::Conflict,
                };
                let text = match refused.text.as_str() {
                    "" => "The client refuses".to_owned(),
                    text => text.chars().take(MAX_REFUSAL).collect(),
                };
                Err(Refusal::new(reason, text))
            }
        }
    }

    async fn teams(&self, _: &User) -> Result<Vec<Team>, Refusal> {
        let settings = self.app.store.read(Settings::read).await.map_err(failed)?;
        Ok(vec![Team { id: self.team_id().to_owned(), display_name: settings.server_name }])
    }

    async fn channels(&self, user: &User, team: &str) -> Result<Vec<Channel>, Refusal> {
        self.is_own_team(team)?;
        self.conversations(user, &[ROOM_GROUP, ROOM_PUBLIC]).await
    }

    async fn direct_messages(&self, user: &User) -> Result<Vec<Channel>, Refusal> {
        self.conversations(user, &[ROOM_ONE_TO_ONE]).await
    }

    async fn channel_calls(
        &self,
        user: &User,
        team: &str,
        channel: &str,
    ) -> Result<Vec<Connection>, Refusal> {
        self.is_own_team(team)?;
        let room = self.enter(user, channel, true).await?;
        let sessions: Vec<InCall> = self
            .app
            .live()
            .peers(room.id, self.app.now())
            .into_iter()
            .map(|(session, actor, display_name)| InCall {
                session: session.id.to_string(),
                flags: session.in_call,
                actor,
                display_name,
            })
            .collect();
        let own = (user.id.as_str(), user.display_name.as_str());
        Ok(in_call(&room.token, own, &sessions, |account| self.app.clients.of(account)))
    }
}

fn to_wire(order: Order) -> ClientOrder {
    match order {
        Order::Join { channel, kind } => ClientOrder::Join {
            channel,
            kind: match kind {
                JoinKind::Audio => JoinWith::Audio,
                JoinKind::Video => JoinWith::Video,
                JoinKind::Screen => JoinWith::Screen,
            },
        },
        Order::SetAudio { muted, silent } => ClientOrder::SetAudio { muted, silent },
        Order::SetVideo { video } => ClientOrder::SetVideo { video },
        Order::Raise { raise } => ClientOrder::Raise { raise },
        Order::Leave { media } => ClientOrder::Leave { media: media.map(|media| media.to_string()) },
    }
}

fn failed(error: StoreError) -> Refusal {
    refused_by(&Ocs::from(error))
}

/// A refusal of the rest of the server in the words of this API.
fn refused_by(refused: &Ocs) -> Refusal {
    let reason = match refused.code() {
        401 => Reason::Unauthenticated,
        403 => Reason::Forbidden,
        429 => Reason::TooMany,
        503 | 507 => Reason::Unavailable,
        _ => Reason::Failed,
    };
    let refusal = Refusal::new(reason, refused.words());
    match refused.retry_after() {
        Some(seconds) => refusal.retry_after(seconds),
        None => refusal,
    }
}

fn waits(me: &AttendeeRow, room: &RoomRow, settings: &Settings, unix: i64) -> bool {
    waits_in_lobby(me, room, permissions_of(me, room, settings), unix)
}
