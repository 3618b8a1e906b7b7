//! One login.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode, SignalingSink};
use bellbird_call::{ContactId, RoomId, Secret};
use bellbird_talk_wire as wire;
use bellbird_talk_wire::CapabilitiesReply;
use rustls::ClientConfig;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::directory::{Contact, InCall, Room, RoomKind, partner};
use crate::orders::{ClientState, OrderSink, Steering};
use crate::rest::{RestError, Session, Subject};
use crate::watch::{AccountSink, Outcome, Watch};
use crate::{Avatar, CallLink, CallOptions, StoredLogin, TalkCall, translate, watch};

/// Most one-to-one rooms remembered by contact; forgotten all at once beyond it.
const MAX_REMEMBERED_ROOMS: usize = 10_000;
/// Pictures kept; forgotten all at once beyond it.
const MAX_AVATARS: usize = 200;
/// How long a picture is kept.
const AVATAR_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long capabilities are believed when nothing says that they changed.
const CAPABILITIES_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// What happens to the link of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkChange {
    /// Whoever has it may come in.
    Open,
    /// It lets nobody in, and whoever came by it has to leave.
    Withdraw,
    /// It lets nobody in from this Unix second on; 0 never. Whoever is inside stays.
    ExpireAt(i64),
}

/// A login on a Talk server. Cheap to clone; all clones share connections and state.
#[derive(Clone)]
pub struct TalkAccount {
    inner: Arc<Inner>,
}

struct Inner {
    login: StoredLogin,
    app_password: Secret,
    session: Session,
    tls: Arc<ClientConfig>,
    calls: TaskTracker,
    state: Mutex<State>,
    /// Held while the server is asked what it can do: whoever else wants to know waits for that answer.
    asking: tokio::sync::Mutex<()>,
    calls_changed: Notify,
    steering: Arc<Steering>,
}

#[derive(Default)]
struct State {
    display_name: String,
    capabilities: Option<(Arc<CapabilitiesReply>, Instant)>,
    /// Pictures by person, and since when; `None` for who has none.
    avatars: HashMap<ContactId, (Option<Avatar>, Instant)>,
    /// Rooms whose calls are recorded only with consent.
    recorded: BTreeSet<RoomId>,
    /// One-to-one rooms by contact: saves a request when dialing.
    one_to_one: HashMap<ContactId, RoomId>,
    /// Rooms whose call we take part in or turned down, and how many calls of ours do so: they do not ring.
    engaged: BTreeMap<RoomId, u32>,
    /// What rang and does not any more, by notification, as long as the watch has not heard of it.
    rings_over: BTreeMap<i64, (RoomId, Outcome)>,
    /// Notifications that ring, to be put away on declining.
    notifications: BTreeMap<RoomId, i64>,
}

impl std::fmt::Debug for TalkAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TalkAccount").field("login", &self.inner.login).finish_non_exhaustive()
    }
}

impl TalkAccount {
    pub(crate) fn from_parts(
        session: Session,
        tls: Arc<ClientConfig>,
        login: StoredLogin,
        app_password: Secret,
        capabilities: Option<CapabilitiesReply>,
    ) -> Self {
        let state =
            State { display_name: login.display_name.clone(), capabilities: None, ..State::default() };
        let inner = Inner {
            login,
            app_password,
            session,
            tls,
            calls: TaskTracker::new(),
            state: Mutex::new(state),
            asking: tokio::sync::Mutex::new(()),
            calls_changed: Notify::new(),
            steering: Arc::default(),
        };
        let account = Self { inner: Arc::new(inner) };
        if let Some(reply) = capabilities {
            account.learn(reply);
        }
        account
    }

    /// What to store, besides the app password.
    pub fn login(&self) -> &StoredLogin {
        &self.inner.login
    }

    /// What to keep in the key store.
    pub fn app_password(&self) -> &Secret {
        &self.inner.app_password
    }

