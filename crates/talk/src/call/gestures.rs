//! Raised hands, reactions, asking others to mute or to come: what a call is beside its links (talk-signaling
//! section 3).

use std::time::{SystemTime, UNIX_EPOCH};

use bellbird_call::ports::{Problem, ProblemCode, SignalingEvent, SignalingSink};
use bellbird_call::{ContactId, MAX_REACTIONS, MediaKind, ParticipantId, Reaction, RoomFacts, VideoSwitch};
use bellbird_talk_wire::constants::{
    ACTOR_USERS, PARTICIPANT_MODERATOR, PARTICIPANT_OWNER, RECORDING_UNDERWAY, ROOM_GROUP, ROOM_PUBLIC,
};
use bellbird_talk_wire::{PeerBody, PeerMessage, Room, SwitchName};

use super::input::Input;
use super::inside::{Inside, Standing};
use super::leaving::message;
use super::rights::Rights;
use super::task::{CallTask, Entering, Phase};
use crate::account::TalkAccount;
use crate::rest::{RestError, Session, Subject};
use crate::translate;

impl CallTask {
    /// Asks for what completes the facts of a room: the emojis come with the server's capabilities, which mostly are
    /// known.
    pub(super) fn ask_reactions(&self) {
        let (account, facts) = (self.account.clone(), self.facts.clone());
        tokio::spawn(async move {
            // A closed channel means that the call is over.
            let _ = facts.send(Input::Reactions(reactions(&account).await)).await;
        });
    }

    /// The facts of the room are complete.
    pub(super) fn learn_reactions(&mut self, reactions: Vec<Reaction>) {
        let inside = match &mut self.phase {
            Phase::Inside(inside) | Phase::Entering(Entering { before: Some(inside), .. }) => inside,
            Phase::Entering(_) | Phase::Idle | Phase::Watching { .. } => return,
        };
        inside.facts.reactions = reactions;
        inside.facts_told = true;
        (self.sink)(SignalingEvent::Facts(inside.facts.clone()));
    }

    /// Adds somebody and rings them, in the background of the call.
    pub(super) fn add_person(&self, who: ContactId) {
        let Phase::Inside(inside) = &self.phase else { return };
        let (account, session, sink) = (self.account.clone(), self.session.clone(), self.sink.clone());
        let token = inside.room.as_str().to_owned();
        tokio::spawn(async move {
            sink(match add(&account, &session, &token, &who).await {
                Ok(()) => SignalingEvent::PersonAdded(who),
                Err(problem) => SignalingEvent::Trouble(problem),
            });
        });
    }

    pub(super) fn inside(&mut self) -> Option<&mut Inside> {
        match &mut self.phase {
            Phase::Inside(inside) => Some(inside),
            Phase::Idle | Phase::Entering(_) | Phase::Watching { .. } => None,
        }
    }
}

impl Inside {
    /// Tells everyone in the call whether our hand is raised, and keeps it for those who come later.
    pub(super) fn announce_hand(&mut self, raised: bool) {
        self.hand = match (raised, self.hand) {
            // Told again after an outage: our place among the raised hands stays.
            (true, Some(since)) => Some(since),
            (true, None) => Some(unix_ms()),
            (false, _) => None,
        };
        self.tell_call(&hand_message(self.hand));
    }

    /// Shows everyone in the call an emoji.
    pub(super) fn send_reaction(&self, reaction: &Reaction) {
        self.tell_call(&PeerBody::Reaction { reaction: reaction.as_str().to_owned() });
    }

    /// Tells everyone in the call that somebody shall be silent, that one included.
    pub(super) fn ask_to_mute(&self, who: &ParticipantId, sink: &SignalingSink) {
        if !self.roster.is_in_call(who.as_str()) {
            return;
        }
        let body = PeerBody::ForceMute { peer_id: who.as_str().to_owned() };
        for (session, _) in self.roster.in_call() {
            self.tell(session, body.clone());
        }
        sink(SignalingEvent::RemoteMute { participant: who.clone(), kind: MediaKind::Audio, muted: true });
    }

    /// Tells somebody who came later about our hand; a lowered one need not be told.
    pub(super) fn tell_hand(&self, session: &str) {
        if self.hand.is_some() {
            self.tell(session, hand_message(self.hand));
        }
    }

