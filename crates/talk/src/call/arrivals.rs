//! What the server answers and tells.

use std::time::{Duration, Instant};

use bellbird_call::ports::{CallEndedBy, Problem, ProblemCode, SignalingEvent};
use bellbird_call::{CallTarget, RoomId};
use bellbird_talk_wire::constants::{RECORDING_UNDERWAY, ROOM_ONE_TO_ONE};
use bellbird_talk_wire::{PeerBody, PullItem, UserInRoom};

use super::early_words::EarlyWords;
use super::gestures::facts_of;
use super::input::{EnterFailure, Entered, Input};
use super::inside::{CallFate, Inside, Mutes, RingWatch, Standing};
use super::rights::Rights;
use super::task::{ASK_INSIDE, ASK_OUTSIDE, CallTask, Entering, Goal, Over, Phase, Step, sid_seed};
use crate::Outcome;
use crate::directory::partner;
use crate::external::{Admission, Census};
use crate::internal::LineEvent;
use crate::rest::NotificationState;
use crate::roster::Roster;
use crate::translate;

/// Between attempts to enter again after an outage, and how many there are.
const REENTER_PAUSE: Duration = Duration::from_secs(2);
const REENTER_ATTEMPTS: u32 = 15;
/// Between requests for the member list.
const NAMES_PAUSE: Duration = Duration::from_secs(3);

