//! Who offers to whom in a call without a media server: pure rules, told the time (talk-signaling section 4).
//!
//! One connection per other session. The larger session id offers; a session without streams never does. An offer
//! that stays away is replaced by our own after ten seconds.
//!
//! ```text
//!                    ┌───────────▶ Idle (we or neither have streams to send)
//!   peer appears ────┤
//!                    ├─ our turn ─▶ Offering ── answer ──▶ Established
//!                    │                 ▲  └─ 10 s without answer: a new offer with a new sid
//!                    └─ theirs ──▶ Awaiting ── offer ───▶ Established
//!                                      └─ 10 s without offer ──▶ Offering
//!   any ── offer with a new sid ──▶ Established (the old link is closed)
//!   any ── too many fruitless attempts ──▶ Abandoned ── their offer ──▶ Established
//! ```

mod early;
mod peer;
mod screens;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKinds, ParticipantId,
    SessionDescription,
};
use bellbird_talk_wire::PeerBody;
use bellbird_talk_wire::constants::{
    MAX_CANDIDATE_BYTES, MAX_PARTICIPANTS, MAX_SDP_BYTES, MAX_SESSION_ID_BYTES, MAX_SID_BYTES,
};

pub(crate) use early::EarlyMessages;
pub(crate) use peer::Attempts;
use peer::{Peer, Stage};
pub(crate) use screens::Screens;

use crate::translate;

/// How long to wait for an offer or an answer before offering anew.
pub(crate) const REOFFER_AFTER: Duration = Duration::from_secs(10);
/// How long a link may look for a path before it is made anew.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Candidates taken for one description of a link.
const MAX_CANDIDATES: u32 = 256;

/// Someone in the call besides us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    /// Their session.
    pub(crate) session: String,
    /// They send something.
    pub(crate) has_streams: bool,
}

/// What the rules want done, in order.
#[derive(Clone, PartialEq)]
pub(crate) enum MeshOutput {
    /// Make a peer connection.
    Open(Link),
    /// End a peer connection.
    Close(LinkId),
    /// The far end's description.
    Description(LinkId, SessionDescription),
    /// A candidate of the far end.
    Candidate(LinkId, IceCandidate),
    /// Send a message to a session, belonging to the connection `sid`.
    Send {
        /// Their session.
        to: String,
        /// Of the connection.
        sid: String,
        /// The message.
        body: PeerBody,
    },
}

/// The rules of one call.
pub(crate) struct Mesh {
    own_session: String,
    own_name: String,
    own_streams: bool,
    /// What we may send on links opened from now on.
    may_send: MediaKinds,
    peers: BTreeMap<String, Peer>,
    early: EarlyMessages,
    next_link: u64,
    next_sid: u64,
    outputs: VecDeque<MeshOutput>,
}

impl Mesh {
    /// Rules for the session `own_session`. `sid_seed` makes our sids differ from those of an earlier call; web
    /// clients use milliseconds since 1970.
    pub(crate) fn new(own_session: &str, own_name: &str, own_streams: bool, sid_seed: u64) -> Self {
        Self {
            own_session: own_session.to_owned(),
            own_name: own_name.to_owned(),
            own_streams,
            may_send: MediaKinds::VIDEO,
            peers: BTreeMap::new(),
            early: EarlyMessages::default(),
            next_link: 1,
            next_sid: sid_seed,
            outputs: VecDeque::new(),
        }
    }

    /// What we may send. Before there are links.
    pub(crate) fn begin_with(&mut self, may_send: MediaKinds) {
        self.may_send = may_send;
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<MeshOutput> {
        self.outputs.pop_front()
    }

    /// When [`Mesh::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.peers.values().filter_map(Peer::deadline).chain(self.early.deadline()).min()
    }

    /// Our session was replaced after an outage: every link ends, and links of the old session are forgotten.
    pub(crate) fn rejoin(&mut self, own_session: &str) {
        for peer in std::mem::take(&mut self.peers).into_values() {
            self.close(&peer.stage);
        }
        own_session.clone_into(&mut self.own_session);
    }