    /// People of the server whose name has `text` in it; empty text lists all the server tells. Without ourselves.
    ///
    /// # Errors
    /// `server-unreachable`, `server-failed`, `signed-out`, `throttled`.
    pub async fn contacts(&self, text: &str) -> Result<Vec<Contact>, Problem> {
        let entries = self.session().search(text).await.map_err(about(Subject::Account))?;
        Ok(entries
            .iter()
            .filter_map(Contact::from_wire)
            .filter(|contact| contact.id.as_str() != self.user_id())
            .collect())
    }

    /// The picture somebody of the server chose; `None` when they chose none, or none that can be shown. Kept for a day.
    ///
    /// # Errors
    /// As [`TalkAccount::contacts`].
    pub async fn avatar(&self, contact: &ContactId) -> Result<Option<Avatar>, Problem> {
        let known = self.state().avatars.get(contact).cloned();
        if let Some((avatar, since)) = known
            && since.elapsed() < AVATAR_LIFETIME
        {
            return Ok(avatar);
        }
        let avatar = self.session().avatar(contact.as_str()).await.map_err(about(Subject::Account))?;
        let mut state = self.state();
        if state.avatars.len() >= MAX_AVATARS {
            state.avatars.clear();
        }
        state.avatars.insert(contact.clone(), (avatar.clone(), Instant::now()));
        Ok(avatar)
    }

    /// Our conversations that can hold a call, the latest activity first.
    ///
    /// # Errors
    /// As [`TalkAccount::contacts`].
    pub async fn rooms(&self) -> Result<Vec<Room>, Problem> {
        let list = self.session().rooms().await.map_err(about(Subject::Account))?;
        for room in &list {
            self.remember(room);
        }
        let mut rooms: Vec<Room> = list.iter().filter_map(Room::from_wire).collect();
        rooms.sort_by_key(|room| std::cmp::Reverse(room.last_activity));
        Ok(rooms)
    }

    /// Who is in a conversation's call, whether or not we are.
    ///
    /// # Errors
    /// `unknown-room`, and as [`TalkAccount::contacts`].
    pub async fn in_call(&self, room: &RoomId) -> Result<Vec<InCall>, Problem> {
        let all = self.session().participants(room.as_str()).await.map_err(about(Subject::Room))?;
        Ok(all.iter().filter_map(InCall::from_wire).collect())
    }

    /// Makes a conversation and adds people to it. A one-to-one conversation takes exactly one, and is found when it
    /// is there already; `name` is not used then.
    ///
    /// # Errors
    /// As [`TalkAccount::contacts`], and `unknown-user`, `forbidden`.
    pub async fn create_room(
        &self,
        name: &str,
        kind: RoomKind,
        invite: &[ContactId],
    ) -> Result<Room, Problem> {
        let session = self.session();
        let room = match (kind, invite) {
            (RoomKind::OneToOne, [contact]) => {
                session.one_to_one(contact.as_str()).await.map_err(about(Subject::Person))?
            }
            (RoomKind::OneToOne, _) => {
                return Err(Problem::new(
                    ProblemCode::UnknownUser,
                    "a one-to-one conversation is with exactly one other person",
                ));
            }
            (RoomKind::Group | RoomKind::Public, _) => {
                let at_once = self.has_feature("conversation-creation-all").await?;
                let users = invite.iter().map(|contact| contact.as_str().to_owned());
                let users = if at_once { users.collect() } else { Vec::new() };
                let room =
                    session.create_room(kind.to_wire(), name, users).await.map_err(about(Subject::Person))?;
                if !at_once {
                    for contact in invite {
                        let added = session.add_participant(&room.token, contact.as_str()).await;
                        added.map_err(about(Subject::Person))?;
                    }
                }
                room
            }
        };
        self.remember(&room);
        Room::from_wire(&room).ok_or_else(|| {
            Problem::new(ProblemCode::NotATalkServer, "the server made a conversation of an unknown kind")
        })
    }

