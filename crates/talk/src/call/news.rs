//! What a signaling server tells.

use std::time::{Duration, Instant};

use bellbird_call::ports::SignalingEvent;
use bellbird_call::{CallTarget, LinkId, ParticipantId, RoomId};
use bellbird_talk_wire::constants::{MAX_SESSION_ID_BYTES, RECORDING_UNDERWAY};
use bellbird_talk_wire::{CallPeer, ServerEvent};

use super::input::Input;
use super::inside::{Inside, Standing};
use super::leaving::Leaving;
use super::task::{CallTask, Goal, Phase, Step};
use crate::external::News;
use crate::internal::LineEvent;

/// How long someone in the room is waited for.
const SEE_LIMIT: Duration = Duration::from_secs(3);

impl CallTask {
    pub(super) fn handle_news(&mut self, news: News, now: Instant) -> Step {
        match news {
            News::Interrupted => self.handle_line(LineEvent::Interrupted, now),
            News::Restored => self.handle_line(LineEvent::Restored, now),
            News::Gone { after_outage } => self.handle_line(LineEvent::Gone { after_outage }, now),
            News::Replaced => self.handle_line(LineEvent::Replaced, now),
            News::Failed(problem) => self.handle_line(LineEvent::Failed(problem), now),
            News::Event(ServerEvent::SwitchTo { room }) => {
                self.switch_to(&room, now);
                Ok(())
            }
            News::Event(ServerEvent::Recording { room: _, status }) => {
                if let Phase::Inside(inside) = &mut self.phase {
                    inside.set_recorded(RECORDING_UNDERWAY.contains(&status), &self.sink);
                }
                Ok(())
            }
            News::Event(event) => {
                let Phase::Inside(inside) = &mut self.phase else { return Ok(()) };
                let Some(census) = &mut inside.census else { return Ok(()) };
                if !census.apply(event) {
                    return Ok(());
                }
                let users = census.users();
                self.handle_users(users, now)
            }
            // The line lets through only what the server vouches for.
            News::Peer { message, control: _ } => {
                if let Phase::Inside(inside) = &mut self.phase {
                    inside.handle_peer(message, &self.sink, now);
                    if let Standing::InCall(call) = &mut inside.standing
                        && call.topology.take_stale()
                    {
                        inside.line.start_anew();
                    }
                }
                Ok(())
            }
            News::Refused { request, code } => {
                if let Phase::Inside(inside) = &mut self.phase
                    && let Standing::InCall(call) = &mut inside.standing
                {
                    call.topology.refused(request, &code, now);
                    call.screens.refused(request, now);
                    inside.drain(&self.sink);
                }
                Ok(())
            }
        }
    }

    /// Who is in the call, as the Nextcloud server says: to those who only ring, the signaling server does not tell, and
    /// it can fail to tell that somebody left.
    pub(super) fn handle_peers(&mut self, peers: &[CallPeer], now: Instant) -> Step {
        let Phase::Inside(inside) = &mut self.phase else { return Ok(()) };
        let Some(census) = &mut inside.census else { return Ok(()) };
        match &mut inside.standing {
            Standing::Ringing(_) => {}
            Standing::Joining { .. } => return Ok(()),
            // Until those who come back are back, the list lacks them.
            Standing::InCall(call) if call.returning_until.is_some() => return Ok(()),
            Standing::InCall(call) => {
                let doubted = std::mem::take(&mut call.doubted);
                if !census.dismiss(&doubted, peers) {
                    return Ok(());
                }
                tracing::info!("somebody left the call, which the signaling server did not tell");
                let users = census.users();
                return self.handle_users(users, now);
            }
        }
        census.seed(peers);
        let users = census.users();
        // Too early, or too late: the next question tells.
        let anybody = users.iter().any(|user| user.in_call != 0 && user.session_id != inside.own_session);
        if anybody { self.handle_users(users, now) } else { Ok(()) }
    }

    /// A link cannot be kept (`for_good`), or its path was lost. Behind a signaling server, whoever was heard on it may
    /// have left without our hearing of it.
    pub(super) fn link_lost(&mut self, link: LinkId, for_good: bool, now: Instant) {
        if let Phase::Inside(inside) = &mut self.phase
            && let Standing::InCall(call) = &mut inside.standing
            && inside.census.is_some()
        {
            if let Some(session) = call.topology.session_of(link) {
                call.doubted.insert(session.to_owned());
            }
            if !call.doubted.is_empty() {
                let room = inside.room.clone();
                self.ask_peers(room);
            }
        }
        self.with_call(|call| call.link_lost(link, for_good, now));
    }

    /// Waits until a signaling server has told who is in the room: who declines at once knows nobody to say it to.
    pub(super) async fn see_callers(&mut self, inside: &mut Inside) {
        let Inside { census: Some(census), own_user, .. } = inside else { return };
        let seen = async {
            while census.of_others(own_user).is_empty() {
                match self.next_answer().await {
                    Some(Input::News(line, News::Event(event))) if line == self.line => {
                        census.apply(event);
                    }
                    Some(_) => {}
                    None => return,
                }
            }
        };
        // A caller who is gone by now need not hear it.
        let _ = tokio::time::timeout(SEE_LIMIT, seen).await;
    }

    /// Asks for them.
    pub(super) fn ask_peers(&self, room: RoomId) {
        let (session, facts, number) = (self.session.clone(), self.facts.clone(), self.line);
        tokio::spawn(async move {
            if let Ok(peers) = session.call_peers(room.as_str()).await {
                // A closed channel means that the call is over.
                let _ = facts.send(Input::Peers(number, peers)).await;
            }
        });
    }

    /// A moderator sends us to another room, as from a conversation to one of its breakout rooms: the call goes on
    /// there, with whoever is there.
    fn switch_to(&mut self, room: &str, now: Instant) {
        if room.is_empty() || room.len() > MAX_SESSION_ID_BYTES {
            return;
        }
        let media = match self.standing() {
            Some(Standing::InCall(call)) => call.media,
            Some(Standing::Ringing(_) | Standing::Joining { .. }) | None => return,
        };
        let Phase::Inside(mut inside) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        tracing::info!("sent to another room");
        let gone: Vec<ParticipantId> =
            inside.roster.in_call().map(|(session, _)| ParticipantId::new(session)).collect();
        if let Standing::InCall(call) = &mut inside.standing {
            call.topology.close_all(&inside.own_session);
            call.screens.rejoin(&inside.own_session, now);
        }
        inside.drain(&self.sink);
        for participant in gone {
            self.tell(SignalingEvent::ParticipantLeft(participant));
        }
        let Inside { room: old, line, .. } = *inside;
        let leaving = Leaving {
            account: self.account.clone(),
            session: self.session.clone(),
            token: old.as_str().to_owned(),
            line,
            pending: self.pending.take(),
            call: Some(false),
            farewell: None,
            last_word: None,
        };
        self.account.spawn(leaving.run());
        // Cookies of their own: leaving the old room must not take the new one along.
        self.session = self.account.new_session();
        self.line += 1;
        let room = RoomId::new(room);
        self.engage(room.clone());
        let goal = Goal::Call { media, silent: true };
        self.enter(CallTarget::Room(room.clone()), goal, Some(room));
    }
}
