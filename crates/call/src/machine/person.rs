//! What the person asks of a running call.

use std::time::Instant;

use super::CallMachine;
use super::pictures::{NO_CAMERA, Sharing};
use super::state::State;
use crate::ports::{MediaCommand, Problem, ProblemCode, SignalingCommand};
use crate::{CallEvent, EndReason, Intent, LeaveScope, MediaKind, MediaKinds};

impl CallMachine {
    pub(super) fn handle_intent(&mut self, intent: Intent, now: Instant) {
        match intent {
            Intent::Answer(media) => self.wants_answer(media, now),
            Intent::Decline => self.wants_refusal(EndReason::LocalDecline, now),
            Intent::DeclineEngaged => self.wants_refusal(EndReason::LocalEngaged, now),
            // Refusing to talk and hanging up are one button to many people.
            Intent::End | Intent::EndForEveryone if self.state.is_incoming() => {
                self.end(EndReason::LocalDecline, now);
            }
            Intent::End => self.end(EndReason::LocalHangup, now),
            Intent::EndForEveryone => self.end_with(EndReason::LocalHangup, LeaveScope::Everyone, now),
            Intent::Mute(kind) => self.wants_muted(kind, true),
            Intent::Unmute(kind) => self.wants_muted(kind, false),
            Intent::Hold => self.wants_hold(),
            Intent::Resume => self.wants_resume(),
            Intent::ShareScreen(share) => self.wants_screen(share),
            Intent::Watch(pictures) => self.wants_watched(pictures),
            Intent::RaiseHand(raised) => self.wants_hand(raised),
            Intent::React(reaction) => self.wants_reaction(reaction, now),
            Intent::AskToMute(who) => self.wants_other_muted(who),
            Intent::AddPerson(who) => self.wants_person(who),
            Intent::VideoSwitch(word) => self.wants_switch(word, now),
        }
    }

    /// Two windows may answer the same call: the second answer is no mistake.
    fn wants_answer(&mut self, media: MediaKinds, now: Instant) {
        match self.state {
            State::Incoming { .. } => self.answer(media, now),
            State::Dialing { .. } | State::RemoteRinging { .. } => {
                self.refuse("this call is ours to wait for")
            }
            State::Prepared
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => {}
        }
    }

    fn wants_refusal(&mut self, reason: EndReason, now: Instant) {
        match self.state {
            State::Incoming { .. } => self.end(reason, now),
            State::Prepared
            | State::Dialing { .. }
            | State::RemoteRinging { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Held
            | State::Reconnecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => self.refuse("only a call that rings here can be declined"),
        }
    }

    fn wants_muted(&mut self, kind: MediaKind, muted: bool) {
        if !self.state.is_willed() {
            return self.refuse("there is nothing to mute before the call was answered");
        }
        match kind {
            MediaKind::Video if !muted && !self.facts.may_publish_video => self.forbid(NO_CAMERA),
            MediaKind::Audio | MediaKind::Video => self.set_muted(kind, muted),
            MediaKind::Screen => self.refuse("a screen is shared or not, it cannot be muted"),
        }
    }

    /// Mutes or unmutes, for the person or at a moderator's wish.
    pub(super) fn set_muted(&mut self, kind: MediaKind, muted: bool) {
        let current = match kind {
            MediaKind::Audio => &mut self.muted.audio,
            MediaKind::Video => &mut self.muted.video,
            MediaKind::Screen => return,
        };
        if *current == muted {
            return;
        }
        *current = muted;
        self.play(MediaCommand::SetMuted { kind, muted });
        // On hold the far end has been told that we are silent, and we still are.
        if self.local.is_some() && !self.state.is_held() {
            self.signal(SignalingCommand::AnnounceMute { kind, muted });
        }
        self.tell(CallEvent::Mute { participant: None, kind, muted });
    }

    /// A moderator wishes us silent. The person may unmute again.
    pub(super) fn mute_requested(&mut self) {
        if self.state.is_willed() && !self.muted.audio {
            self.set_muted(MediaKind::Audio, true);
            self.tell(CallEvent::MutedByModerator);
        }
    }

    /// Tells everyone that we are silent, where we are, whether our camera is on, and that our hand is raised: after
    /// joining, the service knows nothing of us.
    pub(super) fn announce_state(&mut self) {
        let held = self.state.is_held();
        if self.muted.audio || (held && self.provides(MediaKind::Audio)) {
            self.signal(SignalingCommand::AnnounceMute { kind: MediaKind::Audio, muted: true });
        }
        // A camera may have been switched since we said what we bring.
        let muted = self.muted.video || held;
        self.signal(SignalingCommand::AnnounceMute { kind: MediaKind::Video, muted });
        if self.sharing == Sharing::On {
            self.signal(SignalingCommand::ShareScreen(true));
        }
        if self.hand_raised {
            self.signal(SignalingCommand::AnnounceHand { raised: true });
        }
    }

    fn wants_hold(&mut self) {
        match &mut self.state {
            State::Active => {
                self.hold(true);
                self.enter(State::Held);
            }
            State::Reconnecting { held, .. } => {
                if !*held {
                    *held = true;
                    self.hold(true);
                }
            }
            State::Held => {}
            State::Prepared
            | State::Dialing { .. }
            | State::RemoteRinging { .. }
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Ending { .. }
            | State::Ended(_) => self.refuse("only a connected call can be held"),
        }
    }

    fn wants_resume(&mut self) {
        match &mut self.state {
            State::Held => {
                self.hold(false);
                self.enter(State::Active);
            }
            State::Reconnecting { held, .. } => {
                if *held {
                    *held = false;
                    self.hold(false);
                }
            }
            State::Prepared
            | State::Dialing { .. }
            | State::RemoteRinging { .. }
            | State::Incoming { .. }
            | State::Connecting { .. }
            | State::Active
            | State::Ending { .. }
            | State::Ended(_) => self.refuse("the call is not on hold"),
        }
    }

    /// The far end learns of a hold as of a mute: what is muted anyway need not be said twice.
    fn hold(&mut self, held: bool) {
        self.play(MediaCommand::SetHold(held));
        for (kind, muted) in [(MediaKind::Audio, self.muted.audio), (MediaKind::Video, self.muted.video)] {
            if !muted && self.provides(kind) {
                self.signal(SignalingCommand::AnnounceMute { kind, muted: held });
            }
        }
    }

    fn provides(&self, kind: MediaKind) -> bool {
        match kind {
            MediaKind::Audio => self.media.audio,
            // Muted until it is wanted: to be not muted is to be provided.
            MediaKind::Video => true,
            MediaKind::Screen => false,
        }
    }

    pub(super) fn refuse(&mut self, why: &str) {
        self.tell(CallEvent::Problem(Problem::new(ProblemCode::NotNow, why)));
    }

    /// As [`Self::refuse`], for what the conversation does not let us do.
    pub(super) fn forbid(&mut self, why: &str) {
        self.tell(CallEvent::Problem(Problem::new(ProblemCode::Forbidden, why)));
    }
}
