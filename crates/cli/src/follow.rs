//! Follows calls: reports what happens, steers them by stdin, time and signals, and judges how they went.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bellbird_app::App;
use bellbird_contract::{
    CallHappening, CallView, Command, EndReason, EntranceView, Event, LinkQualityView, Media, Status,
};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::args::{MediaArgs, OnCall};
use crate::failure::Failure;
use crate::process::UsageMeter;
use crate::report::{Output, Report};
use crate::signals::Stop;
use crate::steer::{self, GIVEN_SCREEN};

/// How long a problem may wait to be told as the reason of the end that may follow it.
const HOLD_BACK: Duration = Duration::from_millis(200);

/// How long ending a call may take before the process goes without.
const GOODBYE: Duration = Duration::from_secs(4);

/// How long nothing counts as "for ever".
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The course of a run.
pub(crate) struct Course {
    pub(crate) duration: Option<Duration>,
    pub(crate) wait: Option<Duration>,
    pub(crate) stats: Option<Duration>,
    /// A call that comes with video is answered with it.
    pub(crate) shows_camera: bool,
    /// A screen is shared once connected.
    pub(crate) shows_screen: bool,
    pub(crate) answers: Answers,
}

/// What is answered when an entrance, or a call that rings, asks.
#[derive(Default)]
pub(crate) struct Answers {
    /// The conversation's password; given once.
    pub(crate) password: Option<String>,
    /// To being recorded.
    pub(crate) consent: bool,
}

impl From<&MediaArgs> for Course {
    fn from(args: &MediaArgs) -> Self {
        Self {
            duration: args.duration,
            wait: args.wait,
            stats: args.stats,
            shows_camera: args.camera.is_on(),
            shows_screen: args.screen.is_on(),
            answers: Answers::default(),
        }
    }
}

/// What is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One call of ours, until it is over.
    Call(String),
    /// Calls that reach us, until asked to stop (or, with a duration, until the first connected one is over).
    Incoming(OnCall),
}

/// Why we end a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// We do not.
    No,
    /// It was asked for: by a signal, a line or the duration.
    Asked,
    /// Nothing was connected in time.
    TimedOut,
}

