//! A room we are in, and where we stand in it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bellbird_call::ports::{SignalingEvent, SignalingSink};
use bellbird_call::{IceServer, LinkId, MediaKind, MediaKinds, ParticipantId, RoomId};
use bellbird_talk_wire::constants::{IN_CALL_AUDIO, IN_CALL_VIDEO};
use bellbird_talk_wire::{DataMessage, MuteName, PeerBody, UserInRoom};

use super::leaving::message;
use crate::internal::Line;
use crate::mesh::{Member, Mesh, MeshOutput};
use crate::roster::{News, Roster};
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
    pub(super) roster: Roster,
    /// The last list, for when it could not be used yet.
    pub(super) users: Option<Vec<UserInRoom>>,
    pub(super) standing: Standing,
    pub(super) mutes: Mutes,
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
    InCall(InCall),
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
    pub(super) media: MediaKinds,
    pub(super) mesh: Mesh,
    /// A list showed us in the call. Before that, one that does not is only late.
    pub(super) own_seen: bool,
    /// Someone else was in the call with us.
    pub(super) others_seen: bool,
    /// Until then nobody counts as gone.
    pub(super) returning_until: Option<Instant>,
    /// The member list is being fetched, or was not long ago.
    pub(super) names_asked: Option<Instant>,
}

/// What we announced as off.
#[derive(Clone, Copy, Default)]
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
        let Standing::Joining { media, before } = &mut self.standing else { return CallFate::GoesOn };
        let media = *media;
        let in_call = match before.take() {
            Some(mut before) => {
                before.mesh.rejoin(&self.own_session);
                before.own_seen = false;
                before.returning_until = Some(now + RETURN_LIMIT);
                *before
            }
            None => {
                self.roster.forget_call();
                sink(SignalingEvent::Joined {
                    local: ParticipantId::new(&self.own_session),
                    ice_servers: self.ice_servers.clone(),
                });
                InCall {
                    media,
                    mesh: Mesh::new(&self.own_session, &self.own_name, media.is_any(), sid_seed),
                    own_seen: false,
                    others_seen: false,
                    returning_until: None,
                    names_asked: None,
                }
            }
        };
        self.standing = Standing::InCall(in_call);
        self.drain(sink);
        match self.users.take() {
            Some(users) => self.apply(users, sink, now),
            None => CallFate::GoesOn,
        }
    }

    /// Takes a list of users while in the call.
    pub(super) fn apply(&mut self, users: Vec<UserInRoom>, sink: &SignalingSink, now: Instant) -> CallFate {
        let Standing::InCall(call) = &mut self.standing else { return CallFate::GoesOn };
        let keep_missing = call.returning_until.is_some_and(|until| now < until);
        let News { own_flags, own_elsewhere: _, others, joined, changed, left } =
            self.roster.apply(&users, keep_missing);
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
                call.mesh.set_own_streams(flags & (IN_CALL_AUDIO | IN_CALL_VIDEO) != 0);
                false
            }
        };
        call.others_seen |= others;
        for participant in joined {
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
        call.mesh.set_members(&members, now);
        let deserted = self.one_to_one && call.others_seen && !others && !keep_missing;
        self.drain(sink);
        for participant in left {
            sink(SignalingEvent::ParticipantLeft(participant));
        }
        match put_out {
            // In a conversation of two, only the other one can have ended it.
            true if self.one_to_one => CallFate::Deserted,
            true => CallFate::PutOut,
            false if deserted => CallFate::Deserted,
            false => CallFate::GoesOn,
        }
    }

    /// Carries out what the mesh wants.
    pub(super) fn drain(&mut self, sink: &SignalingSink) {
        let Standing::InCall(call) = &mut self.standing else { return };
        while let Some(output) = call.mesh.poll_output() {
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
                    if !self.line.send(&message(to, Some(sid), body)) {
                        tracing::warn!("the outbox is full, a peer message was dropped");
                    }
                }
            }
        }
    }

    /// Sends a message without a connection of its own to a session.
    pub(super) fn tell(&self, to: &str, body: PeerBody) {
        if !self.line.send(&message(to.to_owned(), None, body)) {
            tracing::warn!("the outbox is full, a peer message was dropped");
        }
    }

    /// Tells everyone in the call that we are muted or not, both ways that clients listen to.
    pub(super) fn announce_mute(&mut self, kind: MediaKind, muted: bool, sink: &SignalingSink) {
        self.mutes.set(kind, muted);
        let (Standing::InCall(call), Some(name)) = (&self.standing, translate::kind_to_wire(kind)) else {
            return;
        };
        for (session, _) in self.roster.in_call() {
            self.tell(session, if muted { PeerBody::Mute(name) } else { PeerBody::Unmute(name) });
        }
        let text = translate::data_text(&translate::mute_data(name, muted));
        for link in call.mesh.links() {
            sink(SignalingEvent::SendData { link, text: text.clone() });
        }
    }

    /// A link is up: its far end learns our whole state. Its data channel may open only later, hence both ways.
    pub(super) fn link_connected(&mut self, link: LinkId, sink: &SignalingSink) {
        let Standing::InCall(call) = &mut self.standing else { return };
        let Some(session) = call.mesh.link_connected(link) else { return };
        let mut states = vec![(MuteName::Audio, self.mutes.audio || !call.media.audio)];
        if call.media.video {
            states.push((MuteName::Video, self.mutes.video));
        }
        for (name, muted) in states {
            self.tell(&session, if muted { PeerBody::Mute(name) } else { PeerBody::Unmute(name) });
            let text = translate::data_text(&translate::mute_data(name, muted));
            sink(SignalingEvent::SendData { link, text });
        }
        self.tell(&session, PeerBody::NickChanged { name: self.own_name.clone() });
        let user_id = Some(self.own_user.clone());
        let nick = DataMessage::NickChanged { name: self.own_name.clone(), user_id };
        sink(SignalingEvent::SendData { link, text: translate::data_text(&nick) });
    }
}
