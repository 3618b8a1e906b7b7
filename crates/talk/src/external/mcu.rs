//! Who sends what where in a call with a media server: pure rules, told the time (talk-signaling section 6.7).
//!
//! We publish once, on a link to ourselves as far as the messages go, and receive everyone who sends on a link each,
//! which the server offers when asked.
//!
//! ```text
//!   publisher:    Idle ── someone is there ──▶ Offering ── answer ──▶ Sending
//!                  ▲                              │ refused, no answer  │ path lost
//!                  └─ nothing to send             └──▶ Resting ◀────────┘   (a second; then a new sid)
//!
//!   subscription: Idle ── they send ──▶ Asking ── offer ──▶ Receiving ── another offer: they published anew ─┐
//!                  ▲                       │ refused, silence  │ path lost, or the answer refused      ▲───────┘
//!                  └─ they stop sending    └──▶ Waiting ◀──────┘            (longer and longer; then asked again)
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bellbird_call::{
    IceCandidate, Link, LinkDirection, LinkId, LinkRole, LinkSource, MediaKinds, ParticipantId,
    SessionDescription,
};
use bellbird_talk_wire::constants::{
    MAX_CANDIDATE_BYTES, MAX_PARTICIPANTS, MAX_SDP_BYTES, MAX_SESSION_ID_BYTES, MAX_SID_BYTES,
};
use bellbird_talk_wire::{Candidate, PeerBody};

use super::early::EarlyCandidates;
use super::kept::KeptLinks;
use super::subscription::{Publisher, Subscription};
use crate::mesh::{Member, MeshOutput};
use crate::translate;

/// How long an answer of the server may take before we offer anew.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long an offer may take that we asked for: the server itself waits ten seconds for a publisher.
pub(super) const OFFER_LIMIT: Duration = Duration::from_secs(12);
/// How long a link may look for a path before it is made anew.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// The server needs this long to forget a publisher's first sid.
const REST: Duration = Duration::from_secs(1);
/// The first pause after a refusal, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often we publish anew on the mere suspicion that the server has lost what we publish.
const MAX_DOUBTS: u32 = 2;
/// How often someone's media may be offered anew before one of the links connects.
const MAX_REPLACEMENTS: u32 = 8;
/// Candidates taken for one link.
pub(super) const MAX_CANDIDATES: u32 = 256;

/// Something to do, and the number by which its refusal is told.
pub(crate) type McuOutput = (MeshOutput, Option<u64>);

/// Whose a link is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LinkOwner {
    /// We publish on it.
    Ourselves,
    /// The session whose media it carries.
    Session(String),
}

/// The rules of one call.
pub(crate) struct Mcu {
    own_session: String,
    own_name: String,
    own_streams: bool,
    /// What the server lets us publish. A kind it does not must not even be offered.
    may_send: MediaKinds,
    /// It takes pictures in several sizes at once.
    simulcast: bool,
    publisher: Publisher,
    publish_failures: u32,
    publish_candidates: u32,
    /// After its media server came back, a signaling server can forget what was published anew: it takes our media and
    /// passes nobody's on. That shows only by everybody's being refused, and ends when they publish once more.
    doubts: u32,
    /// Requests refused since what we publish is connected.
    refusals: u32,
    /// The signaling server took something new for what we published before, of which its media server knows nothing.
    stale: bool,
    /// Others may be listening to what we published in this session before: nobody but us tells them of its end.
    published: bool,
    /// The first of this session's sids.
    first_sid: u64,
    members: BTreeMap<String, Entry>,
    early: EarlyCandidates,
    kept: KeptLinks,
    next_link: u64,
    next_sid: u64,
    next_request: u64,
    outputs: VecDeque<McuOutput>,
}

struct Entry {
    has_streams: bool,
    state: Subscription,
    failures: u32,
    candidates: u32,
    /// Offers that took the place of others since a link last connected.
    replacements: u32,
}

