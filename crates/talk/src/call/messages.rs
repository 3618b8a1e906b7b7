//! What others in the room tell us.

use std::time::Instant;

use bellbird_call::ports::{SignalingEvent, SignalingSink};
use bellbird_call::{LinkId, MediaKind, ParticipantId};
use bellbird_talk_wire::constants::{MAX_DATA_MESSAGE_BYTES, MAX_PEER_MESSAGE_BYTES};
use bellbird_talk_wire::{ConnectionKind, DataMessage, PeerBody, PeerMessage};

use super::inside::{Inside, Standing};
use crate::translate;

impl Inside {
    /// A peer message, as JSON text. What does not fit is ignored: it is a stranger's.
    pub(super) fn handle_message(&mut self, text: &str, sink: &SignalingSink, now: Instant) {
        if text.len() > MAX_PEER_MESSAGE_BYTES {
            return;
        }
        let Ok(message) = serde_json::from_str::<PeerMessage>(text) else { return };
        self.handle_peer(message, sink, now);
    }

    /// A peer message whose sender the server vouches for.
    pub(super) fn handle_peer(&mut self, message: PeerMessage, sink: &SignalingSink, now: Instant) {
        if message.connection == ConnectionKind::Screen {
            return self.handle_screen(message, sink, now);
        }
        let Some(from) = message.from else { return };
        // A media server speaks to us in our own name about what we publish.
        let from_server =
            self.media_server && matches!(&message.body, PeerBody::Answer { .. } | PeerBody::Candidate(_));
        if from == self.own_session && !from_server {
            return;
        }
        let in_call = self.roster.is_in_call(&from);
        match message.body {
            body @ (PeerBody::Offer { .. } | PeerBody::Answer { .. } | PeerBody::Candidate(_)) => {
                self.handle_connection(&from, message.sid, body, sink, now);
            }
            PeerBody::Mute(name) if in_call => self.remote_mute(&from, name, true, sink),
            PeerBody::Unmute(name) if in_call => self.remote_mute(&from, name, false, sink),
            PeerBody::NickChanged { name } if in_call => self.rename(&from, &name, sink),
            PeerBody::RaiseHand { state, timestamp } if in_call => {
                self.remote_hand(&from, state, timestamp, sink);
            }
            PeerBody::Reaction { reaction } if in_call => self.remote_reaction(&from, &reaction, sink),
            PeerBody::VideoSwitch(name) if in_call => self.remote_switch(&from, name, sink),
            // The server lets only moderators send this.
            PeerBody::ForceMute { peer_id } => {
                let Standing::InCall(_) = &self.standing else { return };
                if peer_id == self.own_session {
                    sink(SignalingEvent::MuteRequested);
                } else if self.roster.is_in_call(&peer_id) {
                    self.remote_mute(&peer_id, bellbird_talk_wire::MuteName::Audio, true, sink);
                }
            }
            PeerBody::Ringing => self.callee_says(&from, SignalingEvent::RemoteRinging, sink),
            PeerBody::Declined => self.callee_says(&from, SignalingEvent::RemoteDeclined, sink),
            PeerBody::Busy => self.callee_says(&from, SignalingEvent::RemoteEngaged, sink),
            PeerBody::Mute(_)
            | PeerBody::Unmute(_)
            | PeerBody::NickChanged { .. }
            | PeerBody::EndOfCandidates
            | PeerBody::ConnectivityError
            | PeerBody::RaiseHand { .. }
            | PeerBody::Reaction { .. }
            | PeerBody::VideoSwitch(_)
            | PeerBody::UnshareScreen
            | PeerBody::RequestOffer
            | PeerBody::SendOffer
            | PeerBody::SelectStream(_)
            | PeerBody::Unknown(_) => {}
        }
    }

    /// Text from a link's data channel.
    pub(super) fn handle_data(&mut self, link: LinkId, text: &str, sink: &SignalingSink) {
        let Standing::InCall(call) = &self.standing else { return };
        if text.len() > MAX_DATA_MESSAGE_BYTES {
            return;
        }
        let Some(session) = call.topology.session_of(link).map(str::to_owned) else { return };
        let Ok(message) = serde_json::from_str::<DataMessage>(text) else { return };
        let mute = |kind, muted| {
            let participant = ParticipantId::new(&session);
            sink(SignalingEvent::RemoteMute { participant, kind, muted });
        };
        match message {
            DataMessage::AudioOn => mute(MediaKind::Audio, false),
            DataMessage::AudioOff => mute(MediaKind::Audio, true),
            DataMessage::VideoOn => mute(MediaKind::Video, false),
            DataMessage::VideoOff => mute(MediaKind::Video, true),
            DataMessage::NickChanged { name, user_id: _ } => self.rename(&session, &name, sink),
            DataMessage::Speaking | DataMessage::StoppedSpeaking | DataMessage::Unknown => {}
        }
    }

    fn handle_connection(
        &mut self,
        from: &str,
        sid: Option<String>,
        body: PeerBody,
        sink: &SignalingSink,
        now: Instant,
    ) {
        if let PeerBody::Offer { nick: Some(nick), .. } | PeerBody::Answer { nick: Some(nick), .. } = &body {
            let nick = nick.clone();
            self.rename(from, &nick, sink);
        }
        // While it only rings there is no mesh: whatever is offered then, nothing of ours may answer.
        let Standing::InCall(call) = &mut self.standing else { return };
        call.topology.handle_message(from, sid, body, now);
        self.drain(sink);
    }

    fn remote_mute(
        &self,
        session: &str,
        name: bellbird_talk_wire::MuteName,
        muted: bool,
        sink: &SignalingSink,
    ) {
        let Standing::InCall(_) = &self.standing else { return };
        let (participant, kind) = (ParticipantId::new(session), translate::kind_from_wire(name));
        sink(SignalingEvent::RemoteMute { participant, kind, muted });
    }

    fn rename(&mut self, session: &str, name: &str, sink: &SignalingSink) {
        let Standing::InCall(_) = &self.standing else { return };
        if let Some(participant) = self.roster.rename(session, name) {
            sink(SignalingEvent::ParticipantChanged(participant));
        }
    }

    /// Only the person we call can say these, from a device that is not in the call, while nobody has answered. Where we
    /// cannot tell yet whose device speaks, the next list of users decides.
    fn callee_says(&mut self, from: &str, event: SignalingEvent, sink: &SignalingSink) {
        let joined = match &self.standing {
            Standing::InCall(call) if !call.others_seen => true,
            Standing::Joining { before: None, .. } => false,
            Standing::InCall(_) | Standing::Joining { .. } | Standing::Ringing(_) => return,
        };
        if self.roster.is_in_call(from) {
            return;
        }
        if joined && self.roster.is_partner(from) {
            sink(event);
        } else if self.one_to_one && !(joined && self.roster.knows(from)) {
            self.early_words.keep(from, event);
        }
    }

    /// What came before the list of users that has just been taken.
    pub(super) fn hear_early_words(&mut self, sink: &SignalingSink) {
        for (from, event) in self.early_words.take() {
            self.callee_says(&from, event, sink);
        }
    }
}