    /// Somebody in the call raised or lowered their hand.
    pub(super) fn remote_hand(&self, from: &str, raised: bool, timestamp: i64, sink: &SignalingSink) {
        let Standing::InCall(_) = &self.standing else { return };
        let since = raised.then(|| timestamp.unsigned_abs());
        sink(SignalingEvent::RemoteHand { participant: ParticipantId::new(from), since });
    }

    /// Somebody in the call reacts, by what may be any text.
    pub(super) fn remote_reaction(&self, from: &str, text: &str, sink: &SignalingSink) {
        let Standing::InCall(_) = &self.standing else { return };
        if let Some(reaction) = Reaction::new(text) {
            sink(SignalingEvent::RemoteReaction { participant: ParticipantId::new(from), reaction });
        }
    }

    /// Tells somebody in the call something about going to video.
    pub(super) fn send_switch(&self, to: &ParticipantId, word: VideoSwitch) {
        let Standing::InCall(_) = &self.standing else { return };
        if self.roster.is_in_call(to.as_str()) {
            self.tell(to.as_str(), PeerBody::VideoSwitch(translate::switch_to_wire(word)));
        }
    }

    /// Somebody in the call says something about going to video.
    pub(super) fn remote_switch(&self, from: &str, name: SwitchName, sink: &SignalingSink) {
        let Standing::InCall(_) = &self.standing else { return };
        let (participant, word) = (ParticipantId::new(from), translate::switch_from_wire(name));
        sink(SignalingEvent::RemoteVideoSwitch { participant, word });
    }

    fn tell_call(&self, body: &PeerBody) {
        let Standing::InCall(_) = &self.standing else { return };
        if self.line.reaches_call() {
            let message = PeerMessage { to: None, ..message(String::new(), None, body.clone()) };
            if !self.line.send(message, None) {
                tracing::warn!("the outbox is full, a peer message was dropped");
            }
        } else {
            for (session, _) in self.roster.in_call() {
                self.tell(session, body.clone());
            }
        }
    }
}

/// What a room is and lets us do, but for its emojis.
pub(super) fn facts_of(room: &Room, media_server: bool) -> RoomFacts {
    let several = matches!(room.kind, ROOM_GROUP | ROOM_PUBLIC);
    let moderator = matches!(room.participant_type, PARTICIPANT_OWNER | PARTICIPANT_MODERATOR);
    let rights = Rights::of(room.permissions);
    RoomFacts {
        moderator,
        may_add: moderator && several,
        open_by_link: room.kind == ROOM_PUBLIC,
        mesh: !media_server,
        may_publish_video: rights.video,
        may_share_screen: rights.screen,
        recorded: RECORDING_UNDERWAY.contains(&room.call_recording),
        reactions: Vec::new(),
    }
}

fn hand_message(hand: Option<i64>) -> PeerBody {
    PeerBody::RaiseHand { state: hand.is_some(), timestamp: hand.unwrap_or_else(unix_ms) }
}

/// The clock others order raised hands by.
fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The emojis the server supports; none where it cannot be asked.
async fn reactions(account: &TalkAccount) -> Vec<Reaction> {
    let Ok(reply) = account.capabilities(false).await else { return Vec::new() };
    let Some(spreed) = &reply.capabilities.spreed else { return Vec::new() };
    let supported = spreed.config.call.supported_reactions.iter();
    supported.filter_map(|text| Reaction::new(text)).take(MAX_REACTIONS).collect()
}

/// Makes somebody a member, and rings them where the server can do that (talk-rest sections 3.5 and 5): a server that
/// cannot tells them of the conversation all the same.
async fn add(account: &TalkAccount, session: &Session, token: &str, who: &ContactId) -> Result<(), Problem> {
    let refused = |error: RestError| error.into_problem(Subject::Person);
    session.add_participant(token, who.as_str()).await.map_err(refused)?;
    if !account.has_feature("send-call-notification").await? {
        return Ok(());
    }
    let members = session.participants(token).await.map_err(refused)?;
    let is_meant = |member: &&bellbird_talk_wire::Participant| {
        member.actor_type == ACTOR_USERS && member.actor_id == who.as_str()
    };
    let Some(member) = members.iter().find(is_meant) else {
        return Err(Problem::new(ProblemCode::UnknownUser, "the server did not add them"));
    };
    // Who is in the call already need not be rung.
    if member.in_call != 0 {
        return Ok(());
    }
    session.ring_attendee(token, member.attendee_id).await.map_err(refused)
}
