//! The line of one entered room: a WebSocket, kept and taken up again, around a [`Conversation`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk_wire::constants::{API_V3, MAX_PEER_MESSAGE_BYTES};
use bellbird_talk_wire::{PeerMessage, ServerFrame, SignalingSettings};
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use super::conversation::{Conversation, Identity, News, Output};
use super::socket::{self, Socket, Unreached};
use crate::account::TalkAccount;
use crate::link::{Backoff, KeepAlive, LinkPolicy, LinkStep};
use crate::rest::{Session, Subject, client_config};

/// Messages of ours that wait to be sent; more than any sane call has at a time.
const OUTBOX: usize = 1024;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long sending one message may take before the connection counts as lost.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How long admission may take, several attempts to connect included.
const ADMIT_LIMIT: Duration = Duration::from_secs(20);
/// Half a minute after a disconnect the server forgets us, so silence is noticed well before.
const KEEP_ALIVE: KeepAlive =
    KeepAlive { ping_after: Duration::from_secs(8), lost_after: Duration::from_secs(20) };
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
/// How long the server may be unreachable before we give up.
const OUTAGE_LIMIT: Duration = Duration::from_secs(300);
/// Most that may come before the room was entered. A room's list of sessions is one.
const MAX_BACKLOG: usize = 1024;
/// Longest id of a message that is answered; ours are a few bytes.
const MAX_ID_BYTES: usize = 64;

/// Why the room could not be entered at the signaling server.
pub(crate) struct Unadmitted {
    pub(crate) problem: Problem,
    /// Trying again later can help.
    pub(crate) passing: bool,
}

/// A room entered at the signaling server, before anybody listens.
pub(crate) struct Admission {
    driver: Driver,
    session: String,
    media_server: bool,
}

/// The line. Dropping it ends it at once, without a word to the server.
pub(crate) struct Line {
    outbox: mpsc::Sender<Entry>,
    task: AbortHandle,
    reaches_call: bool,
}

enum Entry {
    Message(Box<PeerMessage>, Option<u64>),
    Flush(oneshot::Sender<()>),
    Leave(oneshot::Sender<()>),
    StartAnew,
}

/// All that wakes a line.
enum Wake {
    Socket(Option<Result<Message, ()>>),
    Entry(Option<Entry>),
    Timeout,
}

/// Whether the line goes on.
enum Turn {
    GoesOn,
    Over,
}

struct Driver {
    url: Url,
    tls: Arc<ClientConfig>,
    rest: Session,
    token: String,
    conversation: Conversation,
    policy: LinkPolicy,
    socket: Option<Socket>,
    lost_at: Option<Instant>,
    /// What came before anybody listened.
    backlog: Vec<News>,
    ready: bool,
    failed: Option<Problem>,
}

/// Greets the signaling server named in `settings` and enters the room `token` as `room_session`.
pub(crate) async fn admit(
    account: &TalkAccount,
    rest: &Session,
    token: &str,
    room_session: &str,
    settings: &SignalingSettings,
) -> Result<Admission, Unadmitted> {
    let nextcloud = rest.client().base();
    let stays = |problem| Unadmitted { problem, passing: false };
    let url = socket::address(&settings.server, nextcloud).map_err(stays)?;
    let tls = tls_for(account, &url, nextcloud).map_err(stays)?;
    let base = nextcloud.as_str().trim_end_matches('/');
    let identity = Identity {
        auth_url: format!("{base}{API_V3}/signaling/backend"),
        room: token.to_owned(),
        room_session: room_session.to_owned(),
    };
    let now = Instant::now();
    let mut driver = Driver {
        url,
        tls,
        rest: rest.clone(),
        token: token.to_owned(),
        conversation: Conversation::new(identity, settings.hello_auth_params.clone(), now),
        policy: LinkPolicy::new(KEEP_ALIVE, CONNECT_LIMIT, BACKOFF, now),
        socket: None,
        lost_at: None,
        backlog: Vec::new(),
        ready: false,
        failed: None,
    };
    let unreachable = || Unadmitted {
        problem: Problem::new(ProblemCode::ServerUnreachable, "the signaling server does not answer"),
        passing: true,
    };
    tokio::time::timeout(ADMIT_LIMIT, driver.enter()).await.unwrap_or_else(|_| Err(unreachable()))?;
    let session = driver.conversation.session().to_owned();
    let media_server = driver.conversation.has_feature("mcu");
    Ok(Admission { driver, session, media_server })
}