impl Mcu {
    /// Rules for the session `own_session`. `sid_seed` makes our sids differ from those of an earlier call.
    pub(crate) fn new(own_session: &str, own_name: &str, own_streams: bool, sid_seed: u64) -> Self {
        Self {
            own_session: own_session.to_owned(),
            own_name: own_name.to_owned(),
            own_streams,
            may_send: MediaKinds::VIDEO,
            simulcast: false,
            publisher: Publisher::Idle { not_before: None },
            publish_failures: 0,
            publish_candidates: 0,
            doubts: 0,
            refusals: 0,
            stale: false,
            published: false,
            first_sid: sid_seed,
            members: BTreeMap::new(),
            early: EarlyCandidates::default(),
            kept: KeptLinks::default(),
            next_link: 1,
            next_sid: sid_seed,
            next_request: 1,
            outputs: VecDeque::new(),
        }
    }

    /// What the media server takes of us, and in how many sizes. Before anything is published.
    pub(crate) fn begin_with(&mut self, may_send: MediaKinds, simulcast: bool) {
        self.may_send = may_send;
        self.simulcast = simulcast;
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<McuOutput> {
        self.outputs.pop_front()
    }

    /// When [`Mcu::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let subscriptions = self.members.values().filter_map(|entry| entry.state.deadline());
        subscriptions
            .chain(self.publisher.deadline())
            .chain(self.early.deadline())
            .chain(self.kept.deadline())
            .min()
    }

    /// Our session was replaced after an outage. The server knows nothing of our links any more, but its media server may:
    /// those that carry media are kept until others take their place.
    pub(crate) fn rejoin(&mut self, own_session: &str, now: Instant) {
        own_session.clone_into(&mut self.own_session);
        let members = std::mem::take(&mut self.members).into_iter();
        let theirs = members.filter_map(|(session, entry)| {
            Some((entry.state.link()?, entry.state.is_connected(), Some(session)))
        });
        let ours = self.publisher.link().map(|link| (link, self.publisher.is_connected(), None));
        for (link, connected, session) in theirs.chain(ours).collect::<Vec<_>>() {
            if !connected || !self.kept.keep(link, session, now) {
                self.close(Some(link));
            }
        }
        self.publisher = Publisher::Idle { not_before: None };
        self.stale = false;
        self.published = false;
        self.first_sid = self.next_sid;
    }

    /// Every link ends.
    pub(crate) fn close_all(&mut self) {
        for entry in std::mem::take(&mut self.members).into_values() {
            self.close(entry.state.link());
        }
        let link = self.publisher.link();
        self.publisher = Publisher::Idle { not_before: None };
        self.close(link);
        for link in self.kept.take_all() {
            self.close(Some(link));
        }
    }

    /// A session before the outage is of no interest any more: it came back as another, or not at all.
    pub(crate) fn forget(&mut self, session: &str) {
        for link in self.kept.take_of(session) {
            self.close(Some(link));
        }
    }

    /// Whether only a new session can publish and receive again. Told once.
    pub(crate) fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// The server lets us publish other kinds: it ends what held one that is forbidden now, and what is allowed now was
    /// not in what we offered.
    pub(crate) fn set_may_send(&mut self, may_send: MediaKinds, now: Instant) {
        if std::mem::replace(&mut self.may_send, may_send) != may_send
            && let Some(link) = self.publisher.link()
        {
            self.publisher = Publisher::Resting { until: now + REST };
            self.close(Some(link));
        }
    }

    /// What we may send changed (a permission was taken or given).
    pub(crate) fn set_own_streams(&mut self, own_streams: bool, now: Instant) {
        self.own_streams = own_streams;
        self.review_publisher(now);
    }