    /// The server lets us send other kinds. A link made without a kind that is allowed now is made anew; one made with a
    /// kind that is forbidden now stays, and carries nothing of it.
    pub(crate) fn set_may_send(&mut self, may_send: MediaKinds, now: Instant) {
        if std::mem::replace(&mut self.may_send, may_send) != may_send {
            self.complete_links(now);
        }
    }

    /// Whether we send anything changed. Who had nothing to send before begins where nobody else did.
    pub(crate) fn set_own_streams(&mut self, own_streams: bool, now: Instant) {
        if std::mem::replace(&mut self.own_streams, own_streams) == own_streams || !own_streams {
            return;
        }
        for peer in self.peers.values_mut() {
            if let Stage::Awaiting { until: until @ None } = &mut peer.stage {
                *until = Some(now + REOFFER_AFTER);
            }
        }
        let idle = self.peers.iter().filter(|(_, peer)| peer.stage.is_idle());
        for session in idle.map(|(session, _)| session.clone()).collect::<Vec<_>>() {
            self.begin(&session, now);
        }
        self.complete_links(now);
    }

    fn complete_links(&mut self, now: Instant) {
        if !self.own_streams {
            return;
        }
        let MediaKinds { audio, video } = self.may_send;
        let lacks = |peer: &Peer| {
            let before = peer.may_send;
            peer.stage.link().is_some() && (audio && !before.audio || video && !before.video)
        };
        let lacking = self.peers.iter().filter(|(_, peer)| lacks(peer)).map(|(session, _)| session.clone());
        for session in lacking.collect::<Vec<_>>() {
            self.offer_anew(&session, now);
        }
    }

    /// Everyone else in the call, as the server tells. Those missing have left.
    pub(crate) fn set_members(&mut self, members: &[Member], now: Instant) {
        let gone: Vec<String> = self
            .peers
            .keys()
            .filter(|session| !members.iter().any(|member| &member.session == *session))
            .cloned()
            .collect();
        for session in gone {
            if let Some(peer) = self.peers.remove(&session) {
                self.close(&peer.stage);
            }
        }
        for member in members.iter().take(MAX_PARTICIPANTS) {
            if member.session == self.own_session || member.session.len() > MAX_SESSION_ID_BYTES {
                continue;
            }
            match self.peers.get_mut(&member.session) {
                Some(peer) => {
                    let began = member.has_streams != peer.has_streams;
                    peer.has_streams = member.has_streams;
                    if began && peer.stage.is_idle() {
                        self.begin(&member.session, now);
                    }
                }
                None => {
                    let peer = Peer::new(member.has_streams, now);
                    self.peers.insert(member.session.clone(), peer);
                    let early = self.early.take(&member.session);
                    if early.is_empty() {
                        self.begin(&member.session, now);
                    }
                    for message in early {
                        self.handle(&member.session, message.sid, message.body, now);
                    }
                    if self.peers.get(&member.session).is_some_and(|peer| peer.stage.is_idle()) {
                        self.begin(&member.session, now);
                    }
                }
            }
        }
    }

    /// An offer, answer or candidate of another session; other kinds are ignored. Messages of sessions that are not
    /// (yet) in the call are kept for some seconds.
    pub(crate) fn handle_message(&mut self, from: &str, sid: Option<String>, body: PeerBody, now: Instant) {
        let fits = match &body {
            PeerBody::Offer { sdp, .. } | PeerBody::Answer { sdp, .. } => sdp.len() <= MAX_SDP_BYTES,
            PeerBody::Candidate(candidate) => {
                candidate.candidate.len() <= MAX_CANDIDATE_BYTES
                    && candidate.sdp_mid.as_ref().is_none_or(|mid| mid.len() <= MAX_SID_BYTES)
            }
            _ => false,
        };
        let sid = sid.unwrap_or_default();
        if !fits || from == self.own_session || sid.len() > MAX_SID_BYTES {
            return;
        }
        if self.peers.contains_key(from) {
            self.handle(from, sid, body, now);
        } else if from.len() <= MAX_SESSION_ID_BYTES {
            self.early.keep(from, sid, body, now);
        }
    }