/// On the server's own host its pinned certificate counts; elsewhere the system's trust store.
fn tls_for(account: &TalkAccount, url: &Url, nextcloud: &Url) -> Result<Arc<ClientConfig>, Problem> {
    if url.scheme() == "wss" && (nextcloud.scheme() != "https" || url.host() != nextcloud.host()) {
        return client_config(url, None);
    }
    Ok(account.tls().clone())
}

impl Admission {
    /// Our id in all messages.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// Whether media go through a media server.
    pub(crate) fn has_media_server(&self) -> bool {
        self.media_server
    }

    /// Whether that takes pictures in several sizes at once.
    pub(crate) fn has_simulcast(&self) -> bool {
        self.media_server && self.driver.conversation.has_feature("simulcast")
    }

    /// Begins to listen. What happens is given to `deliver`, which may wait to slow us down, and returns whether
    /// anyone still listens.
    pub(crate) fn listen<F, D>(self, deliver: D) -> Line
    where
        F: Future<Output = bool> + Send + 'static,
        D: Fn(News) -> F + Send + Sync + 'static,
    {
        let reaches_call = self.driver.conversation.has_feature("recipient-call");
        let (outbox, entries) = mpsc::channel(OUTBOX);
        let task = tokio::spawn(self.driver.run(entries, deliver));
        Line { outbox, task: task.abort_handle(), reaches_call }
    }

    /// Leaves again.
    pub(crate) async fn leave(mut self) {
        // Either outcome ends it; the server forgets silent sessions.
        let _ = tokio::time::timeout(SEND_LIMIT, self.driver.part()).await;
    }
}

impl Line {
    /// Queues a message; it is sent at once, or when the server can be reached again. With `request`, a refusal is
    /// told by that number. Returns `false` when it was dropped because too many wait.
    pub(crate) fn send(&self, message: PeerMessage, request: Option<u64>) -> bool {
        self.outbox.try_send(Entry::Message(Box::new(message), request)).is_ok()
    }

    /// Whether a message without a recipient reaches everyone in the call.
    pub(crate) fn reaches_call(&self) -> bool {
        self.reaches_call
    }

    /// Waits until all that was queued has been sent, or `limit` has passed.
    pub(crate) async fn flush(&self, limit: Duration) {
        self.wait_for(Entry::Flush, limit).await;
    }

    /// Ends the session, so that the call is entered anew with another: told as [`News::Gone`].
    pub(crate) fn start_anew(&self) {
        // When too many messages wait, there will be another occasion.
        let _ = self.outbox.try_send(Entry::StartAnew);
    }

    /// Leaves the room and ends the session, as well as that can be done within `limit`.
    pub(crate) async fn leave(self, limit: Duration) {
        self.wait_for(Entry::Leave, limit).await;
    }

