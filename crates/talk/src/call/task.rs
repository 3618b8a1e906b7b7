//! The loop of one call.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bellbird_call::ports::{SignalingCommand, SignalingEvent, SignalingSink};
use bellbird_call::{CallTarget, Invitation, LeaveScope, MediaKinds, RoomId};
use bellbird_talk_wire::PeerBody;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::input::Input;
use super::inside::{CallFate, InCall, Inside, RingWatch, Standing};
use super::leaving::{Farewell, LastWord, Leaving};
use super::way::Way;
use crate::account::TalkAccount;
use crate::entrance::Admission;
use crate::rest::Session;
use crate::{CallOptions, Consent, Entrance, Outcome};

/// Answers that may wait; a full queue holds up the long poll, never the commands.
const FACTS: usize = 64;
/// Between questions whether a call that rings still wants us, while we are in its room and would see its end anyway.
pub(super) const ASK_INSIDE: Duration = Duration::from_secs(5);
/// The same, from outside.
pub(super) const ASK_OUTSIDE: Duration = Duration::from_secs(2);
/// How long an unwanted request to enter is waited for.
const ENTER_LIMIT: Duration = Duration::from_secs(5);

/// One call.
pub(super) struct CallTask {
    pub(super) account: TalkAccount,
    pub(super) session: Session,
    pub(super) sink: SignalingSink,
    pub(super) facts: mpsc::Sender<Input>,
    answers: mpsc::Receiver<Input>,
    pub(super) phase: Phase,
    /// A request whose end leaving has to wait for.
    pub(super) pending: Option<JoinHandle<()>>,
    /// Counts the lines opened, to tell late events of a closed one.
    pub(super) line: u64,
    pub(super) way: Way,
    /// To being recorded.
    pub(super) consent: Consent,
    /// What the room says about consent to recordings.
    pub(super) room_consent: u8,
    /// The room we told the account not to ring for.
    pub(super) engaged: Option<RoomId>,
    /// The notification that made us ring, and where.
    pub(super) rung_by: Option<(i64, RoomId)>,
    /// An outage was told and its end was not.
    pub(super) interrupted: bool,
    /// Nobody gives commands any more.
    abandoned: bool,
}

/// Where the call stands.
pub(super) enum Phase {
    /// Nothing was asked yet.
    Idle,
    /// On the way into a room.
    Entering(Entering),
    /// A group call rings here; we stay outside its room until the person answers.
    Watching { invitation: Invitation, ask_at: Option<Instant> },
    /// In the room.
    Inside(Box<Inside>),
}

pub(super) struct Entering {
    pub(super) goal: Goal,
    /// The room, when known from the start.
    pub(super) room: Option<RoomId>,
    /// What there was before our session was lost.
    pub(super) before: Option<Box<Inside>>,
    pub(super) attempts: u32,
    /// A further attempt after a failure that may pass.
    pub(super) retry_at: Option<Instant>,
}

/// What for.
pub(super) enum Goal {
    Call { media: MediaKinds, silent: bool },
    Ring,
    Refuse(PeerBody),
}

/// Whether the loop goes on.
pub(super) type Step = Result<(), Over>;

/// The call is over here; what is left is to leave.
pub(super) enum Over {
    /// The person ended it, or whoever held it is gone: a call of two ends for both.
    Ended(LeaveScope),
    /// It ended by itself; only our own traces are removed.
    ByItself,
    /// What rang does not any more; only our own traces are removed.
    Withdrawn(Outcome),
    /// The person declined, which the caller shall hear.
    Refused(PeerBody),
}

impl CallTask {
    pub(super) fn new(account: TalkAccount, sink: SignalingSink, options: CallOptions) -> Self {
        let (facts, answers) = mpsc::channel(FACTS);
        let (session, way, consent) = match options.entrance.map(Entrance::into_parts) {
            Some((admission, password, consent)) => {
                let (session, admitted) = match admission {
                    Some(Admission { session, room }) => (session, Some(room)),
                    None => (account.new_session(), None),
                };
                (session, Way { admitted, password, stranger: true }, consent)
            }
            None => (account.new_session(), Way::default(), options.consent),
        };
        let phase = Phase::Idle;
        Self {
            account,
            session,
            sink,
            facts,
            answers,
            phase,
            pending: None,
            line: 0,
            way,
            consent,
            room_consent: 0,
            engaged: None,
            rung_by: None,
            interrupted: false,
            abandoned: false,
        }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<SignalingCommand>) {
        let over = loop {
            let wake = self.poll_timeout();
            let input = tokio::select! {
                command = commands.recv(), if !self.abandoned => command.map_or(Input::Abandoned, Input::Command),
                Some(answer) = self.answers.recv() => answer,
                () = sleep_until(wake) => Input::Timeout,
            };
            if let Err(over) = self.handle(input, Instant::now()) {
                break over;
            }
        };
        drop(commands);
        self.leave(over).await;
    }

