//! How a call ends.

use std::time::Instant;

use super::state::State;
use super::switching::Question;
use super::{CallInput, CallMachine};
use crate::ports::{MediaCommand, Problem, ProblemCode, SignalingCommand, Tone};
use crate::{CallEvent, EndReason, Intent, LeaveScope};

impl CallMachine {
    /// Ends the call: says goodbye, closes every link, sounds the last tone, tells the last status and the reason.
    pub(super) fn end(&mut self, reason: EndReason, now: Instant) {
        let scope = self.farewell_scope(reason);
        self.end_with(reason, scope, now);
    }

    /// As [`Self::end`], with the reach of our leaving given.
    pub(super) fn end_with(&mut self, reason: EndReason, scope: LeaveScope, now: Instant) {
        if self.state.end_reason().is_some() {
            return;
        }
        if self.started {
            self.signal(match reason {
                EndReason::LocalDecline => SignalingCommand::Decline,
                EndReason::LocalEngaged => SignalingCommand::DeclineEngaged,
                EndReason::LocalHangup
                | EndReason::RemoteHangup
                | EndReason::RemoteDecline
                | EndReason::RemoteEngaged
                | EndReason::NoAnswer
                | EndReason::Missed
                | EndReason::AnsweredElsewhere
                | EndReason::EndedByModerator
                | EndReason::ConnectionLost
                | EndReason::SignalingFailed
                | EndReason::MediaFailed => SignalingCommand::Leave(scope),
            });
        }
        for link in self.links.take_all() {
            self.play(MediaCommand::CloseLink(link));
        }
        let tone = self.last_tone(reason);
        match tone {
            Some((tone, _)) => {
                self.looping = None;
                self.play(MediaCommand::PlayTone(tone));
            }
            None => self.stop_tone(),
        }
        self.alone_until = None;
        self.question = Question::None;
        self.ended_at = Some(now);
        self.enter(match tone {
            Some((_, length)) => State::Ending { reason, until: now + length },
            None => State::Ended(reason),
        });
        self.tell(CallEvent::Ended(reason));
    }

    /// Ends the call because of a problem, told first.
    pub(super) fn end_by_problem(&mut self, problem: Problem, reason: EndReason, now: Instant) {
        self.tell(CallEvent::Problem(problem));
        self.end(reason, now);
    }

    /// While the last tone sounds nothing matters but its end, or the person cutting it short.
    pub(super) fn handle_ending(&mut self, input: CallInput, now: Instant) {
        let State::Ending { reason, until } = self.state else { return };
        let done = match input {
            CallInput::Timeout => now >= until,
            CallInput::Intent(Intent::End | Intent::EndForEveryone) => true,
            CallInput::Intent(
                Intent::Answer(_)
                | Intent::Decline
                | Intent::DeclineEngaged
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
            | CallInput::Start
            | CallInput::Signaling(_)
            | CallInput::Media(_) => false,
        };
        if done {
            self.state = State::Ended(reason);
        }
    }

    /// A deadline may have come.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.alone_until.is_some_and(|until| now >= until) {
            self.end(EndReason::RemoteHangup, now);
            return;
        }
        self.question_timed_out(now);
        self.settle(now);
        match self.state {
            State::Dialing { join_by, answer_by } => {
                if join_by.is_some_and(|by| now >= by) {
                    let problem = Problem::new(
                        ProblemCode::TimedOut,
                        "the server did not let us into the call in time",
                    );
                    self.end_by_problem(problem, EndReason::SignalingFailed, now);
                } else if answer_by.is_some_and(|by| now >= by) {
                    self.end(EndReason::NoAnswer, now);
                }
            }
            State::RemoteRinging { answer_by } if now >= answer_by => self.end(EndReason::NoAnswer, now),
            State::Incoming { ring_until } if now >= ring_until => self.end(EndReason::Missed, now),
            State::Connecting { connect_by: Some(by) } if now >= by => self.connecting_timed_out(now),
            State::Reconnecting { until, .. } if now >= until => {
                let problem = Problem::new(ProblemCode::NoMediaPath, "the media path did not come back");
                self.end_by_problem(problem, EndReason::ConnectionLost, now);
            }
            State::Prepared
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

    fn connecting_timed_out(&mut self, now: Instant) {
        if self.local.is_none() {
            let problem =
                Problem::new(ProblemCode::TimedOut, "the server did not let us into the call in time");
            self.end_by_problem(problem, EndReason::SignalingFailed, now);
        } else if self.roster.is_empty() {
            self.end(EndReason::RemoteHangup, now);
        } else {
            let problem = Problem::new(ProblemCode::NoMediaPath, "no media path was found in time");
            if self.one_to_one {
                self.end_by_problem(problem, EndReason::ConnectionLost, now);
            } else {
                // Others may come whom we can hear.
                self.tell(CallEvent::Problem(problem));
                self.state = State::Connecting { connect_by: None };
            }
        }
    }

    /// How far our leaving reaches, by the reason for it. What we were only rung for, what goes on for others, and
    /// what is over anyway we leave for ourselves alone.
    fn farewell_scope(&self, reason: EndReason) -> LeaveScope {
        if self.state.is_incoming() {
            return LeaveScope::Us;
        }
        match reason {
            EndReason::LocalHangup
            | EndReason::NoAnswer
            | EndReason::RemoteDecline
            | EndReason::RemoteEngaged
            | EndReason::ConnectionLost
            | EndReason::SignalingFailed
            | EndReason::MediaFailed => self.scope(),
            EndReason::RemoteHangup
            | EndReason::LocalDecline
            | EndReason::LocalEngaged
            | EndReason::Missed
            | EndReason::AnsweredElsewhere
            | EndReason::EndedByModerator => LeaveScope::Us,
        }
    }

    /// What sounds at the end, and how long. Nothing when the person here ended it (they know) or never took part.
    fn last_tone(&self, reason: EndReason) -> Option<(Tone, std::time::Duration)> {
        if !self.config.end_tones || !self.capture_started {
            return None;
        }
        match reason {
            EndReason::NoAnswer | EndReason::RemoteDecline | EndReason::RemoteEngaged => {
                Some((Tone::Busy, self.config.busy_tone))
            }
            EndReason::RemoteHangup
            | EndReason::EndedByModerator
            | EndReason::ConnectionLost
            | EndReason::SignalingFailed
            | EndReason::MediaFailed => Some((Tone::Ended, self.config.ended_tone)),
            EndReason::LocalHangup
            | EndReason::LocalDecline
            | EndReason::LocalEngaged
            | EndReason::Missed
            | EndReason::AnsweredElsewhere => None,
        }
    }
}
