//! A room we are in, and where we stand in it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bellbird_call::ports::{Problem, ProblemCode};
use bellbird_call::ports::{SignalingEvent, SignalingSink};
use bellbird_call::{IceServer, LinkId, MediaKind, MediaKinds, ParticipantId, RoomFacts, RoomId};
use bellbird_talk_wire::constants::{IN_CALL_AUDIO, IN_CALL_VIDEO, PERMISSION_DEFAULT};
use bellbird_talk_wire::{DataMessage, MuteName, PeerBody, PeerMessage, UserInRoom};

use super::early_words::EarlyWords;
use super::introductions::Introductions;
use super::leaving::message;
use super::line::Line;
use super::rights::{FlagsDesk, Rights};
use super::screens::CallScreens;
use super::topology::{Beginning, Topology};
use crate::external::{Census, LinkOwner};
use crate::mesh::{Member, MeshOutput};
use crate::roster::{News, Roster};
use crate::screen::is_screen;
use crate::translate;

/// After our session was renewed, how long the others' sessions may take to be renewed too.
pub(super) const RETURN_LIMIT: Duration = Duration::from_secs(10);

/// A room we are in.
pub(super) struct Inside {
    pub(super) room: RoomId,
    pub(super) one_to_one: bool,
    pub(super) read_only: bool,
    pub(super) own_session: String,
    pub(super) own_user: String,
    pub(super) own_name: String,
    pub(super) ice_servers: Vec<IceServer>,
    pub(super) line: Line,
    /// Who is in the room, where the server tells of it event by event.
    pub(super) census: Option<Census>,
    /// Media go through a media server.
    pub(super) media_server: bool,
    /// That takes pictures in several sizes.
    pub(super) simulcast: bool,
    /// What we may send.
    pub(super) rights: Rights,
    /// What the room is and lets us do, once it is known as a whole.
    pub(super) facts: RoomFacts,
    pub(super) facts_told: bool,
    pub(super) roster: Roster,
    /// The last list, for when it could not be used yet.
    pub(super) users: Option<Vec<UserInRoom>>,
    /// Said by devices we do not know yet.
    pub(super) early_words: EarlyWords,
    pub(super) standing: Standing,
    pub(super) mutes: Mutes,
    /// Since when our hand is raised, Unix milliseconds.
    pub(super) hand: Option<i64>,
}

/// Where we stand in a room.
pub(super) enum Standing {
    /// It rings here; we are not in the call.
    Ringing(RingWatch),
    /// A request to join the call is on its way.
    Joining {
        media: MediaKinds,
        /// What there was before our session was lost.
        before: Option<Box<InCall>>,
    },
    /// In the call.
    InCall(Box<InCall>),
}

/// What is known of the call that rings here.
pub(super) struct RingWatch {
    /// Sessions that were told that it rings.
    pub(super) told: BTreeSet<String>,
    /// The caller was seen in the call.
    pub(super) caller_seen: bool,
    /// When to ask next whether the call still wants us; `None` while a question is on its way.
    pub(super) ask_at: Option<Instant>,
}

/// Our part in a call.
pub(super) struct InCall {
    /// What we bring, if we may. The camera comes and goes in it.
    pub(super) media: MediaKinds,
    pub(super) topology: Topology,
    /// Shared ones, ours and theirs.
    pub(super) screens: CallScreens,
    pub(super) flags: FlagsDesk,
    /// Whom to tell our state.
    pub(super) introductions: Introductions,
    /// A moderator took the right to speak from us, and the person was told.
    pub(super) silenced: bool,
    /// A list showed us in the call. Before that, one that does not is only late.
    pub(super) own_seen: bool,
    /// Someone else was in the call with us.
    pub(super) others_seen: bool,
    /// Until then nobody counts as gone.
    pub(super) returning_until: Option<Instant>,
    /// Sessions whose link was lost: they may have left.
    pub(super) doubted: BTreeSet<String>,
    /// The member list is being fetched, or was not long ago.
    pub(super) names_asked: Option<Instant>,
}

/// What we announced as off.
#[derive(Clone, Copy)]
pub(super) struct Mutes {
    audio: bool,
    video: bool,
}