    fn handle(&mut self, input: Input, now: Instant) -> Step {
        match input {
            Input::Command(command) => self.handle_command(command, now),
            Input::Abandoned => {
                self.abandoned = true;
                self.end(LeaveScope::Us)
            }
            Input::Entered(Ok(entered)) => self.entered(*entered, now),
            Input::Entered(Err(failure)) => self.not_entered(failure, now),
            Input::CallJoined(Ok(())) => self.call_joined(now),
            Input::CallJoined(Err(problem)) => {
                self.tell(SignalingEvent::Failed(problem));
                Err(Over::ByItself)
            }
            Input::Line(line, event) if line == self.line => self.handle_line(event, now),
            Input::News(line, news) if line == self.line => self.handle_news(news, now),
            Input::Peers(line, peers) if line == self.line => self.handle_peers(&peers, now),
            Input::FlagsTold(line) if line == self.line => {
                self.flags_told();
                Ok(())
            }
            Input::Line(..) | Input::News(..) | Input::Peers(..) | Input::FlagsTold(_) => Ok(()),
            Input::Reactions(reactions) => {
                self.learn_reactions(reactions);
                Ok(())
            }
            Input::RingState(state) => self.handle_ring_state(state, now),
            Input::Names(members) => {
                if let Phase::Inside(inside) = &mut self.phase {
                    for participant in inside.roster.learn_names(&members) {
                        (self.sink)(SignalingEvent::ParticipantChanged(participant));
                    }
                }
                Ok(())
            }
            Input::Timeout => self.handle_timeout(now),
        }
    }

    /// What wakes us next, but commands.
    pub(super) async fn next_answer(&mut self) -> Option<Input> {
        self.answers.recv().await
    }

