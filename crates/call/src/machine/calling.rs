//! The caller's side, until someone accepts.

use std::time::Instant;

use super::state::State;
use super::{CallMachine, roster};
use crate::ports::{MediaCommand, SignalingCommand, Tone};
use crate::{CallEvent, CallStatus, CallTarget, ContactId, EndReason, IceServer, ParticipantId, RoomId};

impl CallMachine {
    /// The person dialed.
    pub(super) fn dial(&mut self, target: CallTarget, silent: bool, now: Instant) {
        self.signal(SignalingCommand::Dial { target, media: self.media, silent });
        // Devices take a while to open: begun now they run when the far end accepts. Nothing leaves before there is
        // a link, and there is none before someone accepted.
        self.start_capture();
        let answer_by = self.one_to_one.then(|| now + self.config.ring_timeout);
        let join_by = Some(now + self.config.connect_timeout);
        self.state = State::Dialing { join_by, answer_by };
        self.tell(CallEvent::Status { participant: None, status: CallStatus::Calling });
    }

    /// The service found the room and let us in.
    pub(super) fn room_entered(
        &mut self,
        room: RoomId,
        display_name: &str,
        one_to_one: bool,
        contact: Option<ContactId>,
    ) {
        if !display_name.is_empty() {
            self.display_name = roster::shortened(display_name);
        }
        self.contact = contact.or(self.contact.take());
        self.one_to_one = one_to_one;
        if let State::Dialing { answer_by, .. } = &mut self.state {
            *answer_by = one_to_one.then(|| self.made_at + self.config.ring_timeout);
        }
        if self.room.as_ref() != Some(&room) || !self.room_told {
            self.room_told = true;
            self.room = Some(room.clone());
            self.tell(CallEvent::Room(room));
        }
    }

    /// We are in the call. Comes again when the backend had to join anew.
    pub(super) fn joined(&mut self, local: ParticipantId, ice_servers: Vec<IceServer>, now: Instant) {
        if !self.state.is_willed() {
            return;
        }
        self.local = Some(local);
        self.play(MediaCommand::SetIceServers(ice_servers));
        self.announce_state();
        if let State::Dialing { join_by, .. } = &mut self.state {
            *join_by = None;
            // From now on the far end may ring. Services that tell so are few, so this does not wait for them.
            self.start_ringback();
        }
        self.settle(now);
    }

    /// A device of the person we call rings.
    pub(super) fn remote_ringing(&mut self) {
        match self.state {
            State::Dialing { answer_by: Some(answer_by), .. } => {
                self.enter(State::RemoteRinging { answer_by });
                self.start_ringback();
            }
            State::Dialing { answer_by: None, .. }
            | State::Prepared
            | State::RemoteRinging { .. }
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => {}
        }
    }

    /// The person we call refused. Disregarded once someone accepted (another device of theirs may have refused),
    /// and in a group, where others may still accept.
    pub(super) fn remote_refused(&mut self, reason: EndReason, now: Instant) {
        match self.state {
            State::Dialing { answer_by: Some(_), .. } | State::RemoteRinging { .. } => self.end(reason, now),
            State::Dialing { answer_by: None, .. }
            | State::Prepared
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => {}
        }
    }

    fn start_ringback(&mut self) {
        if self.config.ringback && self.one_to_one && self.local.is_some() && self.roster.is_empty() {
            self.start_tone(Tone::Ringback);
        }
    }
}