    /// Changes whom a conversation's link lets in, and yields the conversation as it is then.
    ///
    /// # Errors
    /// As [`TalkAccount::contacts`], and `unknown-room`, `forbidden` for who does not moderate it, `not-now` when it has
    /// no link or the server's links do not expire.
    pub async fn change_link(&self, room: &RoomId, change: LinkChange) -> Result<Room, Problem> {
        let (session, token) = (self.session(), room.as_str());
        let changed = match change {
            LinkChange::Open => session.set_public(token, true).await,
            LinkChange::Withdraw => session.set_public(token, false).await,
            LinkChange::ExpireAt(unix) => {
                if !self.has_feature(wire::constants::FEATURE_LINK_EXPIRY).await? {
                    let why = "links do not expire on this server; they can be withdrawn";
                    return Err(Problem::new(ProblemCode::NotNow, why));
                }
                session.set_link_expiry(token, unix).await
            }
        };
        match changed {
            Err(RestError::Refused { status: 400, key }) if key == "type" => {
                return Err(Problem::new(ProblemCode::NotNow, "this conversation has no link"));
            }
            other => other.map_err(about(Subject::Room))?,
        }
        let room = session.room(token).await.map_err(about(Subject::Room))?;
        self.remember(&room);
        Room::from_wire(&room).ok_or_else(|| {
            Problem::new(ProblemCode::NotATalkServer, "the conversation is of an unknown kind")
        })
    }

    /// Changes the name others see. [`TalkAccount::login`] keeps the one of sign-in.
    ///
    /// # Errors
    /// As [`TalkAccount::contacts`], and `forbidden`.
    pub async fn set_display_name(&self, name: &str) -> Result<(), Problem> {
        let name = translate::display_name(name);
        self.session().set_display_name(self.user_id(), &name).await.map_err(about(Subject::Account))?;
        self.state().display_name = name;
        Ok(())
    }

    /// Revokes the app password: the login is useless from then on. One that was revoked already is a success.
    ///
    /// # Errors
    /// `server-unreachable`, `server-failed`: the app password may still be valid.
    pub async fn revoke(&self) -> Result<(), Problem> {
        match self.session().revoke().await {
            Ok(()) | Err(RestError::Refused { status: 401 | 403, .. }) => Ok(()),
            Err(error) => Err(error.into_problem(Subject::Account)),
        }
    }

    /// Watches for calls until the result is dropped. Has to be called within a Tokio runtime.
    pub fn watch(&self, sink: AccountSink) -> Watch {
        watch::start(self.clone(), sink)
    }

    /// What this client says of itself to a server that steers clients; `None`: it is not to be steered. Told while the
    /// account is [watched](TalkAccount::watch).
    pub fn set_client_state(&self, state: Option<ClientState>) {
        self.inner.steering.set_state(state);
    }

    /// Where the orders for this client go; `None`: they are refused.
    pub fn set_order_sink(&self, sink: Option<OrderSink>) {
        self.inner.steering.set_sink(sink);
    }

    pub(crate) fn steering(&self) -> &Arc<Steering> {
        &self.inner.steering
    }

    /// Opens a line for one call. Has to be called within a Tokio runtime.
    pub fn open_call(&self, sink: SignalingSink) -> TalkCall {
        TalkCall::open(self.clone(), sink, CallOptions::default())
    }

    /// Likewise, through an entrance or with consent to recordings.
    pub fn open_call_with(&self, sink: SignalingSink, options: CallOptions) -> TalkCall {
        TalkCall::open(self.clone(), sink, options)
    }

    /// Whether we are a guest, without a login.
    pub fn is_guest(&self) -> bool {
        self.inner.login.login_name.is_empty()
    }

    /// Whether a link leads to this account's server and, where it names someone, to this account.
    pub fn is_meant_by(&self, link: &CallLink) -> bool {
        let login = self.login();
        let root = |url: &url::Url| url.path().trim_end_matches('/').to_owned();
        let own = login.server.origin() == link.server.origin() && root(&login.server) == root(&link.server);
        own && link.user.as_ref().is_none_or(|user| *user == login.user_id || *user == login.login_name)
    }

