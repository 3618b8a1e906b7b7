//! This server as the Nextcloud side of an external signaling server (HPB), which takes over when a team outgrows
//! what a mesh can carry (talk-signaling.md sections 6 and 7).
//!
//! ```text
//!            settings, tickets, tokens                     WebSocket
//!   http ◀────────────────────────────── client ─────────────────────────▶ signaling server
//!    ▲                                                                        │      ▲
//!    └── auth, room, ping, session (http::hpb_backend; checked by `checksum`) ┘      │
//!   live ─▶ outbox ─▶ link ── invite, disinvite, update, delete, participants, incall ┘
//! ```
//! Nothing here waits for the signaling server while a client waits for us, except for dialing out, whose answer the
//! client wants.

mod checksum;
mod dial;
mod link;
mod outbox;
mod rooms;
mod switch;
mod tokens;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use checksum::{CHECKSUM_HEADER, RANDOM_HEADER, SharedSecret};
pub(crate) use dial::DialFailure;
pub(crate) use link::client_beside;
pub(crate) use outbox::Item;
pub(crate) use rooms::{RoomNews, properties};
pub(crate) use switch::{Switch, take_up};

use crate::error::ServerError;
use crate::live::Moment;
use crate::state::{App, Shared};
use link::Link;
use outbox::Outbox;
use tokens::Tokens;

/// Requests under way to the signaling server at once, over all rooms.
const REQUESTS_AT_ONCE: usize = 16;
/// After a session has been let into a room, the signaling server needs this long to know it by its name.
const SETTLES: Duration = Duration::from_millis(500);
/// Longest secret, bytes.
const MAX_SECRET: usize = 4096;

/// An external signaling server to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HpbConfig {
    /// Its address as clients and this server reach it, `http:` or `https:`.
    pub url: Url,
    /// The file that holds the secret shared with it, the only thing in that file. It is read at the start and kept
    /// in memory alone.
    pub secret_file: PathBuf,
}

impl HpbConfig {
    /// Checks the address.
    ///
    /// # Errors
    /// [`ServerError::SignalingServer`] when it is no `http:` or `https:` address.
    pub fn new(url: &str, secret_file: impl Into<PathBuf>) -> Result<Self, ServerError> {
        let bad = || ServerError::SignalingServer(format!("{url} is no http or https address"));
        let url = parse_url(url).ok_or_else(bad)?;
        Ok(Self { url, secret_file: secret_file.into() })
    }

    fn read_secret(&self) -> Result<SharedSecret, ServerError> {
        read_secret_file(&self.secret_file).map(SharedSecret::new).map_err(ServerError::SignalingServer)
    }
}

/// An address as [`HpbConfig::url`] takes it.
pub(crate) fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

/// The text of a secret file without the line's end, or what is wrong with the file.
pub(crate) fn read_secret_file(path: &Path) -> Result<String, String> {
    let bad = |reason: &str| format!("the secret file {} {reason}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| bad(&format!("cannot be read: {error}")))?;
    let secret = text.trim();
    match secret.len() {
        0 => Err(bad("is empty")),
        1..=MAX_SECRET => Ok(secret.to_owned()),
        _ => Err(bad("is too long")),
    }
}

/// The signaling server in use.
pub(crate) struct Hpb {
    config: HpbConfig,
    link: Link,
    pub(crate) tokens: Tokens,
    outbox: Outbox,
    turns: Semaphore,
    closing: CancellationToken,
    app: Weak<Shared>,
    /// One moment on both clocks.
    started: Moment,
    /// Calls to telephones: the bridge's name of the call, by room and attendee.
    dialed: Mutex<HashMap<(i64, i64), String>>,
}

impl Hpb {
    /// Reads the secret and the key pair. Blocks.
    pub(crate) fn open(config: HpbConfig, folder: &Path, app: &App) -> Result<Arc<Self>, ServerError> {
        let link = Link::new(config.url.clone(), config.read_secret()?)?;
        Ok(Arc::new(Self {
            link,
            config,
            tokens: Tokens::load_or_make(folder)?,
            outbox: Outbox::default(),
            turns: Semaphore::new(REQUESTS_AT_ONCE),
            closing: app.closing.child_token(),
            app: Arc::downgrade(app),
            started: app.now(),
            dialed: Mutex::default(),
        }))
    }

    pub(crate) fn config(&self) -> &HpbConfig {
        &self.config
    }

    /// The address clients are given.
    pub(crate) fn public_url(&self) -> &str {
        self.link.public_url()
    }

    /// Whether a request comes from the signaling server.
    pub(crate) fn approves(&self, random: &str, checksum: &str, body: &[u8]) -> bool {
        self.link.secret().approves(random, checksum, body)
    }

    /// See [`Link::learn_our_name`].
    pub(crate) fn learn_our_name(&self, base: String) {
        self.link.learn_our_name(base);
    }

    /// Ends what is still to be sent, when another signaling server takes over.
    pub(crate) fn retire(&self) {
        self.closing.cancel();
    }

    /// Unix seconds of an instant.
    pub(crate) fn unix(&self, at: Instant) -> i64 {
        let after = at.saturating_duration_since(self.started.at).as_secs();
        let before = self.started.at.saturating_duration_since(at).as_secs();
        self.started.unix.saturating_add_unsigned(after).saturating_sub_unsigned(before)
    }

    /// Tells the signaling server something of a room, in its turn. Needs a tokio runtime; never waits.
    pub(crate) fn push(self: &Arc<Self>, room: i64, token: &str, item: Item) {
        if self.outbox.push(room, token, item) {
            tokio::spawn(outbox::work_off(Arc::clone(self), room));
        }
    }

    /// Tries again what could not be told.
    pub(crate) fn catch_up(self: &Arc<Self>) {
        for room in self.outbox.wake_behind() {
            tokio::spawn(outbox::work_off(Arc::clone(self), room));
        }
    }

    /// Says that a session is in the call once more, after the signaling server has had time to let it into the room:
    /// having been restarted, it does not know.
    pub(crate) fn repeat_in_call(self: &Arc<Self>, room: i64, session: &str) {
        let (hpb, session) = (Arc::clone(self), session.to_owned());
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(SETTLES) => {}
                () = hpb.closing.cancelled() => return,
            }
            if let Some(app) = hpb.app.upgrade() {
                app.live().repeat_in_call(room, &session);
            }
        });
    }

    /// Entries of the room's sessions as they are now, or of those in the call.
    fn users(&self, room: i64, in_call: bool) -> Vec<Value> {
        self.app.upgrade().map_or(Vec::new(), |app| app.live().hpb_users(room, in_call, self))
    }

    /// The bridge's name of the call to a telephone, for who may steer it.
    pub(crate) fn call_id(&self, room: i64, attendee: i64) -> Option<String> {
        self.dialed.lock().unwrap_or_else(PoisonError::into_inner).get(&(room, attendee)).cloned()
    }
}
