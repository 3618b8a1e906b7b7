//! Watches an account for calls: push where the server has it, polling as the safety net, and the questions that
//! decide what really rings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bellbird_call::ports::{Problem, SignalingEvent};
use bellbird_call::{Invitation, MediaKinds, RoomId};
use bellbird_talk_wire::CAPABILITY_CLIENT_ORDERS;
use bellbird_talk_wire::constants::ROOM_ONE_TO_ONE;
use reqwest::header::HeaderValue;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use url::Url;

use crate::account::TalkAccount;
use crate::directory::partner;
use crate::link::Backoff;
use crate::push::{self, PushConfig, PushEvent};
use crate::rest::{NotificationState, Notifications, RestError, Subject};
use crate::ringing::{Check, RING_LIMIT, Ringing, Verdict};
use crate::translate;

/// Between polls while push works: only a safety net.
const POLL_WITH_PUSH: Duration = Duration::from_secs(30);
/// Between polls without push: a ring is up to this late.
const POLL_WITHOUT_PUSH: Duration = Duration::from_secs(4);
/// Between polls of a server none of whose apps makes notifications.
const POLL_WITHOUT_APPS: Duration = Duration::from_secs(3600);

/// What happens to an account.
#[derive(Clone, PartialEq, Debug)]
pub enum AccountEvent {
    /// It can be rung.
    Online,
    /// It cannot be rung at the moment; it is tried again until it can.
    Offline(Problem),
    /// The app password was revoked. The watch has ended.
    SignedOut,
    /// It rings. Comes once per ring, however it was learned of.
    Incoming(Invitation),
    /// A call has come and gone without ringing, since we do not want to be disturbed. Only when it was answered nowhere.
    Missed(Invitation),
    /// What rang does not any more, and not because of what was done through this account object.
    Withdrawn {
        /// Where it rang.
        room: RoomId,
        /// How it ended.
        outcome: Outcome,
    },
}

/// How a ring ended without us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The caller gave up, or nobody answered in time.
    Missed,
    /// Answered, or joined and left, on another device of ours.
    AnsweredElsewhere,
}

impl From<Outcome> for SignalingEvent {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Missed => Self::InvitationWithdrawn,
            Outcome::AnsweredElsewhere => Self::AnsweredElsewhere,
        }
    }
}

/// Where the events of an account go. Called from a task of the runtime; must not block.
pub type AccountSink = Arc<dyn Fn(AccountEvent) + Send + Sync>;

/// Watches until dropped.
#[derive(Debug)]
pub struct Watch {
    task: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn start(account: TalkAccount, sink: AccountSink) -> Watch {
    let task = tokio::spawn(async move { Watcher::new(account, sink).run().await });
    Watch { task: task.abort_handle() }
}

/// All that wakes a watch.
enum WatchInput {
    /// From the push connection.
    Push(PushEvent),
    /// A call of ours began, and its room must not ring; or one that rang here is over.
    Calls,
    /// A poll or a question is due.
    Timeout,
}

/// How push stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Push {
    /// The server has none.
    Absent,
    /// On its way for the first time.
    Connecting,
    Up,
    /// Tried again in the background.
    Down,
}

struct Watcher {
    account: TalkAccount,
    sink: AccountSink,
    ringing: Ringing,
    /// Our status says so.
    do_not_disturb: bool,
    /// Calls that would ring otherwise.
    hushed: BTreeMap<RoomId, Invitation>,
    push: Push,
    push_events: mpsc::Receiver<PushEvent>,
    push_task: Option<AbortHandle>,
    etag: Option<HeaderValue>,
    /// The server's clock minus ours, seconds.
    clock_offset: i64,
    online: Option<bool>,
    backoff: Backoff,
    poll_at: Instant,
    /// The last poll succeeded.
    polled: bool,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(task) = &self.push_task {
            task.abort();
        }
    }
}

impl Watcher {
    fn new(account: TalkAccount, sink: AccountSink) -> Self {
        // Replaced when the server turns out to have push; this one never yields.
        let (_, push_events) = mpsc::channel(1);
        Self {
            account,
            sink,
            ringing: Ringing::default(),
            do_not_disturb: false,
            hushed: BTreeMap::new(),
            push: Push::Absent,
            push_events,
            push_task: None,
            etag: None,
            clock_offset: 0,
            online: None,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            poll_at: Instant::now(),
            polled: false,
        }
    }

