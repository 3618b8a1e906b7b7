//! Our session at a separate signaling server: greeting, resuming, entering the room. Pure, told the time
//! (talk-signaling sections 6.1 to 6.4).
//!
//! ```text
//!   Offline ─ connected ─▶ Welcoming ─ welcome, or none in time ─▶ Greeting ─ hello ─▶ Entering ─ room ─▶ Inside
//!      ▲  │                               token too old: Fetching ──▲                                       │
//!      │  └─ connected, known before ─▶ Greeting (resume) ─ hello ──────────────────────────────────────────▶│
//!      │                                     └─ no such session ─▶ Over (to be entered anew)                │
//!      └─────────────────────────────────── disconnected ───────────────────────────────────────────────────┘
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bellbird_call::Secret;
use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_talk_wire::constants::MAX_SESSION_ID_BYTES;
use bellbird_talk_wire::{
    Greeting, HelloAnswer, HelloAuthParams, PeerMessage, ServerBody, ServerEvent, ServerFrame, bye_frame,
    hello_frame, message_frame, room_frame,
};

/// How long a newer server may take to say welcome. It does so at once; servers end connections that have not greeted
/// after two seconds.
const WELCOME_LIMIT: Duration = Duration::from_secs(1);
/// How long an answer to a greeting or to entering may take. The server asks Nextcloud meanwhile.
const ANSWER_LIMIT: Duration = Duration::from_secs(12);
/// A token is good for a minute; one older than this is not tried.
const TOKEN_AGE: Duration = Duration::from_secs(40);
/// How often credentials are fetched anew before we give up.
const MAX_FETCHES: u32 = 2;
/// Longest id to resume by, bytes.
const MAX_RESUME_ID_BYTES: usize = 4096;
/// Begins the ids of messages whose refusal is of interest.
const TRACKED: char = 'm';

/// Where and as whom.
pub(crate) struct Identity {
    /// The address of the Nextcloud server's endpoint for signaling servers.
    pub(crate) auth_url: String,
    /// The room's token.
    pub(crate) room: String,
    /// Our session at the Nextcloud server.
    pub(crate) room_session: String,
}

/// What to do, in order.
#[derive(PartialEq)]
pub(crate) enum Output {
    /// Send this text.
    Send(String),
    /// Fetch the signaling settings, for their credentials.
    Fetch,
    /// This connection leads nowhere; make another.
    Reconnect,
    /// The room was entered for the first time.
    Ready,
    /// Something for the call.
    Tell(News),
}

/// What the call gets to know.
#[derive(PartialEq)]
pub(crate) enum News {
    /// The connection was lost; it is tried again.
    Interrupted,
    /// The session was resumed; nothing was missed.
    Restored,
    /// Something happened in the room.
    Event(ServerEvent),
    /// A peer's message. `control`: the server vouches that the sender is a moderator.
    Peer {
        /// The message; its `from` is the server's word.
        message: PeerMessage,
        /// Whether it came as a moderator's.
        control: bool,
    },
    /// One of our messages was refused.
    Refused {
        /// The number given with it.
        request: u64,
        /// Why.
        code: String,
    },
    /// Our session is gone.
    Gone {
        /// Because we were away for too long.
        after_outage: bool,
    },
    /// Our Nextcloud session entered through another connection.
    Replaced,
    /// It makes no sense to go on.
    Failed(Problem),
}

/// The session.
pub(crate) struct Conversation {
    identity: Identity,
    credentials: HelloAuthParams,
    fetched_at: Instant,
    fetches: u32,
    stage: Stage,
    known: Option<Known>,
    next_id: u64,
    outputs: VecDeque<Output>,
}

/// What the first greeting was answered with.
struct Known {
    session: String,
    resume: Secret,
    v2: bool,
    features: Vec<String>,
    /// The room was entered.
    entered: bool,
}

enum Stage {
    Offline,
    Welcoming { until: Instant },
    Fetching { v2: bool },
    Greeting { id: String, until: Instant, v2: bool },
    Entering { id: String, until: Instant },
    Inside,
    Over,
}

