//! Shared screens in a call without a media server: pure rules, told the time (talk-signaling section 4.1).
//!
//! Whoever shares makes one link to each of the others, to those who come later too, and offers on all of them. A link
//! goes one way. What is received from somebody is kept apart from what we send to them, and from their person.
//!
//! ```text
//!   ours, to each:    ─ shared ─▶ Offering ─ answer ─▶ Established ─ unshared, they leave ─▶ gone
//!                                  ▲  └─ 10 s without answer, no path: a new offer, a few times ─▶ Abandoned
//!   theirs, of each:  ─ offer ─▶ Established ─ unshared, they leave, given up ─▶ Idle ─ offer ─▶ Established
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use bellbird_call::{IceCandidate, LinkDirection, LinkId, LinkRole, SessionDescription};
use bellbird_talk_wire::constants::{MAX_PARTICIPANTS, MAX_SESSION_ID_BYTES};
use bellbird_talk_wire::{Candidate, PeerBody};

use super::early::EarlyMessages;
use super::peer::{Peer, Stage};
use super::{CONNECT_LIMIT, MAX_CANDIDATES, REOFFER_AFTER};
use crate::screen::{self, ScreenOutput};
use crate::translate;

/// The rules of one call.
pub(crate) struct Screens {
    own_session: String,
    own_name: String,
    sharing: bool,
    /// Everyone else in the call.
    members: BTreeSet<String>,
    /// Our screen, to each of them.
    ours: BTreeMap<String, Peer>,
    /// The screens of others.
    theirs: BTreeMap<String, Peer>,
    early: EarlyMessages,
    next_link: u64,
    next_sid: u64,
    outputs: VecDeque<ScreenOutput>,
}

impl Screens {
    /// Rules for the session `own_session`; `sid_seed` as for [`super::Mesh::new`].
    pub(crate) fn new(own_session: &str, own_name: &str, sid_seed: u64) -> Self {
        Self {
            own_session: own_session.to_owned(),
            own_name: own_name.to_owned(),
            sharing: false,
            members: BTreeSet::new(),
            ours: BTreeMap::new(),
            theirs: BTreeMap::new(),
            early: EarlyMessages::default(),
            next_link: screen::FIRST_LINK,
            next_sid: sid_seed,
            outputs: VecDeque::new(),
        }
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<ScreenOutput> {
        self.outputs.pop_front()
    }

    /// When [`Screens::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.ours.values().filter_map(Peer::deadline).chain(self.early.deadline()).min()
    }

    /// Our session was replaced after an outage, or the call is over for us: every link ends. What is shared is shared
    /// again with whoever is there then.
    pub(crate) fn rejoin(&mut self, own_session: &str) {
        let ours = std::mem::take(&mut self.ours).into_values();
        for peer in ours.chain(std::mem::take(&mut self.theirs).into_values()).collect::<Vec<_>>() {
            self.close(&peer.stage);
        }
        self.members.clear();
        own_session.clone_into(&mut self.own_session);
    }

    /// We share a screen from now on, or no more.
    pub(crate) fn share(&mut self, sharing: bool, now: Instant) {
        if std::mem::replace(&mut self.sharing, sharing) == sharing {
            return;
        }
        if sharing {
            for session in self.members.clone() {
                self.show(&session, now);
            }
            return;
        }
        for session in &self.members {
            self.outputs.push_back(ScreenOutput::Send {
                to: Some(session.clone()),
                sid: String::new(),
                broadcaster: self.own_session.clone(),
                body: PeerBody::UnshareScreen,
                request: None,
            });
        }
        for peer in std::mem::take(&mut self.ours).into_values() {
            self.close(&peer.stage);
        }
    }