    /// Our media engine's description of a link; goes to its far end.
    pub(crate) fn local_description(&mut self, link: LinkId, description: SessionDescription) {
        let nick = Some(self.own_name.clone()).filter(|name| !name.is_empty());
        let Some((to, sid, stage)) = self.link_mut(link) else { return };
        let body = match description {
            SessionDescription::Offer(sdp) => {
                stage.offered();
                PeerBody::Offer { sdp, nick }
            }
            SessionDescription::Answer(sdp) => PeerBody::Answer { sdp, nick },
        };
        self.outputs.push_back(MeshOutput::Send { to, sid, body });
    }

    /// A candidate of ours; goes to the link's far end.
    pub(crate) fn local_candidate(&mut self, link: LinkId, candidate: IceCandidate) {
        let Some((to, sid, _)) = self.link_mut(link) else { return };
        let body = PeerBody::Candidate(translate::candidate_to_wire(candidate));
        self.outputs.push_back(MeshOutput::Send { to, sid, body });
    }

    /// Packets can flow on a link. Returns whose it is.
    pub(crate) fn link_connected(&mut self, link: LinkId) -> Option<String> {
        let (session, _, stage) = self.link_mut(link)?;
        stage.connected();
        if let Some(peer) = self.peers.get_mut(&session) {
            peer.attempts.reset();
        }
        Some(session)
    }

