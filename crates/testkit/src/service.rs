//! A calling service in one value: rooms, devices, rings, mesh links, shared screens. What a Talk server and its backend do together,
//! reduced to the words of the signaling port.
//!
//! It does no I/O and has no clock: commands go in with the device they come from, what each device is to be told
//! comes out, in order. How long that takes on the way is the test's affair.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bellbird_call::ports::{CallEndedBy, Problem, ProblemCode, SignalingCommand, SignalingEvent};
use bellbird_call::{
    CallTarget, ContactId, Invitation, LeaveScope, Link, LinkDirection, LinkId, LinkRole, LinkSource,
    MediaKinds, ParticipantId, RemoteParticipant, RoomId,
};

/// One device of someone, by its place in [`SimulatedService::new`].
pub type Device = usize;

/// One call of a device: a backend of its own, as it were.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// The device.
    pub device: Device,
    /// Which of its calls, by a number of the test's choosing.
    pub call: u64,
}

/// What a device is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// To the call of this number.
    Event(u64, SignalingEvent),
    /// To its account: someone calls.
    Invited(Invitation),
}

/// The service.
#[derive(Debug)]
pub struct SimulatedService {
    /// Whose each device is.
    owners: Vec<String>,
    groups: BTreeMap<String, Vec<String>>,
    seats: BTreeMap<Line, Seat>,
    links: Vec<Wire>,
    /// Who shares a screen.
    sharing: BTreeSet<Line>,
    joined: u32,
    opened: u64,
    out: VecDeque<(Device, Told)>,
}

/// A line in a room.
#[derive(Clone, Debug)]
struct Seat {
    room: RoomId,
    /// Its id once it is in the call; before, it only watches the call it is rung for.
    session: Option<ParticipantId>,
    media: MediaKinds,
}

/// One end of a mesh link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct End {
    line: Line,
    link: LinkId,
}

/// A link with both its ends.
#[derive(Clone, Debug)]
struct Wire {
    ends: [End; 2],
    /// Whose screen it carries; `None` for people.
    screen_of: Option<Line>,
}

impl SimulatedService {
    /// A service with one device for each name; a name that comes twice has two.
    pub fn new(owners: &[&str]) -> Self {
        Self {
            owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
            groups: BTreeMap::new(),
            seats: BTreeMap::new(),
            links: Vec::new(),
            sharing: BTreeSet::new(),
            joined: 0,
            opened: 0,
            out: VecDeque::new(),
        }
    }

    /// Adds a group conversation.
    pub fn add_group(&mut self, name: &str, members: &[&str]) -> RoomId {
        self.groups.insert(name.to_owned(), members.iter().map(|member| (*member).to_owned()).collect());
        RoomId::new(name)
    }

    /// What is to be told next, and to whom.
    pub fn poll(&mut self) -> Option<(Device, Told)> {
        self.out.pop_front()
    }

    /// A moderator ends the call in a room for everyone.
    pub fn end_by_moderator(&mut self, room: &RoomId) {
        self.end_call(room, None, CallEndedBy::Moderator);
    }