    /// Whether joining a room's call needs consent to its recording, as far as is known without asking.
    pub fn is_recorded(&self, room: &RoomId) -> bool {
        let state = self.state();
        let per_room = u8::from(state.recorded.contains(room));
        state.capabilities.as_ref().is_some_and(|(reply, _)| consent_needed(reply, per_room))
    }

    /// Whether some or all calls of the server need consent to their recording, as far as is known without asking.
    pub fn may_be_recorded(&self) -> bool {
        self.state().capabilities.as_ref().is_some_and(|(reply, _)| consent_needed(reply, 1))
    }

    /// Waits until every call that was left or dropped has told the server so, at most for `limit`. To be called
    /// before a program ends. A call that still runs makes it wait for the whole of it.
    pub async fn calls_settled(&self, limit: Duration) {
        self.inner.calls.close();
        // Either outcome ends the wait; the server forgets silent sessions by itself.
        let _ = tokio::time::timeout(limit, self.inner.calls.wait()).await;
        self.inner.calls.reopen();
    }

    pub(crate) fn user_id(&self) -> &str {
        &self.inner.login.user_id
    }

    pub(crate) fn display_name(&self) -> String {
        self.state().display_name.clone()
    }

    /// Requests that share the account's cookies.
    pub(crate) fn session(&self) -> &Session {
        &self.inner.session
    }

    /// Requests with cookies of their own: a call's session must not be mixed up with another's.
    pub(crate) fn new_session(&self) -> Session {
        self.inner.session.client().session()
    }

    pub(crate) fn tls(&self) -> &Arc<ClientConfig> {
        &self.inner.tls
    }