/// How a new list of users left the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CallFate {
    GoesOn,
    /// The last of the others left.
    Deserted,
    /// We are not in the call any more, by somebody's hand.
    PutOut,
}

impl Mutes {
    /// What is announced before anything was said: the microphone is on, and the camera when we bring it.
    pub(super) fn with_camera(camera: bool) -> Self {
        Self { audio: false, video: !camera }
    }

    pub(super) fn set(&mut self, kind: MediaKind, muted: bool) {
        match kind {
            MediaKind::Audio => self.audio = muted,
            MediaKind::Video => self.video = muted,
            MediaKind::Screen => {}
        }
    }
}

impl Inside {
    /// Becomes part of the call: tells it, and takes up the list that came before.
    pub(super) fn begin_call(&mut self, sid_seed: u64, sink: &SignalingSink, now: Instant) -> CallFate {
        let Standing::Joining { media: joined_with, before } = &mut self.standing else {
            return CallFate::GoesOn;
        };
        let joined_with = *joined_with;
        let flags = FlagsDesk::joined(translate::flags(self.rights.allowed(joined_with)));
        // The camera may have been switched while we were on the way.
        let media = MediaKinds { video: !self.mutes.video, ..joined_with };
        let in_call = match before.take() {
            Some(mut before) => {
                before.media = media;
                before.flags = flags;
                before.topology.set_may_send(self.rights.media(), now);
                before.topology.rejoin(&self.own_session, now);
                before.screens.rejoin(&self.own_session, now);
                before.introductions = Introductions::default();
                before.own_seen = false;
                before.returning_until = Some(now + RETURN_LIMIT);
                before
            }
            None => {
                self.roster.forget_call();
                sink(SignalingEvent::Joined {
                    local: ParticipantId::new(&self.own_session),
                    ice_servers: self.ice_servers.clone(),
                });
                let beginning = Beginning {
                    own_session: &self.own_session,
                    own_name: &self.own_name,
                    own_streams: self.rights.allowed(media).is_any(),
                    may_send: self.rights.media(),
                    media_server: self.media_server,
                    simulcast: self.simulcast,
                    sid_seed,
                };
                Box::new(InCall {
                    media,
                    topology: Topology::new(&beginning),
                    screens: CallScreens::new(&beginning),
                    flags,
                    introductions: Introductions::default(),
                    silenced: false,
                    own_seen: false,
                    others_seen: false,
                    returning_until: None,
                    doubted: BTreeSet::new(),
                    names_asked: None,
                })
            }
        };
        self.standing = Standing::InCall(in_call);
        self.drain(sink);
        match self.users.take() {
            Some(users) => self.apply(users, sink, now),
            None => CallFate::GoesOn,
        }
    }

    /// The recording of the call began or ended.
    pub(super) fn set_recorded(&mut self, recorded: bool, sink: &SignalingSink) {
        let other = std::mem::replace(&mut self.facts.recorded, recorded) != recorded;
        if other && self.facts_told {
            sink(SignalingEvent::Facts(self.facts.clone()));
        }
    }