    /// Takes a command of one call of a device.
    pub fn handle(&mut self, from: Line, command: SignalingCommand) {
        match command {
            SignalingCommand::Dial { target, media, silent } => self.dial(from, target, media, silent),
            SignalingCommand::Ring(invitation) => self.ring(from, invitation.room),
            SignalingCommand::Accept { media } => {
                let Some(room) = self.seats.get(&from).map(|seat| seat.room.clone()) else { return };
                let owner = self.owners[from.device].clone();
                self.join(from, room.clone(), media);
                for line in self.watching(&room) {
                    if self.owners[line.device] == owner {
                        self.seats.remove(&line);
                        self.tell(line, SignalingEvent::AnsweredElsewhere);
                    }
                }
            }
            SignalingCommand::Decline => self.refuse(from, &SignalingEvent::RemoteDeclined),
            SignalingCommand::DeclineEngaged => self.refuse(from, &SignalingEvent::RemoteEngaged),
            SignalingCommand::SendDescription { link, description } => {
                if let Some(far) = self.far_end(End { line: from, link }) {
                    self.tell(far.line, SignalingEvent::LinkDescription { link: far.link, description });
                }
            }
            SignalingCommand::SendCandidate { link, candidate } => {
                if let Some(far) = self.far_end(End { line: from, link }) {
                    self.tell(far.line, SignalingEvent::LinkCandidate { link: far.link, candidate });
                }
            }
            SignalingCommand::AnnounceMute { kind, muted } => {
                self.tell_others(from, |participant| SignalingEvent::RemoteMute { participant, kind, muted });
            }
            SignalingCommand::ShareScreen(true) => {
                let Some(Seat { room, session: Some(_), .. }) = self.seats.get(&from).cloned() else {
                    return;
                };
                if self.sharing.insert(from) {
                    for viewer in self.in_call(&room).into_iter().filter(|line| *line != from) {
                        self.show(from, viewer);
                    }
                }
            }
            SignalingCommand::ShareScreen(false) => {
                self.sharing.remove(&from);
                self.close_where(|wire| wire.screen_of == Some(from), None);
            }
            // Everyone sends what they have.
            SignalingCommand::SelectLayer { .. } => {}
            SignalingCommand::AnnounceHand { raised } => {
                let since = raised.then_some(1);
                self.tell_others(from, |participant| SignalingEvent::RemoteHand { participant, since });
            }
            SignalingCommand::SendReaction(reaction) => {
                self.tell_others(from, |participant| SignalingEvent::RemoteReaction {
                    participant,
                    reaction,
                });
            }
            SignalingCommand::SendVideoSwitch { to, word } => {
                let own = self.seats.get(&from).and_then(|seat| seat.session.clone());
                let far = self.seats.iter().find(|(_, seat)| seat.session.as_ref() == Some(&to));
                if let (Some(participant), Some(far)) = (own, far.map(|(line, _)| *line)) {
                    self.tell(far, SignalingEvent::RemoteVideoSwitch { participant, word });
                }
            }
            SignalingCommand::AskToMute(who) => {
                let target = |seat: &Seat| seat.session.as_ref() == Some(&who);
                let target = self.seats.iter().find(|(_, seat)| target(seat)).map(|(line, _)| *line);
                if let Some(line) = target {
                    self.tell(line, SignalingEvent::MuteRequested);
                }
            }
            // Conversations of the simulation have the members they were made with.
            SignalingCommand::AddPerson(_) => {
                let problem = Problem::new(ProblemCode::Forbidden, "nobody can be added here");
                self.tell(from, SignalingEvent::Trouble(problem));
            }
            SignalingCommand::LinkConnected(_) | SignalingCommand::DataReceived { .. } => {}
            // Between two ends a path is restarted on the same link, by whoever offers on it.
            SignalingCommand::RenewLink(_) => {}
            SignalingCommand::GiveUpLink(link) => {
                let given_up = End { line: from, link };
                if let Some(far) = self.far_end(given_up) {
                    self.links.retain(|wire| !wire.ends.contains(&given_up));
                    self.tell(far.line, SignalingEvent::LinkClosed(far.link));
                }
            }
            SignalingCommand::Leave(scope) => self.leave(from, scope),
        }
    }

    /// Tells the others in the call what its session does.
    fn tell_others(&mut self, from: Line, event: impl FnOnce(ParticipantId) -> SignalingEvent) {
        let Some(Seat { room, session: Some(session), .. }) = self.seats.get(&from).cloned() else { return };
        self.tell_call(&room, from, &event(session));
    }

    /// A device begins to ring. By then the call may be over, or answered on another device of the same person.
    fn ring(&mut self, from: Line, room: RoomId) {
        let in_call = self.in_call(&room);
        if in_call.is_empty() {
            return self.tell(from, SignalingEvent::InvitationWithdrawn);
        }
        if in_call.iter().any(|line| self.owners[line.device] == self.owners[from.device]) {
            return self.tell(from, SignalingEvent::AnsweredElsewhere);
        }
        self.seats.insert(from, Seat { room: room.clone(), session: None, media: MediaKinds::NONE });
        self.tell_call(&room, from, &SignalingEvent::RemoteRinging);
    }