    /// Everyone else in the call. Those missing have left.
    pub(crate) fn set_members(&mut self, members: &[Member], now: Instant) {
        let gone: Vec<String> = self
            .members
            .keys()
            .filter(|session| !members.iter().any(|member| &member.session == *session))
            .cloned()
            .collect();
        for session in gone {
            if let Some(entry) = self.members.remove(&session) {
                self.close(entry.state.link());
            }
        }
        for member in members.iter().take(MAX_PARTICIPANTS) {
            if member.session == self.own_session || member.session.len() > MAX_SESSION_ID_BYTES {
                continue;
            }
            let entry = self.members.entry(member.session.clone()).or_insert_with(|| Entry {
                has_streams: false,
                state: Subscription::Idle,
                failures: 0,
                candidates: 0,
                replacements: 0,
            });
            if entry.has_streams == member.has_streams {
                continue;
            }
            entry.has_streams = member.has_streams;
            let link = entry.state.link();
            entry.state = Subscription::Idle;
            entry.failures = 0;
            self.close(link);
            if member.has_streams {
                self.ask(&member.session, now);
            }
        }
        self.review_publisher(now);
    }

    /// An offer, answer or candidate; other kinds are ignored. Those of the server about what we publish come from
    /// ourselves.
    pub(crate) fn handle_message(&mut self, from: &str, sid: Option<String>, body: PeerBody, now: Instant) {
        let sid = sid.unwrap_or_default();
        if sid.len() > MAX_SID_BYTES || from.len() > MAX_SESSION_ID_BYTES {
            return;
        }
        match body {
            PeerBody::Answer { sdp, .. } if from == self.own_session && sdp.len() <= MAX_SDP_BYTES => {
                self.answered(&sid, sdp, now);
            }
            PeerBody::Offer { sdp, .. } if from != self.own_session && sdp.len() <= MAX_SDP_BYTES => {
                self.offered(from, sid, sdp, now);
            }
            PeerBody::Candidate(candidate) => {
                let fits = candidate.candidate.len() <= MAX_CANDIDATE_BYTES
                    && candidate.sdp_mid.as_ref().is_none_or(|mid| mid.len() <= MAX_SID_BYTES);
                if fits {
                    self.candidate(from, sid, candidate, now);
                }
            }
            // The server answers for everyone, so there is nothing else to a link.
            _ => {}
        }
    }

    /// The server refused a message.
    pub(crate) fn refused(&mut self, request: u64, code: &str, now: Instant) {
        if self.publisher.is_about(request) {
            tracing::info!(code = %known(code), "the media server does not take what we publish yet");
            return self.rest(now);
        }
        let asked = self.members.iter().find(|(_, entry)| entry.state.is_about(request));
        if let Some(session) = asked.map(|(session, _)| session.clone()) {
            tracing::info!(code = %known(code), "the media server does not pass on a participant yet");
            self.wait(&session, now);
            self.refusals = self.refusals.saturating_add(1);
            self.doubt(now);
        }
    }

    /// Our media engine's description of a link.
    pub(crate) fn local_description(&mut self, link: LinkId, description: SessionDescription, now: Instant) {
        let request = self.next_request;
        if self.publisher.link() == Some(link) {
            let SessionDescription::Offer(sdp) = description else { return };
            // A later offer on the same connection would not be understood: a new one is made instead.
            let Some(sid) = self.publisher.offering(request) else { return self.renew(link, now) };
            self.next_request += 1;
            let nick = Some(self.own_name.clone()).filter(|name| !name.is_empty());
            let body = PeerBody::Offer { sdp, nick };
            let to = self.own_session.clone();
            self.outputs.push_back((MeshOutput::Send { to, sid, body }, Some(request)));
            return;
        }
        let SessionDescription::Answer(sdp) = description else { return };
        let found = self.members.iter_mut().find(|(_, entry)| entry.state.link() == Some(link));
        let Some((session, entry)) = found else { return };
        let Some(sid) = entry.state.answering(request) else { return };
        self.next_request += 1;
        let nick = Some(self.own_name.clone()).filter(|name| !name.is_empty());
        let (to, body) = (session.clone(), PeerBody::Answer { sdp, nick });
        self.outputs.push_back((MeshOutput::Send { to, sid, body }, Some(request)));
    }