impl Conversation {
    /// A session to be made with `credentials` fetched at `now`.
    pub(crate) fn new(identity: Identity, credentials: HelloAuthParams, now: Instant) -> Self {
        Self {
            identity,
            credentials,
            fetched_at: now,
            fetches: 0,
            stage: Stage::Offline,
            known: None,
            next_id: 1,
            outputs: VecDeque::new(),
        }
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Conversation::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Welcoming { until } | Stage::Greeting { until, .. } | Stage::Entering { until, .. } => {
                Some(*until)
            }
            Stage::Offline | Stage::Fetching { .. } | Stage::Inside | Stage::Over => None,
        }
    }

    /// Our id in all messages; empty before the greeting was answered.
    pub(crate) fn session(&self) -> &str {
        self.known.as_ref().map_or("", |known| &known.session)
    }

    /// Whether the server can do something.
    pub(crate) fn has_feature(&self, feature: &str) -> bool {
        self.known.as_ref().is_some_and(|known| known.features.iter().any(|name| name == feature))
    }

    /// Whether messages can be sent now.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.stage, Stage::Inside)
    }

    /// A connection was made.
    pub(crate) fn connected(&mut self, now: Instant) {
        if let Stage::Over = self.stage {
            return;
        }
        match &self.known {
            Some(known) if known.entered => {
                let (resume, v2) = (known.resume.clone(), known.v2);
                let id = self.id();
                let greeting = Greeting::Resume { resume_id: resume.expose(), v2 };
                self.outputs.push_back(Output::Send(hello_frame(&id, &greeting)));
                self.stage = Stage::Greeting { id, until: now + ANSWER_LIMIT, v2 };
            }
            // Without a room there is nothing to resume.
            Some(_) | None => {
                self.known = None;
                self.stage = Stage::Welcoming { until: now + WELCOME_LIMIT };
            }
        }
    }

    /// The connection was lost.
    pub(crate) fn disconnected(&mut self) {
        if let Stage::Over = self.stage {
            return;
        }
        let told = matches!(self.stage, Stage::Inside);
        self.stage = Stage::Offline;
        if told {
            self.tell(News::Interrupted);
        }
    }

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match &self.stage {
            Stage::Welcoming { until } if *until <= now => self.greet(false, now),
            Stage::Greeting { until, .. } | Stage::Entering { until, .. } if *until <= now => {
                self.outputs.push_back(Output::Reconnect);
            }
            Stage::Offline
            | Stage::Welcoming { .. }
            | Stage::Fetching { .. }
            | Stage::Greeting { .. }
            | Stage::Entering { .. }
            | Stage::Inside
            | Stage::Over => {}
        }
    }

    /// Fresh credentials came.
    pub(crate) fn fetched(&mut self, credentials: HelloAuthParams, now: Instant) {
        self.credentials = credentials;
        self.fetched_at = now;
        if let Stage::Fetching { v2 } = self.stage {
            self.greet(v2, now);
        }
    }

    /// A message of the server.
    pub(crate) fn handle(&mut self, frame: ServerFrame, now: Instant) {
        if let Stage::Over = self.stage {
            return;
        }
        let ServerFrame { id, body } = frame;
        match body {
            ServerBody::Welcome { features } => {
                if let Stage::Welcoming { .. } = self.stage {
                    self.greet(features.iter().any(|feature| feature == "hello-v2"), now);
                }
            }
            ServerBody::Hello(answer) => self.greeted(id.as_deref(), answer, now),
            ServerBody::Room { room } => self.room(id.as_deref(), &room),
            ServerBody::Error { code } => self.refused(id.as_deref(), code, now),
            ServerBody::Bye { reason } => match reason.as_str() {
                "room_session_reconnected" => self.over(News::Replaced),
                // Our answer to the greeting came too late, or the server goes away: we come back.
                _ => self.outputs.push_back(Output::Reconnect),
            },
            ServerBody::Event(ServerEvent::Disinvited { room }) => {
                if room == self.identity.room {
                    self.over(News::Gone { after_outage: false });
                }
            }
            ServerBody::Event(event) => {
                let ours = match &event {
                    ServerEvent::InCall { room, .. }
                    | ServerEvent::CallEnded { room }
                    | ServerEvent::Recording { room, .. } => *room == self.identity.room,
                    ServerEvent::Joined(_)
                    | ServerEvent::Left(_)
                    | ServerEvent::Changed(_)
                    | ServerEvent::SwitchTo { .. }
                    | ServerEvent::Disinvited { .. } => true,
                    ServerEvent::Other => false,
                };
                if ours {
                    self.tell(News::Event(event));
                }
            }
            ServerBody::Message(relayed) => self.peer(relayed.message, false),
            ServerBody::Control(relayed) => self.peer(relayed.message, true),
            ServerBody::Unknown => {}
        }
    }

    /// Text of a message of ours; with `request`, its refusal is told as [`News::Refused`].
    pub(crate) fn message(&mut self, message: &PeerMessage, request: Option<u64>) -> String {
        let id = match request {
            Some(request) => format!("{TRACKED}{request}"),
            None => self.id(),
        };
        message_frame(&id, message)
    }

    /// Texts that leave the room and end the session.
    pub(crate) fn farewell(&mut self) -> [String; 2] {
        let (leave, bye) = (self.id(), self.id());
        self.stage = Stage::Over;
        [room_frame(&leave, "", ""), bye_frame(&bye)]
    }

    fn id(&mut self) -> String {
        let id = format!("b{}", self.next_id);
        self.next_id += 1;
        id
    }

    fn tell(&mut self, news: News) {
        self.outputs.push_back(Output::Tell(news));
    }

    fn over(&mut self, news: News) {
        self.stage = Stage::Over;
        self.tell(news);
    }

    fn greet(&mut self, server_takes_tokens: bool, now: Instant) {
        let has_token = self.credentials.v2.as_ref().is_some_and(|params| params["token"].is_string());
        let v2 = server_takes_tokens && has_token;
        if v2 && now.saturating_duration_since(self.fetched_at) > TOKEN_AGE {
            return self.fetch(v2);
        }
        let id = self.id();
        let credentials = &self.credentials;
        let greeting = Greeting::New { url: &self.identity.auth_url, credentials, v2 };
        self.outputs.push_back(Output::Send(hello_frame(&id, &greeting)));
        self.stage = Stage::Greeting { id, until: now + ANSWER_LIMIT, v2 };
    }

    fn fetch(&mut self, v2: bool) {
        self.fetches += 1;
        self.stage = Stage::Fetching { v2 };
        self.outputs.push_back(Output::Fetch);
    }

    fn greeted(&mut self, answered: Option<&str>, answer: HelloAnswer, now: Instant) {
        let Stage::Greeting { id, v2, .. } = &self.stage else { return };
        if answered.is_some_and(|answered| answered != id) {
            return;
        }
        let v2 = *v2;
        let HelloAnswer { session_id, resume_id, features } = answer;
        if session_id.is_empty()
            || session_id.len() > MAX_SESSION_ID_BYTES
            || resume_id.len() > MAX_RESUME_ID_BYTES
        {
            let detail = "the signaling server let us in without a session";
            return self.over(News::Failed(Problem::new(ProblemCode::NotATalkServer, detail)));
        }
        match &mut self.known {
            Some(known) if known.session == session_id => {
                // The features may be those of a newer server by now.
                known.features = features;
                self.fetches = 0;
                self.stage = Stage::Inside;
                self.tell(News::Restored);
            }
            // Resumed as somebody else: as good as not at all.
            Some(_) => self.over(News::Gone { after_outage: true }),
            None => {
                let resume = Secret::new(resume_id);
                self.known = Some(Known { session: session_id, resume, v2, features, entered: false });
                let id = self.id();
                let text = room_frame(&id, &self.identity.room, &self.identity.room_session);
                self.outputs.push_back(Output::Send(text));
                self.stage = Stage::Entering { id, until: now + ANSWER_LIMIT };
            }
        }
    }

    fn room(&mut self, answered: Option<&str>, room: &str) {
        let Stage::Entering { id, .. } = &self.stage else { return };
        if room == self.identity.room && answered.is_none_or(|answered| answered == id) {
            self.entered();
        }
    }

    fn entered(&mut self) {
        if let Some(known) = &mut self.known {
            known.entered = true;
        }
        self.fetches = 0;
        self.stage = Stage::Inside;
        self.outputs.push_back(Output::Ready);
    }

    fn refused(&mut self, answered: Option<&str>, code: String, now: Instant) {
        let Some(answered) = answered else {
            tracing::debug!(code = %printable(&code), "the signaling server reports an error");
            return;
        };
        match &self.stage {
            Stage::Greeting { id, v2, .. } if id == answered => {
                let v2 = *v2;
                self.greeting_refused(&code, v2, now);
            }
            Stage::Entering { id, .. } if id == answered => {
                if code == "already_joined" {
                    return self.entered();
                }
                let code_of = match code.as_str() {
                    "no_such_room" => ProblemCode::UnknownRoom,
                    _ => ProblemCode::ServerFailed,
                };
                let detail =
                    format_args!("the signaling server did not let us into the room ({})", printable(&code));
                self.over(News::Failed(Problem::new(code_of, detail)));
            }
            Stage::Offline
            | Stage::Welcoming { .. }
            | Stage::Fetching { .. }
            | Stage::Greeting { .. }
            | Stage::Entering { .. }
            | Stage::Inside
            | Stage::Over => {
                if let Some(request) = answered.strip_prefix(TRACKED).and_then(|number| number.parse().ok()) {
                    self.tell(News::Refused { request, code });
                }
            }
        }
    }

    fn greeting_refused(&mut self, code: &str, v2: bool, now: Instant) {
        if self.known.is_some() {
            return match code {
                "no_such_session" => self.over(News::Gone { after_outage: true }),
                // Anything else may pass.
                _ => self.outputs.push_back(Output::Reconnect),
            };
        }
        match code {
            "token_expired" | "token_not_valid_yet" | "invalid_token" | "invalid_ticket"
                if self.fetches < MAX_FETCHES =>
            {
                self.fetch(v2);
            }
            "invalid_hello_version" if v2 => self.greet(false, now),
            "too_many_requests" => {
                let detail = "the signaling server asks to wait";
                self.over(News::Failed(Problem::new(ProblemCode::Throttled, detail)));
            }
            "invalid_backend" => {
                let detail = "the signaling server does not serve this server";
                self.over(News::Failed(Problem::new(ProblemCode::Forbidden, detail)));
            }
            _ => {
                let detail = format_args!("the signaling server refused us ({})", printable(code));
                self.over(News::Failed(Problem::new(ProblemCode::ServerFailed, detail)));
            }
        }
    }

    fn peer(&mut self, message: PeerMessage, control: bool) {
        // A message that says what only moderators may, and was not checked, is a forgery.
        if message.body.is_control() == control {
            self.tell(News::Peer { message, control });
        }
    }
}

/// An error's code, as a log or a person may see it.
fn printable(code: &str) -> String {
    code.chars().take(40).filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').collect()
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