    fn dial(&mut self, from: Line, target: CallTarget, media: MediaKinds, silent: bool) {
        let caller = self.owners[from.device].clone();
        let (room, members) = match &target {
            CallTarget::Contact(contact) => {
                let mut pair = [caller.clone(), contact.as_str().to_owned()];
                pair.sort();
                (RoomId::new(pair.join("+")), pair.to_vec())
            }
            CallTarget::Room(room) => match self.groups.get(room.as_str()) {
                Some(members) => (room.clone(), members.clone()),
                None => {
                    let problem = Problem::new(ProblemCode::UnknownRoom, "there is no such conversation");
                    return self.tell(from, SignalingEvent::Failed(problem));
                }
            },
        };
        if members.iter().any(|member| !self.owners.contains(member)) {
            let problem = Problem::new(ProblemCode::UnknownUser, "there is no such person");
            return self.tell(from, SignalingEvent::Failed(problem));
        }
        let one_to_one = matches!(target, CallTarget::Contact(_));
        let first = self.in_call(&room).is_empty();
        self.tell(
            from,
            SignalingEvent::RoomEntered {
                room: room.clone(),
                display_name: if one_to_one { String::new() } else { room.to_string() },
                one_to_one,
                contact: None,
            },
        );
        self.join(from, room.clone(), media);
        if !first || silent {
            return;
        }
        for device in 0..self.owners.len() {
            let owner = &self.owners[device];
            if *owner != caller && members.contains(owner) {
                let invitation = Invitation {
                    room: room.clone(),
                    from: Some(ContactId::new(&caller)),
                    display_name: if one_to_one { caller.clone() } else { room.to_string() },
                    one_to_one,
                    media,
                };
                self.out.push_back((device, Told::Invited(invitation)));
            }
        }
    }

    fn join(&mut self, line: Line, room: RoomId, media: MediaKinds) {
        self.joined += 1;
        let session = ParticipantId::new(format!("{}-{}", self.owners[line.device], self.joined));
        self.tell(line, SignalingEvent::Joined { local: session.clone(), ice_servers: Vec::new() });
        let others = self.in_call(&room);
        self.seats.insert(line, Seat { room, session: Some(session.clone()), media });
        for other in others {
            let (Some(ours), Some(theirs)) = (self.participant(line), self.participant(other)) else {
                continue;
            };
            // Mesh rule: the larger session id offers.
            let (here, there) = if session > theirs.id {
                (LinkRole::Offerer, LinkRole::Answerer)
            } else {
                (LinkRole::Answerer, LinkRole::Offerer)
            };
            let ends = [line, other].map(|line| {
                self.opened += 1;
                End { line, link: LinkId(self.opened) }
            });
            self.links.push(Wire { ends, screen_of: None });
            for (end, participant, role) in [(ends[0], theirs, here), (ends[1], ours, there)] {
                let link = Link {
                    id: end.link,
                    participant: Some(participant.id.clone()),
                    source: LinkSource::Person,
                    role,
                    direction: LinkDirection::SendReceive,
                    may_send: MediaKinds::VIDEO,
                    simulcast: false,
                };
                self.tell(end.line, SignalingEvent::ParticipantJoined(participant));
                self.tell(end.line, SignalingEvent::LinkOpened(link));
            }
            if self.sharing.contains(&other) {
                self.show(other, line);
            }
        }
    }