pub(crate) struct Follower<'a> {
    app: &'a App,
    output: &'a Output,
    subject: Subject,
    course: Course,
    /// The calls reported, and whether each was connected.
    calls: HashMap<String, bool>,
    links: HashMap<String, Vec<LinkQualityView>>,
    /// Those that others had us join.
    joined: HashSet<String>,
    /// A problem not yet told: it may turn out to be the reason of the end.
    problem: Option<(Failure, Instant)>,
    /// The last one told.
    told: Option<Failure>,
    ending: Ending,
    /// The process goes at this time at the latest.
    deadline: Instant,
    give_up: Instant,
    hang_up: Instant,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(app: &'a App, output: &'a Output, subject: Subject, course: Course) -> Self {
        let never = Instant::now() + NEVER;
        let give_up = course.wait.map_or(never, |wait| Instant::now() + wait.min(NEVER));
        Self {
            app,
            output,
            subject,
            course,
            calls: HashMap::new(),
            links: HashMap::new(),
            joined: HashSet::new(),
            problem: None,
            told: None,
            ending: Ending::No,
            deadline: never,
            give_up,
            hang_up: never,
        }
    }

    /// Runs until the subject is over. `events` was subscribed before the call was made; `asides` are problems of this
    /// program's own that are told and end nothing, and `lines` steer.
    ///
    /// # Errors
    /// What kept a call from being what was asked for.
    pub(crate) async fn run(
        mut self,
        mut events: broadcast::Receiver<Event>,
        mut stop: Stop,
        mut asides: mpsc::Receiver<Failure>,
        mut lines: mpsc::Receiver<String>,
    ) -> Result<(), Failure> {
        let mut lines_open = true;
        let period = self.course.stats.unwrap_or(NEVER);
        let mut stats = tokio::time::interval_at(Instant::now() + period, period);
        let mut usage = UsageMeter::new();
        loop {
            let problem_due = self.problem.as_ref().map_or(self.deadline, |(_, due)| *due);
            tokio::select! {
                event = events.recv() => {
                    let outcome = match event {
                        Ok(event) => self.take(event).await,
                        Err(broadcast::error::RecvError::Lagged(missed)) => {
                            tracing::warn!(missed, "events were missed");
                            None
                        }
                        Err(broadcast::error::RecvError::Closed) => Some(Ok(())),
                    };
                    if let Some(outcome) = outcome {
                        return outcome;
                    }
                }
                line = lines.recv(), if lines_open => match line {
                    Some(line) => self.steer(&line).await,
                    None => lines_open = false,
                },
                Some(failure) = asides.recv() => self.tell(&failure),
                _ = stats.tick() => self.report_stats(&mut usage),
                () = stop.requested(), if self.ending == Ending::No => {
                    if self.end(Ending::Asked).await {
                        return Ok(());
                    }
                }
                () = sleep_until(self.hang_up), if self.ending == Ending::No => {
                    if self.end(Ending::Asked).await {
                        return Ok(());
                    }
                }
                () = sleep_until(self.give_up), if self.ending == Ending::No && !self.was_connected() => {
                    if self.end(Ending::TimedOut).await {
                        return Err(timed_out());
                    }
                }
                () = sleep_until(problem_due), if self.problem.is_some() => self.tell_problem(),
                () = sleep_until(self.deadline) => {
                    return match self.ending {
                        Ending::TimedOut => Err(timed_out()),
                        Ending::Asked | Ending::No => Ok(()),
                    };
                }
            }
        }
    }

    fn was_connected(&self) -> bool {
        self.calls.values().any(|connected| *connected)
    }

    /// Ends what runs; `true` when nothing does.
    async fn end(&mut self, why: Ending) -> bool {
        self.ending = why;
        self.deadline = Instant::now() + GOODBYE;
        let alive: Vec<String> = self
            .app
            .state()
            .calls
            .into_iter()
            .filter(|call| call.ended.is_none())
            .map(|call| call.id)
            .collect();
        for call in &alive {
            // One that ends by itself at this moment is as good.
            let _ = self.app.handle(Command::End { call: Some(call.clone()) }).await;
        }
        alive.is_empty()
    }

    async fn steer(&mut self, line: &str) {
        self.app.interacted();
        let result = match steer::parse(line) {
            Ok(None) => return,
            Ok(Some(Command::End { .. })) => {
                if !self.end(Ending::Asked).await || matches!(self.subject, Subject::Call(_)) {
                    return;
                }
                self.ending = Ending::No;
                self.deadline = Instant::now() + NEVER;
                Err(Failure::new("not-now", "there is no call"))
            }
            Ok(Some(command)) => self.app.handle(command).await.map(|_| ()).map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = result {
            self.tell(&failure);
        }
    }

    /// Takes one event; `Some` when the subject is over.
    async fn take(&mut self, event: Event) -> Option<Result<(), Failure>> {
        match event {
            Event::State { state } => {
                self.greet_callers().await;
                self.tell_joined(&state.calls);
                None
            }
            Event::Call { call, happening } => {
                if let Subject::Call(own) = &self.subject
                    && *own != call
                {
                    return None;
                }
                // A call may speak before the state that shows it came by.
                self.greet_callers().await;
                if let CallHappening::Entrance { entrance } = happening {
                    return self.at_the_entrance(&call, entrance).await;
                }
                let connected = self.calls.get(&call).copied();
                let outcome = self.happened(&call, happening);
                if self.shows_screen_in(&call)
                    && connected != Some(true)
                    && self.calls.get(&call) == Some(&true)
                {
                    self.share(call).await;
                }
                outcome
            }
            Event::Quality { call, links } => {
                self.links.insert(call, links);
                None
            }
            Event::Levels { .. } | Event::Sdk { .. } | Event::RaiseWindow | Event::Stopping => None,
        }
    }

    /// Reports calls that reach us and are new, and does with them what was asked for.
    async fn greet_callers(&mut self) {
        let Subject::Incoming(on_call) = self.subject else { return };
        let calls = self.app.state().calls;
        for call in calls.iter().filter(|call| call.incoming && call.ended.is_none()) {
            if self.calls.contains_key(&call.id) {
                continue;
            }
            self.calls.insert(call.id.clone(), false);
            self.output.report(&Report::Incoming { call });
            let in_call =
                calls.iter().any(|other| other.id != call.id && other.ended.is_none() && !other.can_answer);
            let id = Some(call.id.clone());
            let command = match on_call {
                // Its own commands are the person's; a second caller hears that we are engaged.
                OnCall::Answer if in_call => Command::Decline { call: id },
                OnCall::Answer => {
                    if call.asks_consent
                        && self.course.answers.consent
                        && let Err(problem) =
                            self.app.handle(Command::GiveConsent { call: call.id.clone() }).await
                    {
                        self.tell(&problem.into());
                    }
                    Command::Answer { call: id, media: self.answer_to(call.media) }
                }
                OnCall::Decline => Command::Decline { call: id },
                OnCall::Busy => {
                    if let Err(problem) = self.app.decline_engaged(&call.id) {
                        self.tell(&problem.into());
                    }
                    continue;
                }
                OnCall::Ignore => continue,
            };
            if let Err(problem) = self.app.handle(command).await {
                self.tell(&problem.into());
            }
        }
    }

    /// Reports calls that others had us join and that are new.
    fn tell_joined(&mut self, calls: &[CallView]) {
        let new = |call: &&CallView| call.joined_by.is_some() && !self.joined.contains(&call.id);
        for call in calls.iter().filter(new) {
            self.output.report(&Report::RemoteJoin { call });
        }
        let joined = calls.iter().filter(|call| call.joined_by.is_some());
        self.joined = joined.map(|call| call.id.clone()).collect();
    }

    /// Whether a screen is shared in a call as soon as it is up. Where others had us join they say so themselves.
    fn shows_screen_in(&self, call: &str) -> bool {
        let joined_by_others =
            || self.app.state().calls.iter().any(|shown| shown.id == call && shown.joined_by.is_some());
        self.course.shows_screen && !joined_by_others()
    }

    /// What a call is answered with: a picture for a picture, where there is one.
    fn answer_to(&self, offered: Media) -> Media {
        match offered {
            Media::Video if self.course.shows_camera => Media::Video,
            Media::Video | Media::Voice => Media::Voice,
        }
    }

    /// Shares the screen that this command was given.
    async fn share(&self, call: String) {
        let command = Command::ShareScreen { call: Some(call), screen: GIVEN_SCREEN.into() };
        if let Err(problem) = self.app.handle(command).await {
            self.tell(&problem.into());
        }
    }

    /// Answers what an entrance asks, or gives up where there is no answer; the lobby is waited in.
    async fn at_the_entrance(&mut self, call: &str, entrance: EntranceView) -> Option<Result<(), Failure>> {
        self.output.report(&Report::Entrance { call, entrance });
        let call = call.to_owned();
        let (answer, missing) = match entrance {
            EntranceView::Entering | EntranceView::Lobby { .. } => return None,
            EntranceView::Password { .. } => {
                let password = self.course.answers.password.take();
                let answer = password.map(|password| Command::EnterPassword { call: call.clone(), password });
                (answer, "password-needed")
            }
            EntranceView::Consent => {
                let given = self.course.answers.consent;
                (given.then(|| Command::GiveConsent { call: call.clone() }), "consent-needed")
            }
        };
        let failure = match answer {
            Some(answer) => Failure::from(self.app.handle(answer).await.err()?),
            None => Failure::new(missing, ""),
        };
        // One that ends by itself at this moment is as good.
        let _ = self.app.handle(Command::End { call: Some(call) }).await;
        match self.subject {
            Subject::Call(_) => Some(Err(failure)),
            // Others had us join; we go on waiting.
            Subject::Incoming(_) => {
                self.tell(&failure);
                None
            }
        }
    }

    fn happened(&mut self, call: &str, happening: CallHappening) -> Option<Result<(), Failure>> {
        match happening {
            // Answered before this is asked.
            CallHappening::Entrance { .. } => {}
            CallHappening::Status { participant, status } => {
                self.output.report(&Report::Status { call, participant: participant.as_deref(), status });
                if participant.is_none() && status == Status::Connected {
                    self.connected(call);
                }
            }
            CallHappening::Track { participant, kind, added } => {
                self.output.report(&Report::Track { call, participant: participant.as_deref(), kind, added });
            }
            CallHappening::Media { participant, kind, first } => {
                self.output.report(&Report::Media { call, participant: &participant, kind, first: &first });
            }
            CallHappening::Mute { participant, kind, muted } => {
                self.output.report(&Report::Mute { call, participant: participant.as_deref(), kind, muted });
            }
            CallHappening::MutedByModerator => self.output.report(&Report::MutedByModerator { call }),
            CallHappening::Hand { participant, raised } => {
                self.output.report(&Report::Hand { call, participant: participant.as_deref(), raised });
            }
            CallHappening::Reaction { participant, reaction } => {
                let participant = participant.as_deref();
                self.output.report(&Report::Reaction { call, participant, reaction: &reaction });
            }
            CallHappening::Problem { problem } => {
                self.tell_problem();
                self.problem = Some((problem.into(), Instant::now() + HOLD_BACK));
            }
            CallHappening::Ended { reason, duration_s } => {
                self.output.report(&Report::Ended { call, reason, duration_s });
                return self.ended(call, reason);
            }
        }
        None
    }

    fn connected(&mut self, call: &str) {
        let before = self.calls.insert(call.to_owned(), true);
        if before != Some(true)
            && let Some(duration) = self.course.duration
        {
            self.hang_up = Instant::now() + duration.min(NEVER);
        }
    }

    fn ended(&mut self, call: &str, reason: EndReason) -> Option<Result<(), Failure>> {
        let connected = self.calls.remove(call).unwrap_or(false);
        self.links.remove(call);
        let problem = self.problem.take().map(|(problem, _)| problem).or(self.told.take());
        let outcome = match self.ending {
            Ending::Asked => Ok(()),
            Ending::TimedOut => Err(timed_out()),
            Ending::No => judge(reason, connected, problem.clone()),
        };
        match &self.subject {
            Subject::Call(_) => Some(outcome),
            Subject::Incoming(_) if self.ending != Ending::No => {
                // Others may still be on their way out.
                let alive =
                    self.app.state().calls.iter().any(|other| other.id != call && other.ended.is_none());
                (!alive).then_some(outcome)
            }
            Subject::Incoming(_) if connected && self.course.duration.is_some() => Some(outcome),
            Subject::Incoming(_) => {
                if let Err(failure) = outcome
                    && problem.as_ref() == Some(&failure)
                {
                    self.tell(&failure);
                }
                None
            }
        }
    }

    fn report_stats(&mut self, usage: &mut UsageMeter) {
        let usage = usage.read();
        for (call, connected) in &self.calls {
            if *connected {
                let links = self.links.get(call).map(Vec::as_slice).unwrap_or_default();
                self.output.report(&Report::Stats { call, links, usage });
            }
        }
    }

    fn tell_problem(&mut self) {
        if let Some((problem, _)) = self.problem.take() {
            self.tell(&problem);
            self.told = Some(problem);
        }
    }

    fn tell(&self, failure: &Failure) {
        self.output.report(&Report::Error { code: &failure.code, message: &failure.message() });
    }
}