    /// A candidate of ours.
    pub(crate) fn local_candidate(&mut self, link: LinkId, candidate: IceCandidate) {
        let target = if self.publisher.link() == Some(link) {
            self.publisher.sid().map(|sid| (self.own_session.clone(), sid.to_owned()))
        } else {
            let found = self.members.iter().find(|(_, entry)| entry.state.link() == Some(link));
            found.and_then(|(session, entry)| Some((session.clone(), entry.state.sid()?.to_owned())))
        };
        let Some((to, sid)) = target else { return };
        let body = PeerBody::Candidate(translate::candidate_to_wire(candidate));
        self.outputs.push_back((MeshOutput::Send { to, sid, body }, None));
    }

    /// Packets can flow on a link. Returns whose it is.
    pub(crate) fn link_connected(&mut self, link: LinkId, now: Instant) -> Option<LinkOwner> {
        if self.publisher.link() == Some(link) {
            self.publisher.connected();
            self.publish_failures = 0;
            self.refusals = 0;
            self.kept.publishing(now);
            self.offer_anew();
            return Some(LinkOwner::Ourselves);
        }
        let (session, entry) = self.members.iter_mut().find(|(_, entry)| entry.state.link() == Some(link))?;
        entry.state.connected();
        entry.failures = 0;
        entry.replacements = 0;
        self.doubts = 0;
        let session = session.clone();
        // Those whose session outlived ours.
        self.forget(&session);
        Some(LinkOwner::Session(session))
    }

