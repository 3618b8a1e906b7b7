//! The way into a conversation before there is a call: its password, its lobby, its consent to recordings.
//!
//! ```text
//!   enter ──▶ Password ──(typed)──▶ enter ──▶ Lobby ──(opened)──▶ Consent ──(given)──▶ Open ──▶ a call
//! ```
//!
//! Nothing here opens a device or joins a call. Whoever waits is in the conversation, so that moderators see them; what
//! was entered is handed to the call ([`crate::CallOptions`]), which therefore enters as the same guest.

use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::{CallTarget, ContactId, RoomId, Secret};
use bellbird_talk_wire as wire;
use bellbird_talk_wire::constants::{
    MODE_INTERNAL, NO_SESSION, PARTICIPANT_GUEST_MODERATOR, PARTICIPANT_MODERATOR, PARTICIPANT_OWNER,
    PERMISSION_IGNORE_LOBBY, ROOM_ONE_TO_ONE,
};
use tokio::task::AbortHandle;

use crate::account::TalkAccount;
use crate::consent::Consent;
use crate::directory::partner;
use crate::rest::{RestError, Session, Subject};
use crate::translate;

/// Between questions whether the lobby was opened.
const LOBBY_POLL: Duration = Duration::from_secs(3);
/// How long no further password is tried after the server asked to wait.
const PASSWORD_REST: Duration = Duration::from_secs(30);
/// Between attempts to keep the session in the lobby alive when one fails.
const KEEP_ALIVE_PAUSE: Duration = Duration::from_secs(5);

/// Where someone stands on the way into a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntranceStep {
    /// The conversation has a password: set one, then ask again.
    Password {
        /// The one given before was wrong.
        refused: bool,
        /// The server asks to wait before the next one.
        throttled: bool,
    },
    /// In the lobby until a moderator opens it: ask again after [`Entrance::pause`].
    Lobby {
        /// When it opens by itself, Unix seconds.
        opens_at: Option<i64>,
    },
    /// Calls are recorded here: give consent, then ask again.
    Consent,
    /// The call can be joined.
    Open,
}

/// A conversation as it is seen from its entrance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntranceRoom {
    /// Its token.
    pub room: RoomId,
    /// Its name for people.
    pub display_name: String,
    /// The other one, in a conversation of two.
    pub contact: Option<ContactId>,
}

/// What was entered, for the call that follows.
pub(crate) struct Admission {
    pub(crate) session: Session,
    pub(crate) room: wire::Room,
}

/// One attempt to get into a conversation's call.
pub struct Entrance {
    account: TalkAccount,
    session: Session,
    target: CallTarget,
    password: Option<Secret>,
    /// A password was tried and no other has been given since.
    refused: bool,
    no_password_before: Option<Instant>,
    consent: Consent,
    inside: Option<wire::Room>,
    keep_alive: Option<AbortHandle>,
}

impl std::fmt::Debug for Entrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entrance").field("inside", &self.inside.is_some()).finish_non_exhaustive()
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.stop_keeping_alive();
    }
}

impl Entrance {
    /// An entrance not tried yet.
    pub fn new(account: &TalkAccount, target: CallTarget) -> Self {
        Self {
            account: account.clone(),
            session: account.new_session(),
            target,
            password: None,
            refused: false,
            no_password_before: None,
            consent: Consent::default(),
            inside: None,
            keep_alive: None,
        }
    }

    /// The consent this entrance asks for where calls are recorded.
    pub fn consent(&self) -> &Consent {
        &self.consent
    }

    /// A password the person typed; it is tried once.
    pub fn set_password(&mut self, password: Secret) {
        self.password = Some(password);
        self.refused = false;
    }

    /// How long to wait in the lobby before asking again.
    pub fn pause(&self) -> Duration {
        LOBBY_POLL
    }

    /// What is known of the conversation, once inside.
    pub fn room(&self) -> Option<EntranceRoom> {
        self.inside.as_ref().map(|room| EntranceRoom {
            room: RoomId::new(&room.token),
            display_name: translate::display_name(&room.display_name),
            contact: partner(room),
        })
    }

    /// Goes as far as it can and tells what is in the way.
    ///
    /// # Errors
    /// What ends the attempt: `unknown-room`, `unknown-user`, `read-only`, `forbidden`, `signed-out`, `throttled`, and what
    /// keeps the server from being reached. While waiting in the lobby, trouble that may pass is not told.
    pub async fn step(&mut self) -> Result<EntranceStep, Problem> {
        match self.look().await {
            Ok(Some(step)) => return Ok(step),
            Ok(None) => {}
            Err(error) if self.inside.is_some() && error.is_passing() => {
                return Ok(self.inside.as_ref().map_or(EntranceStep::Open, lobby_step));
            }
            Err(error) => return Err(error.into_problem(self.subject())),
        }
        let Some(room) = &self.inside else {
            return Err(Problem::new(ProblemCode::Internal, "an entrance led nowhere"));
        };
        if room.read_only != 0 {
            return Err(Problem::new(ProblemCode::ReadOnly, "the conversation is locked"));
        }
        if is_in_lobby(room) {
            let step = lobby_step(room);
            let token = room.token.clone();
            self.begin_to_keep_alive(token);
            return Ok(step);
        }
        if self.account.needs_consent(room.recording_consent).await && !self.consent.is_given() {
            return Ok(EntranceStep::Consent);
        }
        Ok(EntranceStep::Open)
    }

