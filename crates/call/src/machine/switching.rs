//! Going from audio to video by agreement, in calls of two.
//!
//! A camera is opened here for one of two reasons alone: the person agreed to what the far end asked, or the far end
//! agreed to what the person asked. An agreement to what nobody asked means nothing.

use std::time::{Duration, Instant};

use super::CallMachine;
use super::pictures::NO_CAMERA;
use crate::ports::SignalingCommand;
use crate::{CallEvent, MediaKind, ParticipantId, VideoRequest, VideoSwitch};

/// How long a question stays open. 30 s: about as long as somebody rings before one gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much longer theirs stays open here, so that it is mostly their word that ends it.
const LEEWAY: Duration = Duration::from_secs(5);

/// The open question, if any.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) enum Question {
    /// Nobody asks.
    #[default]
    None,
    /// We asked.
    Ours {
        /// Whom.
        of: ParticipantId,
        /// When we take it back.
        until: Instant,
    },
    /// They asked.
    Theirs {
        /// Who.
        by: ParticipantId,
        /// When it counts as taken back.
        until: Instant,
    },
}

impl Question {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::None => None,
            Self::Ours { until, .. } | Self::Theirs { until, .. } => Some(*until),
        }
    }

    pub(super) fn shown(&self) -> VideoRequest {
        match self {
            Self::None => VideoRequest::None,
            Self::Ours { .. } => VideoRequest::ByUs,
            Self::Theirs { .. } => VideoRequest::ByThem,
        }
    }
}

impl CallMachine {
    /// The person asks, agrees, refuses, or takes their question back.
    pub(super) fn wants_switch(&mut self, word: VideoSwitch, now: Instant) {
        if !self.one_to_one {
            return self.refuse("only a call of two goes to video by agreement: switch the camera on");
        }
        match (word, self.question.clone()) {
            (VideoSwitch::Request | VideoSwitch::Accept, Question::Theirs { by, .. }) => {
                if self.facts.may_publish_video {
                    self.say_switch(by, VideoSwitch::Accept);
                    self.agreed(None);
                } else {
                    self.forbid(NO_CAMERA);
                }
            }
            (VideoSwitch::Request, Question::None) => self.ask_switch(now),
            // Asked once is asked.
            (VideoSwitch::Request, Question::Ours { .. }) => {}
            (VideoSwitch::Decline, Question::Theirs { by, .. }) => {
                self.say_switch(by, word);
                self.question_settled(None, word);
            }
            (VideoSwitch::Cancel, Question::Ours { of, .. }) => {
                self.say_switch(of, word);
                self.question_settled(None, word);
            }
            (VideoSwitch::Accept | VideoSwitch::Decline, Question::None | Question::Ours { .. }) => {
                self.refuse("they did not ask to go to video");
            }
            (VideoSwitch::Cancel, Question::None | Question::Theirs { .. }) => {
                self.refuse("we did not ask to go to video");
            }
        }
    }

    fn ask_switch(&mut self, now: Instant) {
        let far = match self.roster.people() {
            [far] if self.state.is_accepted() => far.info.id.clone(),
            [] | [..] => return self.refuse("there is nobody to go to video with yet"),
        };
        if self.media.video {
            return self.refuse("this is a video call already");
        }
        if !self.facts.may_publish_video {
            return self.forbid(NO_CAMERA);
        }
        self.say_switch(far.clone(), VideoSwitch::Request);
        self.question = Question::Ours { of: far, until: now + PATIENCE };
        self.tell(CallEvent::VideoSwitch { participant: None, word: VideoSwitch::Request });
    }

    /// What the far end says. Anything may come, in any order, any number of times.
    pub(super) fn remote_switch(&mut self, from: ParticipantId, word: VideoSwitch, now: Instant) {
        if !self.one_to_one || !self.state.is_accepted() || !self.roster.contains(&from) {
            return;
        }
        match (word, &self.question) {
            // Both asked at once: both want it.
            (VideoSwitch::Request, Question::Ours { of, .. }) if *of == from => self.agreed(Some(from)),
            (VideoSwitch::Request, Question::None) => {
                if !self.media.video && self.roster.may_ask(&from, now) {
                    self.question = Question::Theirs { by: from.clone(), until: now + PATIENCE + LEEWAY };
                    self.tell(CallEvent::VideoSwitch { participant: Some(from), word });
                }
            }
            (VideoSwitch::Accept, Question::Ours { of, .. }) if *of == from => self.agreed(Some(from)),
            (VideoSwitch::Decline, Question::Ours { of, .. }) if *of == from => {
                self.question_settled(Some(from), word);
            }
            (VideoSwitch::Cancel, Question::Theirs { by, .. }) if *by == from => {
                self.question_settled(Some(from), word);
            }
            (
                VideoSwitch::Request | VideoSwitch::Accept | VideoSwitch::Decline | VideoSwitch::Cancel,
                Question::None | Question::Ours { .. } | Question::Theirs { .. },
            ) => {}
        }
    }

    /// Time may have run out for the question.
    pub(super) fn question_timed_out(&mut self, now: Instant) {
        match self.question.clone() {
            Question::Ours { of, until } if now >= until => {
                self.say_switch(of, VideoSwitch::Cancel);
                self.question_settled(None, VideoSwitch::Cancel);
            }
            Question::Theirs { by, until } if now >= until => {
                self.question_settled(Some(by), VideoSwitch::Cancel);
            }
            Question::None | Question::Ours { .. } | Question::Theirs { .. } => {}
        }
    }

    /// Whom it concerns left: nobody asks any more.
    pub(super) fn question_left(&mut self, who: &ParticipantId) {
        match self.question.clone() {
            Question::Ours { of, .. } if of == *who => self.question_settled(None, VideoSwitch::Cancel),
            Question::Theirs { by, .. } if by == *who => {
                self.question_settled(Some(by), VideoSwitch::Cancel);
            }
            Question::None | Question::Ours { .. } | Question::Theirs { .. } => {}
        }
    }

    /// It is a video call from now on. `by`: who said the last word.
    fn agreed(&mut self, by: Option<ParticipantId>) {
        self.media.video = true;
        self.question_settled(by, VideoSwitch::Accept);
        if self.facts.may_publish_video {
            self.set_muted(MediaKind::Video, false);
        } else {
            self.forbid(NO_CAMERA);
        }
    }

    fn question_settled(&mut self, participant: Option<ParticipantId>, word: VideoSwitch) {
        self.question = Question::None;
        self.tell(CallEvent::VideoSwitch { participant, word });
    }

    fn say_switch(&mut self, to: ParticipantId, word: VideoSwitch) {
        self.signal(SignalingCommand::SendVideoSwitch { to, word });
    }
}