    /// Everyone else in the call. Those missing have left.
    pub(crate) fn set_members<'a>(&mut self, members: impl Iterator<Item = &'a str>, now: Instant) {
        let fits = |session: &&str| *session != self.own_session && session.len() <= MAX_SESSION_ID_BYTES;
        let members: BTreeSet<String> =
            members.filter(fits).take(MAX_PARTICIPANTS).map(str::to_owned).collect();
        let before = std::mem::replace(&mut self.members, members);
        for session in before.difference(&self.members.clone()) {
            let gone = self.ours.remove(session).into_iter().chain(self.theirs.remove(session));
            for peer in gone.collect::<Vec<_>>() {
                self.close(&peer.stage);
            }
        }
        for session in self.members.difference(&before).cloned().collect::<Vec<_>>() {
            if self.sharing {
                self.show(&session, now);
            }
            for message in self.early.take(&session) {
                self.handle_theirs(&session, message.sid, message.body, now);
            }
        }
    }

    /// A message about a screen. Those of sessions that are not (yet) in the call are kept for some seconds.
    pub(crate) fn handle_message(
        &mut self,
        from: &str,
        sid: Option<String>,
        broadcaster: Option<String>,
        body: PeerBody,
        now: Instant,
    ) {
        let sid = sid.unwrap_or_default();
        if from == self.own_session || !screen::is_sane(from, &sid, &body) {
            return;
        }
        let named_ours = broadcaster.as_deref() == Some(self.own_session.as_str());
        let named_theirs = broadcaster.as_deref() == Some(from);
        let unnamed = broadcaster.is_none();
        match &body {
            PeerBody::Answer { .. } if named_ours || unnamed => self.handle_ours(from, &sid, body, now),
            PeerBody::Candidate(_) => {
                let ours = self.ours.get(from).and_then(|peer| peer.stage.link());
                if named_ours || (unnamed && ours.is_some_and(|(_, current)| current == sid)) {
                    self.handle_ours(from, &sid, body, now);
                } else if named_theirs || unnamed {
                    self.handle_or_keep(from, sid, body, now);
                }
            }
            PeerBody::Offer { .. } if named_theirs || unnamed => self.handle_or_keep(from, sid, body, now),
            // Of anybody's screen but their own, nobody has a say.
            PeerBody::UnshareScreen if named_theirs || unnamed => {
                self.early.take(from);
                if let Some(peer) = self.theirs.get_mut(from) {
                    let old = std::mem::replace(&mut peer.stage, Stage::Idle);
                    self.close(&old);
                }
            }
            _ => {}
        }
    }

    /// Our media engine's description of a link; goes to its far end.
    pub(crate) fn local_description(&mut self, link: LinkId, description: SessionDescription) {
        let nick = Some(self.own_name.clone()).filter(|name| !name.is_empty());
        let body = match description {
            SessionDescription::Offer(sdp) => {
                let Some((_, peer)) = find(&mut self.ours, link) else { return };
                peer.stage.offered();
                PeerBody::Offer { sdp, nick }
            }
            SessionDescription::Answer(sdp) => PeerBody::Answer { sdp, nick },
        };
        self.send(link, body);
    }

    /// A candidate of ours; goes to the link's far end.
    pub(crate) fn local_candidate(&mut self, link: LinkId, candidate: IceCandidate) {
        self.send(link, PeerBody::Candidate(translate::candidate_to_wire(candidate)));
    }

    /// Packets can flow on a link.
    pub(crate) fn link_connected(&mut self, link: LinkId) {
        if let Some((_, peer)) = find(&mut self.ours, link) {
            peer.stage.connected();
            peer.attempts.reset();
        }
    }

    /// A link cannot be kept. Ours is made anew while that has a chance; theirs is for them to offer again.
    pub(crate) fn give_up(&mut self, link: LinkId, now: Instant) {
        if let Some((session, _)) = find(&mut self.ours, link) {
            return self.offer_anew(&session, now);
        }
        if let Some((_, peer)) = find(&mut self.theirs, link) {
            let old = std::mem::replace(&mut peer.stage, Stage::Idle);
            self.close(&old);
        }
    }

    /// The path of a link was lost. Of theirs, they restart it on the same link.
    pub(crate) fn renew(&mut self, link: LinkId, now: Instant) {
        if let Some((session, _)) = find(&mut self.ours, link) {
            self.offer_anew(&session, now);
        }
    }

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.early.expire(now);
        let is_due = |peer: &Peer| peer.deadline().is_some_and(|deadline| deadline <= now);
        let due = self.ours.iter().filter(|(_, peer)| is_due(peer)).map(|(session, _)| session.clone());
        for session in due.collect::<Vec<_>>() {
            self.offer_anew(&session, now);
        }
    }

    /// Begins to send our screen to somebody.
    fn show(&mut self, session: &str, now: Instant) {
        if !self.ours.contains_key(session) {
            self.ours.insert(session.to_owned(), Peer::new(false, now));
            self.offer_anew(session, now);
        }
    }

    fn offer_anew(&mut self, session: &str, now: Instant) {
        let Some(peer) = self.ours.get_mut(session) else { return };
        let stage = if peer.attempts.spend_own(now) {
            let (link, sid) = (LinkId(self.next_link), self.next_sid.to_string());
            self.next_link += 1;
            self.next_sid += 1;
            peer.candidates = 0;
            Stage::Offering { link, sid, until: now + REOFFER_AFTER }
        } else {
            Stage::Abandoned
        };
        let link = stage.link().map(|(link, _)| link);
        let old = std::mem::replace(&mut peer.stage, stage);
        self.close(&old);
        if let Some(link) = link {
            let open = screen::link(link, Some(session), LinkRole::Offerer, LinkDirection::SendOnly);
            self.outputs.push_back(ScreenOutput::Open(open));
        }
    }

    /// An answer or a candidate for our screen.
    fn handle_ours(&mut self, from: &str, sid: &str, body: PeerBody, now: Instant) {
        let Some(peer) = self.ours.get_mut(from) else { return };
        match body {
            PeerBody::Answer { sdp, .. } => {
                if let Some(link) = peer.stage.answered(sid, now + CONNECT_LIMIT) {
                    peer.candidates = 0;
                    let description = SessionDescription::Answer(sdp);
                    self.outputs.push_back(ScreenOutput::Description(link, description));
                }
            }
            PeerBody::Candidate(candidate) => self.candidate(from, sid, candidate, true),
            _ => {}
        }
    }

    fn handle_or_keep(&mut self, from: &str, sid: String, body: PeerBody, now: Instant) {
        if self.members.contains(from) {
            self.handle_theirs(from, sid, body, now);
        } else {
            self.early.keep(from, sid, body, now);
        }
    }

    /// An offer or a candidate for somebody's screen.
    fn handle_theirs(&mut self, from: &str, sid: String, body: PeerBody, now: Instant) {
        match body {
            PeerBody::Offer { sdp, .. } => self.offered(from, sid, sdp, now),
            PeerBody::Candidate(candidate) => self.candidate(from, &sid, candidate, false),
            _ => {}
        }
    }

    fn offered(&mut self, from: &str, sid: String, sdp: String, now: Instant) {
        let peer = self.theirs.entry(from.to_owned()).or_insert_with(|| Peer::new(true, now));
        if !peer.attempts.spend_theirs(now) {
            return;
        }
        peer.candidates = 0;
        let same = peer.stage.link().filter(|(_, current)| *current == sid).map(|(link, _)| link);
        let link = match same {
            // The same connection anew: an ICE restart.
            Some(link) => link,
            None => {
                let link = LinkId(self.next_link);
                self.next_link += 1;
                let role = LinkRole::Answerer;
                let stage = Stage::Established { link, sid, role, until: None, answer_due: false };
                let old = std::mem::replace(&mut peer.stage, stage);
                self.close(&old);
                let open = screen::link(link, Some(from), role, LinkDirection::ReceiveOnly);
                self.outputs.push_back(ScreenOutput::Open(open));
                link
            }
        };
        self.outputs.push_back(ScreenOutput::Description(link, SessionDescription::Offer(sdp)));
    }

    fn candidate(&mut self, from: &str, sid: &str, candidate: Candidate, ours: bool) {
        let peers = if ours { &mut self.ours } else { &mut self.theirs };
        let Some(peer) = peers.get_mut(from) else { return };
        let Some((link, current)) = peer.stage.link() else { return };
        if (sid.is_empty() || sid == current) && peer.candidates < MAX_CANDIDATES {
            peer.candidates += 1;
            let candidate = translate::candidate_from_wire(candidate);
            self.outputs.push_back(ScreenOutput::Candidate(link, candidate));
        }
    }

    fn send(&mut self, link: LinkId, body: PeerBody) {
        let (to, sid, broadcaster) = if let Some((session, peer)) = find(&mut self.ours, link) {
            let Some((_, sid)) = peer.stage.link() else { return };
            (session, sid.to_owned(), self.own_session.clone())
        } else if let Some((session, peer)) = find(&mut self.theirs, link) {
            let Some((_, sid)) = peer.stage.link() else { return };
            (session.clone(), sid.to_owned(), session)
        } else {
            return;
        };
        let output = ScreenOutput::Send { to: Some(to), sid, broadcaster, body, request: None };
        self.outputs.push_back(output);
    }

    fn close(&mut self, stage: &Stage) {
        if let Some((link, _)) = stage.link() {
            self.outputs.push_back(ScreenOutput::Close(link));
        }
    }
}

fn find(peers: &mut BTreeMap<String, Peer>, link: LinkId) -> Option<(String, &mut Peer)> {
    let found = peers.iter_mut().find(|(_, peer)| peer.stage.link().is_some_and(|(id, _)| id == link));
    found.map(|(session, peer)| (session.clone(), peer))
}

#[cfg(test)]
#[path = "screens_tests.rs"]
mod tests;