    /// Takes a list of users while in the call.
    pub(super) fn apply(&mut self, users: Vec<UserInRoom>, sink: &SignalingSink, now: Instant) -> CallFate {
        let Standing::InCall(call) = &mut self.standing else { return CallFate::GoesOn };
        let keep_missing = call.returning_until.is_some_and(|until| now < until);
        let News { own_flags, own_elsewhere: _, others, joined, changed, left } =
            self.roster.apply(&users, keep_missing);
        let permissions = users
            .iter()
            .find(|user| user.session_id == self.own_session)
            .map_or(PERMISSION_DEFAULT, |user| user.participant_permissions);
        let rights = Rights::told(permissions).unwrap_or(self.rights);
        let other_rights = std::mem::replace(&mut self.rights, rights) != rights;
        if other_rights {
            self.facts.may_publish_video = rights.video;
            self.facts.may_share_screen = rights.screen;
            if self.facts_told {
                sink(SignalingEvent::Facts(self.facts.clone()));
            }
        }
        // Kept for the time when those missing count as gone.
        self.users = call.returning_until.is_some().then_some(users);
        if !keep_missing {
            call.returning_until = None;
        }
        let put_out = match own_flags {
            Some(0) => call.own_seen,
            None => false,
            Some(flags) => {
                call.own_seen = true;
                // Servers that enforce it end what we send by themselves; this says why.
                let silenced = !rights.audio;
                if silenced && !call.silenced && call.media.audio {
                    let detail = "a moderator has taken the right to speak from us";
                    sink(SignalingEvent::Trouble(Problem::new(ProblemCode::Forbidden, detail)));
                    if !call.topology.has_server() {
                        // Nobody stands between us and the others: it is for us to fall silent.
                        sink(SignalingEvent::MuteRequested);
                    }
                }
                call.silenced = silenced;
                if other_rights {
                    // The server takes them with the right, and gives them back only when asked.
                    call.flags.changed(flags);
                }
                call.topology.set_may_send(rights.media(), now);
                call.topology.set_own_streams(rights.sends(flags), now);
                false
            }
        };
        call.others_seen |= others;
        for participant in joined {
            if call.topology.has_server() {
                call.introductions.begin(participant.id.as_str(), now);
            }
            sink(SignalingEvent::ParticipantJoined(participant));
        }
        for participant in changed {
            sink(SignalingEvent::ParticipantChanged(participant));
        }
        let stay = self.roster.in_call().filter(|_| !put_out);
        let members: Vec<Member> = stay
            .map(|(session, flags)| Member {
                session: session.to_owned(),
                has_streams: flags & (IN_CALL_AUDIO | IN_CALL_VIDEO) != 0,
            })
            .collect();
        call.topology.set_members(&members, now);
        call.screens.set_members(&members, now);
        let mut left = left;
        if call.topology.has_server() {
            // Those who came back without media replace whom they were at once, the others once they are heard.
            let silent = members.iter().filter(|member| !member.has_streams);
            let earlier = silent.filter_map(|member| self.roster.take_earlier(&member.session));
            left.extend(earlier.map(ParticipantId::new));
        }
        for participant in &left {
            call.topology.forget(participant.as_str());
        }
        call.introductions.retain(|session| members.iter().any(|member| member.session == session));
        let deserted = self.one_to_one && call.others_seen && !others && !keep_missing;
        self.drain(sink);
        for participant in left {
            sink(SignalingEvent::ParticipantLeft(participant));
        }
        self.hear_early_words(sink);
        match put_out {
            // In a conversation of two, only the other one can have ended it.
            true if self.one_to_one => CallFate::Deserted,
            true => CallFate::PutOut,
            false if deserted => CallFate::Deserted,
            false => CallFate::GoesOn,
        }
    }

    /// Our part in the call, also while our session in it is being renewed.
    pub(super) fn call(&mut self) -> Option<&mut InCall> {
        match &mut self.standing {
            Standing::InCall(call) => Some(call),
            Standing::Joining { before, .. } => before.as_deref_mut(),
            Standing::Ringing(_) => None,
        }
    }

    /// Our part in the call that we are in now.
    pub(super) fn in_call_now(&mut self) -> Option<&mut InCall> {
        match &mut self.standing {
            Standing::InCall(call) => Some(call),
            Standing::Joining { .. } | Standing::Ringing(_) => None,
        }
    }

    /// Carries out what the rules of the links want.
    pub(super) fn drain(&mut self, sink: &SignalingSink) {
        self.drain_people(sink);
        self.drain_screens(sink);
    }

    fn drain_people(&mut self, sink: &SignalingSink) {
        let Standing::InCall(call) = &mut self.standing else { return };
        while let Some((output, request)) = call.topology.poll_output() {
            match output {
                MeshOutput::Open(link) => sink(SignalingEvent::LinkOpened(link)),
                MeshOutput::Close(link) => sink(SignalingEvent::LinkClosed(link)),
                MeshOutput::Description(link, description) => {
                    sink(SignalingEvent::LinkDescription { link, description });
                }
                MeshOutput::Candidate(link, candidate) => {
                    sink(SignalingEvent::LinkCandidate { link, candidate });
                }
                MeshOutput::Send { to, sid, body } => {
                    let sid = Some(sid).filter(|sid| !sid.is_empty());
                    if !self.line.send(message(to, sid, body), request) {
                        tracing::warn!("the outbox is full, a peer message was dropped");
                    }
                }
            }
        }
    }