impl CallTask {
    pub(super) fn entered(&mut self, entered: Entered, now: Instant) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Entering(Entering { goal, before, .. }) = phase else {
            self.phase = phase;
            return Ok(());
        };
        let Entered { room, settings, admission } = entered;
        self.room_consent = room.recording_consent;
        let media_server = admission.as_ref().is_some_and(Admission::has_media_server);
        let simulcast = admission.as_ref().is_some_and(Admission::has_simulcast);
        // A signaling server knows us by an id of its own.
        let own_session = match &admission {
            Some(admission) => admission.session().to_owned(),
            None => room.session_id.clone(),
        };
        let census = admission.as_ref().map(|_| Census::new(&own_session));
        let line = self.open_line(&room.token, &own_session, admission);
        if census.is_some() && matches!(goal, Goal::Ring) {
            self.ask_peers(RoomId::new(&room.token));
        }
        let ice_servers = translate::ice_servers(&settings);
        let standing = |media, before| Standing::Joining { media, before };
        let mut inside = match before {
            Some(mut inside) => {
                inside.roster.set_own_session(&own_session);
                inside.line = line;
                inside.census = census;
                inside.media_server = media_server;
                inside.simulcast = simulcast;
                inside.own_session = own_session;
                inside.users = None;
                // What was told meanwhile did not reach us.
                inside.set_recorded(RECORDING_UNDERWAY.contains(&room.call_recording), &self.sink);
                inside
            }
            None => {
                let contact = partner(&room);
                let display_name = translate::display_name(&room.display_name);
                let named = contact.clone().map(|contact| (contact, display_name.clone()));
                let one_to_one = room.kind == ROOM_ONE_TO_ONE;
                let id = RoomId::new(&room.token);
                self.tell(SignalingEvent::RoomEntered {
                    room: id.clone(),
                    display_name,
                    one_to_one,
                    contact,
                });
                self.ask_reactions();
                let camera = match &goal {
                    Goal::Call { media, .. } => media.video,
                    Goal::Ring | Goal::Refuse(_) => false,
                };
                Box::new(Inside {
                    room: id,
                    one_to_one,
                    read_only: room.read_only != 0,
                    roster: Roster::new(&own_session, self.account.user_id(), named),
                    own_session,
                    own_user: self.account.user_id().to_owned(),
                    own_name: self.account.display_name(),
                    ice_servers,
                    line,
                    census,
                    media_server,
                    simulcast,
                    rights: Rights::of(room.permissions),
                    facts: facts_of(&room, media_server),
                    facts_told: false,
                    users: None,
                    early_words: EarlyWords::default(),
                    standing: Standing::Ringing(RingWatch::new(now)),
                    mutes: Mutes::with_camera(camera),
                    hand: None,
                })
            }
        };
        match goal {
            Goal::Ring => {
                self.phase = Phase::Inside(inside);
                Ok(())
            }
            Goal::Call { media, silent } => {
                let old = std::mem::replace(&mut inside.standing, standing(media, None));
                if let Standing::InCall(call) = old {
                    inside.standing = standing(media, Some(call));
                }
                let id = inside.room.clone();
                self.phase = Phase::Inside(inside);
                self.engage(id);
                self.join(media, silent);
                Ok(())
            }
            Goal::Refuse(body) => {
                self.phase = Phase::Inside(inside);
                Err(Over::Refused(body))
            }
        }
    }

    pub(super) fn not_entered(&mut self, failure: EnterFailure, now: Instant) -> Step {
        let Phase::Entering(entering) = &mut self.phase else { return Ok(()) };
        if entering.before.is_some() {
            if failure.passing && entering.attempts < REENTER_ATTEMPTS {
                entering.attempts += 1;
                entering.retry_at = Some(now + REENTER_PAUSE);
                return Ok(());
            }
            if failure.problem.code == ProblemCode::UnknownRoom {
                self.tell(SignalingEvent::CallEnded(CallEndedBy::Moderator));
                return Err(Over::ByItself);
            }
        }
        match &entering.goal {
            // A room that cannot be entered rings no longer than its call; nothing is lost by not watching it.
            Goal::Ring if failure.problem.code == ProblemCode::UnknownRoom => {
                return self.withdrawn(Outcome::Missed);
            }
            Goal::Call { .. } | Goal::Ring => self.tell(SignalingEvent::Failed(failure.problem)),
            Goal::Refuse(_) => {}
        }
        Err(Over::ByItself)
    }

    pub(super) fn call_joined(&mut self, now: Instant) -> Step {
        let Phase::Inside(inside) = &mut self.phase else { return Ok(()) };
        let fate = inside.begin_call(sid_seed(), &self.sink, now);
        self.review_flags();
        self.restored();
        self.ask_names(now);
        self.follow(fate)
    }

    pub(super) fn handle_line(&mut self, event: LineEvent, now: Instant) -> Step {
        match event {
            LineEvent::Items(items) => self.handle_items(items, now),
            LineEvent::Interrupted => {
                self.interrupted = true;
                self.tell(SignalingEvent::Interrupted);
                Ok(())
            }
            LineEvent::Restored => {
                self.restored();
                Ok(())
            }
            LineEvent::Gone { after_outage } => self.session_gone(after_outage),
            LineEvent::Replaced => match self.standing() {
                Some(Standing::Ringing(_)) => self.withdrawn(Outcome::AnsweredElsewhere),
                Some(Standing::Joining { .. } | Standing::InCall(_)) | None => {
                    let detail = "this account entered the conversation from somewhere else";
                    self.tell(SignalingEvent::Failed(Problem::new(ProblemCode::NotNow, detail)));
                    Err(Over::ByItself)
                }
            },
            LineEvent::Failed(problem) => {
                self.tell(SignalingEvent::Failed(problem));
                Err(Over::ByItself)
            }
        }
    }

    /// The list of users first, although it comes last: it says who the senders of the messages are.
    pub(super) fn handle_items(&mut self, items: Vec<PullItem>, now: Instant) -> Step {
        let mut messages = Vec::new();
        let mut latest = None;
        for item in items {
            match item {
                PullItem::Message(text) => messages.push(text),
                PullItem::UsersInRoom(users) => latest = Some(users),
                PullItem::Unknown => {}
            }
        }
        if let Some(users) = latest {
            self.handle_users(users, now)?;
        }
        if let Phase::Inside(inside) = &mut self.phase {
            for text in messages {
                inside.handle_message(&text, &self.sink, now);
            }
        }
        Ok(())
    }

    pub(super) fn handle_users(&mut self, users: Vec<UserInRoom>, now: Instant) -> Step {
        let Phase::Inside(inside) = &mut self.phase else { return Ok(()) };
        match &mut inside.standing {
            Standing::Ringing(_) => self.ring_users(users, now),
            Standing::Joining { .. } => {
                let own = users.iter().find(|user| user.session_id == inside.own_session);
                let joined = own.is_some_and(|own| own.in_call != 0);
                inside.users = Some(users);
                // The list can overtake the answer to our request.
                if joined { self.call_joined(now) } else { Ok(()) }
            }
            Standing::InCall(_) => {
                let fate = inside.apply(users, &self.sink, now);
                self.review_flags();
                self.ask_names(now);
                self.follow(fate)
            }
        }
    }

    pub(super) fn ring_users(&mut self, users: Vec<UserInRoom>, now: Instant) -> Step {
        let Phase::Inside(inside) = &mut self.phase else { return Ok(()) };
        let Standing::Ringing(watch) = &mut inside.standing else { return Ok(()) };
        let news = inside.roster.apply(&users, false);
        if news.own_elsewhere {
            return self.withdrawn(Outcome::AnsweredElsewhere);
        }
        if news.others {
            watch.caller_seen = true;
            let callers: Vec<String> = inside.roster.others_in_call().map(str::to_owned).collect();
            let new: Vec<String> =
                callers.into_iter().filter(|caller| watch.told.insert(caller.clone())).collect();
            for caller in &new {
                inside.tell(caller, PeerBody::Ringing);
            }
            inside.users = Some(users);
            return Ok(());
        }
        if watch.caller_seen {
            return self.withdrawn(Outcome::Missed);
        }
        // Nobody is in the call that we were told of: ask at once.
        watch.ask_at = watch.ask_at.map(|_| now);
        Ok(())
    }

    pub(super) fn handle_ring_state(&mut self, state: Option<NotificationState>, now: Instant) -> Step {
        // Where whoever calls was not told that it rings yet, and a signaling server says no more of them.
        let mut unseen = None;
        let pause = match &mut self.phase {
            Phase::Watching { ask_at, .. } => {
                *ask_at = Some(now + ASK_OUTSIDE);
                true
            }
            Phase::Inside(inside) => match &mut inside.standing {
                Standing::Ringing(watch) => {
                    watch.ask_at = Some(now + ASK_INSIDE);
                    unseen = (!watch.caller_seen && inside.census.is_some()).then(|| inside.room.clone());
                    true
                }
                Standing::Joining { .. } | Standing::InCall(_) => false,
            },
            Phase::Idle | Phase::Entering(_) => false,
        };
        match state {
            Some(NotificationState::Ended) if pause => self.withdrawn(Outcome::Missed),
            Some(NotificationState::Settled) if pause => self.withdrawn(Outcome::AnsweredElsewhere),
            Some(_) | None => {
                if let Some(room) = unseen {
                    self.ask_peers(room);
                }
                Ok(())
            }
        }
    }

    /// What rang does not any more.
    fn withdrawn(&self, outcome: Outcome) -> Step {
        self.tell(outcome.into());
        Err(Over::Withdrawn(outcome))
    }

    /// Our session in the room is gone: we were put out, or we were away for too long.
    pub(super) fn session_gone(&mut self, after_outage: bool) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Inside(inside) = phase else {
            self.phase = phase;
            return Ok(());
        };
        let goal = match &inside.standing {
            Standing::Ringing(_) if after_outage => Some(Goal::Ring),
            // Those we were talking to need not be rung again.
            Standing::Joining { media, .. } if after_outage => {
                Some(Goal::Call { media: *media, silent: false })
            }
            Standing::InCall(call) if after_outage => {
                Some(Goal::Call { media: call.media, silent: call.others_seen })
            }
            Standing::Ringing(_) | Standing::Joining { .. } | Standing::InCall(_) => None,
        };
        let Some(goal) = goal else {
            let rings = matches!(inside.standing, Standing::Ringing(_));
            self.phase = Phase::Inside(inside);
            if rings {
                return self.withdrawn(Outcome::Missed);
            }
            self.tell(SignalingEvent::CallEnded(CallEndedBy::Moderator));
            return Err(Over::ByItself);
        };
        tracing::info!("our session was lost in an outage, entering again");
        let room = inside.room.clone();
        self.spawn_enter(CallTarget::Room(room.clone()));
        self.phase = Phase::Entering(Entering {
            goal,
            room: Some(room),
            before: Some(inside),
            attempts: 1,
            retry_at: None,
        });
        Ok(())
    }

    pub(super) fn ask_ring_state(&self, room: RoomId) {
        let (account, session, facts) = (self.account.clone(), self.session.clone(), self.facts.clone());
        tokio::spawn(async move {
            // An unknown server is asked the modern way; the answer of an old one then says that nothing rings.
            let supported = account.has_feature("call-notification-state-api").await.unwrap_or(true);
            let state = session.notification_state(room.as_str(), account.user_id(), supported).await.ok();
            let _ = facts.send(Input::RingState(state)).await;
        });
    }

    /// Fetches the member list when somebody's name is missing.
    pub(super) fn ask_names(&mut self, now: Instant) {
        let Phase::Inside(inside) = &mut self.phase else { return };
        let Standing::InCall(call) = &mut inside.standing else { return };
        // The member list is not a guest's to see; names come from the others themselves.
        if self.account.is_guest() {
            return;
        }
        let recent = call.names_asked.is_some_and(|asked| now < asked + NAMES_PAUSE);
        if recent || !inside.roster.is_anyone_nameless() {
            return;
        }
        call.names_asked = Some(now);
        let (session, facts, room) = (self.session.clone(), self.facts.clone(), inside.room.clone());
        tokio::spawn(async move {
            if let Ok(members) = session.participants(room.as_str()).await {
                let _ = facts.send(Input::Names(members)).await;
            }
        });
    }

    pub(super) fn follow(&mut self, fate: CallFate) -> Step {
        let by = match fate {
            CallFate::GoesOn => return Ok(()),
            CallFate::Deserted => CallEndedBy::Remote,
            CallFate::PutOut => CallEndedBy::Moderator,
        };
        self.tell(SignalingEvent::CallEnded(by));
        Err(Over::ByItself)
    }
}
