//! What the call's session asks for.

use std::time::Instant;

use bellbird_call::ports::SignalingCommand;
use bellbird_call::{CallTarget, LeaveScope, MediaKind, MediaKinds, RoomId};
use bellbird_talk_wire::PeerBody;

use super::entering;
use super::input::Input;
use super::inside::Standing;
use super::line::Line;
use super::task::{ASK_OUTSIDE, CallTask, Entering, Goal, Over, Phase, Step};
use crate::external::Admission;
use crate::internal;
use crate::translate;

impl CallTask {
    pub(super) fn handle_command(&mut self, command: SignalingCommand, now: Instant) -> Step {
        match command {
            SignalingCommand::Dial { target, media, silent } => {
                let room = match &target {
                    CallTarget::Room(room) => Some(room.clone()),
                    CallTarget::Contact(contact) => self.account.remembered_room(contact),
                };
                if let Some(room) = &room {
                    self.engage(room.clone());
                }
                self.enter(target, Goal::Call { media, silent }, room);
                Ok(())
            }
            SignalingCommand::Ring(invitation) => {
                let room = invitation.room.clone();
                self.rung_by = self.account.notification_of(&room).map(|id| (id, room.clone()));
                if invitation.one_to_one {
                    self.enter(CallTarget::Room(room.clone()), Goal::Ring, Some(room));
                } else {
                    self.phase = Phase::Watching { invitation, ask_at: Some(now + ASK_OUTSIDE) };
                }
                Ok(())
            }
            SignalingCommand::Accept { media } => self.accept(media),
            SignalingCommand::Decline => self.refuse(PeerBody::Declined),
            SignalingCommand::DeclineEngaged => self.refuse(PeerBody::Busy),
            SignalingCommand::Leave(scope) => self.end(scope),
            SignalingCommand::SendDescription { link, description } => {
                self.with_call(|call| call.local_description(link, description, now));
                Ok(())
            }
            SignalingCommand::SendCandidate { link, candidate } => {
                self.with_call(|call| call.local_candidate(link, candidate));
                Ok(())
            }
            SignalingCommand::GiveUpLink(link) => {
                self.link_lost(link, true, now);
                Ok(())
            }
            SignalingCommand::RenewLink(link) => {
                self.link_lost(link, false, now);
                Ok(())
            }
            SignalingCommand::LinkConnected(link) => {
                if let Phase::Inside(inside) = &mut self.phase {
                    inside.link_connected(link, &self.sink, now);
                }
                Ok(())
            }
            SignalingCommand::AnnounceMute { kind, muted } => {
                match &mut self.phase {
                    Phase::Inside(inside) => inside.announce_mute(kind, muted, &self.sink),
                    Phase::Entering(Entering { before: Some(inside), .. }) => inside.mutes.set(kind, muted),
                    Phase::Entering(_) | Phase::Idle | Phase::Watching { .. } => {}
                }
                self.review_flags();
                Ok(())
            }
            SignalingCommand::ShareScreen(sharing) => {
                self.share_screen(sharing, now);
                Ok(())
            }
            SignalingCommand::SelectLayer { participant, kind, layer } => {
                self.select_layer(&participant, kind, layer);
                Ok(())
            }
            SignalingCommand::AnnounceHand { raised } => {
                match &mut self.phase {
                    Phase::Inside(inside) => inside.announce_hand(raised),
                    Phase::Entering(Entering { before: Some(inside), .. }) => inside.announce_hand(raised),
                    Phase::Entering(_) | Phase::Idle | Phase::Watching { .. } => {}
                }
                Ok(())
            }
            SignalingCommand::SendReaction(reaction) => {
                if let Some(inside) = self.inside() {
                    inside.send_reaction(&reaction);
                }
                Ok(())
            }
            SignalingCommand::SendVideoSwitch { to, word } => {
                if let Some(inside) = self.inside() {
                    inside.send_switch(&to, word);
                }
                Ok(())
            }
            SignalingCommand::AskToMute(who) => {
                let sink = self.sink.clone();
                if let Some(inside) = self.inside() {
                    inside.ask_to_mute(&who, &sink);
                }
                Ok(())
            }
            SignalingCommand::AddPerson(who) => {
                self.add_person(who);
                Ok(())
            }
            SignalingCommand::DataReceived { link, text } => {
                if let Phase::Inside(inside) = &mut self.phase {
                    inside.handle_data(link, &text, &self.sink);
                }
                Ok(())
            }
        }
    }

