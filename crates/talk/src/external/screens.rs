//! Shared screens in a call with a media server: pure rules, told the time (talk-signaling section 6.7).
//!
//! Whoever shares publishes once, on a link of its own beside that of the person, and then has the server offer it to
//! each of the others, to those who come later too. Whoever receives asks for it only when the path was lost.
//!
//! ```text
//!   ours:            Idle ─ shared ─▶ Offering ─ answer ─▶ Sending ─ connected ─▶ `sendoffer` to each
//!                     ▲                  │ refused, no answer  │ path lost
//!                     └─ unshared        └──▶ Resting ◀────────┘
//!
//!   theirs, of each: Idle ─ offer ─▶ Receiving ─ path lost ─▶ Waiting ─▶ Asking ─ offer ─▶ Receiving
//!                     ▲                                          ▲           │ refused, silence
//!                     └── unshared, they leave, asked too often ─┴───────────┘
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bellbird_call::{IceCandidate, LinkDirection, LinkId, LinkRole, SessionDescription};
use bellbird_talk_wire::constants::{MAX_PARTICIPANTS, MAX_SESSION_ID_BYTES};
use bellbird_talk_wire::{Candidate, PeerBody};

use super::early::EarlyCandidates;
use super::mcu::{ANSWER_LIMIT, CONNECT_LIMIT, MAX_CANDIDATES, OFFER_LIMIT, pause};
use super::subscription::{Publisher, Subscription};
use crate::mesh::{Attempts, EarlyMessages};
use crate::screen::{self, ScreenOutput};
use crate::translate;

/// The server ends a screen a second after it was told to, whichever it is by then: only after that may another follow.
const REST: Duration = Duration::from_millis(2500);
/// How often somebody's lost screen is asked for, and how often the server is asked to offer ours to somebody.
const MAX_TRIES: u32 = 6;

/// The rules of one call.
pub(crate) struct ServedScreens {
    own_session: String,
    own_name: String,
    sharing: bool,
    publisher: Publisher,
    publish_failures: u32,
    publish_candidates: u32,
    /// Everyone else in the call.
    members: BTreeMap<String, Member>,
    early: EarlyCandidates,
    /// Offers of those who are not seen in the call yet.
    early_offers: EarlyMessages,
    next_link: u64,
    next_sid: u64,
    next_request: u64,
    outputs: VecDeque<ScreenOutput>,
}

struct Member {
    invitation: Invitation,
    /// Their screen.
    state: Subscription,
    failures: u32,
    candidates: u32,
    attempts: Attempts,
}

/// How far the server was asked to offer our screen to somebody.
enum Invitation {
    /// Not yet, or in vain.
    None,
    /// It was, by this message; that it was done shows only by its not being refused.
    Sent { request: u64, failures: u32 },
    /// It was refused, and is asked again then.
    Refused { until: Instant, failures: u32 },
}

impl ServedScreens {
    /// Rules for the session `own_session`; `sid_seed` as for [`super::Mcu::new`].
    pub(crate) fn new(own_session: &str, own_name: &str, sid_seed: u64) -> Self {
        Self {
            own_session: own_session.to_owned(),
            own_name: own_name.to_owned(),
            sharing: false,
            publisher: Publisher::Idle { not_before: None },
            publish_failures: 0,
            publish_candidates: 0,
            members: BTreeMap::new(),
            early: EarlyCandidates::default(),
            early_offers: EarlyMessages::default(),
            next_link: screen::FIRST_LINK,
            next_sid: sid_seed,
            // Apart from the numbers of messages about people.
            next_request: screen::FIRST_LINK,
            outputs: VecDeque::new(),
        }
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<ScreenOutput> {
        self.outputs.pop_front()
    }

    /// When [`ServedScreens::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let members = self.members.values();
        let theirs = members.flat_map(|member| [member.state.deadline(), member.invitation.deadline()]);
        let own = [self.publisher.deadline(), self.early.deadline(), self.early_offers.deadline()];
        theirs.chain(own).flatten().min()
    }