    async fn run(mut self) {
        loop {
            if self.poll_at <= Instant::now() && !self.poll().await {
                return;
            }
            self.check().await;
            let wake = self.ringing.poll_timeout().map_or(self.poll_at, |due| due.min(self.poll_at));
            let input = tokio::select! {
                Some(event) = self.push_events.recv() => WatchInput::Push(event),
                () = self.account.calls_changed() => WatchInput::Calls,
                () = tokio::time::sleep_until(wake.into()) => WatchInput::Timeout,
            };
            match input {
                WatchInput::Push(PushEvent::Notification) => self.poll_at = Instant::now(),
                WatchInput::Push(PushEvent::Up) => {
                    self.push = Push::Up;
                    self.poll_at = Instant::now();
                }
                WatchInput::Push(PushEvent::Down) => {
                    // The first loss is often the server's end: look at once.
                    if self.push != Push::Down {
                        self.poll_at = Instant::now();
                    }
                    self.push = Push::Down;
                }
                WatchInput::Calls => {
                    for (notification, (room, outcome)) in self.account.take_rings_over() {
                        if self.ringing.ring_over(&room, notification, Instant::now()) {
                            self.withdraw(room, outcome);
                        }
                    }
                    for room in self.account.engaged() {
                        self.settle(&room);
                    }
                }
                WatchInput::Timeout => {}
            }
        }
    }

    /// Asks for the notifications. Returns `false` when the account is signed out.
    async fn poll(&mut self) -> bool {
        let result = match self.ensure_push().await {
            Ok(true) => self.account.session().notifications(self.etag.as_ref()).await,
            // Where no app makes notifications there is nothing to ask for.
            Ok(false) => Ok(Notifications::Never),
            Err(error) => Err(error),
        };
        let mut pause = match self.push {
            Push::Up => POLL_WITH_PUSH,
            Push::Absent | Push::Connecting | Push::Down => POLL_WITHOUT_PUSH,
        };
        match result {
            Ok(Notifications::List { list, etag, server_time, do_not_disturb }) => {
                self.etag = etag;
                self.do_not_disturb = do_not_disturb;
                if let Some(server_time) = server_time {
                    self.clock_offset = server_time - unix_now();
                }
                self.ringing.handle_list(&list, Instant::now());
                self.succeeded();
            }
            Ok(Notifications::Unchanged { do_not_disturb }) => {
                self.do_not_disturb = do_not_disturb.unwrap_or(self.do_not_disturb);
                self.succeeded();
            }
            Ok(Notifications::Never) => {
                pause = POLL_WITHOUT_APPS;
                self.succeeded();
            }
            Err(RestError::Refused { status: 401, .. }) => {
                (self.sink)(AccountEvent::SignedOut);
                return false;
            }
            Err(error) => {
                pause = self.backoff.fail(rand::random());
                self.polled = false;
                if self.online != Some(false) {
                    self.online = Some(false);
                    (self.sink)(AccountEvent::Offline(error.into_problem(Subject::Account)));
                }
            }
        }
        self.poll_at = Instant::now() + pause;
        true
    }

    /// Starts push once it is known whether the server has it. Yields whether it has notifications at all.
    async fn ensure_push(&mut self) -> Result<bool, RestError> {
        let anew = self.online.is_some() && !self.polled && self.push_task.is_none();
        let reply = self.account.capabilities(anew).await?;
        let notifies = reply.capabilities.notifications.is_some();
        if self.push_task.is_some() || self.polled {
            return Ok(notifies);
        }
        let login = self.account.login();
        let url = reply
            .capabilities
            .notify_push
            .as_ref()
            .filter(|push| push.types.iter().any(|kind| kind == "notifications"))
            .and_then(|push| Url::parse(&push.endpoints.websocket).ok())
            .filter(|url| push::is_acceptable(url, &login.server));
        if let Some(url) = url {
            let steers = reply.capabilities.bellbird.as_ref().is_some_and(|own| {
                own.get(CAPABILITY_CLIENT_ORDERS).and_then(serde_json::Value::as_bool) == Some(true)
            });
            let config = PushConfig {
                url,
                steering: steers.then(|| self.account.steering().clone()),
                login_name: login.login_name.clone(),
                password: self.account.app_password().clone(),
                tls: self.account.tls().clone(),
            };
            let (sender, events) = mpsc::channel(16);
            self.push_events = events;
            self.push_task = Some(tokio::spawn(push::run(config, sender)).abort_handle());
            self.push = Push::Connecting;
        }
        Ok(notifies)
    }

    fn succeeded(&mut self) {
        self.backoff.reset();
        self.polled = true;
        // While push connects for the first time, a ring could still be late: not yet online.
        if self.push != Push::Connecting {
            self.announce_online();
        }
    }

    fn announce_online(&mut self) {
        if self.online != Some(true) {
            self.online = Some(true);
            (self.sink)(AccountEvent::Online);
        }
    }

    fn withdraw(&self, room: RoomId, outcome: Outcome) {
        self.account.note_notification(&room, None);
        (self.sink)(AccountEvent::Withdrawn { room, outcome });
    }