    /// Opens a link for somebody's screen to somebody.
    fn show(&mut self, sharer: Line, viewer: Line) {
        let (Some(ours), Some(theirs)) = (self.participant(sharer), self.participant(viewer)) else { return };
        let ends = [sharer, viewer].map(|line| {
            self.opened += 1;
            End { line, link: LinkId(self.opened) }
        });
        self.links.push(Wire { ends, screen_of: Some(sharer) });
        for (end, participant, role, direction) in [
            (ends[0], theirs, LinkRole::Offerer, LinkDirection::SendOnly),
            (ends[1], ours, LinkRole::Answerer, LinkDirection::ReceiveOnly),
        ] {
            let link = Link {
                id: end.link,
                participant: Some(participant.id),
                source: LinkSource::Screen,
                role,
                direction,
                may_send: MediaKinds { audio: false, video: direction == LinkDirection::SendOnly },
                simulcast: false,
            };
            self.tell(end.line, SignalingEvent::LinkOpened(link));
        }
    }

    fn refuse(&mut self, from: Line, event: &SignalingEvent) {
        if let Some(seat) = self.seats.remove(&from) {
            self.tell_call(&seat.room, from, event);
        }
    }

    fn leave(&mut self, from: Line, scope: LeaveScope) {
        let Some(Seat { room, session: Some(session), .. }) = self.seats.remove(&from) else { return };
        self.close_links(from);
        match scope {
            LeaveScope::Everyone => self.end_call(&room, Some(from), CallEndedBy::Remote),
            LeaveScope::Us => {
                self.tell_call(&room, from, &SignalingEvent::ParticipantLeft(session));
                if self.in_call(&room).is_empty() {
                    self.withdraw(&room);
                }
            }
        }
    }

    fn end_call(&mut self, room: &RoomId, except: Option<Line>, by: CallEndedBy) {
        for line in self.in_call(room) {
            self.seats.remove(&line);
            self.sharing.remove(&line);
            self.links.retain(|wire| wire.ends.iter().all(|end| end.line != line));
            if Some(line) != except {
                self.tell(line, SignalingEvent::CallEnded(by));
            }
        }
        self.withdraw(room);
    }

    fn withdraw(&mut self, room: &RoomId) {
        for line in self.watching(room) {
            self.seats.remove(&line);
            self.tell(line, SignalingEvent::InvitationWithdrawn);
        }
    }

    fn close_links(&mut self, line: Line) {
        self.sharing.remove(&line);
        self.close_where(|wire| wire.ends.iter().any(|end| end.line == line), Some(line));
    }

    /// Ends some links, and tells both ends but those of `except`.
    fn close_where(&mut self, which: impl Fn(&Wire) -> bool, except: Option<Line>) {
        let (closed, open): (Vec<_>, Vec<_>) = self.links.drain(..).partition(which);
        self.links = open;
        for end in closed.into_iter().flat_map(|wire| wire.ends).filter(|end| Some(end.line) != except) {
            self.tell(end.line, SignalingEvent::LinkClosed(end.link));
        }
    }

    fn far_end(&self, near: End) -> Option<End> {
        let wire = self.links.iter().find(|wire| wire.ends.contains(&near))?;
        wire.ends.iter().copied().find(|end| *end != near)
    }

    fn participant(&self, line: Line) -> Option<RemoteParticipant> {
        let seat = self.seats.get(&line)?;
        Some(RemoteParticipant {
            id: seat.session.clone()?,
            contact: Some(ContactId::new(&self.owners[line.device])),
            display_name: self.owners[line.device].clone(),
            media: seat.media,
        })
    }

    fn in_call(&self, room: &RoomId) -> Vec<Line> {
        self.seated(room, true)
    }

    fn watching(&self, room: &RoomId) -> Vec<Line> {
        self.seated(room, false)
    }

    fn seated(&self, room: &RoomId, in_call: bool) -> Vec<Line> {
        let here = |seat: &Seat| seat.room == *room && seat.session.is_some() == in_call;
        self.seats.iter().filter(|(_, seat)| here(seat)).map(|(line, _)| *line).collect()
    }

    fn tell(&mut self, to: Line, event: SignalingEvent) {
        self.out.push_back((to.device, Told::Event(to.call, event)));
    }

    fn tell_call(&mut self, room: &RoomId, except: Line, event: &SignalingEvent) {
        for line in self.in_call(room).into_iter().filter(|line| *line != except) {
            self.tell(line, event.clone());
        }
    }
}