    async fn wait_for(&self, entry: fn(oneshot::Sender<()>) -> Entry, limit: Duration) {
        let (sent, done) = oneshot::channel();
        if self.outbox.try_send(entry(sent)).is_ok() {
            // Either outcome means there is nothing more to wait for.
            let _ = tokio::time::timeout(limit, done).await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Driver {
    /// Runs until the room was entered.
    async fn enter(&mut self) -> Result<(), Unadmitted> {
        loop {
            let turn = self.turn(&mut None).await;
            if self.ready && self.backlog.len() <= MAX_BACKLOG {
                return Ok(());
            }
            if let Some(problem) = self.failed.take() {
                let passing = matches!(
                    problem.code,
                    ProblemCode::ServerFailed | ProblemCode::Throttled | ProblemCode::ServerUnreachable
                );
                return Err(Unadmitted { problem, passing });
            }
            if matches!(turn, Turn::Over) || self.backlog.len() > MAX_BACKLOG {
                let detail = "the signaling server put us out at once";
                let problem = Problem::new(ProblemCode::ServerFailed, detail);
                return Err(Unadmitted { problem, passing: true });
            }
        }
    }

    async fn run<F, D>(mut self, entries: mpsc::Receiver<Entry>, deliver: D)
    where
        F: Future<Output = bool>,
        D: Fn(News) -> F,
    {
        let mut entries = Some(entries);
        loop {
            for news in std::mem::take(&mut self.backlog) {
                if !deliver(news).await {
                    return;
                }
            }
            if let Some(problem) = self.failed.take() {
                deliver(News::Failed(problem)).await;
                return;
            }
            if self.lost_at.is_some_and(|since| since.elapsed() >= OUTAGE_LIMIT) {
                let detail = "the signaling server has not been reachable for minutes";
                deliver(News::Failed(Problem::new(ProblemCode::SignalingLost, detail))).await;
                return;
            }
            if let Turn::Over = self.turn(&mut entries).await {
                for news in std::mem::take(&mut self.backlog) {
                    deliver(news).await;
                }
                return;
            }
        }
    }

    /// Waits for one thing to happen, and deals with it.
    async fn turn(&mut self, entries: &mut Option<mpsc::Receiver<Entry>>) -> Turn {
        let until = match self.policy.step(Instant::now(), rand::random()) {
            LinkStep::Connect => {
                self.connect().await;
                return self.carry_out().await;
            }
            LinkStep::Ping => {
                self.send(Message::Ping(Vec::new().into())).await;
                return self.carry_out().await;
            }
            LinkStep::Drop => {
                self.drop_socket();
                return self.carry_out().await;
            }
            LinkStep::Wait(until) => until,
        };
        let until = self.conversation.poll_timeout().map_or(until, |at| at.min(until));
        let inside = self.conversation.is_inside();
        let wake = tokio::select! {
            heard = next(&mut self.socket) => Wake::Socket(heard),
            // What is to be sent waits until there is someone to send it to.
            entry = take(entries, inside) => Wake::Entry(entry),
            () = tokio::time::sleep_until(until.into()) => Wake::Timeout,
        };
        match wake {
            Wake::Socket(Some(Ok(message))) => {
                self.policy.heard(Instant::now());
                self.heard(&message);
            }
            Wake::Socket(Some(Err(())) | None) => self.lost(),
            Wake::Entry(Some(Entry::Message(message, request))) => {
                let text = self.conversation.message(&message, request);
                if text.len() <= MAX_PEER_MESSAGE_BYTES {
                    self.send(Message::text(text)).await;
                }
            }
            Wake::Entry(Some(Entry::Flush(done))) => {
                // Nobody waits any more: fine.
                let _ = done.send(());
            }
            Wake::Entry(Some(Entry::Leave(done))) => {
                self.part().await;
                let _ = done.send(());
                return Turn::Over;
            }
            Wake::Entry(Some(Entry::StartAnew)) => {
                self.part().await;
                self.backlog.push(News::Gone { after_outage: true });
                return Turn::Over;
            }
            Wake::Entry(None) => return Turn::Over,
            Wake::Timeout => self.conversation.handle_timeout(Instant::now()),
        }
        self.carry_out().await
    }

    fn heard(&mut self, message: &Message) {
        let Message::Text(text) = message else { return };
        // What is no message of a signaling server says nothing.
        if let Ok(frame) = serde_json::from_str::<ServerFrame>(text.as_str())
            && frame.id.as_ref().is_none_or(|id| id.len() <= MAX_ID_BYTES)
        {
            self.conversation.handle(frame, Instant::now());
        }
    }

    /// Does what the conversation wants.
    async fn carry_out(&mut self) -> Turn {
        let mut turn = Turn::GoesOn;
        while let Some(output) = self.conversation.poll_output() {
            match output {
                Output::Send(text) => self.send(Message::text(text)).await,
                Output::Fetch => self.fetch().await,
                Output::Reconnect => self.lost(),
                Output::Ready => {
                    self.ready = true;
                    self.lost_at = None;
                    self.policy.served();
                }
                Output::Tell(News::Failed(problem)) => {
                    self.failed = Some(problem);
                    // Told by whoever waits for this turn.
                }
                Output::Tell(news) => {
                    match &news {
                        News::Gone { .. } | News::Replaced => turn = Turn::Over,
                        News::Restored => {
                            self.lost_at = None;
                            self.policy.served();
                        }
                        News::Interrupted
                        | News::Event(_)
                        | News::Peer { .. }
                        | News::Refused { .. }
                        | News::Failed(_) => {}
                    }
                    self.backlog.push(news);
                }
            }
        }
        turn
    }

    async fn connect(&mut self) {
        let connecting = socket::connect(&self.url, self.tls.clone());
        let reason = match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(Ok(socket)) => {
                self.socket = Some(socket);
                let now = Instant::now();
                self.policy.reached(now);
                self.conversation.connected(now);
                return;
            }
            Ok(Err(Unreached::Reason(reason))) => reason,
            Ok(Err(Unreached::Untrusted(problem))) => {
                // Asking again makes no certificate right; a call that runs may outlast a mistake of its server's.
                if !self.ready {
                    let detail = format_args!("at the signaling server: {}", problem.detail);
                    self.failed = Some(Problem::new(problem.code, detail));
                }
                "its certificate is not trusted"
            }
            Err(_) => "it takes too long",
        };
        tracing::debug!(reason, "no connection to the signaling server");
        self.lost();
    }

    async fn fetch(&mut self) {
        match self.rest.signaling_settings(&self.token).await {
            Ok(settings) => self.conversation.fetched(settings.hello_auth_params, Instant::now()),
            Err(error) if error.is_passing() => self.lost(),
            Err(error) => self.failed = Some(error.into_problem(Subject::Room)),
        }
    }

    async fn send(&mut self, message: Message) {
        let Some(open) = &mut self.socket else { return };
        if !matches!(tokio::time::timeout(SEND_LIMIT, open.send(message)).await, Ok(Ok(()))) {
            self.lost();
        }
    }

    /// Says goodbye.
    async fn part(&mut self) {
        for text in self.conversation.farewell() {
            self.send(Message::text(text)).await;
        }
        if let Some(mut socket) = self.socket.take() {
            // The server may have closed it first.
            let _ = tokio::time::timeout(SEND_LIMIT, socket.close(None)).await;
        }
    }

    fn lost(&mut self) {
        self.policy.lost(Instant::now(), rand::random());
        self.drop_socket();
    }

    fn drop_socket(&mut self) {
        self.socket = None;
        self.lost_at.get_or_insert_with(Instant::now);
        self.conversation.disconnected();
    }
}

async fn next(socket: &mut Option<Socket>) -> Option<Result<Message, ()>> {
    let Some(open) = socket else { return std::future::pending().await };
    match open.next().await {
        Some(Ok(Message::Close(_))) | None => None,
        Some(Ok(message)) => Some(Ok(message)),
        Some(Err(_)) => Some(Err(())),
    }
}

async fn take(entries: &mut Option<mpsc::Receiver<Entry>>, inside: bool) -> Option<Entry> {
    match entries {
        Some(entries) if inside => entries.recv().await,
        Some(_) | None => std::future::pending().await,
    }
}