    /// A link cannot be kept: drop it, and make a new one while that has a chance.
    pub(crate) fn give_up(&mut self, link: LinkId, now: Instant) {
        let Some((session, ..)) = self.link_mut(link) else { return };
        self.begin(&session, now);
    }

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.early.expire(now);
        let due: Vec<String> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.deadline().is_some_and(|deadline| deadline <= now))
            .map(|(session, _)| session.clone())
            .collect();
        for session in due {
            self.offer_anew(&session, now);
        }
    }

    /// The far end of a link.
    pub(crate) fn session_of(&self, link: LinkId) -> Option<&str> {
        self.peers
            .iter()
            .find(|(_, peer)| peer.stage.link().is_some_and(|(id, _)| id == link))
            .map(|(session, _)| session.as_str())
    }

    /// Every link that is there.
    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.peers.values().filter_map(|peer| peer.stage.link().map(|(id, _)| id))
    }

    /// Ends what is there with a session, and takes the first step of the rules.
    fn begin(&mut self, session: &str, now: Instant) {
        let Some(peer) = self.peers.get_mut(session) else { return };
        let old = std::mem::replace(&mut peer.stage, Stage::Idle);
        let theirs = peer.has_streams;
        let offers_first = self.own_streams && (!theirs || session < self.own_session.as_str());
        let waits = theirs && !offers_first;
        self.close(&old);
        if offers_first {
            self.offer(session, now);
        } else if waits {
            // Without streams of our own we never offer, so nothing is due then.
            let until = self.own_streams.then(|| now + REOFFER_AFTER);
            if let Some(peer) = self.peers.get_mut(session) {
                peer.stage = Stage::Awaiting { until };
            }
        }
    }

    /// A deadline passed: our offer, whoever's turn it was.
    fn offer_anew(&mut self, session: &str, now: Instant) {
        let Some(peer) = self.peers.get_mut(session) else { return };
        let old = std::mem::replace(&mut peer.stage, Stage::Idle);
        self.close(&old);
        if self.own_streams {
            self.offer(session, now);
        }
    }

    fn offer(&mut self, session: &str, now: Instant) {
        let sid = self.next_sid.to_string();
        let Some(peer) = self.peers.get_mut(session) else { return };
        if !peer.attempts.spend_own(now) {
            peer.stage = Stage::Abandoned;
            return;
        }
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.next_sid += 1;
        peer.stage = Stage::Offering { link, sid, until: now + REOFFER_AFTER };
        peer.may_send = self.may_send;
        let open = link_of(link, session, LinkRole::Offerer, self.may_send);
        self.outputs.push_back(MeshOutput::Open(open));
    }

    fn handle(&mut self, session: &str, sid: String, body: PeerBody, now: Instant) {
        match body {
            PeerBody::Offer { sdp, .. } => self.handle_offer(session, sid, sdp, now),
            PeerBody::Answer { sdp, .. } => {
                let Some(peer) = self.peers.get_mut(session) else { return };
                if let Some(link) = peer.stage.answered(&sid, now + CONNECT_LIMIT) {
                    peer.candidates = 0;
                    let description = SessionDescription::Answer(sdp);
                    self.outputs.push_back(MeshOutput::Description(link, description));
                }
            }
            PeerBody::Candidate(candidate) => {
                let Some(peer) = self.peers.get_mut(session) else { return };
                let Some((link, current)) = peer.stage.link() else { return };
                if (sid.is_empty() || sid == current) && peer.candidates < MAX_CANDIDATES {
                    peer.candidates += 1;
                    let candidate = translate::candidate_from_wire(candidate);
                    self.outputs.push_back(MeshOutput::Candidate(link, candidate));
                }
            }
            // `handle_message` lets nothing else through.
            _ => {}
        }
    }

    fn handle_offer(&mut self, session: &str, sid: String, sdp: String, now: Instant) {
        let own_is_larger = session < self.own_session.as_str();
        let Some(peer) = self.peers.get_mut(session) else { return };
        match &peer.stage {
            Stage::Established { link, sid: current, role: LinkRole::Answerer, .. } if *current == sid => {
                // The same connection anew: an ICE restart or other media.
                if peer.attempts.spend_theirs(now) {
                    peer.candidates = 0;
                    let description = SessionDescription::Offer(sdp);
                    self.outputs.push_back(MeshOutput::Description(*link, description));
                }
                return;
            }
            // Theirs to answer, not to offer on.
            Stage::Established { sid: current, role: LinkRole::Offerer, .. } if *current == sid => return,
            // Two offers crossed. The larger id's stands; the other side follows the same rule.
            Stage::Offering { .. } if own_is_larger => return,
            Stage::Idle
            | Stage::Awaiting { .. }
            | Stage::Offering { .. }
            | Stage::Established { .. }
            | Stage::Abandoned => {}
        }
        if !peer.attempts.spend_theirs(now) {
            return;
        }
        let old = std::mem::replace(&mut peer.stage, Stage::Idle);
        let link = LinkId(self.next_link);
        self.next_link += 1;
        peer.candidates = 0;
        peer.stage = Stage::Established {
            link,
            sid,
            role: LinkRole::Answerer,
            until: self.own_streams.then(|| now + CONNECT_LIMIT),
            answer_due: false,
        };
        peer.may_send = self.may_send;
        self.close(&old);
        let open = link_of(link, session, LinkRole::Answerer, self.may_send);
        self.outputs.push_back(MeshOutput::Open(open));
        self.outputs.push_back(MeshOutput::Description(link, SessionDescription::Offer(sdp)));
    }

    fn close(&mut self, stage: &Stage) {
        if let Some((link, _)) = stage.link() {
            self.outputs.push_back(MeshOutput::Close(link));
        }
    }

    fn link_mut(&mut self, link: LinkId) -> Option<(String, String, &mut Stage)> {
        self.peers.iter_mut().find_map(|(session, peer)| {
            let (id, sid) = peer.stage.link()?;
            let sid = sid.to_owned();
            (id == link).then(|| (session.clone(), sid, &mut peer.stage))
        })
    }
}

fn link_of(id: LinkId, session: &str, role: LinkRole, may_send: MediaKinds) -> Link {
    Link {
        id,
        participant: Some(ParticipantId::new(session)),
        source: LinkSource::Person,
        role,
        direction: LinkDirection::SendReceive,
        may_send,
        simulcast: false,
    }
}

#[cfg(test)]
mod tests;
