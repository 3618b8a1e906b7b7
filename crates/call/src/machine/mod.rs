//! The call machine: what happens next in one call.
//!
//! Methods come in three kinds. [`CallMachine::outgoing`] and [`CallMachine::incoming`] make one.
//! [`CallMachine::handle`] takes one input; after it, [`CallMachine::poll_output`] must be drained before the next.
//! [`CallMachine::poll_timeout`] tells when to give [`CallInput::Timeout`]; [`CallMachine::view`] shows the whole.
//!
//! Three rules hold whatever the far end sends: [`MediaCommand::StartCapture`] comes exactly once, and only as the
//! answer to `Start` of an outgoing call or to `Answer` of an incoming one; a camera or a screen is opened only after
//! it and only because the person asked, and closed at the latest when the right to show it is taken; and
//! `CallEvent::Ended` comes exactly once, with no output after it.

mod allowance;
mod calling;
mod config;
mod ending;
mod gestures;
mod io;
mod links;
mod person;
mod pictures;
mod progress;
mod ringing;
mod roster;
mod service;
mod show;
mod state;
mod switching;

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

pub use config::CallConfig;
pub use io::{CallInput, CallOutput};

use self::allowance::Allowance;
use self::links::Links;
use self::pictures::{NO_CAMERA, Sharing, Watched};
use self::roster::Roster;
use self::state::State;
use self::switching::Question;
use crate::ports::{MediaCommand, SignalingCommand, Tone};
use crate::{
    CallDirection, CallEvent, CallId, CallStatus, CallTarget, ContactId, EndReason, Intent, Invitation,
    LeaveScope, MediaKind, MediaKinds, ParticipantId, RoomFacts, RoomId,
};

/// One call, from dial or ring to end. Pure: it neither waits, nor reads a clock, nor calls anyone.
///
/// ```
/// use std::time::Instant;
/// use bellbird_call::{CallConfig, CallId, CallInput, CallMachine, CallTarget, ContactId, MediaKinds};
///
/// let now = Instant::now();
/// let target = CallTarget::Contact(ContactId::new("bob"));
/// let mut call = CallMachine::outgoing(
///     CallId::new("1"), target, "Bob".into(), MediaKinds::VOICE, false, CallConfig::default(), now,
/// );
/// call.handle(CallInput::Start, now);
/// while let Some(output) = call.poll_output() {
///     // Carry it out.
/// #   let _ = output;
/// }
/// assert!(call.poll_timeout().is_some_and(|at| at > now));
/// ```
#[derive(Debug)]
pub struct CallMachine {
    id: CallId,
    origin: Origin,
    config: CallConfig,
    state: State,
    /// Whether the service was asked for anything, so that there is something to leave.
    started: bool,
    /// When it was made: the ring time counts from here.
    made_at: Instant,
    room: Option<RoomId>,
    /// Whether [`CallEvent::Room`] was told for it: a room dialed by token is known before it is entered.
    room_told: bool,
    display_name: String,
    contact: Option<ContactId>,
    one_to_one: bool,
    media: MediaKinds,
    /// Our own device, once the service let us into the call.
    local: Option<ParticipantId>,
    capture_started: bool,
    /// The tone that sounds until stopped.
    looping: Option<Tone>,
    muted: Muted,
    /// Of ours, those that were told of.
    own_tracks: BTreeSet<MediaKind>,
    sharing: Sharing,
    watched: Watched,
    hand_raised: bool,
    /// Whether somebody asks to go to video.
    question: Question,
    /// How often we may still react.
    reactions: Allowance,
    facts: RoomFacts,
    roster: Roster,
    links: Links,
    connected_at: Option<Instant>,
    ended_at: Option<Instant>,
    /// In a one-to-one call that the other one left without ending it: when to stop waiting for them.
    alone_until: Option<Instant>,
    announced: CallStatus,
    outputs: VecDeque<CallOutput>,
}

/// How the call came to be.
#[derive(Clone, Debug)]
enum Origin {
    /// We dial.
    Dialed { target: CallTarget, silent: bool },
    /// We are rung.
    Rung(Invitation),
}

/// What is switched off.
#[derive(Clone, Copy, Debug)]
struct Muted {
    audio: bool,
    video: bool,
}

impl Default for Muted {
    /// A camera is off until somebody wants it on.
    fn default() -> Self {
        Self { audio: false, video: true }
    }
}

impl CallMachine {
    /// A call to make. `display_name` is shown until the service knows better; `silent` rings nobody.
    pub fn outgoing(
        id: CallId,
        target: CallTarget,
        display_name: String,
        media: MediaKinds,
        silent: bool,
        config: CallConfig,
        now: Instant,
    ) -> Self {
        let (room, contact) = match &target {
            CallTarget::Contact(contact) => (None, Some(contact.clone())),
            CallTarget::Room(room) => (Some(room.clone()), None),
        };
        let one_to_one = contact.is_some();
        let origin = Origin::Dialed { target, silent };
        Self { room, contact, display_name, one_to_one, media, ..Self::blank(id, origin, config, now) }
    }

    /// A call that reached us.
    pub fn incoming(id: CallId, invitation: Invitation, config: CallConfig, now: Instant) -> Self {
        Self {
            room: Some(invitation.room.clone()),
            contact: invitation.from.clone(),
            display_name: roster::shortened(&invitation.display_name),
            one_to_one: invitation.one_to_one,
            media: invitation.media,
            ..Self::blank(id, Origin::Rung(invitation), config, now)
        }
    }