    /// Sends a message without a connection of its own to a session.
    pub(super) fn tell(&self, to: &str, body: PeerBody) {
        if !self.line.send(message(to.to_owned(), None, body), None) {
            tracing::warn!("the outbox is full, a peer message was dropped");
        }
    }

    /// Tells everyone in the call that we are muted or not, both ways that clients listen to.
    pub(super) fn announce_mute(&mut self, kind: MediaKind, muted: bool, sink: &SignalingSink) {
        self.mutes.set(kind, muted);
        if let (MediaKind::Video, Standing::InCall(call)) = (kind, &mut self.standing) {
            call.media.video = !muted;
        }
        let (Standing::InCall(call), Some(name)) = (&self.standing, translate::kind_to_wire(kind)) else {
            return;
        };
        let body = if muted { PeerBody::Mute(name) } else { PeerBody::Unmute(name) };
        if self.line.reaches_call() {
            let message = PeerMessage { to: None, ..message(String::new(), None, body) };
            if !self.line.send(message, None) {
                tracing::warn!("the outbox is full, a peer message was dropped");
            }
        } else {
            for (session, _) in self.roster.in_call() {
                self.tell(session, body.clone());
            }
        }
        let text = translate::data_text(&translate::mute_data(name, muted));
        for link in call.topology.links_to_others() {
            sink(SignalingEvent::SendData { link, text: text.clone() });
        }
    }

    /// Tells those their turn it is our whole state, in a call with a media server.
    pub(super) fn introduce(&mut self, sink: &SignalingSink, now: Instant) {
        let Standing::InCall(call) = &mut self.standing else { return };
        let sessions = call.introductions.take(now);
        if sessions.is_empty() {
            return;
        }
        let links = call.topology.links_to_others();
        let states = self.states();
        for session in &sessions {
            self.tell_states(session, &states);
        }
        for link in links {
            self.send_states(link, &states, sink);
        }
    }

    /// What is off and what is on.
    fn states(&self) -> Vec<(MuteName, bool)> {
        let Standing::InCall(call) = &self.standing else { return Vec::new() };
        let (audio, video) = (self.mutes.audio || !call.media.audio, self.mutes.video);
        vec![(MuteName::Audio, audio), (MuteName::Video, video)]
    }

    /// Tells a session our state by messages.
    fn tell_states(&self, session: &str, states: &[(MuteName, bool)]) {
        for (name, muted) in states {
            self.tell(session, if *muted { PeerBody::Mute(*name) } else { PeerBody::Unmute(*name) });
        }
        self.tell(session, PeerBody::NickChanged { name: self.own_name.clone() });
        self.tell_hand(session);
    }

    /// Tells our state on a link's data channel.
    fn send_states(&self, link: LinkId, states: &[(MuteName, bool)], sink: &SignalingSink) {
        for (name, muted) in states {
            let text = translate::data_text(&translate::mute_data(*name, *muted));
            sink(SignalingEvent::SendData { link, text });
        }
        let user_id = Some(self.own_user.clone());
        let nick = DataMessage::NickChanged { name: self.own_name.clone(), user_id };
        sink(SignalingEvent::SendData { link, text: translate::data_text(&nick) });
    }

    /// A link is up: its far end learns our whole state. Its data channel may open only later, hence both ways.
    pub(super) fn link_connected(&mut self, link: LinkId, sink: &SignalingSink, now: Instant) {
        if is_screen(link) {
            return self.screen_connected(link, sink);
        }
        let Standing::InCall(call) = &mut self.standing else { return };
        let Some(owner) = call.topology.link_connected(link, now) else { return };
        if let LinkOwner::Session(session) = &owner
            && call.topology.has_server()
        {
            call.screens.person_connected(session);
            let earlier = self.roster.take_earlier(session);
            if let Some(earlier) = &earlier {
                call.topology.forget(earlier);
            }
            self.drain(sink);
            if let Some(earlier) = earlier {
                sink(SignalingEvent::ParticipantLeft(ParticipantId::new(earlier)));
            }
        }
        let states = self.states();
        if let LinkOwner::Session(session) = owner {
            // What is said on a link of a media server's own making reaches nobody.
            if self.media_server {
                return;
            }
            self.tell_states(&session, &states);
        }
        self.send_states(link, &states, sink);
    }
}