    pub(super) fn restored(&mut self) {
        if std::mem::take(&mut self.interrupted) {
            self.tell(SignalingEvent::Restored);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Step {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match &mut self.phase {
            Phase::Idle => Ok(()),
            Phase::Entering(entering) => {
                if due(entering.retry_at)
                    && let Some(room) = entering.room.clone()
                {
                    entering.retry_at = None;
                    self.spawn_enter(CallTarget::Room(room));
                }
                Ok(())
            }
            Phase::Watching { invitation, ask_at } => {
                if due(*ask_at) {
                    *ask_at = None;
                    let room = invitation.room.clone();
                    self.ask_ring_state(room);
                }
                Ok(())
            }
            Phase::Inside(inside) => match &mut inside.standing {
                Standing::Ringing(watch) => {
                    if due(watch.ask_at) {
                        watch.ask_at = None;
                        let room = inside.room.clone();
                        self.ask_ring_state(room);
                    }
                    Ok(())
                }
                Standing::Joining { .. } => Ok(()),
                Standing::InCall(call) => {
                    call.topology.handle_timeout(now);
                    call.screens.handle_timeout(now);
                    let fate = if due(call.returning_until) {
                        call.returning_until = None;
                        let users = inside.users.take().unwrap_or_default();
                        inside.apply(users, &self.sink, now)
                    } else {
                        CallFate::GoesOn
                    };
                    inside.introduce(&self.sink, now);
                    inside.drain(&self.sink);
                    self.follow(fate)
                }
            },
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Idle => None,
            Phase::Entering(entering) => entering.retry_at,
            Phase::Watching { ask_at, .. } => *ask_at,
            Phase::Inside(inside) => match &inside.standing {
                Standing::Ringing(watch) => watch.ask_at,
                Standing::Joining { .. } => None,
                Standing::InCall(call) => {
                    let links = call.topology.poll_timeout().into_iter();
                    links
                        .chain(call.screens.poll_timeout())
                        .chain(call.returning_until)
                        .chain(call.introductions.deadline())
                        .min()
                }
            },
        }
    }

    pub(super) fn with_call(&mut self, act: impl FnOnce(&mut InCall)) {
        if let Phase::Inside(inside) = &mut self.phase
            && let Standing::InCall(call) = &mut inside.standing
        {
            act(call);
            inside.drain(&self.sink);
        }
    }

    pub(super) fn standing(&self) -> Option<&Standing> {
        match &self.phase {
            Phase::Inside(inside) => Some(&inside.standing),
            Phase::Idle | Phase::Entering(_) | Phase::Watching { .. } => None,
        }
    }

    pub(super) fn engage(&mut self, room: RoomId) {
        if self.engaged.as_ref() == Some(&room) {
            return;
        }
        if let Some(old) = self.engaged.take() {
            self.account.disengage(&old);
        }
        self.account.engage(&room);
        self.engaged = Some(room);
    }

    pub(super) fn tell(&self, event: SignalingEvent) {
        (self.sink)(event);
    }

    /// Leaves whatever was entered, in the background of whoever held the call.
    pub(super) async fn leave(mut self, over: Over) {
        let (account, engaged) = (self.account.clone(), self.engaged.take());
        self.go_out(over).await;
        if let Some(room) = engaged {
            account.disengage(&room);
        }
    }

    async fn go_out(mut self, over: Over) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        if let (Some((notification, room)), Over::Withdrawn(outcome)) = (self.rung_by.take(), &over) {
            self.account.ring_over(notification, room, *outcome);
        }
        let mut inside = match phase {
            Phase::Inside(inside) => Some(*inside),
            Phase::Entering(Entering { retry_at: Some(_), .. }) => None,
            Phase::Entering(_) => {
                self.leave_entered().await;
                None
            }
            Phase::Idle | Phase::Watching { .. } => None,
        };
        if let (Some(inside), Over::Refused(_)) = (&mut inside, &over) {
            self.see_callers(inside).await;
        }
        let Some(inside) = inside else { return };
        let call = match inside.standing {
            Standing::Ringing(_) => None,
            Standing::Joining { .. } | Standing::InCall(_) => Some(match &over {
                Over::Ended(scope) => *scope == LeaveScope::Everyone || inside.one_to_one,
                Over::ByItself | Over::Withdrawn(_) | Over::Refused(_) => false,
            }),
        };
        let farewell = match over {
            Over::Refused(body) => {
                let mut callers: Vec<String> = inside.roster.others_in_call().map(str::to_owned).collect();
                if let Some(census) = &inside.census
                    && callers.is_empty()
                {
                    callers = census.of_others(&inside.own_user);
                }
                let may_ask = inside.census.is_none();
                Some(Farewell { body, own_session: inside.own_session, callers, may_ask })
            }
            Over::Ended(_) | Over::ByItself | Over::Withdrawn(_) => None,
        };
        let last_word = if inside.census.is_some() && call == Some(true) {
            Some(LastWord { line: self.line, answers: self.answers })
        } else {
            // Answers of requests on their way are not waited for any more.
            drop(self.answers);
            None
        };
        let leaving = Leaving {
            account: self.account,
            session: self.session,
            token: inside.room.as_str().to_owned(),
            line: inside.line,
            pending: self.pending,
            call,
            farewell,
            last_word,
        };
        leaving.run().await;
    }

    /// Waits for a request to enter that is on its way, and leaves where it led.
    pub(super) async fn leave_entered(&mut self) {
        let entered = tokio::time::timeout(ENTER_LIMIT, async {
            loop {
                match self.answers.recv().await {
                    Some(Input::Entered(entered)) => return entered.ok(),
                    Some(_) => {}
                    None => return None,
                }
            }
        });
        if let Ok(Some(entered)) = entered.await {
            if let Some(admission) = entered.admission {
                admission.leave().await;
            }
            let left = self.session.leave_room(&entered.room.token);
            // A session that is not left times out.
            let _ = tokio::time::timeout(ENTER_LIMIT, left).await;
        }
    }
}

impl RingWatch {
    pub(super) fn new(now: Instant) -> Self {
        Self { told: BTreeSet::new(), caller_seen: false, ask_at: Some(now + ASK_INSIDE) }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Milliseconds since 1970, as web clients number their connections.
pub(super) fn sid_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64)
}
