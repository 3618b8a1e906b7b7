//! Raised hands, reactions, and asking others to mute or to come.

use std::time::Instant;

use super::CallMachine;
use crate::gesture::MAX_REACTIONS;
use crate::ports::SignalingCommand;
use crate::{CallEvent, ContactId, ParticipantId, Reaction, RoomFacts};

impl CallMachine {
    /// Before we are in the call the hand waits: it is announced with the joining.
    pub(super) fn wants_hand(&mut self, raised: bool) {
        if !self.state.is_willed() {
            return self.refuse("there is nobody to raise a hand to before the call was answered");
        }
        if self.hand_raised == raised {
            return;
        }
        self.hand_raised = raised;
        if self.local.is_some() {
            self.signal(SignalingCommand::AnnounceHand { raised });
        }
        self.tell(CallEvent::Hand { participant: None, raised });
    }

    /// A reaction that nobody is there to see is refused; one beyond what can be seen is left out.
    pub(super) fn wants_reaction(&mut self, reaction: Reaction, now: Instant) {
        if !self.state.is_willed() || self.local.is_none() {
            return self.refuse("there is nobody to see a reaction yet");
        }
        if !self.facts.reactions.contains(&reaction) {
            return self.refuse("this conversation does not know that reaction");
        }
        if self.reactions.take(now) {
            self.signal(SignalingCommand::SendReaction(reaction.clone()));
            self.tell(CallEvent::Reaction { participant: None, reaction });
        }
    }

    pub(super) fn wants_other_muted(&mut self, who: ParticipantId) {
        if !self.roster.contains(&who) {
            self.refuse("they are not in the call");
        } else if !self.facts.moderator {
            self.refuse("only a moderator can ask others to mute");
        } else {
            self.signal(SignalingCommand::AskToMute(who));
        }
    }

    pub(super) fn wants_person(&mut self, who: ContactId) {
        if !self.state.is_willed() || self.local.is_none() {
            self.refuse("there is no call to add anyone to yet");
        } else if self.one_to_one {
            self.refuse("nobody can be added to a conversation of two: make one of several");
        } else if !self.facts.may_add {
            self.refuse("only a moderator can add people here");
        } else {
            self.signal(SignalingCommand::AddPerson(who));
        }
    }

    pub(super) fn facts(&mut self, mut facts: RoomFacts) {
        facts.reactions.truncate(MAX_REACTIONS);
        self.facts = facts;
        self.keep_to_rights();
    }

    pub(super) fn remote_hand(&mut self, participant: ParticipantId, since: Option<u64>, now: Instant) {
        if self.roster.set_hand(&participant, since, now) {
            self.tell(CallEvent::Hand { participant: Some(participant), raised: since.is_some() });
        }
    }

    pub(super) fn remote_reaction(&mut self, participant: ParticipantId, reaction: Reaction, now: Instant) {
        if self.state.is_willed() && self.roster.may_react(&participant, now) {
            self.tell(CallEvent::Reaction { participant: Some(participant), reaction });
        }
    }
}