    fn blank(id: CallId, origin: Origin, config: CallConfig, now: Instant) -> Self {
        Self {
            id,
            origin,
            config,
            state: State::Prepared,
            started: false,
            made_at: now,
            room: None,
            room_told: false,
            display_name: String::new(),
            contact: None,
            one_to_one: false,
            media: MediaKinds::NONE,
            local: None,
            capture_started: false,
            looping: None,
            muted: Muted::default(),
            own_tracks: BTreeSet::new(),
            sharing: Sharing::Off,
            watched: Watched::new(),
            hand_raised: false,
            question: Question::None,
            reactions: Allowance::default(),
            facts: RoomFacts::default(),
            roster: Roster::default(),
            links: Links::default(),
            connected_at: None,
            ended_at: None,
            alone_until: None,
            announced: CallStatus::Calling,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. Never fails: what makes no sense now is disregarded, and if a person asked for it they are
    /// told by a `not-now` problem.
    pub fn handle(&mut self, input: CallInput, now: Instant) {
        match &self.state {
            State::Prepared => self.handle_prepared(input, now),
            State::Ending { .. } => self.handle_ending(input, now),
            State::Ended(_) => {}
            State::Dialing { .. }
            | State::RemoteRinging { .. }
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. } => match input {
                CallInput::Start => {}
                CallInput::Intent(intent) => self.handle_intent(intent, now),
                CallInput::Signaling(event) => self.handle_signaling(event, now),
                CallInput::Media(event) => self.handle_media(event, now),
                CallInput::Timeout => self.handle_timeout(now),
            },
        }
    }

    /// The next thing to do; `None` when all is done for now.
    pub fn poll_output(&mut self) -> Option<CallOutput> {
        self.outputs.pop_front()
    }

    /// When to give [`CallInput::Timeout`]; an early one does no harm.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let unlinked = if self.state.is_accepted() {
            self.roster.unlinked_until(self.config.rejoin_grace)
        } else {
            None
        };
        [self.state.deadline(), self.alone_until, unlinked, self.question.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether nothing more will come of it, so that backend and engine can be dropped.
    pub fn is_over(&self) -> bool {
        self.state.is_over()
    }

    /// Which call.
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// The name of its state, for logs and tests.
    pub fn state_name(&self) -> &'static str {
        self.state.name()
    }

    /// Nothing has begun: it can be started or thrown away.
    fn handle_prepared(&mut self, input: CallInput, now: Instant) {
        match input {
            CallInput::Start => {
                self.started = true;
                match self.origin.clone() {
                    Origin::Dialed { target, silent } => self.dial(target, silent, now),
                    Origin::Rung(invitation) => self.ring(invitation, now),
                }
            }
            CallInput::Intent(Intent::End | Intent::EndForEveryone) => {
                self.end(EndReason::LocalHangup, now);
            }
            CallInput::Intent(Intent::Decline | Intent::DeclineEngaged) => {
                self.end(EndReason::LocalDecline, now);
            }
            CallInput::Intent(
                Intent::Answer(_)
                | Intent::Mute(_)
                | Intent::Unmute(_)
                | Intent::Hold
                | Intent::Resume
                | Intent::ShareScreen(_)
                | Intent::Watch(_)
                | Intent::RaiseHand(_)
                | Intent::React(_)
                | Intent::AskToMute(_)
                | Intent::AddPerson(_)
                | Intent::VideoSwitch(_),
            )
            | CallInput::Signaling(_)
            | CallInput::Media(_)
            | CallInput::Timeout => {}
        }
    }

    fn direction(&self) -> CallDirection {
        match self.origin {
            Origin::Dialed { .. } => CallDirection::Outgoing,
            Origin::Rung(_) => CallDirection::Incoming,
        }
    }

    /// How far our leaving reaches: a one-to-one call ends for both.
    fn scope(&self) -> LeaveScope {
        if self.one_to_one { LeaveScope::Everyone } else { LeaveScope::Us }
    }

    fn signal(&mut self, command: SignalingCommand) {
        self.outputs.push_back(CallOutput::Signaling(command));
    }

    fn play(&mut self, command: MediaCommand) {
        self.outputs.push_back(CallOutput::Media(command));
    }

    fn tell(&mut self, event: CallEvent) {
        self.outputs.push_back(CallOutput::Event(event));
    }

    /// Goes to a state and tells its status when that is a new one.
    fn enter(&mut self, state: State) {
        let status = state.status();
        self.state = state;
        if status != self.announced {
            self.announced = status;
            self.tell(CallEvent::Status { participant: None, status });
        }
    }

    /// Opens microphone and loudspeaker. Called where the person dialed or answered, and nowhere else.
    fn start_capture(&mut self) {
        if self.capture_started {
            return;
        }
        self.capture_started = true;
        if !self.media.audio {
            // Listening alone: the engine opens both devices together, so what it captures must be silence.
            self.muted.audio = true;
            self.play(MediaCommand::SetMuted { kind: MediaKind::Audio, muted: true });
        }
        self.play(MediaCommand::StartCapture);
        if !self.media.video || !self.muted.video {
            return;
        }
        if self.facts.may_publish_video {
            self.muted.video = false;
            self.play(MediaCommand::SetMuted { kind: MediaKind::Video, muted: false });
        } else {
            self.forbid(NO_CAMERA);
        }
    }

    fn start_tone(&mut self, tone: Tone) {
        if self.looping != Some(tone) {
            self.looping = Some(tone);
            self.play(MediaCommand::PlayTone(tone));
        }
    }

    fn stop_tone(&mut self) {
        if self.looping.take().is_some() {
            self.play(MediaCommand::StopTone);
        }
    }
}