    /// Our session was replaced after an outage: the server knows nothing of our links any more.
    pub(crate) fn rejoin(&mut self, own_session: &str, now: Instant) {
        own_session.clone_into(&mut self.own_session);
        for member in std::mem::take(&mut self.members).into_values() {
            self.close(member.state.link());
        }
        let link = self.publisher.link();
        self.publisher = Publisher::Idle { not_before: None };
        self.close(link);
        self.review(now);
    }

    /// We share a screen from now on, or no more.
    pub(crate) fn share(&mut self, sharing: bool, now: Instant) {
        if std::mem::replace(&mut self.sharing, sharing) != sharing {
            self.review(now);
        }
    }

    /// Everyone else in the call. Those missing have left.
    pub(crate) fn set_members<'a>(&mut self, members: impl Iterator<Item = &'a str>, now: Instant) {
        let mut before = std::mem::take(&mut self.members);
        let mut come = Vec::new();
        for session in members.take(MAX_PARTICIPANTS) {
            if session == self.own_session || session.len() > MAX_SESSION_ID_BYTES {
                continue;
            }
            let member = before.remove(session).unwrap_or_else(|| {
                come.push(session.to_owned());
                Member {
                    invitation: Invitation::None,
                    state: Subscription::Idle,
                    failures: 0,
                    candidates: 0,
                    attempts: Attempts::new(now),
                }
            });
            self.members.insert(session.to_owned(), member);
        }
        for member in before.into_values() {
            self.close(member.state.link());
        }
        for session in come {
            self.invite(&session);
            for message in self.early_offers.take(&session) {
                if let PeerBody::Offer { sdp, .. } = message.body {
                    self.offered(&session, message.sid, sdp, now);
                }
            }
        }
        self.review(now);
    }

    /// A message about a screen. Those of the server about ours come from ourselves.
    pub(crate) fn handle_message(
        &mut self,
        from: &str,
        sid: Option<String>,
        broadcaster: Option<String>,
        body: PeerBody,
        now: Instant,
    ) {
        let sid = sid.unwrap_or_default();
        // Of anybody's screen but their own, nobody has a say.
        if !screen::is_sane(from, &sid, &body) || broadcaster.is_some_and(|broadcaster| broadcaster != from) {
            return;
        }
        match body {
            PeerBody::Answer { sdp, .. } if from == self.own_session => self.answered(&sid, sdp, now),
            PeerBody::Offer { .. } if from == self.own_session => {}
            PeerBody::Offer { .. } if !self.members.contains_key(from) => {
                self.early_offers.keep(from, sid, body, now);
            }
            PeerBody::Offer { sdp, .. } => self.offered(from, sid, sdp, now),
            PeerBody::Candidate(candidate) => self.candidate(from, sid, candidate, now),
            PeerBody::UnshareScreen => {
                self.early_offers.take(from);
                self.forget(from);
            }
            // The server answers for everyone, so there is nothing else to a link.
            _ => {}
        }
    }

    /// The server refused a message.
    pub(crate) fn refused(&mut self, request: u64, now: Instant) {
        if self.publisher.is_about(request) {
            tracing::info!("the media server does not take our screen yet");
            return self.rest(now);
        }
        let asked = self.members.iter().find(|(_, member)| member.state.is_about(request));
        if let Some(session) = asked.map(|(session, _)| session.clone()) {
            return self.wait(&session, now);
        }
        for member in self.members.values_mut() {
            match member.invitation {
                Invitation::Sent { request: sent, failures } if sent == request => {
                    member.invitation = if failures + 1 < MAX_TRIES {
                        Invitation::Refused { until: now + pause(failures), failures: failures + 1 }
                    } else {
                        Invitation::None
                    };
                    return;
                }
                Invitation::Sent { .. } | Invitation::Refused { .. } | Invitation::None => {}
            }
        }
    }

    /// Our media engine's description of a link.
    pub(crate) fn local_description(&mut self, link: LinkId, description: SessionDescription, now: Instant) {
        let request = self.next_request;
        let nick = Some(self.own_name.clone()).filter(|name| !name.is_empty());
        if self.publisher.link() == Some(link) {
            let SessionDescription::Offer(sdp) = description else { return };
            // A later offer on the same connection would not be understood: a new one is made instead.
            let Some(sid) = self.publisher.offering(request) else { return self.rest(now) };
            self.next_request += 1;
            let own = self.own_session.clone();
            return self.send(Some(own.clone()), sid, own, PeerBody::Offer { sdp, nick }, Some(request));
        }
        let SessionDescription::Answer(sdp) = description else { return };
        let found = self.members.iter_mut().find(|(_, member)| member.state.link() == Some(link));
        let Some((session, member)) = found else { return };
        let Some(sid) = member.state.answering(request) else { return };
        self.next_request += 1;
        let session = session.clone();
        let body = PeerBody::Answer { sdp, nick };
        self.send(Some(session.clone()), sid, session, body, Some(request));
    }

    /// A candidate of ours.
    pub(crate) fn local_candidate(&mut self, link: LinkId, candidate: IceCandidate) {
        let target = if self.publisher.link() == Some(link) {
            self.publisher.sid().map(|sid| (self.own_session.clone(), sid.to_owned()))
        } else {
            let found = self.members.iter().find(|(_, member)| member.state.link() == Some(link));
            found.and_then(|(session, member)| Some((session.clone(), member.state.sid()?.to_owned())))
        };
        let Some((session, sid)) = target else { return };
        let body = PeerBody::Candidate(translate::candidate_to_wire(candidate));
        self.send(Some(session.clone()), sid, session, body, None);
    }

    /// Packets can flow on a link. Returns whose screen it carries, when it is not ours.
    pub(crate) fn link_connected(&mut self, link: LinkId) -> Option<String> {
        if self.publisher.link() == Some(link) {
            let first = !self.publisher.is_connected();
            self.publisher.connected();
            self.publish_failures = 0;
            if first && self.publisher.is_connected() {
                for session in self.members.keys().cloned().collect::<Vec<_>>() {
                    self.invite(&session);
                }
            }
            return None;
        }
        let found = self.members.iter_mut().find(|(_, member)| member.state.link() == Some(link));
        let (session, member) = found?;
        member.state.connected();
        member.failures = 0;
        Some(session.clone())
    }

    /// A link's path was lost, or it cannot be kept: another takes its place while that has a chance.
    pub(crate) fn renew(&mut self, link: LinkId, now: Instant) {
        if self.publisher.link() == Some(link) {
            return self.rest(now);
        }
        let found = self.members.iter().find(|(_, member)| member.state.link() == Some(link));
        if let Some(session) = found.map(|(session, _)| session.clone()) {
            self.wait(&session, now);
        }
    }

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.early.expire(now);
        self.early_offers.expire(now);
        if self.publisher.deadline().is_some_and(|deadline| deadline <= now) {
            match &self.publisher {
                Publisher::Offering { .. } | Publisher::Sending { .. } => self.rest(now),
                Publisher::Resting { .. } | Publisher::Idle { .. } => {
                    self.publisher = Publisher::Idle { not_before: None };
                    self.review(now);
                }
            }
        }
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        for session in self.members.keys().cloned().collect::<Vec<_>>() {
            let Some(member) = self.members.get(&session) else { continue };
            if is_due(member.invitation.deadline()) {
                self.invite(&session);
            }
            let Some(member) = self.members.get(&session) else { continue };
            match &member.state {
                Subscription::Waiting { until } if *until <= now => self.ask(&session, now),
                Subscription::Asking { until, .. } | Subscription::Receiving { until: Some(until), .. }
                    if *until <= now =>
                {
                    self.wait(&session, now);
                }
                Subscription::Idle
                | Subscription::Waiting { .. }
                | Subscription::Asking { .. }
                | Subscription::Receiving { .. } => {}
            }
        }
    }

    /// Publishes when a screen is shared and somebody is there to see it; stops when it is shared no more.
    fn review(&mut self, now: Instant) {
        match &self.publisher {
            Publisher::Idle { not_before } => {
                if !self.sharing || self.members.is_empty() {
                    return;
                }
                if let Some(until) = not_before.filter(|until| *until > now) {
                    self.publisher = Publisher::Resting { until };
                    return;
                }
                let (link, sid) = (LinkId(self.next_link), self.next_sid.to_string());
                self.next_link += 1;
                self.next_sid += 1;
                self.publish_candidates = 0;
                let until = now + ANSWER_LIMIT;
                self.publisher = Publisher::Offering { link, sid, request: None, until };
                let open = screen::link(link, None, LinkRole::Offerer, LinkDirection::SendOnly);
                self.outputs.push_back(ScreenOutput::Open(open));
            }
            Publisher::Resting { until } => {
                if !self.sharing {
                    self.publisher = Publisher::Idle { not_before: Some(*until) };
                    self.tell_everyone();
                }
            }
            Publisher::Offering { .. } | Publisher::Sending { .. } => {
                if !self.sharing {
                    self.tell_everyone();
                    self.unpublish();
                    self.publish_failures = 0;
                    self.publisher = Publisher::Idle { not_before: Some(now + REST) };
                }
            }
        }
    }

    /// Ends what we publish, to publish anew after a while.
    fn rest(&mut self, now: Instant) {
        let rest = REST.max(pause(self.publish_failures));
        self.publish_failures = self.publish_failures.saturating_add(1);
        self.unpublish();
        self.publisher = Publisher::Resting { until: now + rest };
    }

    /// Our screen is not shared any more.
    fn tell_everyone(&mut self) {
        let own = self.own_session.clone();
        self.send(None, String::new(), own, PeerBody::UnshareScreen, None);
    }

    /// Closes our link, and has the server forget what it knows of it: it would answer a new one under the old name.
    fn unpublish(&mut self) {
        let link = self.publisher.link();
        for member in self.members.values_mut() {
            member.invitation = Invitation::None;
        }
        let own = self.own_session.clone();
        self.send(Some(own.clone()), String::new(), own, PeerBody::UnshareScreen, None);
        self.close(link);
    }

    /// Has the server offer our screen to somebody, once it is there.
    fn invite(&mut self, session: &str) {
        if !self.publisher.is_connected() {
            return;
        }
        let request = self.next_request;
        let Some(member) = self.members.get_mut(session) else { return };
        let failures = match member.invitation {
            Invitation::None | Invitation::Sent { .. } => 0,
            Invitation::Refused { failures, .. } => failures,
        };
        member.invitation = Invitation::Sent { request, failures };
        self.next_request += 1;
        let own = self.own_session.clone();
        self.send(Some(session.to_owned()), String::new(), own, PeerBody::SendOffer, Some(request));
    }

    /// Asks the server for somebody's screen.
    fn ask(&mut self, session: &str, now: Instant) {
        let request = self.next_request;
        let Some(member) = self.members.get_mut(session) else { return };
        self.next_request += 1;
        member.state = Subscription::Asking { request, until: now + OFFER_LIMIT };
        let session = session.to_owned();
        self.send(Some(session.clone()), String::new(), session, PeerBody::RequestOffer, Some(request));
    }

    /// Ends what there is of somebody's screen, to ask anew after a while; asked too often, it is there no more.
    fn wait(&mut self, session: &str, now: Instant) {
        let Some(member) = self.members.get_mut(session) else { return };
        let link = member.state.link();
        member.state = if member.failures < MAX_TRIES {
            Subscription::Waiting { until: now + pause(member.failures) }
        } else {
            Subscription::Idle
        };
        member.failures = member.failures.saturating_add(1);
        self.close(link);
    }

    /// Somebody shares no more.
    fn forget(&mut self, session: &str) {
        let Some(member) = self.members.get_mut(session) else { return };
        let link = member.state.link();
        member.state = Subscription::Idle;
        member.failures = 0;
        self.close(link);
    }

    fn answered(&mut self, sid: &str, sdp: String, now: Instant) {
        if let Some(link) = self.publisher.answered(sid, now + CONNECT_LIMIT) {
            self.outputs.push_back(ScreenOutput::Description(link, SessionDescription::Answer(sdp)));
            self.use_early(&self.own_session.clone(), sid);
        } else if self.publisher.is_offered() {
            tracing::info!("the media server answers for a screen we published before");
            self.rest(now);
        }
    }

    fn offered(&mut self, session: &str, sid: String, sdp: String, now: Instant) {
        let Some(member) = self.members.get_mut(session) else { return };
        if !member.attempts.spend_theirs(now) {
            return;
        }
        let old = member.state.link();
        let same = old.filter(|_| member.state.sid() == Some(sid.as_str()));
        let link = match same {
            // The same connection with another picture.
            Some(link) => link,
            None => {
                let link = LinkId(self.next_link);
                self.next_link += 1;
                member.candidates = 0;
                let until = Some(now + CONNECT_LIMIT);
                member.state = Subscription::Receiving { link, sid: sid.clone(), answer: None, until };
                self.close(old);
                let role = LinkRole::Answerer;
                let open = screen::link(link, Some(session), role, LinkDirection::ReceiveOnly);
                self.outputs.push_back(ScreenOutput::Open(open));
                link
            }
        };
        self.outputs.push_back(ScreenOutput::Description(link, SessionDescription::Offer(sdp)));
        self.use_early(session, &sid);
    }

    fn candidate(&mut self, from: &str, sid: String, candidate: Candidate, now: Instant) {
        let (link, current, taken) = if from == self.own_session {
            (self.publisher.link(), self.publisher.sid(), &mut self.publish_candidates)
        } else if let Some(member) = self.members.get_mut(from) {
            (member.state.link(), member.state.sid(), &mut member.candidates)
        } else {
            return self.early.keep(from, sid, candidate, now);
        };
        match (link, current) {
            (Some(link), Some(current)) if sid.is_empty() || sid == current => {
                if *taken < MAX_CANDIDATES {
                    *taken += 1;
                    let candidate = translate::candidate_from_wire(candidate);
                    self.outputs.push_back(ScreenOutput::Candidate(link, candidate));
                }
            }
            _ => self.early.keep(from, sid, candidate, now),
        }
    }

    fn use_early(&mut self, from: &str, sid: &str) {
        let link = if from == self.own_session {
            self.publisher.link()
        } else {
            self.members.get(from).and_then(|member| member.state.link())
        };
        let Some(link) = link else { return };
        for candidate in self.early.take(from, sid) {
            let candidate = translate::candidate_from_wire(candidate);
            self.outputs.push_back(ScreenOutput::Candidate(link, candidate));
        }
    }

    fn send(
        &mut self,
        to: Option<String>,
        sid: String,
        broadcaster: String,
        body: PeerBody,
        request: Option<u64>,
    ) {
        self.outputs.push_back(ScreenOutput::Send { to, sid, broadcaster, body, request });
    }

    fn close(&mut self, link: Option<LinkId>) {
        if let Some(link) = link {
            self.outputs.push_back(ScreenOutput::Close(link));
        }
    }
}

impl Invitation {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Refused { until, .. } => Some(*until),
            Self::None | Self::Sent { .. } => None,
        }
    }
}

#[cfg(test)]
#[path = "screens_tests.rs"]
mod tests;