    /// Runs a call's task; [`TalkAccount::calls_settled`] waits for it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.calls.spawn(task);
    }

    /// What the server can do: asked once, again when an answer of it says that its settings changed, after a day, and
    /// when `anew` is set.
    pub(crate) async fn capabilities(&self, anew: bool) -> Result<Arc<CapabilitiesReply>, RestError> {
        let _asking = self.inner.asking.lock().await;
        if self.session().client().facts().take_stale() {
            // Not to be used again, even when asking fails now.
            self.state().capabilities = None;
        }
        if !anew
            && let Some((known, since)) = self.state().capabilities.clone()
            && since.elapsed() < CAPABILITIES_LIFETIME
        {
            return Ok(known);
        }
        let fresh = self.session().capabilities().await?;
        Ok(self.learn(fresh))
    }

    fn learn(&self, reply: CapabilitiesReply) -> Arc<CapabilitiesReply> {
        if let Some(spreed) = &reply.capabilities.spreed {
            self.session().client().facts().learn(spreed);
        }
        let reply = Arc::new(reply);
        self.state().capabilities = Some((reply.clone(), Instant::now()));
        reply
    }

    /// Whether joining a call needs consent to its recording, `room_consent` being what its room says. A server that
    /// cannot be asked is not taken for one that records: it refuses by itself then.
    pub(crate) async fn needs_consent(&self, room_consent: u8) -> bool {
        self.capabilities(false).await.is_ok_and(|reply| consent_needed(&reply, room_consent))
    }

    /// Enters a conversation: as a guest with our name.
    pub(crate) async fn enter_room(
        &self,
        session: &Session,
        token: &str,
        password: Option<&Secret>,
    ) -> Result<wire::Room, RestError> {
        let room = session.enter_room(token, password).await?;
        let name = self.display_name();
        if self.is_guest() && !name.is_empty() {
            // One who is let in without a name is called a guest.
            if let Err(error) = session.set_guest_name(token, &name).await {
                tracing::debug!(status = ?error.status(), "the server did not take the guest's name");
            }
        }
        Ok(room)
    }

    /// Whether Talk on the server has a feature.
    pub(crate) async fn has_feature(&self, feature: &str) -> Result<bool, Problem> {
        let reply = self.capabilities(false).await.map_err(about(Subject::Account))?;
        Ok(reply.capabilities.spreed.as_ref().is_some_and(|spreed| spreed.has(feature)))
    }

    /// The one-to-one room with a contact, if it was seen before.
    pub(crate) fn remembered_room(&self, contact: &ContactId) -> Option<RoomId> {
        self.state().one_to_one.get(contact).cloned()
    }

    pub(crate) fn remember(&self, room: &wire::Room) {
        {
            let (mut state, id) = (self.state(), RoomId::new(&room.token));
            if room.recording_consent == 0 {
                state.recorded.remove(&id);
            } else if state.recorded.len() < MAX_REMEMBERED_ROOMS {
                state.recorded.insert(id);
            }
        }
        if let Some(contact) = partner(room) {
            let mut state = self.state();
            if state.one_to_one.len() >= MAX_REMEMBERED_ROOMS {
                state.one_to_one.clear();
            }
            state.one_to_one.insert(contact, RoomId::new(&room.token));
        }
    }

    /// A remembered room turned out to be gone.
    pub(crate) fn forget_room(&self, contact: &ContactId) {
        self.state().one_to_one.remove(contact);
    }

    /// We take part in a room's call, or turned it down: it does not ring any more.
    pub(crate) fn engage(&self, room: &RoomId) {
        *self.state().engaged.entry(room.clone()).or_default() += 1;
        self.inner.calls_changed.notify_one();
    }

    /// What rang in a room by that notification does not any more: whatever rings there next is another call.
    pub(crate) fn ring_over(&self, notification: i64, room: RoomId, outcome: Outcome) {
        let mut state = self.state();
        if state.rings_over.len() < MAX_REMEMBERED_ROOMS {
            state.rings_over.insert(notification, (room, outcome));
        }
        drop(state);
        self.inner.calls_changed.notify_one();
    }

    /// What [`TalkAccount::ring_over`] was told since the last time.
    pub(crate) fn take_rings_over(&self) -> BTreeMap<i64, (RoomId, Outcome)> {
        std::mem::take(&mut self.state().rings_over)
    }

    /// Ends one [`TalkAccount::engage`].
    pub(crate) fn disengage(&self, room: &RoomId) {
        let mut state = self.state();
        if let Some(count) = state.engaged.get_mut(room) {
            *count -= 1;
            if *count == 0 {
                state.engaged.remove(room);
            }
        }
    }

    pub(crate) fn is_engaged(&self, room: &RoomId) -> bool {
        self.state().engaged.contains_key(room)
    }

    /// Rooms we are engaged in.
    pub(crate) fn engaged(&self) -> Vec<RoomId> {
        self.state().engaged.keys().cloned().collect()
    }

    /// Resolves when [`TalkAccount::engage`] or [`TalkAccount::ring_over`] was called since the last time.
    pub(crate) async fn calls_changed(&self) {
        self.inner.calls_changed.notified().await;
    }

    /// Remembers which notification rings for a room.
    pub(crate) fn note_notification(&self, room: &RoomId, id: Option<i64>) {
        let mut state = self.state();
        match id {
            Some(id) => state.notifications.insert(room.clone(), id),
            None => state.notifications.remove(room),
        };
    }

    /// The notification that rings for a room.
    pub(crate) fn notification_of(&self, room: &RoomId) -> Option<i64> {
        self.state().notifications.get(room).copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held, and each write is whole by itself.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server wants consent (talk-rest section 3.2): for all calls, or for those of rooms that say so.
fn consent_needed(reply: &CapabilitiesReply, room_consent: u8) -> bool {
    let Some(spreed) = &reply.capabilities.spreed else { return false };
    match spreed.config.call.recording_consent {
        0 => false,
        1 => true,
        2.. => room_consent != 0,
    }
}

fn about(subject: Subject) -> impl Fn(RestError) -> Problem {
    move |error| error.into_problem(subject)
}