    pub(super) fn accept(&mut self, media: MediaKinds) -> Step {
        match &mut self.phase {
            Phase::Inside(inside) => {
                if let Standing::Ringing(_) = &inside.standing {
                    inside.standing = Standing::Joining { media, before: None };
                    inside.mutes.set(MediaKind::Video, !media.video);
                    let room = inside.room.clone();
                    self.engage(room);
                    self.join(media, false);
                }
            }
            Phase::Entering(entering) => {
                entering.goal = Goal::Call { media, silent: false };
                if let Some(room) = entering.room.clone() {
                    self.engage(room);
                }
            }
            Phase::Watching { invitation, .. } => {
                let room = invitation.room.clone();
                self.engage(room.clone());
                let goal = Goal::Call { media, silent: false };
                self.enter(CallTarget::Room(room.clone()), goal, Some(room));
            }
            Phase::Idle => {}
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, body: PeerBody) -> Step {
        match &mut self.phase {
            Phase::Entering(entering) => {
                entering.goal = Goal::Refuse(body);
                if let Some(room) = entering.room.clone() {
                    self.put_notification_away(&room);
                    self.engage(room);
                }
                Ok(())
            }
            Phase::Inside(inside) => {
                let room = inside.room.clone();
                self.put_notification_away(&room);
                self.engage(room);
                Err(Over::Refused(body))
            }
            Phase::Watching { invitation, .. } => {
                let room = invitation.room.clone();
                self.put_notification_away(&room);
                self.engage(room);
                Err(Over::ByItself)
            }
            Phase::Idle => Err(Over::ByItself),
        }
    }

    /// Ends the call for good, except that a refusal on its way is still delivered.
    pub(super) fn end(&mut self, scope: LeaveScope) -> Step {
        match &self.phase {
            Phase::Entering(Entering { goal: Goal::Refuse(_), .. }) => Ok(()),
            Phase::Entering(_) | Phase::Idle | Phase::Watching { .. } | Phase::Inside(_) => {
                Err(Over::Ended(scope))
            }
        }
    }

    /// A declined call shall not be shown as missed.
    pub(super) fn put_notification_away(&self, room: &RoomId) {
        if let Some(id) = self.account.notification_of(room) {
            self.account.note_notification(room, None);
            let account = self.account.clone();
            self.account.spawn(async move {
                if let Err(error) = account.session().delete_notification(id).await {
                    tracing::debug!(status = ?error.status(), "the notification was not put away");
                }
            });
        }
    }

    pub(super) fn enter(&mut self, target: CallTarget, goal: Goal, room: Option<RoomId>) {
        self.spawn_enter(target);
        let attempts = 1;
        self.phase = Phase::Entering(Entering { goal, room, before: None, attempts, retry_at: None });
    }

    pub(super) fn spawn_enter(&mut self, target: CallTarget) {
        let (account, session, facts) = (self.account.clone(), self.session.clone(), self.facts.clone());
        let way = self.way.take();
        self.pending = Some(tokio::spawn(async move {
            let entered = Box::pin(entering::enter(account, session, target, way)).await;
            // A closed channel means that the call is over; leaving waits for this task.
            let _ = facts.send(Input::Entered(entered.map(Box::new))).await;
        }));
    }

    /// Opens the line of a room just entered.
    pub(super) fn open_line(&mut self, token: &str, own_session: &str, admission: Option<Admission>) -> Line {
        self.line += 1;
        let (number, facts) = (self.line, self.facts.clone());
        match admission {
            Some(admission) => Line::External(admission.listen(move |news| {
                let facts = facts.clone();
                async move { facts.send(Input::News(number, news)).await.is_ok() }
            })),
            None => {
                let (session, token) = (self.session.clone(), token.to_owned());
                Line::Internal(internal::Line::open(session, token, own_session.to_owned(), move |event| {
                    let facts = facts.clone();
                    async move { facts.send(Input::Line(number, event)).await.is_ok() }
                }))
            }
        }
    }

    pub(super) fn join(&mut self, media: MediaKinds, silent: bool) {
        let Phase::Inside(inside) = &self.phase else { return };
        let join = entering::join(
            self.account.clone(),
            self.session.clone(),
            inside.room.as_str().to_owned(),
            translate::flags(media),
            silent,
            inside.read_only,
            (self.room_consent, self.consent.clone()),
        );
        let facts = self.facts.clone();
        self.pending = Some(tokio::spawn(async move {
            let joined = join.await;
            // As for entering.
            let _ = facts.send(Input::CallJoined(joined)).await;
        }));
    }
}