    /// A link's path was lost: another takes its place.
    pub(crate) fn renew(&mut self, link: LinkId, now: Instant) {
        if self.kept.take(link) {
            return self.close(Some(link));
        }
        if self.publisher.link() == Some(link) {
            self.doubts = MAX_DOUBTS;
            return self.rest(now);
        }
        let found = self.members.iter().find(|(_, entry)| entry.state.link() == Some(link));
        let Some(session) = found.map(|(session, _)| session.clone()) else { return };
        self.wait(&session, now);
    }

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.early.expire(now);
        for link in self.kept.expire(now) {
            self.close(Some(link));
        }
        if self.publisher.deadline().is_some_and(|deadline| deadline <= now) {
            match &self.publisher {
                Publisher::Offering { .. } | Publisher::Sending { .. } => self.rest(now),
                Publisher::Resting { .. } | Publisher::Idle { .. } => {
                    self.publisher = Publisher::Idle { not_before: None };
                    self.review_publisher(now);
                }
            }
        }
        let due: Vec<String> = self
            .members
            .iter()
            .filter(|(_, entry)| entry.state.deadline().is_some_and(|deadline| deadline <= now))
            .map(|(session, _)| session.clone())
            .collect();
        for session in due {
            match self.members.get(&session).map(|entry| &entry.state) {
                Some(Subscription::Waiting { .. }) => self.ask(&session, now),
                Some(Subscription::Asking { .. } | Subscription::Receiving { .. }) => {
                    self.wait(&session, now);
                }
                Some(Subscription::Idle) | None => {}
            }
        }
    }

    /// Whose media a link carries; `None` for the one we publish on, too.
    pub(crate) fn session_of(&self, link: LinkId) -> Option<&str> {
        let found = self.members.iter().find(|(_, entry)| entry.state.link() == Some(link));
        found.map(|(session, _)| session.as_str())
    }

    /// The link we publish on: what is sent on its data channel reaches everyone.
    pub(crate) fn publisher_link(&self) -> Option<LinkId> {
        self.publisher.link()
    }

    /// Publishes when there is something to send and someone to hear it; stops when there is nothing. Being alone for
    /// a while is no reason to stop.
    fn review_publisher(&mut self, now: Instant) {
        match &self.publisher {
            Publisher::Idle { not_before } => {
                if !self.own_streams || self.members.is_empty() {
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
                let open = Link {
                    may_send: self.may_send,
                    simulcast: self.simulcast && self.may_send.video,
                    ..link_of(link, None, LinkRole::Offerer, LinkDirection::SendOnly)
                };
                self.outputs.push_back((MeshOutput::Open(open), None));
            }
            Publisher::Resting { until } => {
                if !self.own_streams {
                    self.publisher = Publisher::Idle { not_before: Some(*until) };
                }
            }
            Publisher::Offering { .. } | Publisher::Sending { .. } => {
                if !self.own_streams {
                    let link = self.publisher.link();
                    self.publisher = Publisher::Idle { not_before: Some(now + REST) };
                    self.close(link);
                }
            }
        }
    }

    /// Ends what we publish, to publish anew after a while.
    fn rest(&mut self, now: Instant) {
        let link = self.publisher.link();
        let pause = REST.max(pause(self.publish_failures));
        self.publish_failures = self.publish_failures.saturating_add(1);
        self.publisher = Publisher::Resting { until: now + pause };
        self.close(link);
    }

    /// Publishes anew when, since a lost path, everyone was refused twice and nobody is heard.
    fn doubt(&mut self, now: Instant) {
        let senders = self.members.values().filter(|entry| entry.has_streams);
        let (mut count, mut heard) = (0, false);
        for entry in senders {
            count += 1;
            heard |= entry.state.link().is_some();
        }
        let is_sending = matches!(self.publisher, Publisher::Sending { until: None, .. });
        if self.doubts > 0 && is_sending && !heard && self.refusals >= 2 * count {
            self.doubts -= 1;
            self.rest(now);
        }
    }

    /// Has the server offer what we publish to everyone when it takes the place of something earlier: who listens to that
    /// keeps a connection on which nothing comes any more.
    fn offer_anew(&mut self) {
        if std::mem::replace(&mut self.published, true) {
            for session in self.members.keys() {
                let (to, sid) = (session.clone(), String::new());
                self.outputs.push_back((MeshOutput::Send { to, sid, body: PeerBody::SendOffer }, None));
            }
        }
    }

    /// Asks the server for a participant's media.
    fn ask(&mut self, session: &str, now: Instant) {
        let request = self.next_request;
        let Some(entry) = self.members.get_mut(session) else { return };
        self.next_request += 1;
        entry.state = Subscription::Asking { request, until: now + OFFER_LIMIT };
        let (to, sid) = (session.to_owned(), String::new());
        let body = PeerBody::RequestOffer;
        self.outputs.push_back((MeshOutput::Send { to, sid, body }, Some(request)));
    }

    /// Ends what there is with a participant, to ask anew after a while.
    fn wait(&mut self, session: &str, now: Instant) {
        let Some(entry) = self.members.get_mut(session) else { return };
        let link = entry.state.link();
        entry.state = Subscription::Waiting { until: now + pause(entry.failures) };
        entry.failures = entry.failures.saturating_add(1);
        self.close(link);
    }

    fn answered(&mut self, sid: &str, sdp: String, now: Instant) {
        if let Some(link) = self.publisher.answered(sid, now + CONNECT_LIMIT) {
            let description = SessionDescription::Answer(sdp);
            self.outputs.push_back((MeshOutput::Description(link, description), None));
            self.use_early(&self.own_session.clone(), sid);
        } else if self.publisher.is_offered() && self.was_ours(sid) {
            // It answers under an earlier sid: it lost its media server and found it again, with nothing of ours in it.
            // What it remembers of this session leads nowhere from now on, neither to the server nor to others.
            tracing::info!("the media server came back without our media");
            self.stale = true;
            self.rest(now);
        }
    }

    /// Whether we published under that sid in this session.
    fn was_ours(&self, sid: &str) -> bool {
        sid.parse::<u64>().is_ok_and(|sid| (self.first_sid..self.next_sid).contains(&sid))
    }

    fn offered(&mut self, session: &str, sid: String, sdp: String, now: Instant) {
        let Some(entry) = self.members.get_mut(session) else { return };
        let link = match &entry.state {
            // The same connection with other media.
            Subscription::Receiving { link, sid: current, .. } if *current == sid => {
                let link = *link;
                // Counted with the candidates: neither may come without end.
                entry.candidates += 8;
                if entry.candidates > MAX_CANDIDATES {
                    return;
                }
                link
            }
            Subscription::Asking { .. } => self.receive(session, &sid, now),
            // They publish anew: nothing comes on a connection of before. It may also be a lie of theirs, which costs
            // nobody but them.
            Subscription::Receiving { .. } | Subscription::Waiting { .. }
                if entry.replacements < MAX_REPLACEMENTS =>
            {
                entry.replacements += 1;
                self.receive(session, &sid, now)
            }
            // Of somebody who sends nothing, or without end.
            Subscription::Receiving { .. } | Subscription::Waiting { .. } | Subscription::Idle => return,
        };
        self.outputs.push_back((MeshOutput::Description(link, SessionDescription::Offer(sdp)), None));
        self.use_early(session, &sid);
    }

    /// Opens the link for an offer of the server, in place of an earlier one.
    fn receive(&mut self, session: &str, sid: &str, now: Instant) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        let mut earlier = None;
        if let Some(entry) = self.members.get_mut(session) {
            earlier = entry.state.link();
            entry.candidates = 0;
            let until = Some(now + CONNECT_LIMIT);
            entry.state = Subscription::Receiving { link, sid: sid.to_owned(), answer: None, until };
        }
        self.close(earlier);
        let open = link_of(link, Some(session), LinkRole::Answerer, LinkDirection::ReceiveOnly);
        self.outputs.push_back((MeshOutput::Open(open), None));
        link
    }

    fn candidate(&mut self, from: &str, sid: String, candidate: Candidate, now: Instant) {
        let (link, current, taken) = if from == self.own_session {
            (self.publisher.link(), self.publisher.sid(), &mut self.publish_candidates)
        } else {
            let Some(entry) = self.members.get_mut(from) else { return };
            (entry.state.link(), entry.state.sid(), &mut entry.candidates)
        };
        match (link, current) {
            (Some(link), Some(current)) if sid.is_empty() || sid == current => {
                if *taken < MAX_CANDIDATES {
                    *taken += 1;
                    let candidate = translate::candidate_from_wire(candidate);
                    self.outputs.push_back((MeshOutput::Candidate(link, candidate), None));
                }
            }
            _ => self.early.keep(from, sid, candidate, now),
        }
    }

    fn use_early(&mut self, from: &str, sid: &str) {
        let link = if from == self.own_session {
            self.publisher.link()
        } else {
            self.members.get(from).and_then(|entry| entry.state.link())
        };
        let Some(link) = link else { return };
        for candidate in self.early.take(from, sid) {
            let candidate = translate::candidate_from_wire(candidate);
            self.outputs.push_back((MeshOutput::Candidate(link, candidate), None));
        }
    }

    fn close(&mut self, link: Option<LinkId>) {
        if let Some(link) = link {
            self.outputs.push_back((MeshOutput::Close(link), None));
        }
    }
}

/// How long to wait after this many failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.min(8)).min(LONGEST_PAUSE)
}

/// An error's code, as a log may show it.
fn known(code: &str) -> &str {
    match code {
        "not_allowed" | "client_not_found" | "processing_failed" | "not_in_room" | "ignored" | "no_sdp"
        | "invalid_sdp" | "no_candidate" | "invalid_candidate" | "internal_error" => code,
        _ => "other",
    }
}

fn link_of(id: LinkId, session: Option<&str>, role: LinkRole, direction: LinkDirection) -> Link {
    Link {
        id,
        participant: session.map(ParticipantId::new),
        source: LinkSource::Person,
        role,
        direction,
        may_send: MediaKinds::NONE,
        simulcast: false,
    }
}

#[cfg(test)]
#[path = "mcu_tests.rs"]
mod tests;
