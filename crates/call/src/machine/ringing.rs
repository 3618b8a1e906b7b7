//! The callee's side, until the person answers.

use std::time::Instant;

use super::CallMachine;
use super::state::State;
use crate::ports::{CallEndedBy, SignalingCommand, Tone};
use crate::{CallEvent, EndReason, Invitation, MediaKinds};

impl CallMachine {
    /// It rings here. No microphone, no links.
    pub(super) fn ring(&mut self, invitation: Invitation, now: Instant) {
        let room = invitation.room.clone();
        self.room_told = true;
        self.tell(CallEvent::Room(room));
        self.signal(SignalingCommand::Ring(invitation));
        if self.config.ringtone {
            self.start_tone(Tone::Ringtone);
        }
        self.state = State::Incoming { ring_until: now + self.config.ring_timeout };
    }

    /// The person answered.
    pub(super) fn answer(&mut self, media: MediaKinds, now: Instant) {
        self.media = media;
        self.stop_tone();
        self.signal(SignalingCommand::Accept { media });
        self.start_capture();
        self.enter(State::Connecting { connect_by: Some(now + self.config.connect_timeout) });
    }

    /// Another device of ours settled it, or the caller gave up, or the call we ring for is over.
    pub(super) fn invitation_settled(&mut self, reason: EndReason, now: Instant) {
        match self.state {
            State::Incoming { .. } => self.end(reason, now),
            // Both at once: the person answered while the caller gave up. There is nobody to talk to, unless they
            // are in the call after all.
            State::Connecting { .. } if self.roster.is_empty() && self.local.is_none() => {
                let elsewhere = reason == EndReason::AnsweredElsewhere;
                self.end(if elsewhere { reason } else { EndReason::RemoteHangup }, now);
            }
            State::Prepared
            | State::Dialing { .. }
            | State::RemoteRinging { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => {}
        }
    }

    /// The service says that the call is over for us.
    pub(super) fn call_ended(&mut self, by: CallEndedBy, now: Instant) {
        if self.state.is_incoming() {
            return self.end(EndReason::Missed, now);
        }
        match by {
            CallEndedBy::Remote => self.end(EndReason::RemoteHangup, now),
            CallEndedBy::Moderator => self.end(EndReason::EndedByModerator, now),
        }
    }
}