    /// Enters, or looks again at what was entered. `Some`: a password is in the way.
    async fn look(&mut self) -> Result<Option<EntranceStep>, RestError> {
        if let Some(inside) = &self.inside {
            match self.session.room(&inside.token).await {
                Ok(mut room) => {
                    if room.session_id.is_empty() || room.session_id == NO_SESSION {
                        room.session_id.clone_from(&inside.session_id);
                    }
                    self.inside = Some(room);
                    return Ok(None);
                }
                // Our session in it ended while we waited: in again.
                Err(RestError::Refused { status: 404, .. }) => {
                    self.stop_keeping_alive();
                    self.inside = None;
                }
                Err(error) => return Err(error),
            }
        }
        if self.refused {
            return Ok(Some(self.ask_password(false)));
        }
        if self.password.is_some() && self.no_password_before.is_some_and(|until| Instant::now() < until) {
            self.refused = true;
            return Ok(Some(self.ask_password(true)));
        }
        // Cached except for the first; tells which version of the interface the server speaks.
        let _ = self.account.capabilities(false).await?;
        let token = match &self.target {
            CallTarget::Room(room) => room.as_str().to_owned(),
            CallTarget::Contact(contact) => self.session.one_to_one(contact.as_str()).await?.token,
        };
        // Servers that cannot ban anyone refuse for the password alone, and do not say so.
        let wordless = !self.account.has_feature("ban-v1").await.unwrap_or(true);
        match self.account.enter_room(&self.session, &token, self.password.as_ref()).await {
            Ok(room) if room.session_id.is_empty() || room.session_id == NO_SESSION => {
                Err(RestError::NotTalk("the server let us in without a session"))
            }
            Ok(room) => {
                self.account.remember(&room);
                self.inside = Some(room);
                Ok(None)
            }
            Err(RestError::Refused { status: 403, key })
                if key == "password" || (key.is_empty() && wordless) =>
            {
                self.refused = self.password.is_some();
                Ok(Some(self.ask_password(false)))
            }
            Err(RestError::Refused { status: 429, .. }) if self.password.is_some() => {
                self.refused = true;
                self.no_password_before = Some(Instant::now() + PASSWORD_REST);
                Ok(Some(self.ask_password(true)))
            }
            Err(error) => Err(error),
        }
    }

    fn ask_password(&self, throttled: bool) -> EntranceStep {
        EntranceStep::Password { refused: self.refused && !throttled, throttled }
    }

    fn subject(&self) -> Subject {
        match &self.target {
            CallTarget::Room(_) => Subject::Room,
            CallTarget::Contact(_) => Subject::Person,
        }
    }

    /// Gives up, leaving the conversation as well as it can.
    pub async fn leave(mut self) {
        self.stop_keeping_alive();
        if let Some(room) = self.inside.take() {
            // A session that is not left times out.
            let _ = self.session.leave_room(&room.token).await;
        }
    }

    /// The same password, consent and session for the call.
    pub(crate) fn into_parts(mut self) -> (Option<Admission>, Option<Secret>, Consent) {
        self.stop_keeping_alive();
        let admission = self.inside.take().map(|room| Admission { session: self.session.clone(), room });
        (admission, self.password.take(), self.consent.clone())
    }

    /// A session that pulls nothing dies (talk-signaling section 2.2), and with it a guest's place in the lobby.
    fn begin_to_keep_alive(&mut self, token: String) {
        if self.keep_alive.is_some() {
            return;
        }
        let session = self.session.clone();
        let task = tokio::spawn(async move {
            let Ok(settings) = session.signaling_settings(&token).await else { return };
            if settings.signaling_mode != MODE_INTERNAL && !settings.signaling_mode.is_empty() {
                return;
            }
            loop {
                match session.pull(&token).await {
                    // An older server may answer at once with nothing new.
                    Ok(_) => tokio::time::sleep(Duration::from_millis(500)).await,
                    Err(error) if error.is_passing() => tokio::time::sleep(KEEP_ALIVE_PAUSE).await,
                    Err(_) => return,
                }
            }
        });
        self.keep_alive = Some(task.abort_handle());
    }

    fn stop_keeping_alive(&mut self) {
        if let Some(task) = self.keep_alive.take() {
            task.abort();
        }
    }
}

/// Whether we wait: the lobby is on, and we are neither moderator nor allowed past it (talk-rest section 2).
fn is_in_lobby(room: &wire::Room) -> bool {
    let moderates = [PARTICIPANT_OWNER, PARTICIPANT_MODERATOR, PARTICIPANT_GUEST_MODERATOR]
        .contains(&room.participant_type);
    room.lobby_state != 0
        && room.kind != ROOM_ONE_TO_ONE
        && !moderates
        && room.permissions & PERMISSION_IGNORE_LOBBY == 0
}

fn lobby_step(room: &wire::Room) -> EntranceStep {
    EntranceStep::Lobby { opens_at: (room.lobby_timer > 0).then_some(room.lobby_timer) }
}
