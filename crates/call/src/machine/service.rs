//! What the signaling backend and the media engine tell, sorted to where it is decided.

use std::time::Instant;

use super::CallMachine;
use crate::ports::{MediaCommand, MediaEvent, SignalingCommand, SignalingEvent};
use crate::{CallEvent, CallStatus, EndReason, ParticipantId, RemoteParticipant};

impl CallMachine {
    pub(super) fn handle_signaling(&mut self, event: SignalingEvent, now: Instant) {
        match event {
            SignalingEvent::RoomEntered { room, display_name, one_to_one, contact } => {
                self.room_entered(room, &display_name, one_to_one, contact);
            }
            SignalingEvent::Joined { local, ice_servers } => self.joined(local, ice_servers, now),
            SignalingEvent::RemoteRinging => self.remote_ringing(),
            SignalingEvent::RemoteDeclined => self.remote_refused(EndReason::RemoteDecline, now),
            SignalingEvent::RemoteEngaged => self.remote_refused(EndReason::RemoteEngaged, now),
            SignalingEvent::ParticipantJoined(who) => self.participant_joined(who, now),
            SignalingEvent::ParticipantChanged(who) => self.participant_changed(who),
            SignalingEvent::ParticipantLeft(who) => self.participant_left(&who, now),
            SignalingEvent::LinkOpened(link) => self.link_opened(link, now),
            SignalingEvent::LinkDescription { link, description } => {
                if self.links.is_open(link) {
                    self.play(MediaCommand::SetRemoteDescription { link, description });
                }
            }
            SignalingEvent::LinkCandidate { link, candidate } => {
                if self.links.is_open(link) {
                    self.play(MediaCommand::AddRemoteCandidate { link, candidate });
                }
            }
            SignalingEvent::LinkClosed(link) => self.link_closed(link, now),
            SignalingEvent::SendData { link, text } => {
                if self.links.is_open(link) {
                    self.play(MediaCommand::SendData { link, text });
                }
            }
            SignalingEvent::RemoteMute { participant, kind, muted } => {
                if self.roster.set_muted(&participant, kind, muted) {
                    self.tell(CallEvent::Mute { participant: Some(participant), kind, muted });
                }
            }
            SignalingEvent::MuteRequested => self.mute_requested(),
            SignalingEvent::RemoteHand { participant, since } => self.remote_hand(participant, since, now),
            SignalingEvent::RemoteReaction { participant, reaction } => {
                self.remote_reaction(participant, reaction, now);
            }
            SignalingEvent::RemoteVideoSwitch { participant, word } => {
                self.remote_switch(participant, word, now);
            }
            SignalingEvent::PersonAdded(who) => self.tell(CallEvent::PersonAdded(who)),
            SignalingEvent::Facts(facts) => self.facts(facts),
            SignalingEvent::AnsweredElsewhere => self.invitation_settled(EndReason::AnsweredElsewhere, now),
            SignalingEvent::InvitationWithdrawn => self.invitation_settled(EndReason::Missed, now),
            SignalingEvent::CallEnded(by) => self.call_ended(by, now),
            // Media go on without the service; what needs it (a new path) waits in the session's recovery policy.
            SignalingEvent::Interrupted | SignalingEvent::Restored => {}
            SignalingEvent::Failed(problem) => self.end_by_problem(problem, EndReason::SignalingFailed, now),
            SignalingEvent::Trouble(problem) => self.tell(CallEvent::Problem(problem)),
        }
    }

    pub(super) fn handle_media(&mut self, event: MediaEvent, now: Instant) {
        match event {
            MediaEvent::LocalDescription { link, description } => {
                if self.links.is_open(link) {
                    self.signal(SignalingCommand::SendDescription { link, description });
                }
            }
            MediaEvent::LocalCandidate { link, candidate } => {
                if self.links.is_open(link) {
                    self.signal(SignalingCommand::SendCandidate { link, candidate });
                }
            }
            MediaEvent::LinkState { link, state } => self.link_state(link, state, now),
            MediaEvent::RemoteTrack { link, kind, added } => {
                self.links.set_track(link, kind, added);
                self.settle(now);
            }
            MediaEvent::LocalTrack { kind, added } => {
                self.local_track(kind, added);
            }
            MediaEvent::CaptureFailed { kind, problem } => self.capture_failed(kind, problem),
            MediaEvent::FirstMedia { link, kind, stage } => {
                self.links.set_first(link, kind, stage);
                self.settle(now);
            }
            MediaEvent::DataReceived { link, text } => {
                if self.links.is_open(link) {
                    self.signal(SignalingCommand::DataReceived { link, text });
                }
            }
            // Meters: the session sends them past the machine.
            MediaEvent::Levels(_) | MediaEvent::Quality(_) => {}
            // What to do about it is the recovery's affair; whether a link is lost, its state will tell.
            MediaEvent::AddressLost => {}
            MediaEvent::Trouble(problem) => self.tell(CallEvent::Problem(problem)),
            MediaEvent::LinkFailed { link, problem } => self.link_failed(link, problem, now),
        }
    }

    fn participant_joined(&mut self, who: RemoteParticipant, now: Instant) {
        if !self.state.is_willed() {
            return;
        }
        if self.roster.contains(&who.id) {
            return self.participant_changed(who);
        }
        let id = who.id.clone();
        if !self.roster.join(who) {
            return;
        }
        self.alone_until = None;
        self.tell(CallEvent::Status { participant: Some(id), status: CallStatus::Connecting });
        self.settle(now);
    }

    fn participant_changed(&mut self, who: RemoteParticipant) {
        let id = who.id.clone();
        for (kind, muted) in self.roster.change(who) {
            self.tell(CallEvent::Mute { participant: Some(id.clone()), kind, muted });
        }
    }

    fn participant_left(&mut self, who: &ParticipantId, now: Instant) {
        let Some(tracks) = self.roster.leave(who) else { return };
        for kind in tracks {
            self.tell(CallEvent::Track { participant: Some(who.clone()), kind, added: false });
        }
        self.tell(CallEvent::Status { participant: Some(who.clone()), status: CallStatus::Disconnected });
        for link in self.links.take_of(who) {
            self.play(MediaCommand::CloseLink(link));
        }
        self.question_left(who);
        if self.one_to_one && self.roster.is_empty() && self.state.is_accepted() {
            if self.config.rejoin_grace.is_zero() {
                return self.end(EndReason::RemoteHangup, now);
            }
            self.alone_until = Some(now + self.config.rejoin_grace);
        }
        self.settle(now);
    }

    /// Whether the state lets links be made: the person dialed or answered, and the service let us in.
    pub(super) fn may_make_links(&self) -> bool {
        self.state.is_willed() && self.local.is_some()
    }

    /// When every path was just lost: when to give up.
    pub(super) fn reconnect_until(&self, now: Instant) -> Instant {
        // Without any link the session's recovery has nothing to recover; only the service could open a new one.
        let patience =
            if self.links.is_empty() { self.config.connect_timeout } else { self.config.reconnect_timeout };
        now + patience
    }
}