    fn settle(&mut self, room: &RoomId) {
        self.ringing.settle(room);
        self.hushed.remove(room);
    }

    /// Whether we take part in a room's call, or turn it down just now: what rings there rings no more. What came just now
    /// may be the next call, by someone who was turned down and calls again while we are still leaving: it is looked at again
    /// afterwards, and the server knows whether it is over for us.
    fn is_taken_care_of(&mut self, room: &RoomId, is_next: bool) -> bool {
        let engaged = self.account.is_engaged(room);
        if engaged && !is_next {
            self.settle(room);
        }
        engaged
    }

    /// Asks what is due about calls that ring or may ring.
    async fn check(&mut self) {
        for check in self.ringing.due(Instant::now()) {
            let room = RoomId::new(&check.room);
            if self.is_taken_care_of(&room, check.is_next) {
                continue;
            }
            let (state, begun) = self.ask(&check).await;
            // The person may have acted while we asked.
            if self.is_taken_care_of(&room, check.is_next) {
                continue;
            }
            let too_old = begun.is_none();
            let quiet = self.do_not_disturb && !begun.as_ref().is_some_and(|begun| begun.important);
            let verdict = self.ringing.handle_state(&check.room, state, (too_old, quiet), Instant::now());
            let invitation = begun.map(|begun| begun.invitation);
            match verdict {
                Verdict::Nothing => {}
                Verdict::Hush => {
                    if let Some(invitation) = invitation {
                        self.hushed.insert(room, invitation);
                    }
                }
                Verdict::Ring => {
                    self.account.note_notification(&room, Some(check.notification.notification_id));
                    let hushed = self.hushed.remove(&room);
                    if let Some(invitation) = invitation.or(hushed) {
                        // What rings can be rung, whatever push still does.
                        self.announce_online();
                        (self.sink)(AccountEvent::Incoming(invitation));
                    }
                }
                Verdict::End(outcome) => self.withdraw(room, outcome),
                Verdict::EndQuietly(outcome) => match (self.hushed.remove(&room), outcome) {
                    (Some(invitation), Outcome::Missed) => (self.sink)(AccountEvent::Missed(invitation)),
                    (Some(_), Outcome::AnsweredElsewhere) | (None, _) => {}
                },
            }
        }
    }

    /// The call's state and, for one that may begin to ring, what it is; `None` when it is too old to.
    async fn ask(&self, check: &Check) -> (Option<NotificationState>, Option<Begun>) {
        let session = self.account.session();
        // Without capabilities the modern question is tried; an old server answers 404, which does not ring.
        let supported = self.account.has_feature("call-notification-state-api").await.unwrap_or(true);
        let state = session.notification_state(&check.room, self.account.user_id(), supported);
        if !check.is_new {
            return (answered(state.await), None);
        }
        let (state, room) = tokio::join!(state, session.room(&check.room));
        let room = match room {
            Ok(room) => room,
            Err(error) if error.is_passing() => return (None, None),
            Err(_) => return (Some(NotificationState::Settled), None),
        };
        self.account.remember(&room);
        let age = unix_now() + self.clock_offset - room.call_start_time;
        if check.at_start && room.call_start_time != 0 && age > RING_LIMIT.as_secs() as i64 {
            return (answered(state), None);
        }
        let one_to_one = room.kind == ROOM_ONE_TO_ONE;
        let caller = check.notification.subject_rich_parameters.get("user");
        let from = partner(&room).or_else(|| {
            caller.filter(|user| !user.id.is_empty()).map(|user| bellbird_call::ContactId::new(&user.id))
        });
        let name = match caller {
            Some(user) if one_to_one && !user.name.is_empty() => &user.name,
            Some(_) | None => &room.display_name,
        };
        let media = translate::media(room.call_flag);
        let invitation = Invitation {
            room: RoomId::new(&check.room),
            from,
            display_name: translate::display_name(name),
            one_to_one,
            media: if media.is_any() { media } else { MediaKinds::VOICE },
        };
        (answered(state), Some(Begun { invitation, important: room.is_important }))
    }
}

/// A call that may begin to ring.
struct Begun {
    invitation: Invitation,
    /// Its conversation may disturb us at any time.
    important: bool,
}

/// An answer that could not be had now is asked for again; one that never will be had ends the matter.
fn answered(state: Result<NotificationState, RestError>) -> Option<NotificationState> {
    match state {
        Ok(state) => Some(state),
        Err(error) if error.is_passing() => None,
        Err(_) => Some(NotificationState::Settled),
    }
}

fn unix_now() -> i64 {
    // A clock before 1970 gives no useful age either way.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