fn timed_out() -> Failure {
    Failure::new("timed-out", "")
}

/// Whether a call that ended by itself was what was asked for: a call that carried sound and was then ended by
/// someone was.
fn judge(reason: EndReason, connected: bool, problem: Option<Failure>) -> Result<(), Failure> {
    let code = match reason {
        EndReason::LocalHangup | EndReason::LocalDecline | EndReason::LocalEngaged => return Ok(()),
        EndReason::RemoteHangup | EndReason::EndedByModerator if connected => return Ok(()),
        EndReason::RemoteHangup | EndReason::Missed | EndReason::AnsweredElsewhere => "hung-up",
        EndReason::EndedByModerator => "ended-by-moderator",
        EndReason::RemoteDecline => "declined",
        EndReason::RemoteEngaged => "engaged",
        EndReason::NoAnswer => "no-answer",
        EndReason::ConnectionLost => {
            return Err(problem.unwrap_or_else(|| Failure::new("connection-lost", "")));
        }
        EndReason::SignalingFailed | EndReason::MediaFailed => {
            return Err(
                problem.unwrap_or_else(|| Failure::new("internal", "the call failed without a reason"))
            );
        }
    };
    Err(Failure::new(code, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_judged_by_what_was_asked_for() {
        let code = |reason, connected, problem: Option<&str>| {
            judge(reason, connected, problem.map(|code| Failure::new(code, "")))
                .map_err(|failure| failure.code)
        };
        assert_eq!(code(EndReason::LocalHangup, false, None), Ok(()));
        assert_eq!(code(EndReason::RemoteHangup, true, None), Ok(()));
        assert_eq!(code(EndReason::RemoteHangup, false, None), Err("hung-up".into()));
        assert_eq!(code(EndReason::RemoteDecline, false, None), Err("declined".into()));
        assert_eq!(code(EndReason::RemoteEngaged, false, None), Err("engaged".into()));
        assert_eq!(code(EndReason::NoAnswer, false, None), Err("no-answer".into()));
        assert_eq!(code(EndReason::ConnectionLost, true, None), Err("connection-lost".into()));
        assert_eq!(code(EndReason::SignalingFailed, false, Some("unknown-user")), Err("unknown-user".into()));
    }
}
